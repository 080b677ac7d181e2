import { sql, type RawBuilder, type Selectable } from 'kysely';
import type { Agent, ShownDeadline } from '../../workflows/contracts.ts';
import { placeOf, type ContentBox } from './content.ts';
import { decodeCursor, encodeCursor } from './cursor.ts';
import { cleanText, isoTime, isoTimeOrNull, type Database } from './database.ts';
import { withMark, type UserMarks } from './marks.ts';
import { bindDesk, earlierDesksOf, moveHandoff } from './moves.ts';
import type { StoredRequest, Tables } from './tables.ts';
import type { HandoffFilter, HandoffRow, Handoffs, NewHandoff } from './types.ts';

const CURSOR = /^\d{1,18}$/;
/** Of a list with a range: besides `n` the start in microseconds. */
const TIME_CURSOR = /^\d{1,18}\.\d{1,17}$/;
/** Each further try needs the conversation's handoff to close and another to open in between. */
const OPEN_TRIES = 10;

export function createHandoffs(db: Database, box: ContentBox, marks: UserMarks): Handoffs {
  const toRow = (row: StoredHandoff): HandoffRow => rowOf(row, box);
  const byId = (id: string) => db.selectFrom('handoffs').where('id', '=', id);
  return {
    async open(handoff) {
      const { created, row } = await open(db, box, await marks(handoff.botId, handoff.user), handoff);
      return { created, handoff: toRow(row) };
    },
    async runStarted(id) {
      await db.updateTable('handoffs').set({ run_started: true }).where('id', '=', id).execute();
    },
    async get(id) {
      const row = await byId(id).selectAll().select(lateCount).executeTakeFirst();
      return row && toRow(row);
    },
    async find(id) {
      const row = await byId(id).select(['bot_id', 'status']).executeTakeFirst();
      return row && { botId: row.bot_id, status: row.status };
    },
    async list(filter) {
      const { rows, nextCursor } = await list(db, filter);
      return { handoffs: rows.map(toRow), nextCursor };
    },
    async countOpen(botId) {
      const row = await db
        .selectFrom('handoffs')
        .select((eb) => eb.fn.countAll<string>().as('count'))
        .where('bot_id', '=', botId)
        .where('status', '!=', 'closed')
        .executeTakeFirstOrThrow();
      return Number(row.count);
    },
    async byDeskConversation(botId, desk, deskConversationId) {
      const row = await db
        .selectFrom('handoffs')
        .selectAll()
        .where('bot_id', '=', botId)
        .where((eb) => {
          const conversation = cleanText(deskConversationId);
          return eb.or([
            eb.and({ desk, desk_conversation_id: conversation }),
            eb.and({ earlier_desk: desk, earlier_desk_conversation_id: conversation }),
          ]);
        })
        .orderBy('n', 'desc')
        .limit(1)
        .executeTakeFirst();
      return row && toRow(row);
    },
    async openFor(botId, deskConversationId) {
      const row = await db
        .selectFrom('handoffs')
        .selectAll()
        .where('bot_id', '=', botId)
        .where('desk_conversation_id', '=', cleanText(deskConversationId))
        .where('status', '!=', 'closed')
        .orderBy('n', 'desc')
        .limit(1)
        .executeTakeFirst();
      return row && toRow(row);
    },
    bindDesk: (id, deskConversationId, desk) => bindDesk(db, id, cleanText(deskConversationId), desk),
    move: (id, left, to) => moveHandoff(db, id, left, to),
    async emailGiven(id, email, status = 'opening') {
      const row = await byId(id).select('bot_id').executeTakeFirst();
      const [mark = null] = (row && (await marks(row.bot_id, { email }))) ?? [];
      const given = {
        status,
        email: box.sealText(cleanText(email), placeOf.handoff('email', id)),
        deadline: null,
      };
      await db
        .updateTable('handoffs')
        .set({ ...given, user_marks: withMark(sql`user_marks`, sql`${mark}::text`) })
        .where('id', '=', id)
        .where('status', '=', 'awaiting_email')
        .execute();
    },
    async asked(id) {
      const asked = { status: 'opening' as const, deadline: null };
      await db.updateTable('handoffs').set(asked).where('id', '=', id).where('status', '=', 'scheduled').execute();
    },
    async openOlderThan(seconds, limit, afterId) {
      let query = db
        .selectFrom('handoffs')
        .select('id')
        .where('status', '!=', 'closed')
        .where('started_at', '<=', sql<Date>`now() - make_interval(secs => ${seconds})`)
        .orderBy('n')
        .limit(limit);
      if (afterId !== undefined) query = query.where('n', '>', byId(afterId).select('n'));
      return (await query.execute()).map((row) => row.id);
    },
    async stillOpen(ids) {
      const { rows } = await sql<{ id: string }>`
        select id from handoffs where id = any(${ids}::text[]) and status <> 'closed'
      `.execute(db);
      return rows.map((row) => row.id);
    },
    async discard(id) {
      const result = await db
        .deleteFrom('handoffs')
        .where('id', '=', id)
        .where('run_started', '=', false)
        .where('last_seq', '=', 0)
        .executeTakeFirst();
      return result.numDeletedRows > 0n;
    },
  };
}

