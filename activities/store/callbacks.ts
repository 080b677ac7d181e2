import { sql } from 'kysely';
import { cleanText, isoTimeOrNull, type Database } from './database.ts';
import type { Callbacks } from './types.ts';

/** How long the same outcome of a bot is not written again: deliveries are many, the row is one. */
const REPEAT_MS = 10_000;
const ERROR_MAX = 500;
const MEMORY_MAX = 10_000;

export function createCallbacks(db: Database): Callbacks {
  const written = new Map<string, { outcome: string; atMs: number }>();

  /** Runs `write` unless the bot's last outcome in this process was the same a moment ago. */
  const unlessRepeated = async (botId: string, outcome: string, write: () => Promise<unknown>): Promise<void> => {
    const last = written.get(botId);
    const now = Date.now();
    if (last?.outcome === outcome && now - last.atMs < REPEAT_MS) return;
    if (written.size >= MEMORY_MAX) written.clear();
    written.set(botId, { outcome, atMs: now });
    try {
      await write();
    } catch (error) {
      written.delete(botId);
      throw error;
    }
  };

  return {
    failing(botId, error) {
      const reason = cleanText(error.slice(0, ERROR_MAX));
      return unlessRepeated(botId, `failing: ${reason}`, () =>
        sql`
          insert into callback_health (bot_id, failing_since, last_error) values (${botId}, now(), ${reason})
          on conflict (bot_id) do update set
            failing_since = coalesce(callback_health.failing_since, excluded.failing_since),
            last_error = excluded.last_error
        `.execute(db),
      );
    },
    ok(botId) {
      return unlessRepeated(botId, 'ok', () =>
        sql`
          insert into callback_health (bot_id, last_success_at) values (${botId}, now())
          on conflict (bot_id) do update set
            failing_since = null, last_error = null, last_success_at = excluded.last_success_at
        `.execute(db),
      );
    },
    async health(botId) {
      const row = await db.selectFrom('callback_health').selectAll().where('bot_id', '=', botId).executeTakeFirst();
      return {
        failingSince: isoTimeOrNull(row?.failing_since ?? null),
        lastError: row?.last_error ?? null,
        lastSuccessAt: isoTimeOrNull(row?.last_success_at ?? null),
      };
    },
  };
}
