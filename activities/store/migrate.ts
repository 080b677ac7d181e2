import { createHash } from 'node:crypto';
import { Kysely, Migrator, PostgresDialect, sql, type Migration } from 'kysely';
import { Pool } from 'pg';
import { surviveLostConnections } from './database.ts';
import { migrations as ours } from './migrations/index.ts';

const CONNECT_TIMEOUT_MS = 5_000;

export class MigrationError extends Error {
  override readonly name = 'MigrationError';
}

/**
 * Brings the database to the newest form. Any number of processes may call it together: one works, the others wait.
 * Throws `MigrationError` when a migration that ran has changed since, or when the database is newer than this code.
 */
export async function migrate(databaseUrl: string, migrations: Record<string, string> = ours): Promise<void> {
  await withDatabase(databaseUrl, async (db) => {
    await refuseChanged(db, migrations);
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

const checksum = (text: string): string => createHash('sha256').update(text.replaceAll('\r\n', '\n')).digest('hex');

function withChecksums(migrations: Record<string, string>): Record<string, Migration> {
  return Object.fromEntries(
    Object.entries(migrations).map(([name, text]) => [
      name,
      {
        async up(db) {
          await sql`create table if not exists migration_checksums (name text primary key, checksum text not null)`.execute(
            db,
          );
          await sql.raw(text).execute(db);
          await sql`insert into migration_checksums values (${name}, ${checksum(text)})`.execute(db);
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
  const applied = await sql<{ name: string; checksum: string }>`select name, checksum from migration_checksums`.execute(
    db,
  );
  for (const row of applied.rows) {
    const text = migrations[row.name];
    if (text === undefined) {
      throw new MigrationError(`the database has migration ${row.name}, which this version does not know: it is newer`);
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
