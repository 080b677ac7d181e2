import { sql } from 'kysely';
import type { Logger } from 'pino';
import type { HandoffSignal } from '../../workflows/contracts.ts';
import { placeOf, type ContentBox } from './content.ts';
import { cleanText, isoTime, type Database } from './database.ts';
import { isReopened, twinsOf } from './inbox-recovered.ts';
import type { Inbox, PendingSignal, Receipt, ReceivedEvent } from './types.ts';

export function createInbox(db: Database, box: ContentBox, log: Logger): Inbox {
  return {
    receive: (event) => receive(db, box, event),
    async knows(botId, desk, dedupeKey) {
      const row = await db
        .selectFrom('inbox')
        .select('id')
        .where('bot_id', '=', botId)
        .where('desk', '=', desk)
        .where('dedupe_key', '=', cleanText(dedupeKey))
        .executeTakeFirst();
      return row !== undefined;
    },
    async forwarded(inboxIds, outcome) {
      await sql`
        update inbox set outcome = ${outcome}, outcome_at = now()
        where id = any(${inboxIds}::bigint[]) and outcome is null
      `.execute(db);
    },
    async unforwarded({ known, olderThanSeconds, limit }) {
      const rows = await db
        .selectFrom('inbox')
        .select(['id', 'bot_id', 'desk', 'dedupe_key', 'desk_conversation_id', 'handoff_id', 'signal', 'received_at'])
        .where('outcome', 'is', null)
        .where('handoff_id', known ? 'is not' : 'is', null)
        .where('received_at', '<=', sql<Date>`now() - make_interval(secs => ${olderThanSeconds})`)
        .orderBy('id')
        .limit(limit)
        .execute();
      return rows.flatMap((row) => {
        const pending = readable(row, box, log);
        if (pending === undefined) return [];
        return {
          ...pending,
          botId: row.bot_id,
          desk: row.desk,
          deskConversationId: row.desk_conversation_id,
          handoffId: row.handoff_id,
          receivedAt: isoTime(row.received_at),
        };
      });
    },
    adopt: (handoffId, botId, desk, deskConversationId) =>
      adopt(db, box, handoffId, botId, desk, cleanText(deskConversationId)),
    async reassign(inboxIds, targetId) {
      await sql`
        update inbox set handoff_id = ${targetId} where id = any(${inboxIds}::bigint[]) and outcome is null
      `.execute(db);
      return pendingOfTarget(db, box, targetId);
    },
    async heard({ botId, desk, deskConversationId, sinceMs }) {
      const { rows } = await sql<StoredSignal>`
        select id::text, bot_id, desk, dedupe_key, signal from inbox
        where bot_id = ${botId} and desk = ${desk} and desk_conversation_id = ${cleanText(deskConversationId)}
          and received_at >= ${new Date(sinceMs)} and outcome is distinct from 'repeat'
        order by inbox.id desc limit ${HEARD}
      `.execute(db);
      return rows.toReversed().map((row) => pendingOf(row, box).signal);
    },
    async drop(inboxIds) {
      await sql`
        delete from inbox where id = any(${inboxIds}::bigint[]) and outcome is null and handoff_id is null
      `.execute(db);
    },
  };
}

/** The newest ones: far more than a page of any desk's read API. */
const HEARD = 2_000;

interface StoredSignal {
  id: string;
  bot_id: string;
  desk: string;
  dedupe_key: string;
  signal: HandoffSignal | string;
}

interface StoredRow extends StoredSignal {
  handoff_id: string | null;
  own: boolean;
  fresh: boolean;
  open: boolean;
}

/** Each further try needs another repeat of a foreign event to come and go in between. */
const RECEIVE_TRIES = 10;

async function receive(db: Database, box: ContentBox, raw: ReceivedEvent): Promise<Receipt> {
  const event = { ...raw, dedupeKey: cleanText(raw.dedupeKey), deskConversationId: cleanText(raw.deskConversationId) };
  for (let tries = 0; tries < RECEIVE_TRIES; tries += 1) {
    const twins = event.mayBeRecovered === true ? await twinsOf(db, box, event) : [];
    const rows = await insertAndRead(db, box, event, twins);
    const own = rows.find((row) => row.own);
    // A repeat that met its first try in the middle of the commit does not see it yet; the next statement does.
    if (!own) continue;
    if (!own.fresh && (await isReopened(db, event, own.id)))
      return { ...(await receive(db, box, { ...raw, awaitsWebhook: false })), fresh: true };
    if (own.handoff_id === null) return receiveUnknown(db, box, event, own);
    const pending = own.open ? rows.filter((row) => row.open).map((row) => pendingOf(row, box)) : [];
    return { fresh: own.fresh && own.open, handoffId: own.handoff_id, pending };
  }
  throw new Error('the inbox lost an event that it has just stored');
}

/**
 * The own row and all open ones of its handoff, in order. One round trip; the insert's row is not yet in the table, but
 * an earlier one may still be seen that was foreign and was deleted just before the insert.
 */
