import { AsyncLocalStorage } from 'node:async_hooks';
import { sql, type Transaction } from 'kysely';
import type { DeskMemory } from '../desks/desk.ts';
import { cleanText, type Database } from './database.ts';
import { secretAad, type SecretBox } from './secrets.ts';
import type { Tables } from './tables.ts';
import { Turns } from './turns.ts';

/** Each holds a connection of the pool while the desk is asked; quick ones hold theirs for a moment only. */
const UPDATES_AT_ONCE = 4;
/** So that a bot whose desk hangs does not keep those of the others waiting. */
const UPDATES_PER_BOT = 2;
/** Shorter than a statement may take, so that a wait ends as what it is and begins again. */
const LOCK_WAIT_MS = 4_000;
const LOCK_TRIES = 15;
/** How long a change may take before the database takes its lock away. */
const CHANGE_MAX_MS = 120_000;
const LOCK_TIMED_OUT = '55P03';
const FORGET_AT_ONCE = 5_000;

interface Place {
  botId: string;
  desk: string;
  key: string;
}

interface UpdateOptions {
  ttlMs?: number;
  quick?: true;
}

type Change<T> = (now: T | undefined) => Promise<T>;

/** The places whose update this call is a part of. */
const inside = new AsyncLocalStorage<ReadonlySet<string>>();

/** What desks keep between calls, see `DeskMemory`. A value is sealed for its bot, desk and key. */
export function createMemory(db: Database, box: SecretBox) {
  const turns = new Turns(UPDATES_AT_ONCE, UPDATES_PER_BOT);

  async function update<T>(place: Place, change: Change<T>, { ttlMs, quick }: UpdateOptions): Promise<T> {
    const name = nameOf(place);
    const around = inside.getStore();
    if (around?.has(name)) throw new Error(`an update of ${place.key} inside of itself would wait for ever`);
    const run = (): Promise<T> => underLock(db, name, (tx) => changeIn(tx, place, change, ttlMs));
    // An inner update has the place of the outer one: waiting for another could be for ever.
    const owner = around === undefined && quick !== true ? place.botId : undefined;
    return await turns.run(name, () => inside.run(new Set([...(around ?? []), name]), run), owner);
  }

  async function changeIn<T>(tx: Database, place: Place, change: Change<T>, ttlMs: number | undefined): Promise<T> {
    const stored = await read(tx, box, place);
    const value = await change(parse<T>(stored));
    const json = stringify(value);
    // What `change` found and gave back keeps its time: a token must not live longer because it was asked for.
    if (json !== stored) await write(tx, box, place, json, ttlMs);
    return value;
  }

  return {
    of(botId: string, desk: string, config?: unknown): DeskMemory {
      const address = addressOf(config);
      const placeOf = (key: string): Place => ({ botId, desk, key: cleanText(address + key) });
      return {
        get: async <T>(key: string) => parse<T>(await read(db, box, placeOf(key))),
        put: (key, value, options = {}) => write(db, box, placeOf(key), stringify(value), options.ttlMs),
        update: (key, change, options = {}) => update(placeOf(key), change, options),
        forget: (key) => write(db, box, placeOf(key), undefined, undefined),
      };
    },
    async forgetExpired(): Promise<number> {
      let forgotten = 0;
      for (;;) {
        const count = await forgetSome(db);
        forgotten += count;
        if (count < FORGET_AT_ONCE) return forgotten;
      }
    },
  };
}

/** Empty for the vendor's own address. */
function addressOf(config: unknown): string {
  const { baseUrl } = (config ?? {}) as { baseUrl?: unknown };
  return typeof baseUrl === 'string' && URL.canParse(baseUrl) ? `${new URL(baseUrl).origin} ` : '';
}

const nameOf = ({ botId, desk, key }: Place): string => JSON.stringify(['desk_memory', botId, desk, key]);

/** Where a value of a desk's memory belongs. */
export const memoryAad = ({ botId, desk, key }: Place): string => secretAad(botId, `${desk}/memory/${key}`);

const parse = <T>(json: string | undefined): T | undefined =>
  json === undefined ? undefined : (JSON.parse(json) as T);

/** `undefined` is what JSON has no word for: there is nothing to keep. */
const stringify = (value: unknown): string | undefined => JSON.stringify(value);

/**
 * The lock and the reading take no transaction id, so a change that takes long holds no stream of a bot back. `work`
 * runs once at most; its error is thrown as it is.
 */
async function underLock<T>(db: Database, name: string, work: (tx: Database) => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    const progress: { locked: boolean; failure?: { error: unknown } } = { locked: false };
    try {
      return await db.transaction().execute(async (tx) => {
        await lock(tx, name);
        progress.locked = true;
        return await work(tx).catch((error: unknown) => {
          progress.failure = { error };
          throw error;
        });
      });
    } catch (error) {
      // A lost connection fails the rollback as well, with an error that says less.
      if (progress.failure) throw progress.failure.error;
      const timedOut = error instanceof Error && 'code' in error && error.code === LOCK_TIMED_OUT;
      if (progress.locked || !timedOut || tries === LOCK_TRIES) throw error;
    }
  }
}

async function lock(tx: Transaction<Tables>, name: string): Promise<void> {
  await sql`
    select set_config('lock_timeout', ${String(LOCK_WAIT_MS)}, true),
      set_config('idle_in_transaction_session_timeout', ${String(CHANGE_MAX_MS)}, true)
  `.execute(tx);
  await sql`select pg_advisory_xact_lock(hashtextextended(${name}, 0))`.execute(tx);
}

async function read(db: Database, box: SecretBox, place: Place): Promise<string | undefined> {
  const { rows } = await sql<{ value: string }>`
    select value from desk_memory
    where bot_id = ${place.botId} and desk = ${place.desk} and key = ${place.key}
      and (expires_at is null or expires_at > clock_timestamp())
  `.execute(db);
  const [row] = rows;
  return row && box.open(row.value, memoryAad(place));
}

async function write(
  db: Database,
  box: SecretBox,
  place: Place,
  json: string | undefined,
  ttlMs: number | undefined,
): Promise<void> {
  const { botId, desk, key } = place;
  if (json === undefined) {
    await sql`delete from desk_memory where bot_id = ${botId} and desk = ${desk} and key = ${key}`.execute(db);
    return;
  }
  const seconds = ttlMs === undefined ? null : ttlMs / 1_000;
  // Not `now()`: that is when the transaction began, before a change that may have taken long.
  await sql`
    insert into desk_memory (bot_id, desk, key, value, expires_at)
    values (${botId}, ${desk}, ${key}, ${box.seal(json, memoryAad(place))},
      clock_timestamp() + make_interval(secs => ${seconds}::double precision))
    on conflict (bot_id, desk, key) do update set value = excluded.value, expires_at = excluded.expires_at
  `.execute(db);
}

/** What an update wrote while its bot was deleted goes as well. */
async function forgetSome(db: Database): Promise<number> {
  const result = await sql`
    delete from desk_memory where ctid in (
      select ctid from desk_memory
      where expires_at <= now() or not exists (select 1 from bots where bots.id = desk_memory.bot_id)
      limit ${FORGET_AT_ONCE}
    )
  `.execute(db);
  return Number(result.numAffectedRows ?? 0n);
}
