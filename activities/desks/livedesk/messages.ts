import type { Attachment } from '../../../workflows/contracts.ts';
import { DeskError } from '../../errors.ts';
import type { OutboundMessage, Sent } from '../desk.ts';
import { splitText } from '../../text/split.ts';
import { call, deskError, isThere, NOT_THERE, type Operation } from './client.ts';
import type { Context } from './config.ts';
import { TEXT_MAX } from './note.ts';
import { MARK, markOf, type Message, normal, readMessage, readMessages } from './shapes.ts';
import { addOwn, hasTrouble, noteTrouble, type Progress, readProgress } from './state.ts';

/** A message that is to be written: of the user, of the bot, or for agents only. */
export interface Piece {
  as: 'user' | 'bot' | 'note';
  text: string;
  /** It is the address of this file: the message arrives without it when LiveDesk refuses it. */
  file?: Attachment;
}

interface Work {
  operation: Operation;
  handoffId: string;
  conversationId: string;
  /** Of the whole; each piece is known by it and its number. */
  key: string;
  pieces: Piece[];
  progress: Progress;
  /** So many pieces have arrived in an earlier try. */
  done?: number;
  mark?(done: number): Promise<void>;
  /** An earlier try may have written pieces, but none before this time, in epoch milliseconds. */
  lookSinceMs?: number;
}

/** Stands before the user's words where LiveDesk takes them for an agent's. */
export const CUSTOMER = '[Customer] ';
/** Clocks differ and LiveDesk cuts to seconds. */
const EARLIER_MS = 5_000;

export const pathOf = (conversationId: string): string => `/conversations/${encodeURIComponent(conversationId)}`;

export async function send(ctx: Context, message: OutboundMessage): Promise<Sent> {
  const as = message.from;
  const { id, dropped } = await post(ctx, {
    operation: 'send',
    handoffId: message.handoffId,
    conversationId: message.deskConversationId,
    key: message.key,
    pieces: [
      ...splitText(message.text, TEXT_MAX).map((text) => ({ as, text })),
      ...message.attachments.map((file) => ({ as, file, text: lineOf(file) })),
    ],
    progress: await readProgress(ctx, message.handoffId),
    ...message.parts,
    ...(message.maybeSent && { lookSinceMs: message.timestamp }),
  });
  return { ...(id !== undefined && { deskMessageId: id }), ...(dropped.length > 0 && { dropped }) };
}

const lineOf = ({ name, url }: Attachment): string => (name === undefined ? url : `${name}: ${url}`);

interface Posted {
  /** Of the first message, when it is known. */
  id?: string;
  dropped: Attachment[];
}

/** Writes the pieces in order, each once. */
export async function post(ctx: Context, work: Work): Promise<Posted> {
  const { progress, pieces, key } = work;
  let left: Message[] | undefined;
  const posted: Posted = { dropped: [] };
  for (const [index, piece] of pieces.entries()) {
    const name = `${key}#${index}`;
    let id = progress.own.find((one) => one.key === name)?.id;
    if (id === undefined && index >= (work.done ?? 0)) {
      left ??= await earlier(ctx, work);
      const wanted = await written(ctx, piece);
      const found = left.find((message) => isOf(message, wanted, name));
      left = left.filter((message) => message !== found);
      try {
        id = found?.id ?? (await write(ctx, work, wanted, name));
        await addOwn(ctx, work.handoffId, progress, { key: name, id });
      } catch (error) {
        // Without its text, or when all of it is refused, the message as a whole has failed.
        if (piece.file === undefined || index === 0 || !wasRejected(error)) throw error;
        posted.dropped.push(piece.file);
      }
      if (index < pieces.length - 1) await work.mark?.(index + 1);
    }
    if (index === 0 && id !== undefined) posted.id = id;
  }
  return posted;
}

const wasRejected = (error: unknown): boolean => error instanceof DeskError && error.kind === 'rejected';

/** Messages that may be what an earlier try wrote. None where LiveDesk does not let us look: then it may come twice. */
async function earlier(ctx: Context, { operation, conversationId, lookSinceMs, progress }: Work): Promise<Message[]> {
  if (lookSinceMs === undefined) return [];
  const path = `${pathOf(conversationId)}/messages`;
  const answer = await call(ctx, { operation, method: 'GET', path, accept: NOT_THERE });
  if (!isThere(answer)) {
    ctx.log.warn({ conversationId }, 'LiveDesk does not show messages: one may arrive twice');
    return [];
  }
  const known = new Set(progress.own.map(({ id }) => id));
  return readMessages(answer.body).filter(
    ({ id, created_at: at }) => !known.has(id) && (at === undefined || at >= lookSinceMs - EARLIER_MS),
  );
}

/** A piece in the form in which it goes out. */
interface Wanted {
  as: Piece['as'];
  type: 'incoming' | 'outgoing';
  isNote: boolean;
  text: string;
}

async function written(ctx: Context, { as, text }: Piece): Promise<Wanted> {
  const isUser = as === 'user';
  const asAgent =
    isUser && (ctx.config.customerDirection === 'prefix' || (await hasTrouble(ctx, 'livedesk_direction_unsupported')));
  return {
    as,
    type: isUser && !asAgent ? 'incoming' : 'outgoing',
    isNote: as === 'note',
    text: asAgent ? CUSTOMER + text : text,
  };
}

/** By our mark; by its words only where LiveDesk has not kept one. */
function isOf(message: Message, { as, isNote, text }: Wanted, name: string): boolean {
  const mark = markOf(message);
  if (mark !== undefined) return mark === MARK + name;
  const isSide = as === 'user' || message.message_type === 'outgoing';
  return isSide && message.private === isNote && normal(message.content ?? '') === normal(text);
}

async function write(ctx: Context, work: Work, wanted: Wanted, name: string): Promise<string> {
  const { operation, conversationId } = work;
  const mark = MARK + name;
  const { body, status } = await call(ctx, {
    operation,
    method: 'POST',
    path: `${pathOf(conversationId)}/messages`,
    body: {
      content: wanted.text,
      // Outgoing is what the published form makes, without a word for it.
      ...(wanted.type === 'incoming' && { message_type: 'incoming' }),
      private: wanted.isNote,
      content_attributes: { baton: mark },
      echo_id: mark,
    },
  });
  const message = readMessage(body);
  if (message === undefined) throw deskError(operation, 'protocol', 'the answer is not a message', { status });
  await compare(ctx, message, wanted, conversationId);
  return message.id;
}

/** The message is there, so what is wrong with it is told to the operator instead of failing. */
async function compare(ctx: Context, message: Message, wanted: Wanted, conversationId: string): Promise<void> {
  const { id: messageId, sender } = message;
  if (wanted.type === 'incoming' && message.message_type === 'outgoing') {
    await noteTrouble(ctx, 'livedesk_direction_unsupported', { conversationId, messageId });
  }
  if (wanted.isNote && !message.private) {
    await noteTrouble(ctx, 'livedesk_note_not_private', { conversationId, messageId });
  }
  const isOurs = sender?.id != null && sender.id === ctx.config.senderId;
  if (message.message_type === 'outgoing' && !wanted.isNote && markOf(message) === undefined && !isOurs) {
    await noteTrouble(ctx, 'livedesk_marks_lost', { conversationId, messageId, senderId: sender?.id });
  }
}
