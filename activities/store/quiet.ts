import { sql, type RawBuilder } from 'kysely';
import type { Mode } from '../../workflows/contracts.ts';
import type { Database } from './database.ts';
import type { QuietConversation, Quiet } from './types.ts';

/** A conversation that stays quiet is looked at after twice the time each, and at least so often. Seconds. */
const MOST_SECONDS = 3_600;

/** So long after an end that could not be looked at; and not later, because then nobody waits for it. Seconds. */
const AFTER_END_SECONDS = { from: 120, to: 900 };

/** A look this long before the end has seen all that matters. Seconds. */
const AT_END_SECONDS = 30;

/** Native conversations end after a day without a word. Hours. */
const CONVERSATION_HOURS = 24;

/** What came so long before the last word may have been missed as well. Hours. */
const BEFORE_LAST_HOURS = 1;

interface Row {
  id: string;
  bot_id: string;
  desk: string;
  desk_conversation_id: string;
  mode: Mode;
  since: Date;
}

/** Rows that another process works on are skipped, so each is looked at by one. */
export function createQuiet(db: Database): Quiet {
  return {
    async handoffs({ desks, quietMs, limit }) {
      const rows = await claimHandoffs(
        db,
        sql`
          select id from handoffs
          where status <> 'closed' and status in ('connecting', 'asking', 'active')
            and desk_conversation_id is not null and desk = any(${[...desks]}::text[]) and ${isDue(quietMs)}
          order by looked_at nulls first limit ${limit} for update skip locked
        `,
      );
      return rows.map((row) => toQuiet(row, 'open'));
    },
    async ended({ desks, limit }) {
      const { from, to } = AFTER_END_SECONDS;
      const rows = await claimHandoffs(
        db,
        sql`
          select id from handoffs
          where closed_at between now() - make_interval(secs => ${to}) and now() - make_interval(secs => ${from})
            and mode = 'external' and desk_conversation_id is not null and desk = any(${[...desks]}::text[])
            and (looked_at is null or looked_at < closed_at - make_interval(secs => ${AT_END_SECONDS}))
            and not exists (
              select 1 from handoffs later
              where later.bot_id = handoffs.bot_id and later.desk = handoffs.desk
                and later.desk_conversation_id = handoffs.desk_conversation_id and later.n > handoffs.n
            )
          limit ${limit} for update skip locked
        `,
      );
      return rows.map((row) => toQuiet(row, 'ended'));
    },
    async conversations({ desks, quietMs, limit }) {
      const { rows } = await sql<Row>`
        with due as (
          select id from conversations
          where ${heardAt} > now() - make_interval(hours => ${CONVERSATION_HOURS})
            and desk = any(${[...desks]}::text[]) and ${isDue(quietMs)}
            and not exists (
              select 1 from handoffs
              where handoffs.bot_id = conversations.bot_id and status <> 'closed'
                and handoffs.desk_conversation_id = conversations.desk_conversation_id
            )
          order by looked_at nulls first limit ${limit} for update skip locked
        )
        update conversations set looked_at = now() from due where conversations.id = due.id
        returning conversations.id, bot_id, desk, desk_conversation_id, 'native' as mode, greatest(
          started_at, ${heardAt} - make_interval(hours => ${BEFORE_LAST_HOURS})
        ) as since
      `.execute(db);
      return rows.map((row) => toQuiet(row, 'conversation'));
    },
    async looked(handoffId) {
      await sql`update handoffs set looked_at = now() where id = ${handoffId}`.execute(db);
    },
  };
}

/** Those of the query are this process's now. */
async function claimHandoffs(db: Database, due: RawBuilder<unknown>): Promise<Row[]> {
  const { rows } = await sql<Row>`
    with due as (${due})
    update handoffs set looked_at = now() from due where handoffs.id = due.id
    returning handoffs.id, bot_id, desk, desk_conversation_id, mode, started_at as since
  `.execute(db);
  return rows;
}

const heardAt = sql`coalesce(last_event_at, started_at)`;

const isDue = (quietMs: number) => sql<boolean>`
  now() - greatest(${heardAt}, looked_at) >= greatest(
    make_interval(secs => ${quietMs / 1_000}),
    least(make_interval(secs => ${MOST_SECONDS}), coalesce(looked_at, ${heardAt}) - ${heardAt})
  )
`;

const toQuiet = (row: Row, kind: QuietConversation['kind']): QuietConversation => ({
  kind,
  id: row.id,
  botId: row.bot_id,
  desk: row.desk,
  deskConversationId: row.desk_conversation_id,
  mode: row.mode,
  sinceMs: row.since.getTime(),
});
