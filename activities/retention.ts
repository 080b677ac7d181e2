import type { Deps } from './deps.ts';
import type { Deleted } from './store/types.ts';

/** Handoffs, and conversations, that one step deletes or looks at. */
const STEP = 100;

/** Rows of other tables in one step. */
const ROWS = 10_000;

/** A round begins no further step after this time; the next one goes on. Milliseconds, well below what it may take. */
const ROUND_MS = 20_000;

/** Where the walk over native conversations stands. */
const WALK = 'expired conversations';

/** What one round has deleted: rows by their kind. */
type Total = Map<string, number>;

/** Deletes what has been kept long enough (`BATON_RETENTION_DAYS`), a bounded part in every round of maintenance. */
export function createRetentionActivities({ store, clock, log, metrics, retentionDays: days = 0 }: Deps) {
  function count(total: Total, deleted: Partial<Deleted>): void {
    for (const [what, number] of Object.entries(deleted)) {
      if (number === 0) continue;
      total.set(what, (total.get(what) ?? 0) + number);
      metrics.expired.inc({ what }, number);
    }
  }

  async function handoffsUntil(total: Total, endMs: number): Promise<void> {
    for (;;) {
      const deleted = await store.upkeep.expireHandoffs({ days, limit: STEP });
      count(total, deleted);
      if (deleted.handoffs < STEP || clock.now() >= endMs) return;
    }
  }

  /** A round is one lap at the most: a conversation whose old events are gone would only be looked at again. */
  async function conversationsUntil(total: Total, endMs: number): Promise<void> {
    let after = await store.upkeep.cursor(WALK);
    do {
      const { next, ...deleted } = await store.upkeep.expireConversations({ days, limit: STEP, after });
      count(total, deleted);
      after = next;
    } while (after !== undefined && clock.now() < endMs);
    await store.upkeep.setCursor(WALK, after);
  }

  return {
    /** Says how many handoffs and native conversations went. 0 days: everything is kept. */
    async expireOld(): Promise<{ expired: number }> {
      if (days === 0) return { expired: 0 };
      const total: Total = new Map();
      const startMs = clock.now();
      await handoffsUntil(total, startMs + ROUND_MS / 2);
      await conversationsUntil(total, clock.now() + ROUND_MS / 4);
      count(total, { inbox: await store.upkeep.expireInbox({ days, limit: ROWS }) });
      count(total, { refusals: await store.upkeep.expireRefusals({ days, limit: ROWS }) });
      if (total.size > 0)
        log.info({ days, deleted: Object.fromEntries(total) }, 'what has been kept long enough is deleted');
      return { expired: (total.get('handoffs') ?? 0) + (total.get('conversations') ?? 0) };
    },
  };
}
