import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { sql } from 'kysely';
import type { Logger } from 'pino';
import { isoTime, isoTimeOrNull, type Database } from './database.ts';
import type { Keys, VerifiedKey } from './types.ts';

const KEY = /^bk_([0-9a-f]{16})_([A-Za-z0-9_-]{43})$/;
const ID_BYTES = 8;
const SECRET_BYTES = 32;
const CACHE_MS = 5_000;
const CACHE_MAX = 10_000;
const USE_SECONDS = 60;

const hashOf = (key: string): Buffer => createHash('sha256').update(key).digest();
/** Compared against when the id is unknown, so that the time tells nothing. */
const NO_HASH = Buffer.alloc(32);

interface Cached {
  answer: Promise<VerifiedKey | undefined>;
  untilMs: number;
}

/**
 * Bot keys `bk_<id>_<secret>`. The secret has 256 random bits, so one SHA-256 at rest is enough. `forget` empties the
 * memory of this process after a change; other processes follow within 5 seconds.
 */
export function createKeys(db: Database, log: Logger): Keys & { forget(): void } {
  const cache = new Map<string, Cached>();

  const noteUse = (id: string): void => {
    db.updateTable('keys')
      .set({ last_used_at: sql<Date>`now()` })
      .where('id', '=', id)
      .where((eb) =>
        eb.or([
          eb('last_used_at', 'is', null),
          eb('last_used_at', '<', sql<Date>`now() - make_interval(secs => ${USE_SECONDS})`),
        ]),
      )
      .execute()
      // Nice to know, never worth a refused request.
      .catch((error: unknown) => log.debug({ keyId: id, err: error }, 'the use of a key was not noted'));
  };

  const lookUp = async (key: string): Promise<VerifiedKey | undefined> => {
    const id = KEY.exec(key)?.[1];
    if (id === undefined) return undefined;
    const row = await db
      .selectFrom('keys')
      .innerJoin('bots', 'bots.id', 'keys.bot_id')
      .select(['keys.bot_id', 'keys.hash', 'bots.api_enabled'])
      .where('keys.id', '=', id)
      .executeTakeFirst();
    const same = timingSafeEqual(hashOf(key), row?.hash ?? NO_HASH);
    if (!row || !same) return undefined;
    noteUse(id);
    return { keyId: id, botId: row.bot_id, apiEnabled: row.api_enabled };
  };

  return {
    async create(botId, label) {
      const id = randomBytes(ID_BYTES).toString('hex');
      const key = `bk_${id}_${randomBytes(SECRET_BYTES).toString('base64url')}`;
      await db
        .insertInto('keys')
        .values({ id, bot_id: botId, label: label ?? null, hash: hashOf(key) })
        .execute();
      return { id, key };
    },
    async list(botId) {
      const rows = await db
        .selectFrom('keys')
        .select(['id', 'label', 'created_at', 'last_used_at'])
        .where('bot_id', '=', botId)
        .orderBy('created_at')
        .orderBy('id')
        .execute();
      return rows.map((row) => ({
        id: row.id,
        label: row.label,
        createdAt: isoTime(row.created_at),
        lastUsedAt: isoTimeOrNull(row.last_used_at),
      }));
    },
    async delete(botId, id) {
      const result = await db.deleteFrom('keys').where('bot_id', '=', botId).where('id', '=', id).executeTakeFirst();
      cache.clear();
      return result.numDeletedRows > 0n;
    },
    async verify(key) {
      const slot = hashOf(key).toString('base64');
      const now = Date.now();
      const cached = cache.get(slot);
      if (cached && cached.untilMs > now) return await cached.answer;
      const answer = lookUp(key);
      if (cache.size >= CACHE_MAX) cache.clear();
      const entry = { answer, untilMs: now + CACHE_MS };
      cache.set(slot, entry);
      const drop = (): void => {
        if (cache.get(slot) === entry) cache.delete(slot);
      };
      try {
        const found = await answer;
        // A key that was not found is not remembered: it may be made in the next moment.
        if (!found) drop();
        return found;
      } catch (error) {
        drop();
        throw error;
      }
    },
    forget: () => cache.clear(),
  };
}
