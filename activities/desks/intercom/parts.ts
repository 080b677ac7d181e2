import { DeskError } from '../../errors.ts';
import { htmlToText } from '../../text/html.ts';
import { call, deskError, type Operation } from './client.ts';
import type { Context } from './config.ts';
import { type Conversation, normal, normalBody, type Part, readConversation } from './shapes.ts';
import { addOwnPart, type Progress } from './state.ts';

/** One reply, comment or note that is to become a part of a conversation. */
export interface Piece {
  as: 'user' | 'admin';
  kind: 'comment' | 'note';
  /** Text of a user, HTML of an admin. */
  body: string;
  /** Addresses, at most 10. */
  images?: string[];
}

interface Work {
  operation: Operation;
  handoffId: string;
  conversationId: string;
  /** Contact id for pieces of the user. */
  contactId?: string;
  /** Admin id for pieces of the admin. */
  adminId?: string;
  /** Of the whole; each piece is known by it and its number. */
  key: string;
  pieces: Piece[];
  progress: Progress;
  /** So many pieces have arrived in an earlier try. */
  done?: number;
  mark?(done: number): Promise<void>;
  /** An earlier try may have posted pieces, but none before this time, in epoch milliseconds. */
  lookSinceMs?: number;
  /** When the caller has read it just now. */
  conversation?: Conversation;
}

/** Clocks differ and Intercom cuts to seconds. */
const EARLIER_S = 5;

export async function readConversationById(ctx: Context, operation: Operation, id: string): Promise<Conversation> {
  const { body, status } = await call(ctx, { operation, method: 'GET', path: pathOf(id) });
  const conversation = readConversation(body);
  if (!conversation) throw deskError(operation, 'protocol', 'the answer is not a conversation', { status });
  return conversation;
}

export const pathOf = (conversationId: string): string => `/conversations/${encodeURIComponent(conversationId)}`;

/**
 * Posts the pieces in order, each once: what an earlier try may have posted is looked for first. Gives back the id of the
 * first part, when Intercom told it.
 */
export async function post(ctx: Context, work: Work): Promise<string | undefined> {
  const { progress, pieces, key } = work;
  let left: Part[] | undefined;
  let first: string | undefined;
  for (const [index, piece] of pieces.entries()) {
    const name = `${key}#${index}`;
    const own = progress.parts.find((one) => one.key === name);
    if (own === undefined && index >= (work.done ?? 0)) {
      left ??= await candidates(ctx, work);
      const author = piece.as === 'user' ? work.contactId : work.adminId;
      const found = left.find((part) => isOf(part, piece, author));
      left = left.filter((part) => part !== found);
      const id = found?.id ?? (await reply(ctx, work, piece));
      if (id !== undefined) await addOwnPart(ctx, work.handoffId, progress, { key: name, id });
      if (index === 0) first = id;
      if (index < pieces.length - 1) await work.mark?.(index + 1);
    } else if (index === 0) {
      first = own?.id;
    }
  }
  return first;
}

/** Parts that may be what an earlier try posted; none when there was no such try. */
async function candidates(ctx: Context, work: Work): Promise<Part[]> {
  const { lookSinceMs } = work;
  if (lookSinceMs === undefined) return [];
  const { parts } = work.conversation ?? (await readConversationById(ctx, work.operation, work.conversationId));
  const known = new Set(work.progress.parts.map(({ id }) => id));
  const since = Math.floor(lookSinceMs / 1000) - EARLIER_S;
  return parts.filter(({ id, created_at }) => created_at >= since && !known.has(id));
}

function isOf(part: Part, piece: Piece, author: string | undefined): boolean {
  if (author === undefined || part.author.id !== author) return false;
  if (part.part_type.startsWith('note') !== (piece.kind === 'note')) return false;
  const body = normalBody(part.body);
  return [piece.body, withLinks(piece)].some((text) => {
    const shown = normal(htmlToText(text).text);
    return body === shown || (piece.as === 'user' && body === normal(text));
  });
}

async function reply(ctx: Context, work: Work, piece: Piece): Promise<string | undefined> {
  const again = (): Promise<string | undefined> => tryReply(ctx, work, piece.body, piece);
  try {
    return await again();
  } catch (error) {
    if (!(error instanceof DeskError)) throw error;
    if (error.kind === 'rejected' && piece.images?.length) {
      return await tryReply(ctx, work, withLinks(piece), { ...piece, images: [] });
    }
    // Either the conversation is gone, or the contact: it may have been merged into another one.
    if (error.kind !== 'not_found' || piece.as !== 'user') throw error;
    const { contacts } = await readConversationById(ctx, work.operation, work.conversationId);
    const id = contacts?.contacts[0]?.id;
    if (id === undefined || id === work.contactId) throw error;
    work.contactId = id;
    work.progress.contact = { id, role: work.progress.contact?.role ?? 'user' };
    return await again();
  }
}

const withLinks = ({ body, images = [] }: Piece): string => [body, ...images].join('\n');

async function tryReply(ctx: Context, work: Work, body: string, piece: Piece): Promise<string | undefined> {
  const { operation, conversationId, contactId, adminId } = work;
  const author = piece.as === 'user' ? contactId : adminId;
  const { status, body: answer } = await call(ctx, {
    operation,
    method: 'POST',
    path: `${pathOf(conversationId)}/reply`,
    body: {
      message_type: piece.kind,
      type: piece.as,
      ...(piece.as === 'user' ? { intercom_user_id: author } : { admin_id: author }),
      body,
      ...(piece.images?.length && { attachment_urls: piece.images }),
    },
  });
  const conversation = readConversation(answer);
  if (!conversation) throw deskError(operation, 'protocol', 'the answer is not a conversation', { status });
  const known = new Set(work.progress.parts.map(({ id }) => id));
  return conversation.parts.findLast((part) => !known.has(part.id) && isOf(part, { ...piece, body }, author))?.id;
}
