import { sql } from 'kysely';
import type { Database } from './database.ts';

/** What the whole installation has at this moment. */
export interface DatabaseGauges {
  open: { desk: string; status: string; count: number }[];
  /** Not yet forwarded: `known` to a handoff, or `unknown` so far. `oldestSeconds` is 0 when there is none. */
  inbox: { handoff: 'known' | 'unknown'; count: number; oldestSeconds: number }[];
  /** Bots whose callback fails. */
  callbacksFailing: number;
  /** Bots whose current desk does not take their credentials; desks without one are in it with 0. */
  servicesUnavailable: { desk: string; count: number }[];
}

interface Row {
  open: { desk: string; status: string; count: number }[] | null;
  known: number;
  unknown: number;
  known_seconds: number | null;
  unknown_seconds: number | null;
  callbacks_failing: number;
  services: { desk: string; count: number }[] | null;
}

/** One statement over partial indexes: what is open and what waits, never what is over. */
export async function readGauges(db: Database): Promise<DatabaseGauges> {
  const { rows } = await sql<Row>`
    with opened as (
      select desk, status, count(*)::int as count from handoffs where status <> 'closed' group by 1, 2
    ), pending as (
      select count(handoff_id)::int as known, (count(*) - count(handoff_id))::int as unknown,
        extract(epoch from now() - min(received_at) filter (where handoff_id is not null))::float8 as known_seconds,
        extract(epoch from now() - min(received_at) filter (where handoff_id is null))::float8 as unknown_seconds
      from inbox where outcome is null
    ), services as (
      select c.kind as desk, (count(*) filter (where c.service_state = 'unavailable'))::int as count
      from desk_configs c join bots b on b.id = c.bot_id and b.desk_kind = c.kind group by 1
    )
    select pending.*, (select json_agg(opened) from opened) as open, (select json_agg(services) from services) as services,
      (select count(*)::int from callback_health where failing_since is not null) as callbacks_failing
    from pending
  `.execute(db);
  const row = rows[0]!;
  return {
    open: row.open ?? [],
    inbox: [
      { handoff: 'known', count: row.known, oldestSeconds: Math.max(0, row.known_seconds ?? 0) },
      { handoff: 'unknown', count: row.unknown, oldestSeconds: Math.max(0, row.unknown_seconds ?? 0) },
    ],
    callbacksFailing: row.callbacks_failing,
    servicesUnavailable: row.services ?? [],
  };
}
