import { createHash } from 'node:crypto';
import { hostname } from 'node:os';

import pg from 'pg';

import { readEndpoint } from './data-folder.ts';
import { StartError } from './failure.ts';

const RETAKE_MS = 1_000;

export interface FolderLock {
  release(): Promise<void>;
}

/**
 * Takes the data folder for this process: an advisory lock of a database session, so that it ends with the process
 * however that ends. When another process has it, fails and names the running address; nothing was touched by then.
 */
export async function lockFolder(folder: string, databaseUrl: string): Promise<FolderLock> {
  const key = lockKey(folder);
  let released = false;
  let client = await take(databaseUrl, key);
  if (!client) {
    const running = await readEndpoint(folder);
    const where = running
      ? `at ${running.address} (process ${running.pid})`
      : 'in another process that is just starting';
    throw new StartError(
      `Baton already runs ${where} on the data folder ${folder}: use that one, stop it, or set BATON_DATA_DIR to another folder.`,
    );
  }
  // The session ends when PostgreSQL restarts: the lock is taken again as soon as it is back.
  const watch = (held: pg.Client): void => {
    held.once('end', () => void retake());
  };
  const retake = async (): Promise<void> => {
    while (!released) {
      await new Promise((resolve) => setTimeout(resolve, RETAKE_MS).unref());
      client = await take(databaseUrl, key).catch(() => undefined);
      if (client) return watch(client);
    }
  };
  watch(client);
  return {
    release: async () => {
      released = true;
      await client?.end().catch(() => undefined);
    },
  };
}

/** The path is part of the key: with an external database several folders share it. */
function lockKey(folder: string): string {
  return createHash('sha256').update(`baton:${hostname()}:${folder}`).digest().readBigInt64BE(0).toString();
}

async function take(databaseUrl: string, key: string): Promise<pg.Client | undefined> {
  const client = new pg.Client({
    connectionString: databaseUrl,
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
    application_name: 'baton-lock',
  });
  client.on('error', () => undefined);
  await client.connect();
  const { rows } = await client.query<{ taken: boolean }>('select pg_try_advisory_lock($1::bigint) as taken', [key]);
  if (rows[0]?.taken) return client;
  await client.end();
  return undefined;
}
