import { createHash } from 'node:crypto';
import { sql, type RawBuilder } from 'kysely';
import { isConversationId } from '../../workflows/ids.ts';
import type { Database } from './database.ts';
import type { Deleted, Expired, Journaled, Upkeep } from './upkeep-types.ts';

/**
 * Rows of one statement. Each is a transaction of its own, because a long one would hold up the streams of all bots, and a
 * handoff may have more events than a statement has time for.
 */
const ROWS_AT_ONCE = 2_000;

/** The longest idle time of a native conversation is seven days: until then a run may be waiting without an event. */
const CONVERSATION_MIN_DAYS = 8;

/** Tables with rows of handoffs and native conversations, by `handoff_id`. `handoffs` takes `histories` with it. */
const OWNED = ['events', 'late_messages', 'inbox', 'ledger'] as const;

const nothing = (): Deleted => ({ handoffs: 0, conversations: 0, events: 0, lateMessages: 0, inbox: 0, refusals: 0 });

const before = (days: number): RawBuilder<Date> => sql<Date>`now() - make_interval(days => ${days})`;

export function createUpkeep(db: Database): Upkeep {
  return {
    async cursor(name) {
      const row = await db.selectFrom('upkeep').select('value').where('name', '=', name).executeTakeFirst();
      return row?.value;
    },
    async setCursor(name, value) {
      if (value === undefined) await db.deleteFrom('upkeep').where('name', '=', name).execute();
      else {
        await sql`
          insert into upkeep (name, value) values (${name}, ${value})
          on conflict (name) do update set value = excluded.value, at = now()
        `.execute(db);
      }
    },
    async expireHandoffs(expired) {
      const ids = await expiredHandoffs(db, expired);
      return { ...(await deleteOwned(db, ids)), handoffs: await deleteHandoffs(db, ids) };
    },
    expireConversations: (expired) => expireConversations(db, expired),
    expireInbox: (expired) => expireInbox(db, expired),
    expireRefusals: ({ days, limit }) =>
      inChunks(limit, (rows) =>
        sql`
          delete from refusals where ctid = any(array(select ctid from refusals where at < ${before(days)} limit ${rows}))
        `.execute(db),
      ),
    journaled: (id) => journaled(db, id),
    async rewind(id) {
      await sql`
        with handoff as (update handoffs set last_seq = 0 where id = ${id})
        update conversations set last_seq = 0 where id = ${id}
      `.execute(db);
    },
    async erase({ botId, handoffIds, conversationIds }) {
      await rememberErased(db, [...handoffIds, ...conversationIds]);
      const deleted = await deleteOwned(db, [...handoffIds, ...conversationIds]);
      await forgetAtDesks(db, botId, handoffIds, conversationIds);
      return {
        ...deleted,
        handoffs: await deleteHandoffs(db, handoffIds),
        conversations: await deleteConversations(db, conversationIds),
      };
    },
  };
}

type Result = { numAffectedRows?: bigint | undefined };

/** Repeats a statement that deletes so many rows at most, until none are left or `limit` is reached. */
async function inChunks(limit: number, step: (rows: number) => Promise<Result>): Promise<number> {
  let deleted = 0;
  while (deleted < limit) {
    const rows = Math.min(ROWS_AT_ONCE, limit - deleted);
    const count = Number((await step(rows)).numAffectedRows ?? 0n);
    deleted += count;
    if (count < rows) break;
  }
  return deleted;
}

