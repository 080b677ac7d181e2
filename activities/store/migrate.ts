import { createHash } from 'node:crypto';
import { Kysely, Migrator, PostgresDialect, sql, type Migration } from 'kysely';
import { Pool } from 'pg';
import { surviveLostConnections } from './database.ts';
import { migrations as ours } from './migrations/index.ts';

const CONNECT_TIMEOUT_MS = 5_000;
const LOCK_TIMEOUT_MS = 5_000;

export class MigrationError extends Error {
  override readonly name = 'MigrationError';
}

/** First line of a migration that the code before it cannot live with. It is for a release of its own. */
export const NOT_ADDITIVE = '-- not additive';

/**
 * Brings the database to the newest form. Any number of processes may call it together: one works, the others wait. A
 * newer version may have migrated before: what only adds to the database is no reason not to run, so that versions can
 * run side by side, and the one before can come back. Throws `MigrationError` when a migration that ran has changed
 * since, or when the database has one that this code does not know and that is not additive.
 */
export async function migrate(databaseUrl: string, migrations: Record<string, string> = ours): Promise<void> {
  await withDatabase(databaseUrl, async (db) => {
    const applied = await refuseChanged(db, migrations);
    // The migrator refuses every database that is newer.
    if (Object.keys(migrations).every((name) => applied.includes(name))) return;
    const migrator = new Migrator({ db, provider: { getMigrations: async () => withChecksums(migrations) } });
    const { error } = await migrator.migrateToLatest();
    if (error !== undefined) throw explain(error);
    // Again: another process may have migrated, with other code, while this one waited.
    await refuseChanged(db, migrations);
  });
}

/** Whether the database has every migration of this code; throws like `migrate`. Changes nothing. */
export async function isMigrated(databaseUrl: string, migrations: Record<string, string> = ours): Promise<boolean> {
  return await withDatabase(databaseUrl, async (db) => {
    const applied = await refuseChanged(db, migrations);
    return Object.keys(migrations).every((name) => applied.includes(name));
  });
}

async function withDatabase<T>(databaseUrl: string, work: (db: Kysely<unknown>) => Promise<T>): Promise<T> {
  const pool = new Pool({ connectionString: databaseUrl, max: 2, connectionTimeoutMillis: CONNECT_TIMEOUT_MS });
  surviveLostConnections(pool, () => {});
  const db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) });
  try {
    return await work(db);
  } finally {
    await db.destroy();
  }
}

/** The first version made it without `additive`. */
const CHECKSUMS = `
create table if not exists migration_checksums (name text primary key, checksum text not null);
alter table migration_checksums add column if not exists additive boolean;
`;

const checksum = (text: string): string => createHash('sha256').update(text.replaceAll('\r\n', '\n')).digest('hex');

function withChecksums(migrations: Record<string, string>): Record<string, Migration> {
  return Object.fromEntries(
    Object.entries(migrations).map(([name, text]) => [
      name,
      {
        async up(db) {
          // Whoever waits for a table lets nobody else have it meanwhile: then rather once more.
          await sql.raw(`set local lock_timeout = '${LOCK_TIMEOUT_MS}'`).execute(db);
          await sql.raw(CHECKSUMS).execute(db);
          await sql.raw(text).execute(db);
          const additive = !text.trimStart().startsWith(NOT_ADDITIVE);
          await sql`
            insert into migration_checksums (name, checksum, additive) values (${name}, ${checksum(text)}, ${additive})
          `.execute(db);
        },
      } satisfies Migration,
    ]),
  );
}

/** The names of those that have run. */
async function refuseChanged(db: Kysely<unknown>, migrations: Record<string, string>): Promise<string[]> {
  const exists = await sql<{ found: boolean }>`select to_regclass('migration_checksums') is not null as found`.execute(
    db,
  );
  if (exists.rows[0]?.found !== true) return [];
  // As JSON: the column is younger than the table.
  const applied = await sql<{ name: string; checksum: string; additive: string | null }>`
    select name, checksum, to_jsonb(migration_checksums) ->> 'additive' as additive from migration_checksums
  `.execute(db);
  for (const row of applied.rows) {
    const text = migrations[row.name];
    if (text === undefined) {
      if (row.additive === 'true') continue;
      throw new MigrationError(
        `the database has migration ${row.name}, which this version does not know and cannot live with: it is newer`,
      );
    }
    if (checksum(text) !== row.checksum) {
      throw new MigrationError(`migration ${row.name} has changed since it ran; restore it and add a new one instead`);
    }
  }
  return applied.rows.map(({ name }) => name);
}

function explain(error: unknown): Error {
  if (!(error instanceof Error)) return new MigrationError(String(error));
  return error.message.startsWith('corrupted migrations') ? new MigrationError(error.message, { cause: error }) : error;
}
