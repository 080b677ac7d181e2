import type { Attachment, User } from '../../../workflows/contracts.ts';
import { bodyOf, type Fields, fields, list } from '../../http/json.ts';
import { splitText } from '../../text/split.ts';
import type { DeskEvent, RawRequest, RawResponse, TurnItem } from '../desk.ts';
import type { ZohoConfig } from './config.ts';
import { idOf, text } from './fields.ts';

/** SalesIQ publishes no number; a reply that is too long comes back as failure 1005 (note, section 11.3). */
const REPLY_MAX = 1_000;
const SHORT_REPLY_MAX = 300;
const TOO_LONG = 1005;
/** The humans could not take the chat: closed, busy or unknown (note, section 11.4). */
const NOBODY = [1001, 1002, 1003];

const conversationOf = (body: Fields): string | undefined => idOf(fields(body['visitor'])['active_conversation_id']);
const requestOf = (body: Fields): string | undefined => idOf(fields(body['request'])['id']);

/** What the bot hears. A chat that could not be forwarded is over for the humans; the bot has it again. */
export function parseBotCall(body: Fields): DeskEvent[] {
  const [deskConversationId, request] = [conversationOf(body), requestOf(body)];
  if (deskConversationId === undefined || request === undefined) return [];
  if (body['handler'] === 'failure' && hasNobody(body)) {
    const dedupeKey = `failure.${request}`;
    return [{ dedupeKey, deskConversationId, signal: { kind: 'close', id: dedupeKey, by: 'agent' } }];
  }
  if (body['handler'] !== 'message') return [];
  const said = text(body['message']) ?? text(fields(body['message'])['text']) ?? '';
  const attachments = list(body['attachments']).flatMap(attachmentOf);
  if (said === '' && attachments.length === 0) return [];
  const dedupeKey = `message.${request}`;
  const user = userOf(fields(body['visitor']));
  const files = attachments.length > 0 ? { attachments } : {};
  return [
    { dedupeKey, deskConversationId, signal: { kind: 'userMessage', id: dedupeKey, text: said, ...files, user } },
  ];
}

function hasNobody(body: Fields): boolean {
  const wasForward = fields(body['failed_response'])['action'] === 'forward';
  return wasForward || NOBODY.includes(codeOf(body));
}

const codeOf = (body: Fields): number => Number(idOf(fields(body['cause'])['code']));

function userOf(visitor: Fields): User {
  const [name, email, phone] = [text(visitor['name']), text(visitor['email']), text(visitor['phone'])];
  const id = idOf(visitor['id']) ?? idOf(visitor['user_id']) ?? email ?? phone;
  const locale = text(visitor['language']);
  return {
    ...(id && { id }),
    ...(name && { name }),
    ...(email && { email }),
    ...(phone && { phone }),
    ...(locale && { locale }),
  };
}

/** The form of an entry is not documented. */
function attachmentOf(value: unknown): Attachment[] {
  const file = fields(value);
  const url = text(value) ?? text(file['url']);
  if (url === undefined || !URL.canParse(url)) return [];
  const name = text(file['name']) ?? text(file['file_name']);
  const contentType = text(file['content_type']);
  return [{ url, ...(name && { name }), ...(contentType && { contentType }) }];
}

export const answer = {
  /** SalesIQ stalls after 5 s. */
  waitMs: 4_000,
  turn(request: RawRequest) {
    const body = bodyOf(request);
    const [deskConversationId, key] = [conversationOf(body), requestOf(body)];
    const isWaiting = body['handler'] === 'message' || body['handler'] === 'failure';
    return isWaiting && deskConversationId !== undefined && key !== undefined ? { deskConversationId, key } : undefined;
  },
  render(request: RawRequest, config: ZohoConfig, said: TurnItem[]): RawResponse {
    const body = bodyOf(request);
    const action = body['handler'] === 'failure' ? afterFailure(body, config, said) : actionOf(config, said);
    return {
      status: 200,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(action ?? nothing(config)),
    };
  },
};

const nothing = (config: ZohoConfig): object =>
  config.lateAnswers === 'later' ? { action: 'pending' } : { action: 'reply', replies: [config.apology] };

/** Undefined: nothing was said. */
export function actionOf({ departmentId }: ZohoConfig, said: TurnItem[]): object | undefined {
  const replies = repliesOf(said, REPLY_MAX);
  const spoken = replies.length > 0 ? { replies } : {};
  if (said.some(({ kind }) => kind === 'handoff')) return { action: 'forward', department: departmentId, ...spoken };
  if (said.some(({ kind }) => kind === 'end')) return { action: 'end', ...spoken };
  return replies.length > 0 ? { action: 'reply', replies } : undefined;
}

/** Never forwards: it would fail again, and again. */
function afterFailure(body: Fields, config: ZohoConfig, said: TurnItem[]): object {
  const failed = codeOf(body) === TOO_LONG ? list(fields(body['failed_response'])['replies']) : [];
  const again = failed.flatMap((reply): (string | object)[] =>
    typeof reply === 'string' ? splitText(reply, SHORT_REPLY_MAX) : ourFile(reply),
  );
  const replies = [...again, ...repliesOf(said, SHORT_REPLY_MAX)];
  if (replies.length === 0) replies.push(hasNobody(body) ? config.nobodyText : config.apology);
  return { action: said.some(({ kind }) => kind === 'end') ? 'end' : 'reply', replies };
}

/** Only as we write them: what else comes back may be nested deeper than JSON can be written. */
function ourFile(reply: unknown): object[] {
  const { type, text: label, url } = fields(reply);
  return type === 'file' && typeof label === 'string' && typeof url === 'string' ? [{ type, text: label, url }] : [];
}

function repliesOf(said: TurnItem[], max: number): unknown[] {
  return said.flatMap((item) => {
    if (item.kind !== 'message') return [];
    const texts = splitText(item.text, max).filter((piece) => piece.trim() !== '');
    return [...texts, ...item.attachments.map(({ url, name }) => ({ type: 'file', text: name ?? url, url }))];
  });
}