/** Found by their start, which has an index: who was closed before that day began before it. */
async function expiredHandoffs(db: Database, { days, limit }: Expired): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    select id from handoffs
    where started_at < ${before(days)} and status = 'closed' and coalesce(closed_at, started_at) < ${before(days)}
    order by started_at, n limit ${limit}
  `.execute(db);
  return rows.map((row) => row.id);
}

/** The rows of handoffs go last: what a crash leaves is found by them. */
async function deleteOwned(db: Database, ids: string[]): Promise<Deleted> {
  const deleted = nothing();
  if (ids.length === 0) return deleted;
  for (const table of OWNED) {
    const name = sql.table(table);
    const count = await inChunks(Infinity, (rows) =>
      sql`
        delete from ${name} where ctid = any(array(
          select ctid from ${name} where handoff_id = any(${ids}::text[]) limit ${rows}
        ))
      `.execute(db),
    );
    if (table === 'events') deleted.events = count;
    if (table === 'late_messages') deleted.lateMessages = count;
    if (table === 'inbox') deleted.inbox = count;
  }
  return deleted;
}

async function deleteHandoffs(db: Database, ids: string[]): Promise<number> {
  const result = await sql`delete from handoffs where id = any(${ids}::text[])`.execute(db);
  return Number(result.numAffectedRows ?? 0n);
}

async function deleteConversations(db: Database, ids: string[]): Promise<number> {
  const result = await sql`delete from conversations where id = any(${ids}::text[])`.execute(db);
  return Number(result.numAffectedRows ?? 0n);
}

async function expireConversations(
  db: Database,
  { days, limit, after = '' }: Expired & { after?: string | undefined },
): Promise<Deleted & { next?: string }> {
  const { rows: page } = await sql<{ id: string; old: boolean }>`
    select id, started_at < ${before(days)} as old from conversations where id > ${after} order by id limit ${limit}
  `.execute(db);
  const ids = page.filter((row) => row.old).map((row) => row.id);
  const events = await inChunks(Infinity, (rows) =>
    sql`
      delete from events where ctid = any(array(
        select ctid from events where handoff_id = any(${ids}::text[]) and recorded_at < ${before(days)} limit ${rows}
      ))
    `.execute(db),
  );
  const unused = await unusedConversations(db, ids, Math.max(days, CONVERSATION_MIN_DAYS));
  const rest = await deleteOwned(db, unused);
  const last = page.length < limit ? undefined : page.at(-1)?.id;
  return {
    ...rest,
    events: events + rest.events,
    conversations: await deleteConversations(db, unused),
    ...(last === undefined ? {} : { next: last }),
  };
}

async function unusedConversations(db: Database, ids: string[], days: number): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    select id from conversations as c
    where id = any(${ids}::text[]) and started_at < ${before(days)}
      and not exists (select 1 from events where handoff_id = c.id and recorded_at >= ${before(days)})
      and not exists (select 1 from inbox where handoff_id = c.id and (outcome is null or received_at >= ${before(days)}))
  `.execute(db);
  return rows.map((row) => row.id);
}

/** By the key, which goes with time: an index on the time would cost every webhook, and this walk ends at the first young row. */
async function expireInbox(db: Database, { days, limit }: Expired): Promise<number> {
  let deleted = 0;
  let after = '0';
  while (deleted < limit) {
    const { rows } = await sql<{ id: string; old: boolean; waits: boolean }>`
      select id::text, received_at < ${before(days)} as old, outcome is null and handoff_id is not null as waits
      from inbox where id > ${after}::bigint order by inbox.id limit ${Math.min(ROWS_AT_ONCE, limit - deleted)}
    `.execute(db);
    const ids = rows.filter((row) => row.old && !row.waits).map((row) => row.id);
    if (ids.length > 0) await sql`delete from inbox where id = any(${ids}::bigint[])`.execute(db);
    deleted += ids.length;
    after = rows.at(-1)?.id ?? after;
    if (rows.length === 0 || rows.some((row) => !row.old)) break;
  }
  return deleted;
}

/** Temporal deletes histories later, and what it still has would otherwise come back. A hash, so that no log leads here. */
const erasedName = (id: string): string => `erased ${createHash('sha256').update(id).digest('base64url')}`;

async function rememberErased(db: Database, ids: string[]): Promise<void> {
  await sql`
    insert into upkeep (name, value) select name, '' from unnest(${ids.map(erasedName)}::text[]) as x (name)
    on conflict (name) do nothing
  `.execute(db);
}

async function journaled(db: Database, id: string): Promise<Journaled> {
  const { rows } = await sql<Journaled>`
    select
      exists (select 1 from handoffs where id = ${id}) or exists (select 1 from conversations where id = ${id}) as known,
      coalesce(max(seq), 0) as "lastSeq",
      count(*) = coalesce(max(seq) - case when ${isConversationId(id)} then min(seq) - 1 else 0 end, 0) as whole,
      exists (select 1 from upkeep where name = ${erasedName(id)}) as erased
    from events where handoff_id = ${id}
  `.execute(db);
  return rows[0] ?? { known: false, lastSeq: 0, whole: true, erased: false };
}

/** What desks noted about these talks; their keys end with an id of the handoff or of the conversation. */
async function forgetAtDesks(
  db: Database,
  botId: string,
  handoffIds: string[],
  conversationIds: string[],
): Promise<void> {
  await sql`
    delete from desk_memory where bot_id = ${botId} and exists (
      select 1 from (
        select unnest(array[id, conversation_id, desk_conversation_id, earlier_desk_conversation_id]) as id from handoffs
        where id = any(${handoffIds}::text[]) and bot_id = ${botId}
        union select desk_conversation_id from conversations where id = any(${conversationIds}::text[])
      ) as ids where right(desk_memory.key, length(ids.id) + 1) = '.' || ids.id
    )
  `.execute(db);
}
