import type { Attachment, Turn } from '../../../workflows/contracts.ts';
import { fields, list } from '../../http/json.ts';
import { splitText } from '../../text/split.ts';
import type { CloseRequest, Opened, OpenRequest, OutboundMessage, Sent } from '../desk.ts';
import { type Context, call, statusOf } from './client.ts';
import { type Operation, SobotError } from './failures.ts';
import { number, text } from './shapes.ts';

/** Sobot publishes no limit; a message in UTF-8 bytes. */
export const TEXT_MAX = 8_000;

/** How far a handoff came at Sobot. */
interface Talk {
  partnerId: string;
  /** Sobot's id of this chat. */
  cid?: string;
  /** So many of our messages have surely arrived in it. */
  sent: number;
  /** Of the newest message: so many of its parts have arrived or can never arrive. */
  last?: { key: string; parts: number };
  /** The agent has the talk with the bot and the question. */
  opened?: true;
}

interface Line {
  content: string;
  /** `text` when absent. */
  msg_type?: 'image' | 'voice' | 'video';
  file?: Attachment;
}

const TTL_MS = 30 * 86_400_000;
const talkKey = (handoffId: string): string => `handoff.${handoffId}`;

export const talkOf = (ctx: Context, handoffId: string): Promise<Pick<Talk, 'cid'> | undefined> =>
  ctx.memory.get<Talk>(talkKey(handoffId));

/**
 * A user of its own for each handoff: pushes need not name the chat, so what Sobot tells late about an old one, and a late
 * `out`, would else touch the next handoff of the same user.
 */
const partnerIdOf = ({ handoffId }: { handoffId: string }): string => `baton-${handoffId}`;

/** `chat_connect`, then the talk with the bot and the question. While the user is queued this fails and is repeated. */
export async function open(ctx: Context, request: OpenRequest): Promise<Opened> {
  const key = talkKey(request.handoffId);
  const deskConversationId = partnerIdOf(request);
  const known = await ctx.memory.get<Talk>(key);
  if (known?.opened) return { deskConversationId };
  if (known === undefined) await checkHours(ctx, 'open');
  const talk: Talk = { partnerId: deskConversationId, sent: 0 };
  await ctx.memory.put(key, talk, { ttlMs: TTL_MS });
  await connect(ctx, request, talk);
  const lines = openingLines(request);
  // A look only where an earlier try may have said something.
  if (known !== undefined)
    talk.sent = (await ownLines(ctx, 'open', talk)).filter((line) => lines.includes(line)).length;
  for (const content of lines.slice(talk.sent)) {
    if (!(await say(ctx, 'open', talk, { content }))) throw waiting('no agent has taken the user yet');
  }
  await ctx.memory.put(key, { ...talk, opened: true }, { ttlMs: TTL_MS });
  return { deskConversationId };
}

/** Each user in the queue is asked for so often: Sobot publishes no limit, and a queue may be long. Milliseconds. */
const QUEUED_MS = 5_000;

/** Unclear on purpose: the user is in Sobot's queue, so that a handoff which ends now takes him out again. */
const waiting = (reason: string): SobotError =>
  new SobotError({ operation: 'open', kind: 'timeout', reason, retryAfterMs: QUEUED_MS });

/** Answers of `chat_connect` (sobot section 6.1). */
const CONNECTED = [1, 4, 10];
const QUEUED = 0;
const ASKED_ALREADY = -1;
const REFUSED: Record<number, string> = {
  2: 'no agent is there',
  3: 'the user is on the blacklist',
  7: 'the queue is full',
};

async function connect(ctx: Context, { user, email, handoffId }: OpenRequest, talk: Talk): Promise<void> {
  const { groupId } = ctx.config;
  const mail = email ?? user.email;
  const body = {
    partnerid: talk.partnerId,
    source: 0,
    ...(groupId !== undefined && { groupid: groupId }),
    ...(user.name !== undefined && { user_nick: user.name }),
    ...(mail !== undefined && { user_emails: mail }),
    ...(user.phone !== undefined && { user_tels: user.phone }),
    params: JSON.stringify({ handoff_id: handoffId }),
  };
  const item = fields(await call(ctx, 'open', 'chat_connect', { body }));
  const status = statusOf(item);
  const cid = text(item['cid']);
  if (cid !== undefined) talk.cid = cid;
  if (status === QUEUED) throw waiting(`all agents are busy: number ${number(item['count']) ?? '?'} in the queue`);
  if (status === ASKED_ALREADY) return await findCid(ctx, talk);
  if (status !== undefined && CONNECTED.includes(status)) return;
  const refused = status === undefined ? undefined : REFUSED[status];
  if (refused !== undefined) throw new SobotError({ operation: 'open', kind: 'rejected', reason: refused });
  throw new SobotError({ operation: 'open', kind: 'unavailable', reason: `chat_connect answered status ${status}` });
}

/** Waiting or connected already, by an earlier try. The fields of this answer are not published. */
async function findCid(ctx: Context, talk: Talk): Promise<void> {
  if (talk.cid !== undefined) return;
  const found = fields(await call(ctx, 'open', 'query_session_status', { body: { partnerid: talk.partnerId } }));
  const cid = text(found['cid']);
  if (cid !== undefined) talk.cid = cid;
}

const said = ({ role, text: words }: Turn): string => `${role === 'user' ? 'User' : 'Bot'}: ${words}`;

