import { z } from 'zod';
import type { Attachment, Turn } from '../../../workflows/contracts.ts';
import { leftNote } from '../../text/left-note.ts';
import { splitText } from '../../text/split.ts';
import type { CloseRequest, Opened, OpenRequest, OutboundMessage, Sent } from '../desk.ts';
import { appOf } from './apps.ts';
import { call, type Context, NOTHING, type Operation } from './client.ts';
import { isCode, ZohoError } from './errors.ts';
import {
  claim,
  findConversation,
  hashOf,
  noteSaid,
  noteTalk,
  readTalk,
  type Talk,
  unknownLines,
  writeTalk,
} from './talk.ts';

/** SalesIQ publishes no limit for a message (note, section 5.2). */
export const TEXT_MAX = 4_000;
/** The longest that SalesIQ lets a chat ring: how long a user waits is decided by the bot's settings. */
const RINGS_S = 999;
const FAREWELL = 'The user has left the chat.';

const opened = z
  .object({ conversation_id: z.coerce.string().min(1).optional(), id: z.coerce.string().min(1).optional() })
  .transform(({ conversation_id, id }) => conversation_id ?? id)
  .pipe(z.string());

/** A conversation of its own for every handoff: begun with the talk before, the question is the last message. */
export async function open(ctx: Context, request: OpenRequest): Promise<Opened> {
  const { handoffId } = request;
  const pieces = openingPieces(request);
  const first = pieces[0] ?? request.question;
  const email = request.email ?? request.user.email;
  const before = await readTalk(ctx, handoffId);
  const talk = before ?? { firstTryMs: ctx.now(), first: hashOf(first), ...(email && { email }), said: 0 };
  if (talk.conversationId === undefined) {
    const appId = await appOf(ctx, 'open');
    if (before === undefined) await writeTalk(ctx, handoffId, talk);
    const found = before && (await findConversation(ctx, 'open', handoffId, talk));
    talk.conversationId = found ?? (await create(ctx, request, appId, first));
    await claim(ctx, talk.conversationId, handoffId);
    await writeTalk(ctx, handoffId, talk);
  }
  const rest = pieces.slice(1);
  await say(ctx, 'open', { handoffId, talk, look: before !== undefined && talk.said < rest.length }, rest, talk.said);
  return { deskConversationId: talk.conversationId };
}

async function create(ctx: Context, request: OpenRequest, appId: string, question: string): Promise<string> {
  const { handoffId, channel, user, conversationId } = request;
  const email = request.email ?? user.email;
  return await call(ctx, 'open', {
    api: 'visitor/v1',
    path: 'conversations',
    body: {
      app_id: appId,
      department_id: ctx.config.departmentId,
      question,
      visitor: {
        // What SalesIQ does with a second chat of one visitor is not documented.
        user_id: handoffId,
        ...(user.name && { name: user.name }),
        ...(email && { email }),
        ...(user.phone && { phone: user.phone }),
      },
      customer_info: {
        handoff_id: handoffId,
        channel,
        conversation: conversationId,
        ...(user.id && { user: user.id }),
      },
      custom_wait_time: RINGS_S,
    },
    answer: opened,
  });
}

const turn = ({ role, text }: Turn): string => `${role === 'user' ? 'User' : 'Bot'}: ${text}`;

function openingPieces(request: OpenRequest): string[] {
  const { history, question } = request;
  const note = leftNote(request) ?? '';
  const transcript = ['Conversation with the bot:', ...history.map(turn)].join('\n');
  const texts = [
    note,
    ...(history.length > 0 ? splitText(transcript, TEXT_MAX) : []),
    ...splitText(question, TEXT_MAX),
  ];
  return texts.filter((text) => text.trim() !== '');
}

interface Speaker {
  handoffId: string;
  talk: Talk;
  /** An earlier try may have said some of it. */
  look: boolean;
  mark?: ((done: number) => Promise<void>) | undefined;
  /** Which of them the message can do without. */
  isExtra?: (index: number) => boolean;
}

/**
 * The texts from `done` on, one after the other. What has arrived before without our knowledge is not said again. Gives
 * back which were refused and are not needed.
 */
