import type { Agent, Attachment } from '../../../workflows/contracts.ts';
import { type Fields, fields, jsonOf } from '../../http/json.ts';
import { htmlToText } from '../../text/html.ts';
import type { DeskEvent } from '../desk.ts';
import { event, hashOf, number, text } from './shapes.ts';

/** Codes of Sobot's own downlink protocol (sobot section 7); all others tell nothing that a handoff needs. */
const CREATED = 200;
const MESSAGE = 202;
const OFFLINE = 204;
const TRANSFERRED = 210;

export const isPush = (body: Fields): boolean =>
  text(body['partnerId']) !== undefined && number(body['type']) !== undefined;

/** What Sobot pushes about a user of the open API. */
export function parsePush(body: Fields): DeskEvent[] {
  const talk = text(body['partnerId']);
  if (talk === undefined) return [];
  const { msgId, type, cid, ts, ...rest } = body;
  const id = text(msgId);
  const isTimed = id !== undefined || text(ts) !== undefined;
  // Repeats may differ in what is not known, so type, chat and time are enough where they are given.
  const key = `${talk}.${id ?? hashOf(isTimed ? [type, cid, ts] : [type, cid, rest])}`;
  const once = (found: DeskEvent): DeskEvent => (isTimed ? found : { ...found, perHandoff: true });
  switch (number(type)) {
    case CREATED:
      return agentEvent(talk, key, 'agentJoined', agentOf(body)).map(once);
    case MESSAGE:
      return message(talk, key, body);
    case OFFLINE:
      return [once(event(talk, key, { kind: 'close', by: 'agent' }))];
    case TRANSFERRED:
      return agentEvent(talk, key, 'agentChanged', agentOf({ ...body, aname: body['name'], aface: body['face'] })).map(
        once,
      );
    default:
      return [];
  }
}

function agentOf(body: Fields): Agent {
  const [id, name, avatar] = [text(body['aid']), text(body['aname']), text(body['aface'])];
  return { ...(id && { id }), ...(name && { name }), ...(avatar && { avatar }) };
}

function agentEvent(talk: string, key: string, kind: 'agentJoined' | 'agentChanged', agent: Agent): DeskEvent[] {
  if (agent.id === undefined && agent.name === undefined) return [];
  return [event(talk, key, { kind, agent })];
}

function message(talk: string, key: string, body: Fields): DeskEvent[] {
  const content = contentOf(body);
  if (content === undefined) return [];
  const agent = agentOf(body);
  const isKnown = agent.id !== undefined || agent.name !== undefined;
  return [event(talk, key, { kind: 'agentReply', ...content, ...(isKnown && { agent }) })];
}

interface Content {
  text: string;
  attachments?: Attachment[];
}

const FILES = ['image', 'file', 'voice', 'video', 'audio'];

/** `content` is a text or an address by its `msgType`, or JSON with both inside (sobot section 7). */
function contentOf(body: Fields): Content | undefined {
  const given = body['content'];
  const inner = typeof given === 'string' && given.startsWith('{') ? fields(jsonOf(given)) : fields(given);
  const isWrapped = typeof inner['msg'] === 'string';
  const words = isWrapped ? inner['msg'] : given;
  if (typeof words !== 'string' || words.trim() === '') return undefined;
  const type = ((isWrapped ? text(inner['msgType']) : undefined) ?? text(body['msgType']) ?? 'text').toLowerCase();
  if (FILES.includes(type) && isWeb(words)) return { text: '', attachments: [fileOf(words, body)] };
  if (type !== 'richtext' && type !== 'html') return { text: words };
  const { text: shown, images } = htmlToText(words);
  if (shown === '' && images.length === 0) return undefined;
  return { text: shown, ...(images.length > 0 && { attachments: images.map((url) => ({ url })) }) };
}

const isWeb = (value: string): boolean => /^https?:\/\/\S+$/i.test(value.trim()) && URL.canParse(value.trim());

function fileOf(address: string, body: Fields): Attachment {
  const url = address.trim();
  const name = text(body['fileName']) ?? fileNameOf(url);
  return { url, ...(name && { name }) };
}

/** The last part of the path, where it looks like a file. */
export function fileNameOf(url: string): string | undefined {
  const last = new URL(url).pathname.split('/').at(-1) ?? '';
  try {
    return /\.\w{1,8}$/.test(last) ? decodeURIComponent(last) : undefined;
  } catch {
    return last;
  }
}