function openingLines({ history, question }: OpenRequest): string[] {
  const transcript = ['Conversation with the bot:', ...history.map(said)].join('\n');
  const lines = [...(history.length > 0 ? splitText(transcript, TEXT_MAX) : []), ...splitText(question, TEXT_MAX)];
  return lines.filter((line) => line.trim() !== '');
}

/** Text, then one message for each file. What an earlier try has sent is looked for in the chat first. */
export async function send(ctx: Context, message: OutboundMessage): Promise<Sent> {
  const key = talkKey(message.handoffId);
  const talk = await ctx.memory.get<Talk>(key);
  if (talk === undefined) throw gone('no chat is known for this handoff');
  const lines: Line[] = [
    ...splitText(message.text, TEXT_MAX).map((content) => ({ content })),
    ...message.attachments.map(lineOf),
  ].filter(({ content }) => content.trim() !== '');
  const unclear = message.maybeSent ? (await ownLines(ctx, 'send', talk)).slice(talk.sent) : [];
  const dropped: Attachment[] = [];
  const done = Math.max(message.parts?.done ?? 0, talk.last?.key === message.key ? talk.last.parts : 0);
  for (const [index, line] of lines.entries()) {
    if (index < done) continue;
    try {
      const found = unclear.indexOf(line.content);
      if (found >= 0) talk.sent += unclear.splice(0, found + 1).length;
      else if (!(await say(ctx, 'send', talk, line))) throw gone('the user is not connected to an agent');
    } catch (error) {
      const refused = error instanceof SobotError && error.kind === 'rejected';
      if (line.file === undefined || index === 0 || !refused) throw error;
      dropped.push(line.file);
    }
    talk.last = { key: message.key, parts: index + 1 };
    await note(ctx, key, talk);
    if (index < lines.length - 1) await message.parts?.mark(index + 1);
  }
  return dropped.length > 0 ? { dropped } : {};
}

const gone = (reason: string): SobotError => new SobotError({ operation: 'send', kind: 'not_found', reason });

/** The message is at Sobot: to fail now would repeat it. */
async function note(ctx: Context, key: string, talk: Talk): Promise<void> {
  try {
    await ctx.memory.put(key, talk, { ttlMs: TTL_MS });
  } catch (error) {
    ctx.log.warn({ err: error }, 'own message not noted');
  }
}

/** What Sobot takes as a file by its address; the rest is a line with name and address (sobot section 6.2). */
const MEDIA = [
  { msg_type: 'image', type: /^image\//i, name: /\.(?:png|jpe?g|gif|webp|bmp)$/i },
  { msg_type: 'voice', type: /^audio\/(?:mpeg|mp3|wav|x-wav)/i, name: /\.(?:mp3|wav)$/i },
  { msg_type: 'video', type: /^video\//i, name: /\.(?:mp4|mov|webm)$/i },
] as const;

function lineOf(file: Attachment): Line {
  const path = URL.canParse(file.url) ? new URL(file.url).pathname : '';
  const { contentType } = file;
  const media = MEDIA.find(({ type, name }) => (contentType === undefined ? name.test(path) : type.test(contentType)));
  if (media !== undefined) return { content: file.url, msg_type: media.msg_type, file };
  return { content: file.name === undefined ? file.url : `${file.name}: ${file.url}`, file };
}

/** False: the user is not connected to an agent. */
async function say(ctx: Context, operation: Operation, talk: Talk, { content, msg_type }: Line): Promise<boolean> {
  const body = { partnerid: talk.partnerId, content, msg_type: msg_type ?? 'text' };
  const status = statusOf(await call(ctx, operation, 'chat_send', { body }));
  if (status === 2) return false;
  if (status !== 1)
    throw new SobotError({ operation, kind: 'protocol', reason: `chat_send answered status ${status}` });
  talk.sent += 1;
  return true;
}

/** What the user has said in this chat, oldest first. Without `cid` Sobot gives the user's last chat (section 6.5). */
async function ownLines(ctx: Context, operation: Operation, { cid, partnerId }: Talk): Promise<string[]> {
  const body = cid === undefined ? { partnerid: partnerId, from: 0 } : { cid };
  const found = list(await call(ctx, operation, 'get_detail_by_cid', { body })).map(fields);
  return found
    .filter((line) => number(line['sender_type']) === 0)
    .toSorted((a, b) => (number(a['t']) ?? 0) - (number(b['t']) ?? 0))
    .map((line) => (typeof line['msg'] === 'string' ? line['msg'] : ''));
}

export async function close(ctx: Context, { handoffId }: CloseRequest): Promise<void> {
  const talk = await ctx.memory.get<Talk>(talkKey(handoffId));
  if (talk !== undefined) await call(ctx, 'close', 'out', { body: { partnerid: talk.partnerId } });
}

/** Refuses outside the working hours of the group, where a group is set. */
export async function checkHours(ctx: Context, operation: Operation): Promise<void> {
  const { groupId } = ctx.config;
  if (groupId === undefined) return;
  const query = `?${new URLSearchParams({ groupid: groupId }).toString()}`;
  const item = fields(await call(ctx, operation, 'admin_is_work', { query }));
  if (item['is_work'] !== false && item['is_work'] !== 'false') return;
  throw new SobotError({ operation, kind: 'rejected', reason: 'the group is outside its working hours' });
}