async function open(
  db: Database,
  box: ContentBox,
  userMarks: string[] | null,
  handoff: NewHandoff,
): Promise<{ created: boolean; row: StoredHandoff }> {
  const { id, botId, conversationId, deskConversationId, user, question, metadata, history = [] } = handoff;
  for (let tries = 0; tries < OPEN_TRIES; tries += 1) {
    const created = await db
      .with('created', (query) =>
        query
          .insertInto('handoffs')
          .values({
            id,
            bot_id: botId,
            conversation_id: conversationId,
            desk: handoff.desk,
            desk_conversation_id: deskConversationId === undefined ? null : cleanText(deskConversationId),
            channel: handoff.channel,
            mode: handoff.mode,
            status: handoff.status,
            kind: handoff.kind,
            opens_at: handoff.opensAt,
            request: box.seal({ user, question, metadata: metadata ?? null }, placeOf.handoff('request', id)),
            user_marks: userMarks,
            ...(handoff.startedAt !== undefined && { started_at: new Date(handoff.startedAt) }),
          })
          // Waits for a concurrent insert of the same conversation to end, then sees its row.
          .onConflict((oc) => oc.doNothing())
          .returningAll(),
      )
      .with('told', (query) =>
        query
          .insertInto('histories')
          .columns(['handoff_id', 'turns'])
          .expression((eb) =>
            eb.selectFrom('created').select(['id', sql`${box.seal(history, placeOf.turns(id))}::json`.as('turns')]),
          ),
      )
      .selectFrom('created')
      .selectAll()
      .executeTakeFirst();
    if (created) return { created: true, row: created };
    const existing = await db
      .selectFrom('handoffs')
      .selectAll()
      .where((eb) =>
        eb.or([
          eb('id', '=', id),
          eb.and({ bot_id: botId, conversation_id: conversationId }).and('status', '!=', 'closed'),
        ]),
      )
      .orderBy('n', 'desc')
      .limit(1)
      .executeTakeFirst();
    if (existing) return { created: false, row: existing };
  }
  throw new Error('the handoffs of this conversation open and close faster than they can be read');
}

async function list(
  db: Database,
  filter: HandoffFilter,
): Promise<{ rows: StoredHandoff[]; nextCursor: string | null }> {
  const { botId, conversationId, desk, status, closeReason, from, to, marks, cursor, limit } = filter;
  // A range is walked by time, everything else in the order of creation: so that each has an index that ends early.
  const byTime = from !== undefined || to !== undefined;
  let query = db
    .selectFrom('handoffs')
    .selectAll()
    .select(lateCount)
    .select(sql<string>`(extract(epoch from started_at) * 1000000)::bigint`.as('started_us'))
    .limit(limit + 1);
  if (byTime) query = query.orderBy('started_at', 'desc');
  query = query.orderBy('n', 'desc');
  if (botId !== undefined) query = query.where('bot_id', '=', botId);
  if (conversationId !== undefined) query = query.where('conversation_id', '=', conversationId);
  if (desk !== undefined) query = query.where('desk', '=', desk);
  if (status === 'open') query = query.where('status', '!=', 'closed');
  else if (status !== undefined) query = query.where('status', '=', status);
  if (closeReason !== undefined) query = query.where('close_reason', '=', closeReason);
  if (from !== undefined) query = query.where(sql<boolean>`started_at >= ${from}`);
  if (to !== undefined) query = query.where(sql<boolean>`started_at < ${to}`);
  if (marks === null) query = query.where('user_marks', 'is', null);
  else if (marks !== undefined) query = query.where(sql<boolean>`user_marks && ${marks}::text[]`);
  if (cursor !== undefined) query = query.where(behind(cursor, byTime));
  const rows = await query.execute();
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  const next = last && (byTime ? `${last.n}.${last.started_us}` : last.n);
  return { rows: page, nextCursor: rows.length > limit && next ? encodeCursor(next) : null };
}

function behind(cursor: string, byTime: boolean): RawBuilder<boolean> {
  const [n, us] = decodeCursor(cursor, byTime ? TIME_CURSOR : CURSOR).split('.');
  if (!byTime) return sql<boolean>`n < ${n}`;
  return sql<boolean>`(started_at, n) < (timestamptz 'epoch' + ${us}::bigint * interval '1 microsecond', ${n}::bigint)`;
}

const NO_COUNTS = { user: 0, agent: 0, failed: 0, duplicates: 0, late: 0 };

/** Late messages come after the last event, so the row does not know of them. */
const lateCount = sql<number>`(select count(*)::integer from late_messages where handoff_id = handoffs.id)`.as('late');

/** A pause of the agent that is over ends without an event: what counts from then on is in the next one. */
const isAwake = (deadline: ShownDeadline | null): boolean =>
  deadline?.kind === 'snooze' && Date.parse(deadline.at) <= Date.now();

type StoredHandoff = Selectable<Tables['handoffs']> & { late?: number };

function rowOf(row: StoredHandoff, box: ContentBox): HandoffRow {
  const { user, question, metadata } = box.open<StoredRequest>(row.request, placeOf.handoff('request', row.id));
  const email = row.email === null ? undefined : box.openText(row.email, placeOf.handoff('email', row.id));
  return {
    id: row.id,
    botId: row.bot_id,
    conversationId: row.conversation_id,
    desk: row.desk,
    deskConversationId: row.desk_conversation_id,
    earlierDesks: earlierDesksOf(row),
    channel: row.channel,
    mode: row.mode,
    status: row.status,
    closeReason: row.close_reason,
    user: email === undefined ? user : { ...user, email },
    question,
    kind: row.kind ?? 'now',
    opensAt: isoTimeOrNull(row.opens_at),
    metadata,
    agent: row.agent === null ? null : box.open<Agent>(row.agent, placeOf.handoff('agent', row.id)),
    lastSeq: row.last_seq,
    startedAt: isoTime(row.started_at),
    activeAt: isoTimeOrNull(row.active_at),
    closedAt: isoTimeOrNull(row.closed_at),
    deadline: row.status === 'closed' || isAwake(row.deadline) ? null : row.deadline,
    counts: { ...NO_COUNTS, ...row.counts, ...(row.late === undefined ? {} : { late: row.late }) },
    runStarted: row.run_started,
  };
}