async function say(
  ctx: Context,
  operation: Operation,
  { handoffId, talk, look, mark, isExtra }: Speaker,
  texts: readonly string[],
  done: number,
): Promise<number[]> {
  const refused: number[] = [];
  const arrived = look && done < texts.length ? await unknownLines(ctx, operation, talk) : [];
  for (const [index, text] of texts.entries()) {
    if (index < done) continue;
    const at = arrived.indexOf(hashOf(text));
    arrived.splice(0, at + 1);
    try {
      if (at < 0) await post(ctx, operation, talk, text);
      await noteSaid(ctx, handoffId, talk, text);
    } catch (error) {
      const isRefusal = error instanceof ZohoError && error.kind === 'rejected';
      if (!isRefusal || isExtra?.(index) !== true) throw error;
      refused.push(index);
    }
    if (index < texts.length - 1) await mark?.(index + 1);
  }
  return refused;
}

const pathOf = ({ conversationId = '' }: Talk): string => `conversations/${encodeURIComponent(conversationId)}`;

const post = (ctx: Context, operation: Operation, talk: Talk, text: string): Promise<unknown> =>
  call(ctx, operation, { api: 'visitor/v1', path: `${pathOf(talk)}/messages`, body: { text }, answer: NOTHING });

const linkTo = ({ url, name }: Attachment): string => (name === undefined ? url : `${name}: ${url}`);

/** Text, then one message for each file with its name and link. */
export async function send(ctx: Context, message: OutboundMessage): Promise<Sent> {
  const { handoffId, deskConversationId, parts, maybeSent } = message;
  const known = await readTalk(ctx, handoffId);
  if (maybeSent && known?.key === message.key) return {};
  // Forgotten: enough to speak, and for a look at the last line.
  const talk = known ?? { firstTryMs: ctx.now(), first: '', said: 0, conversationId: deskConversationId };
  const words = splitText(message.text, TEXT_MAX).filter((text) => text.trim() !== '');
  const texts = [...words, ...message.attachments.map(linkTo)];
  const refused = await say(
    ctx,
    'send',
    {
      handoffId,
      talk,
      look: maybeSent && known !== undefined,
      mark: parts && ((done) => parts.mark(done)),
      isExtra: (index) => index > 0 && index >= words.length,
    },
    texts,
    parts?.done ?? 0,
  );
  talk.key = message.key;
  await noteTalk(ctx, handoffId, talk);
  const dropped = message.attachments.filter((_, index) => refused.includes(words.length + index));
  return dropped.length > 0 ? { dropped } : {};
}

/** Only what this handoff has made. Where SalesIQ does not let us close, agents read that the user has left. */
export async function close(ctx: Context, { handoffId, deskConversationId }: CloseRequest): Promise<void> {
  const talk = await readTalk(ctx, handoffId);
  if (talk === undefined && deskConversationId === handoffId) return;
  if (talk?.closed === true) return;
  const conversationId =
    talk?.conversationId ??
    (talk === undefined ? deskConversationId : await findConversation(ctx, 'close', handoffId, talk));
  if (conversationId === undefined) return;
  const ending: Talk = { firstTryMs: ctx.now(), first: '', said: 0, ...talk, conversationId };
  try {
    await callClose(ctx, ending);
  } catch (error) {
    if (!isCode(error, 1009, 1016)) throw error;
    ctx.log.warn({ handoffId, err: error }, 'SalesIQ does not let us close the chat');
    await post(ctx, 'close', ending, FAREWELL);
  }
  await writeTalk(ctx, handoffId, { ...ending, closed: true });
}

type Method = 'PUT' | 'POST';

/** Which method it is, the page does not say (note, section 5.4): what worked is remembered. */
async function callClose(ctx: Context, talk: Talk): Promise<void> {
  const known = await ctx.memory.get<Method>('closeMethod');
  const attempt = (method: Method): Promise<unknown> =>
    call(ctx, 'close', { method, path: `${pathOf(talk)}/close`, answer: NOTHING });
  try {
    await attempt(known ?? 'PUT');
  } catch (error) {
    const isWrongMethod = isCode(error, 1004) || (error instanceof ZohoError && error.status === 405);
    if (!isWrongMethod) throw error;
    const other = known === 'POST' ? 'PUT' : 'POST';
    await attempt(other);
    await ctx.memory.put('closeMethod', other satisfies Method);
  }
}
