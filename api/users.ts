import type { Client } from '@temporalio/client';
import { runState } from '../activities/platform/runs.ts';
import type { ConversationRow, HandoffRow, Store } from '../activities/store/store.ts';
import { handoffWorkflowId } from '../workflows/ids.ts';
import type { ApiContext } from './context.ts';
import { ApiError, isTemporalUnavailable, unavailable, type Problem } from './errors.ts';
import type { Person } from './schemas/users.ts';

/** Handoffs that are in memory at the same time. */
const PAGE = 200;

/** Runs that are looked up at the same moment. */
const LOOKS_AT_ONCE = 20;

/** How long Temporal may take for so many. Milliseconds. */
const LOOK_MS = 5_000;

/** All that is kept of one user. */
export interface Kept {
  handoffs: HandoffRow[];
  conversations: ConversationRow[];
}

/** What the log may say of a user: keyed hashes. Throws a 503 when the key of the marks cannot be opened. */
export async function marksOf({ userMarks }: Store, botId: string, who: Person): Promise<string[]> {
  const marks = await userMarks(botId, who);
  if (marks !== null) return marks;
  throw new ApiError(503, 'users_unavailable', 'Users cannot be looked up: the key of their marks cannot be opened.');
}

/** Every handoff of a user once, in pages. Rows of versions without marks are read one by one. */
export async function* handoffsOf({ store }: ApiContext, botId: string, who: Person): AsyncGenerator<HandoffRow[]> {
  const { conversationId } = who;
  const marks = await marksOf(store, botId, who);
  const known = new Set<string>();
  const fresh = (rows: HandoffRow[]): HandoffRow[] =>
    rows.filter(({ id }) => !known.has(id) && known.add(id) !== undefined);
  if (marks.length > 0) {
    for await (const rows of pages(store, { botId, marks })) yield fresh(rows);
    for await (const rows of pages(store, { botId, marks: null })) {
      const their = await Promise.all(rows.map((row) => marksOf(store, botId, row.user)));
      yield fresh(rows.filter((_, index) => their[index]?.some((mark) => marks.includes(mark))));
    }
  }
  if (conversationId !== undefined) for await (const rows of pages(store, { botId, conversationId })) yield fresh(rows);
}

type Filter = { botId: string; marks?: string[] | null; conversationId?: string };

async function* pages(store: Store, filter: Filter): AsyncGenerator<HandoffRow[]> {
  let cursor: string | undefined;
  do {
    const page = await store.handoffs.list({ ...filter, cursor, limit: PAGE });
    yield page.handoffs;
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined);
}

/** The native conversations of these handoffs, and the one that was named. */
export async function conversationsOf(
  store: Store,
  botId: string,
  who: Person,
  handoffs: HandoffRow[],
): Promise<ConversationRow[]> {
  const found = new Map<string, ConversationRow>();
  const keep = (row: ConversationRow | undefined): unknown => row && found.set(row.id, row);
  const talks = new Map(handoffs.flatMap((row) => (row.mode === 'native' ? [[talkOf(row), row] as const] : [])));
  for (const { desk, deskConversationId } of talks.values()) {
    if (deskConversationId !== null) keep(await store.conversations.find(botId, desk, deskConversationId));
  }
  if (who.conversationId !== undefined) {
    for (const row of await store.conversations.named(botId, who.conversationId)) keep(row);
  }
  return [...found.values()];
}

const talkOf = ({ desk, deskConversationId }: HandoffRow): string => JSON.stringify([desk, deskConversationId]);

/**
 * Throws 409 that names everything of the user that goes on: its run would write again what is erased now, and nobody is
 * cut off by an erasure. A run may go on for minutes after `handoff.closed`, until its desk knows.
 */
export async function refuseUnended({ client }: ApiContext, { handoffs, conversations }: Kept): Promise<void> {
  const open = handoffs.filter((row) => row.status !== 'closed');
  const ended = handoffs.filter((row) => row.status === 'closed').map((row) => row.id);
  const [ending, talking] = await Promise.all([
    running(client, ended),
    running(
      client,
      conversations.map((row) => row.id),
    ),
  ]);
  const details: Problem[] = [
    ...open.map(({ id, status }) => ({ path: id, message: `is open (${status}): close it first` })),
    ...ending.map((id) => ({
      path: id,
      message: 'has ended just now and is telling its desk: try again in some minutes',
    })),
    ...conversations
      .filter((row) => talking.includes(row.id))
      .map((row) => ({
        path: row.deskConversationId,
        message: 'is a conversation that the bot has now: it ends after its idle time (conversationIdleSeconds)',
      })),
  ];
  if (details.length === 0) return;
  throw new ApiError(409, 'user_not_gone', 'Nothing was erased: something of this user still goes on.', { details });
}

async function running(client: Client, ids: string[]): Promise<string[]> {
  const found: string[] = [];
  try {
    for (let at = 0; at < ids.length; at += LOOKS_AT_ONCE) {
      const some = ids.slice(at, at + LOOKS_AT_ONCE);
      const look = () => Promise.all(some.map((id) => runState(client, handoffWorkflowId(id))));
      const states = await client.withDeadline(Date.now() + LOOK_MS, look);
      found.push(...some.filter((_, index) => states[index] === 'running'));
    }
  } catch (error) {
    throw isTemporalUnavailable(error) ? unavailable('temporal', error) : error;
  }
  return found;
}
