import { sql } from 'kysely';
import type {
  Agent,
  CloseReason,
  EventType,
  HandoffEvent,
  HandoffStatus,
  LateMessage,
} from '../../workflows/contracts.ts';
import { CursorError } from './cursor.ts';
import { cleanText, type Database } from './database.ts';
import { GroupCommit } from './group-commit.ts';
import type { BotPage, Journal, JournalEntry } from './types.ts';
import { EVENTS_CHANNEL, wakeupPayload } from './wakeups.ts';

const STATUS_AFTER: Partial<Record<EventType, HandoffStatus>> = {
  'handoff.email_required': 'awaiting_email',
  'handoff.connecting': 'connecting',
  'handoff.wait_timeout': 'asking',
  'handoff.active': 'active',
  'handoff.closed': 'closed',
};

/** `xid-id` of the last event that was read. */
const BOT_CURSOR = /^(\d{1,20})-(\d{1,19})$/;
const FIRST = '0-0';

/** What the events of one write change in their handoff's row; a field that is absent keeps its value. */
interface Patch {
  handoffId: string;
  lastSeq: number;
  status?: HandoffStatus;
  closeReason?: CloseReason;
  agent?: Agent;
  email?: string;
  activeAt?: string;
  closedAt?: string;
}

export function createJournal(db: Database): Journal & { idle(): Promise<void> } {
  const commits = new GroupCommit<JournalEntry>((entries) => write(db, entries));
  return {
    async append(entry) {
      if (entry.events.length > 0 || entry.late.length > 0) await commits.add(entry);
    },
    async read(handoffId, after, limit) {
      const { rows } = await sql<{ event: HandoffEvent }>`
        select event from events where handoff_id = ${handoffId} and seq > ${after} order by seq limit ${limit}
      `.execute(db);
      return rows.map((row) => row.event);
    },
    async late(handoffId) {
      const { rows } = await sql<{ message: LateMessage }>`
        select message from late_messages where handoff_id = ${handoffId} order by n
      `.execute(db);
      return rows.map((row) => row.message);
    },
    readBot: (botId, cursor, limit) => readBot(db, botId, cursor, limit),
    async botCursorNow() {
      const { rows } = await sql<{
        xmin: string;
      }>`select pg_snapshot_xmin(pg_current_snapshot())::text as xmin`.execute(db);
      return `${rows[0]?.xmin ?? '0'}-0`;
    },
    idle: () => commits.idle(),
  };
}

/** One statement, so one transaction and one round trip, however many handoffs share it. */
async function write(db: Database, entries: JournalEntry[]): Promise<void> {
  const events = entries.flatMap((entry) => entry.events.map((event) => ({ entry, event })));
  const late = entries.flatMap((entry) => entry.late.map((message) => ({ entry, message })));
  const patches = patchesOf(entries);
  const wakeups = [...new Set(events.map(({ entry }) => wakeupPayload(entry.botId, entry.handoffId)))];
  await sql`
    with new_events as (
      insert into events (handoff_id, seq, bot_id, event)
      select handoff_id, seq, bot_id, event::json from unnest(
        ${events.map(({ entry }) => entry.handoffId)}::text[],
        ${events.map(({ event }) => event.seq)}::integer[],
        ${events.map(({ entry }) => entry.botId)}::text[],
        ${events.map(({ event }) => JSON.stringify(event))}::text[]
      ) as x (handoff_id, seq, bot_id, event)
      on conflict do nothing
    ), new_late as (
      insert into late_messages (handoff_id, id, message)
      select handoff_id, id, message::json from unnest(
        ${late.map(({ entry }) => entry.handoffId)}::text[],
        ${late.map(({ message }) => cleanText(message.id))}::text[],
        ${late.map(({ message }) => JSON.stringify(message))}::text[],
        ${late.map(({ message }) => shownAs(message))}::text[]
      ) with ordinality as x (handoff_id, id, message, shown_as, position)
      where not exists (
        select 1 from events where events.handoff_id = x.handoff_id and strpos(events.event::text, x.shown_as) > 0
      )
      order by position
      on conflict do nothing
    ), patched as (
      update handoffs set
        last_seq = p.last_seq,
        status = coalesce(p.status, handoffs.status),
        close_reason = coalesce(p.close_reason, handoffs.close_reason),
        agent = coalesce(p.agent::json, handoffs.agent),
        email = coalesce(p.email, handoffs.email),
        active_at = coalesce(handoffs.active_at, p.active_at),
        closed_at = coalesce(handoffs.closed_at, p.closed_at)
      from unnest(
        ${patches.map((patch) => patch.handoffId)}::text[],
        ${patches.map((patch) => patch.lastSeq)}::integer[],
        ${patches.map((patch) => patch.status ?? null)}::text[],
        ${patches.map((patch) => patch.closeReason ?? null)}::text[],
        ${patches.map((patch) => (patch.agent ? JSON.stringify(patch.agent) : null))}::text[],
        ${patches.map((patch) => patch.email ?? null)}::text[],
        ${patches.map((patch) => patch.activeAt ?? null)}::timestamptz[],
        ${patches.map((patch) => patch.closedAt ?? null)}::timestamptz[]
      ) as p (id, last_seq, status, close_reason, agent, email, active_at, closed_at)
      where handoffs.id = p.id and handoffs.last_seq < p.last_seq
    )
    select pg_notify(${EVENTS_CHANNEL}, payload) from unnest(${wakeups}::text[]) as x (payload)
  `.execute(db);
}

