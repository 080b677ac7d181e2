import type { Attachment } from '../../../workflows/contracts.ts';
import { type Fields, fields, list } from '../../http/json.ts';
import { htmlToText } from '../../text/html.ts';
import type { DeskEvent, RecentRequest } from '../desk.ts';
import { call, type Context } from './client.ts';
import { talkOf } from './openapi.ts';
import { fileNameOf } from './push.ts';
import { event, number, text } from './shapes.ts';

/** Of lines: 0 user, 2 agent; and their kinds (sobot section 6.5). */
const USER = 0;
const AGENT = 2;
const RICH_TEXT = 3;
const FILES = [1, 2];

/**
 * The lines of the chat. They have no ids, so words decide what is known already. Whether the chat is over is in no answer
 * whose fields are published.
 */
export async function recent(ctx: Context, request: RecentRequest): Promise<DeskEvent[]> {
  const { appId, appKey, way } = ctx.config;
  if (appId === undefined || appKey === undefined) return [];
  const isWidget = way === 'widget';
  const talk = request.deskConversationId;
  const known = isWidget ? { cid: talk } : await talkOf(ctx, request.handoffId);
  if (known === undefined) return [];
  // Without `cid` Sobot gives the last chat of the user, who has but one.
  const body = known.cid === undefined ? { partnerid: talk, from: 0 } : { cid: known.cid };
  const lines = list(await call(ctx, 'recent', 'get_detail_by_cid', { body })).map(fields);
  const times = new Map<number, number>();
  return lines
    .flatMap((line) => ({ line, at: number(line['t']) ?? 0 }))
    .filter(({ at }) => at >= request.sinceMs)
    .toSorted((a, b) => a.at - b.at)
    .flatMap(({ line, at }) => {
      const nth = (times.get(at) ?? 0) + 1;
      times.set(at, nth);
      return said(talk, `${talk}.line.${at}.${nth}`, line, isWidget);
    });
}

function said(talk: string, key: string, line: Fields, isWidget: boolean): DeskEvent[] {
  const content = contentOf(line);
  if (content === undefined) return [];
  const [from, to] = [number(line['sender_type']), number(line['receiver_type'])];
  if (from === AGENT) {
    const reply = event(talk, key, { kind: 'agentReply', ...content });
    return [{ ...reply, isNamedOtherwise: true, duringHandoff: true }];
  }
  // What is said to the robot comes as a question.
  if (!isWidget || from !== USER || to !== AGENT) return [];
  const message = event(talk, key, { kind: 'userMessage', ...content });
  return [{ ...message, isNamedOtherwise: true, duringHandoff: true }];
}

function contentOf({ msg, msg_type }: Fields): { text: string; attachments?: Attachment[] } | undefined {
  const words = text(msg);
  const type = number(msg_type);
  if (words === undefined) return undefined;
  if (type !== undefined && FILES.includes(type) && URL.canParse(words.trim())) {
    const url = words.trim();
    const name = fileNameOf(url);
    return { text: '', attachments: [{ url, ...(name && { name }) }] };
  }
  if (type !== RICH_TEXT) return { text: words };
  const { text: shown, images } = htmlToText(words);
  return { text: shown, ...(images.length > 0 && { attachments: images.map((url) => ({ url })) }) };
}
