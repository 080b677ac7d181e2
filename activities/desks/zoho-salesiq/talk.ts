import { createHash } from 'node:crypto';
import { z } from 'zod';
import { call, type Context, type Operation } from './client.ts';
import { ZohoError } from './errors.ts';

/** What a handoff has at SalesIQ, under `talk.<handoffId>`. Written before the first call that may make a conversation. */
export interface Talk {
  /** Epoch milliseconds. */
  firstTryMs: number;
  /** Hash of the text that begins the conversation. */
  first: string;
  email?: string;
  conversationId?: string;
  /** Messages behind the first one that are known to have arrived. */
  said: number;
  /** Hash of the newest one. */
  last?: string;
  /** Key of the newest message that has arrived whole. */
  key?: string;
  closed?: true;
}

const TTL_MS = 30 * 86_400_000;
/** Clocks differ. */
const SKEW_MS = 60_000;
/** The most that SalesIQ gives in one page (note, section 5.3). */
const PAGE = 99;
const PAGES_MAX = 5;

export const readTalk = (ctx: Context, handoffId: string): Promise<Talk | undefined> =>
  ctx.memory.get<Talk>(`talk.${handoffId}`);

export const writeTalk = (ctx: Context, handoffId: string, talk: Talk): Promise<void> =>
  ctx.memory.put(`talk.${handoffId}`, talk, { ttlMs: TTL_MS });

export async function noteSaid(ctx: Context, handoffId: string, talk: Talk, text: string): Promise<void> {
  talk.said += 1;
  talk.last = hashOf(text);
  await noteTalk(ctx, handoffId, talk);
}

/** Only a look-up needs it: a message that has arrived must not fail because of it. */
export async function noteTalk(ctx: Context, handoffId: string, talk: Talk): Promise<void> {
  await writeTalk(ctx, handoffId, talk).catch((error: unknown) =>
    ctx.log.warn({ err: error, handoffId }, 'own message not noted'),
  );
}

/** Spaces at the ends and the form of line ends may change on the way. */
export const hashOf = (text: string): string =>
  createHash('sha256').update(text.trim().replaceAll('\r\n', '\n'), 'utf8').digest('hex').slice(0, 32);

/** A conversation belongs to the handoff that has named it first. */
export async function claim(ctx: Context, conversationId: string, handoffId: string): Promise<boolean> {
  const owner = await ctx.memory.update<string>(`claim.${conversationId}`, async (now) => now ?? handoffId, {
    ttlMs: TTL_MS,
  });
  return owner === handoffId;
}

const id = z.union([z.string().min(1), z.number().transform(String)]);
const rows = z.array(
  z.object({
    id,
    question: z.string().catch(''),
    start_time: z.coerce.number().catch(Number.POSITIVE_INFINITY),
    customer_info: z.object({ handoff_id: z.string().optional() }).optional().catch(undefined),
    visitor: z
      .object({ user_id: z.string().optional(), email: z.string().optional(), email_id: z.string().optional() })
      .catch({}),
  }),
);
type Row = z.output<typeof rows>[number];

/** What an earlier try has left, told by our ids, or where SalesIQ shows none, by person, time and first words. */
export async function findConversation(
  ctx: Context,
  operation: Operation,
  handoffId: string,
  talk: Talk,
): Promise<string | undefined> {
  for (let page = 1; page <= PAGES_MAX; page += 1) {
    const query = new URLSearchParams({
      from_time: String(talk.firstTryMs - SKEW_MS),
      ...(talk.email !== undefined && { email: talk.email }),
      limit: String(PAGE),
      page: String(page),
    });
    const found = await orUnknown(
      ctx,
      call(ctx, operation, { method: 'GET', path: `conversations?${query.toString()}`, answer: rows }),
    );
    for (const row of found ?? []) {
      if (isOurs(row, handoffId, talk) && (await claim(ctx, row.id, handoffId))) return row.id;
    }
    if (found === undefined || found.length < PAGE) return undefined;
  }
  return undefined;
}

function isOurs({ question, start_time, customer_info, visitor }: Row, handoffId: string, talk: Talk): boolean {
  const named = customer_info?.handoff_id ?? visitor.user_id;
  if (named !== undefined) return named === handoffId;
  const email = visitor.email ?? visitor.email_id;
  const isSame = talk.email === undefined || email?.toLowerCase() === talk.email.toLowerCase();
  return isSame && hashOf(question) === talk.first && start_time >= talk.firstTryMs - SKEW_MS;
}

const lines = z.array(
  z.object({
    sender: z.object({ id: id.catch('') }).catch({ id: '' }),
    message: z.object({ text: z.string().optional() }).catch({}),
    time: z.coerce.number().catch(0),
    sequence_id: z.coerce.number().catch(0),
  }),
);

/**
 * Hashes of what the visitor, that is we, has said behind what we know of, oldest first. Senders that are visitors begin
 * with `$` (note, section 5.3).
 */
export async function unknownLines(ctx: Context, operation: Operation, talk: Talk): Promise<string[]> {
  // With an end the newest ones come, however long the talk is.
  const query = new URLSearchParams({ limit: String(PAGE), to_time: String(ctx.now() + 86_400_000) });
  const path = `conversations/${encodeURIComponent(talk.conversationId ?? '')}/messages?${query.toString()}`;
  const all = (await orUnknown(ctx, call(ctx, operation, { method: 'GET', path, answer: lines }))) ?? [];
  const own = all
    .toSorted((a, b) => a.sequence_id - b.sequence_id || a.time - b.time)
    .filter(({ sender, message }) => sender.id.startsWith('$') && message.text !== undefined)
    .map(({ message }) => hashOf(message.text ?? ''));
  if (all.length >= PAGE) return own.slice(-1).filter((hash) => hash !== talk.last);
  if (own[0] === talk.first) own.shift();
  return own.slice(talk.said);
}

/** Whether the token may read is not certain (note, section 5.3): then a double is better than a loss. */
export async function orUnknown<T>(ctx: Context, work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    const isRefused = error instanceof ZohoError && error.code !== 1008 && ['rejected', 'auth'].includes(error.kind);
    if (!isRefused) throw error;
    ctx.log.warn({ err: error }, 'SalesIQ does not let us look');
    return undefined;
  }
}
