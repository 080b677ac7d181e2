import { sql } from 'kysely';
import type { BotEvent, HandoffEvent, LateMessage } from '../../workflows/contracts.ts';
import { placeOf, type ContentBox } from './content.ts';
import { CursorError } from './cursor.ts';
import { cleanText, type Database } from './database.ts';
import { GroupCommit } from './group-commit.ts';
import { withMark, type UserMarks } from './marks.ts';
import { conversationPatches, handoffPatches, type HandoffPatch } from './patches.ts';
import type { BotPage, Journal, JournalEntry } from './types.ts';
import { EVENTS_CHANNEL, wakeupPayload } from './wakeups.ts';

/** `xid-id` of the last event that was read. */
const BOT_CURSOR = /^(\d{1,20})-(\d{1,19})$/;
const FIRST = '0-0';

export function createJournal(db: Database, box: ContentBox, marks: UserMarks): Journal & { idle(): Promise<void> } {
  const commits = new GroupCommit<JournalEntry>((entries) => write(db, box, marks, entries));
  return {
    async append(entry) {
      const { events, late, human } = entry;
      if (events.length > 0 || late.length > 0 || human !== undefined) await commits.add(entry);
    },
    async read<E extends BotEvent = HandoffEvent>(
      id: string,
      after: number,
      limit: number,
      { traced = false }: { traced?: boolean } = {},
    ) {
      const { rows } = await sql<{ seq: number; event: E | string }>`
        select seq, event from events where handoff_id = ${id} and seq > ${after} order by seq limit ${limit}
      `.execute(db);
      const events = rows.map((row) => box.open<E>(row.event, placeOf.event(id, row.seq)));
      return traced ? events : events.map(untraced);
    },
    async has(handoffId, messageIds) {
      const { rows } = await sql<{ given: string }>`
        select given from unnest(
          ${messageIds}::text[], ${messageIds.map(cleanText)}::text[], ${messageIds.map((id) => shownAs({ id }))}::text[]
        ) as x (given, id, shown_as)
        where exists (select 1 from events where handoff_id = ${handoffId} and ${IS_SHOWN})
      `.execute(db);
      return new Set(rows.map(({ given }) => given));
    },
    async late(handoffId) {
      const { rows } = await sql<{ id: string; message: LateMessage | string }>`
        select id, message from late_messages where handoff_id = ${handoffId} order by n
      `.execute(db);
      return rows.map((row) => box.open<LateMessage>(row.message, placeOf.late(handoffId, row.id)));
    },
    readBot: (botId, cursor, limit) => readBot(db, box, botId, cursor, limit),
    async botCursorNow() {
      const { rows } = await sql<{
        xmin: string;
      }>`select pg_snapshot_xmin(pg_current_snapshot())::text as xmin`.execute(db);
      return `${rows[0]?.xmin ?? '0'}-0`;
    },
    idle: () => commits.idle(),
  };
}

/**
 * The row begins with `awaiting_email`, and the API takes the address before the run does. So an event that says it is
 * needed may be written after it was given: it must not take the row back, for the bot would speak again.
 */
const emailIsLate = sql`(p.status = 'awaiting_email' and handoffs.status <> 'awaiting_email')`;

/** Whether an event is that of the message `x`. */
const IS_SHOWN = sql`(
  events.message_id = x.id or (events.message_id is null and strpos(events.event::text, x.shown_as) > 0)
)`;

