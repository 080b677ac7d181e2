import { cp, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';

/** Not part of a backup: of the running server alone, or copied at the end. */
const LEFT_OUT = new Set(['postmaster.pid', 'postmaster.opts', 'pg_wal', 'pg_replslot', 'pg_stat_tmp']);

/**
 * A base backup of a running PostgreSQL by its low-level API, as `pg_basebackup` and snapshots of disks do it: the files
 * while they change, and the write-ahead log that makes them whole. Gives back where the data folder of the server is.
 */
export async function baseBackup(databaseUrl: string, folder: string): Promise<{ data: string }> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const { rows } = await client.query<{ data_directory: string }>('show data_directory');
    const data = rows[0]!.data_directory;
    await client.query(`select pg_backup_start('baton', fast => true)`);
    for (const name of await readdir(data)) {
      if (!LEFT_OUT.has(name)) await cp(join(data, name), join(folder, name), { recursive: true });
    }
    const stopped = await client.query<{ labelfile: string }>(
      `select labelfile from pg_backup_stop(wait_for_archive => false)`,
    );
    await writeFile(join(folder, 'backup_label'), stopped.rows[0]!.labelfile);
    await cp(join(data, 'pg_wal'), join(folder, 'pg_wal'), { recursive: true });
    await cp(join(data, 'pg_replslot'), join(folder, 'pg_replslot'), { recursive: true });
    return { data };
  } finally {
    await client.end();
  }
}

/** Puts the backup in the place of the data folder; the server must be down. */
export async function restoreBackup(folder: string, data: string): Promise<void> {
  await rm(data, { recursive: true, force: true });
  await cp(folder, data, { recursive: true });
}