async function insertAndRead(
  db: Database,
  box: ContentBox,
  event: ReceivedEvent,
  twins: string[],
): Promise<StoredRow[]> {
  const { rows } = await sql<StoredRow>`
    with matched as (
      update inbox set awaits_webhook = null
      where id = (
        select id from inbox where id = any(${twins}::bigint[]) and awaits_webhook order by id limit 1
        for update skip locked
      )
      returning handoff_id
    ), inserted as (
      insert into inbox (
        bot_id, desk, dedupe_key, desk_conversation_id, handoff_id, signal, awaits_webhook, outcome, outcome_at
      )
      values (${event.botId}, ${event.desk}, ${event.dedupeKey}, ${event.deskConversationId},
        coalesce(${event.handoffId ?? null}, (select handoff_id from matched)),
        ${box.seal(event.signal, placeOf.signal(event.botId, event.desk, event.dedupeKey))},
        ${event.awaitsWebhook === true ? true : null},
        (select 'repeat' from matched), (select now() from matched))
      on conflict (bot_id, desk, dedupe_key) do nothing
      returning id, bot_id, desk, dedupe_key, handoff_id, signal, outcome is null as open
    ), earlier as (
      select id, bot_id, desk, dedupe_key, handoff_id, signal, outcome is null as open from inbox
      where bot_id = ${event.botId} and desk = ${event.desk} and dedupe_key = ${event.dedupeKey}
        and not exists (select 1 from inserted)
    ), own_handoff as (
      select handoff_id from inserted union select handoff_id from earlier
    )
    select id::text, bot_id, desk, dedupe_key, handoff_id, signal, true as own, true as fresh, open, id as position from inserted
    union all
    select id::text, bot_id, desk, dedupe_key, handoff_id, signal, true, false, open, id from earlier
    union all
    select id::text, bot_id, desk, dedupe_key, handoff_id, signal, false, false, true, id from inbox
    where outcome is null and handoff_id = (select handoff_id from own_handoff limit 1)
      and id not in (select id from earlier)
    order by position
  `.execute(db);
  return rows;
}

/**
 * The event is committed without a handoff: look for its target only now. Who binds a handoff commits that first and
 * then adopts, so at least one of the two sees the other's row.
 */
async function receiveUnknown(db: Database, box: ContentBox, event: ReceivedEvent, own: StoredRow): Promise<Receipt> {
  const { target = event.handoffId, foreign } =
    event.handoffId === undefined ? await findTarget(db, event, own.id) : { foreign: false };
  if (foreign) return { fresh: own.fresh, pending: [], foreign };
  if (target === undefined) return { fresh: own.fresh, pending: [] };
  const pending = await adopt(db, box, target, event.botId, event.desk, event.deskConversationId);
  return { fresh: own.fresh, handoffId: target, pending: own.open ? pending : [] };
}

/**
 * A native handoff that has just closed may still have messages of the user to hand back: what comes now goes the same
 * way, behind them. Once its run has ended, whoever forwards it finds that out and gives it to the conversation.
 */
const HANDING_BACK_SECONDS = 30;

/**
 * Whose event this is. One that is nobody's is deleted in the same statement, so in the same snapshot: a handoff that is
 * bound meanwhile is seen either waiting for its conversation, and the event stays for it to adopt, or as its owner.
 */
async function findTarget(
  db: Database,
  event: ReceivedEvent,
  inboxId: string,
): Promise<{ target?: string; foreign: boolean }> {
  const { botId, desk, deskConversationId, conversation, foreignPossible } = event;
  const dropsForeign = conversation !== undefined || foreignPossible === true;
  const { rows } = await sql<{ target: string | null; is_foreign: boolean }>`
    with owners as (
      select id, n, true as is_here, status <> 'closed' as open,
        mode = 'native' and closed_at > now() - make_interval(secs => ${HANDING_BACK_SECONDS}) as handing_back
      from handoffs
      where bot_id = ${botId} and desk = ${desk} and desk_conversation_id = ${deskConversationId}
      union all
      select id, n, false, status <> 'closed', false from handoffs
      where bot_id = ${botId} and earlier_desk = ${desk} and earlier_desk_conversation_id = ${deskConversationId}
    ), found as (
      select coalesce(
        (select id from owners where open order by is_here desc, n desc limit 1),
        case
          when ${conversation === undefined} then (select id from owners order by n desc limit 1)
          when ${conversation?.begins === true} then coalesce(
            (select id from owners where handing_back order by n desc limit 1), ${conversation?.id ?? null}::text)
          else (select id from conversations where id = ${conversation?.id ?? null}::text)
        end
      ) as target
    ), dropped as (
      delete from inbox
      where id = ${inboxId}::bigint and handoff_id is null and outcome is null and ${dropsForeign}
        and (select target from found) is null
        and not exists (
          select 1 from handoffs
          where bot_id = ${botId} and desk = ${desk} and desk_conversation_id is null and status <> 'closed'
        )
      returning id
    )
    select target, exists (select 1 from dropped) as is_foreign from found
  `.execute(db);
  const [row] = rows;
  return { ...(row?.target && { target: row.target }), foreign: row?.is_foreign === true };
}

async function adopt(
  db: Database,
  box: ContentBox,
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
  return pendingOfTarget(db, box, handoffId);
}

async function pendingOfTarget(db: Database, box: ContentBox, handoffId: string): Promise<PendingSignal[]> {
  const { rows } = await sql<StoredSignal>`
    select id::text, bot_id, desk, dedupe_key, signal from inbox where handoff_id = ${handoffId} and outcome is null order by inbox.id
  `.execute(db);
  return rows.map((row) => pendingOf(row, box));
}

const pendingOf = (row: StoredSignal, box: ContentBox): PendingSignal => ({
  inboxId: row.id,
  signal: box.open<HandoffSignal>(row.signal, placeOf.signal(row.bot_id, row.desk, row.dedupe_key)),
});

/** One whose key is gone must not keep the others: it stays where it is. */
function readable(row: StoredSignal, box: ContentBox, log: Logger): PendingSignal | undefined {
  try {
    return pendingOf(row, box);
  } catch (error) {
    log.error({ inboxId: row.id, err: error }, 'an event in the inbox cannot be opened');
    return undefined;
  }
}