/**
 * How the journal names this message. Who offers a message as late may have missed that the run had taken it: a crash
 * between the signal and its mark. The quotes cannot come from a text, where they are escaped.
 */
const shownAs = ({ id }: LateMessage): string => `"messageId":${JSON.stringify(id)}`;

/**
 * One patch per handoff. Values are the last ones of the write, so a repeat that overlaps what is stored already changes
 * nothing but what is new.
 */
function patchesOf(entries: JournalEntry[]): Patch[] {
  const patches = new Map<string, Patch>();
  for (const { handoffId, events, status, email } of entries) {
    const patch = patches.get(handoffId) ?? { handoffId, lastSeq: 0 };
    const news = events.filter((event) => event.seq > patch.lastSeq);
    if (news.length === 0) continue;
    patches.set(handoffId, patch);
    for (const event of news) applyEvent(patch, event);
    // A batch may end before `handoff.closed`; a row that said it early would end its streams without it.
    if (status && status !== 'closed' && !news.some((event) => STATUS_AFTER[event.type])) patch.status = status;
    if (email !== undefined) patch.email = cleanText(email);
  }
  // Always in the same order: two processes that lock the same rows must not wait for each other.
  return [...patches.values()].sort((a, b) => (a.handoffId < b.handoffId ? -1 : 1));
}

function applyEvent(patch: Patch, event: HandoffEvent): void {
  const { agent, reason } = event.data;
  const status = STATUS_AFTER[event.type];
  patch.lastSeq = event.seq;
  if (status) patch.status = status;
  if (event.type === 'handoff.active') patch.activeAt ??= event.at;
  if (event.type === 'handoff.active' || event.type === 'handoff.agent_changed') {
    if (typeof agent === 'object' && agent !== null) patch.agent = agent;
  }
  if (event.type === 'handoff.closed') {
    patch.closedAt ??= event.at;
    if (typeof reason === 'string') patch.closeReason = reason as CloseReason;
  }
}

async function readBot(db: Database, botId: string, cursor: string | undefined, limit: number): Promise<BotPage> {
  const match = BOT_CURSOR.exec(cursor === undefined || cursor === 'start' ? FIRST : cursor);
  const [, xid, id] = match ?? [];
  if (xid === undefined || id === undefined || BigInt(xid) >= 2n ** 64n || BigInt(id) >= 2n ** 63n) {
    throw new CursorError();
  }
  // A row is safe once no older transaction is under way: from then on nothing can appear before it.
  const { rows } = await sql<{ xid: string; id: string; event: HandoffEvent; safe: boolean }>`
    select xid::text, id::text, event, xid < pg_snapshot_xmin(pg_current_snapshot()) as safe
    from events where bot_id = ${botId} and (xid, id) > (${xid}::xid8, ${id}::bigint)
    order by events.xid, events.id limit ${limit + 1}
  `.execute(db);
  const safe = rows.slice(0, limit).filter((row) => row.safe);
  return {
    events: safe.map((row) => ({ cursor: `${row.xid}-${row.id}`, event: row.event })),
    complete: safe.length === rows.length,
  };
}