/** One statement, so one transaction and one round trip, however many handoffs and native conversations share it. */
async function write(db: Database, box: ContentBox, marks: UserMarks, entries: JournalEntry[]): Promise<void> {
  const events = entries.flatMap((entry) => entry.events.map((event) => ({ entry, event })));
  const late = entries.flatMap((entry) => entry.late.map((message) => ({ entry, message })));
  const patches = handoffPatches(entries);
  const emailMarks = await Promise.all(patches.map((patch) => emailMark(marks, patch)));
  const talks = conversationPatches(entries);
  const wakeups = [...new Set(events.map(({ entry }) => wakeupPayload(entry.botId, entry.handoffId)))];
  await sql`
    with new_events as (
      insert into events (handoff_id, seq, bot_id, event, message_id)
      select handoff_id, seq, bot_id, event::json, message_id from unnest(
        ${events.map(({ entry }) => entry.handoffId)}::text[],
        ${events.map(({ event }) => event.seq)}::integer[],
        ${events.map(({ entry }) => entry.botId)}::text[],
        ${events.map(({ entry, event }) => box.seal(event, placeOf.event(entry.handoffId, event.seq)))}::text[],
        ${events.map(({ event }) => messageIdOf(event))}::text[]
      ) as x (handoff_id, seq, bot_id, event, message_id)
      on conflict do nothing
    ), new_late as (
      insert into late_messages (handoff_id, id, message)
      select handoff_id, id, message::json from unnest(
        ${late.map(({ entry }) => entry.handoffId)}::text[],
        ${late.map(({ message }) => cleanText(message.id))}::text[],
        ${late.map(({ entry, message }) => box.seal(message, placeOf.late(entry.handoffId, cleanText(message.id))))}::text[],
        ${late.map(({ message }) => shownAs(message))}::text[]
      ) with ordinality as x (handoff_id, id, message, shown_as, position)
      where not exists (select 1 from events where events.handoff_id = x.handoff_id and ${IS_SHOWN})
      order by position
      on conflict do nothing
    ), patched as (
      update handoffs set
        last_event_at = now(),
        last_seq = p.last_seq,
        status = case when ${emailIsLate} then handoffs.status else coalesce(p.status, handoffs.status) end,
        close_reason = coalesce(p.close_reason, handoffs.close_reason),
        agent = coalesce(p.agent::json, handoffs.agent),
        email = coalesce(p.email, handoffs.email),
        user_marks = ${withMark(sql`handoffs.user_marks`, sql`p.mark`)},
        active_at = coalesce(handoffs.active_at, p.active_at),
        closed_at = coalesce(handoffs.closed_at, p.closed_at),
        deadline = case when ${emailIsLate} then handoffs.deadline else p.deadline::jsonb end,
        counts = coalesce(p.counts::jsonb, handoffs.counts)
      from unnest(
        ${patches.map((patch) => patch.handoffId)}::text[],
        ${patches.map((patch) => patch.lastSeq)}::integer[],
        ${patches.map((patch) => patch.status ?? null)}::text[],
        ${patches.map((patch) => patch.closeReason ?? null)}::text[],
        ${patches.map(({ handoffId, agent }) => (agent ? box.seal(agent, placeOf.handoff('agent', handoffId)) : null))}::text[],
        ${patches.map(({ handoffId, email }) => (email === undefined ? null : box.sealText(email, placeOf.handoff('email', handoffId))))}::text[],
        ${emailMarks}::text[],
        ${patches.map((patch) => patch.activeAt ?? null)}::timestamptz[],
        ${patches.map((patch) => patch.closedAt ?? null)}::timestamptz[],
        ${patches.map((patch) => (patch.deadline ? JSON.stringify(patch.deadline) : null))}::text[],
        ${patches.map((patch) => (patch.counts ? JSON.stringify(patch.counts) : null))}::text[]
      ) as p (id, last_seq, status, close_reason, agent, email, mark, active_at, closed_at, deadline, counts)
      where handoffs.id = p.id and handoffs.last_seq < p.last_seq
    ), patched_conversations as (
      update conversations set
        last_seq = greatest(conversations.last_seq, p.last_seq),
        human = coalesce(p.human, conversations.human),
        last_event_at = now()
      from unnest(
        ${talks.map((talk) => talk.id)}::text[],
        ${talks.map((talk) => talk.lastSeq)}::integer[],
        ${talks.map((talk) => talk.human ?? null)}::boolean[],
        ${talks.map((talk) => talk.unnumbered)}::boolean[]
      ) as p (id, last_seq, human, unnumbered)
      where conversations.id = p.id and (p.unnumbered or conversations.last_seq < p.last_seq)
    )
    select pg_notify(${EVENTS_CHANNEL}, payload) from unnest(${wakeups}::text[]) as x (payload)
  `.execute(db);
}

async function emailMark(marks: UserMarks, { botId, email }: HandoffPatch): Promise<string | null> {
  const [mark = null] = (email === undefined ? null : await marks(botId, { email })) ?? [];
  return mark;
}

/** What late messages are compared with. */
export function messageIdOf({ data }: BotEvent): string | null {
  const { messageId } = data;
  return typeof messageId === 'string' ? cleanText(messageId) : null;
}

/**
 * How the journal of versions without `message_id` names this message. Who offers a message as late may have missed that the run had taken it: a crash
 * between the signal and its mark. The quotes cannot come from a text, where they are escaped.
 */
const shownAs = ({ id }: { id: string }): string => `"messageId":${JSON.stringify(id)}`;

/** The trace of an event is for its callback. */
function untraced<E extends BotEvent>(event: E): E {
  const { trace: _trace, ...shown } = event;
  return shown as E;
}

async function readBot(
  db: Database,
  box: ContentBox,
  botId: string,
  cursor: string | undefined,
  limit: number,
): Promise<BotPage> {
  const match = BOT_CURSOR.exec(cursor === undefined || cursor === 'start' ? FIRST : cursor);
  const [, xid, id] = match ?? [];
  if (xid === undefined || id === undefined || BigInt(xid) >= 2n ** 64n || BigInt(id) >= 2n ** 63n) {
    throw new CursorError();
  }
  // A row is safe once no older transaction is under way: from then on nothing can appear before it.
  const { rows } = await sql<{
    xid: string;
    id: string;
    of: string;
    seq: number;
    event: BotEvent | string;
    safe: boolean;
  }>`
    select xid::text, id::text, handoff_id as of, seq, event, xid < pg_snapshot_xmin(pg_current_snapshot()) as safe
    from events where bot_id = ${botId} and (xid, id) > (${xid}::xid8, ${id}::bigint)
    order by events.xid, events.id limit ${limit + 1}
  `.execute(db);
  const safe = rows.slice(0, limit).filter((row) => row.safe);
  return {
    events: safe.map((row) => ({
      cursor: `${row.xid}-${row.id}`,
      event: untraced(box.open<BotEvent>(row.event, placeOf.event(row.of, row.seq))),
    })),
    complete: safe.length === rows.length,
  };
}
