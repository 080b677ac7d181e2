import { sql } from 'kysely';
import type { HandoffSignal } from '../../workflows/contracts.ts';
import { cleanText, isoTime, type Database } from './database.ts';
import type { Inbox, PendingSignal, Receipt, ReceivedEvent } from './types.ts';

export function createInbox(db: Database): Inbox {
  return {
    receive: (event) => receive(db, event),
    async forwarded(inboxIds, outcome) {
      await sql`
        update inbox set outcome = ${outcome}, outcome_at = now()
        where id = any(${inboxIds}::bigint[]) and outcome is null
      `.execute(db);
    },
    async unforwarded({ known, olderThanSeconds, limit }) {
      const rows = await db
        .selectFrom('inbox')
        .select(['id', 'bot_id', 'desk', 'desk_conversation_id', 'handoff_id', 'signal', 'received_at'])
        .where('outcome', 'is', null)
        .where('handoff_id', known ? 'is not' : 'is', null)
        .where('received_at', '<=', sql<Date>`now() - make_interval(secs => ${olderThanSeconds})`)
        .orderBy('id')
        .limit(limit)
        .execute();
      return rows.map((row) => ({
        inboxId: row.id,
        signal: row.signal as HandoffSignal,
        botId: row.bot_id,
        desk: row.desk,
        deskConversationId: row.desk_conversation_id,
        handoffId: row.handoff_id,
        receivedAt: isoTime(row.received_at),
      }));
    },
    adopt: (handoffId, botId, desk, deskConversationId) =>
      adopt(db, handoffId, botId, desk, cleanText(deskConversationId)),
  };
}

interface StoredRow {
  id: string;
  handoff_id: string | null;
  signal: HandoffSignal;
  own: boolean;
  fresh: boolean;
  open: boolean;
}

async function receive(db: Database, raw: ReceivedEvent): Promise<Receipt> {
  const event = { ...raw, dedupeKey: cleanText(raw.dedupeKey), deskConversationId: cleanText(raw.deskConversationId) };
  let rows = await insertAndRead(db, event);
  // A repeat that met its first try in the middle of the commit does not see it yet; the next statement does.
  if (!rows.some((row) => row.own)) rows = await insertAndRead(db, event);
  const own = rows.find((row) => row.own);
  if (!own) throw new Error('the inbox lost an event that it has just stored');
  if (own.handoff_id === null) return receiveUnknown(db, event, own);
  const pending = own.open ? rows.filter((row) => row.open).map(pendingOf) : [];
  return { fresh: own.fresh, handoffId: own.handoff_id, pending };
}

/** The own row and all open ones of its handoff, in order. One round trip; the insert's row is not yet in the table. */
async function insertAndRead(db: Database, event: ReceivedEvent): Promise<StoredRow[]> {
  const { rows } = await sql<StoredRow>`
    with inserted as (
      insert into inbox (bot_id, desk, dedupe_key, desk_conversation_id, handoff_id, signal)
      values (${event.botId}, ${event.desk}, ${event.dedupeKey}, ${event.deskConversationId},
        ${event.handoffId ?? null}, ${JSON.stringify(event.signal)})
      on conflict (bot_id, desk, dedupe_key) do nothing
      returning id, handoff_id, signal
    ), earlier as (
      select id, handoff_id, signal, outcome is null as open from inbox
      where bot_id = ${event.botId} and desk = ${event.desk} and dedupe_key = ${event.dedupeKey}
    ), own_handoff as (
      select handoff_id from inserted union select handoff_id from earlier
    )
    select id::text, handoff_id, signal, true as own, true as fresh, true as open, id as position from inserted
    union all
    select id::text, handoff_id, signal, true, false, open, id from earlier
    union all
    select id::text, handoff_id, signal, false, false, true, id from inbox
    where outcome is null and handoff_id = (select handoff_id from own_handoff limit 1)
      and id not in (select id from earlier)
    order by position
  `.execute(db);
  return rows;
}

/**
 * The event is committed without a handoff: look the handoff up only now. Who binds a handoff commits that first and
 * then adopts, so at least one of the two sees the other's row.
 */
async function receiveUnknown(db: Database, event: ReceivedEvent, own: StoredRow): Promise<Receipt> {
  const handoffId = event.handoffId ?? (await handoffOf(db, event));
  if (handoffId === undefined) return { fresh: own.fresh, pending: [] };
  const pending = await adopt(db, handoffId, event.botId, event.desk, event.deskConversationId);
  return { fresh: own.fresh, handoffId, pending: own.open ? pending : [] };
}

async function handoffOf(db: Database, event: ReceivedEvent): Promise<string | undefined> {
  const row = await db
    .selectFrom('handoffs')
    .select('id')
    .where('bot_id', '=', event.botId)
    .where('desk', '=', event.desk)
    .where('desk_conversation_id', '=', event.deskConversationId)
    .orderBy('n', 'desc')
    .limit(1)
    .executeTakeFirst();
  return row?.id;
}

async function adopt(
  db: Database,
  handoffId: string,
  botId: string,
  desk: string,
  conversation: string,
): Promise<PendingSignal[]> {
  await sql`
    update inbox set handoff_id = ${handoffId}
    where bot_id = ${botId} and desk = ${desk} and desk_conversation_id = ${conversation}
      and outcome is null and handoff_id is null
  `.execute(db);
  const { rows } = await sql<{ id: string; signal: HandoffSignal }>`
    select id::text, signal from inbox where handoff_id = ${handoffId} and outcome is null order by inbox.id
  `.execute(db);
  return rows.map(pendingOf);
}

const pendingOf = (row: { id: string; signal: HandoffSignal }): PendingSignal => ({
  inboxId: row.id,
  signal: row.signal,
});
