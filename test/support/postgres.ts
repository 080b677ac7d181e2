import { randomBytes } from 'node:crypto';

import pg from 'pg';

export interface TestDatabase {
  url: string;
  drop(): Promise<void>;
}

/** Migrated once by the global set-up; every test file gets a copy of its own. */
export const TEMPLATE = 'baton_template';

/** A fresh, migrated database on the real PostgreSQL that the set-up started. `empty` gives one without tables. */
export async function createTestDatabase(options: { empty?: boolean } = {}): Promise<TestDatabase> {
  const server = process.env['BATON_TEST_POSTGRES'];
  if (!server) throw new Error('BATON_TEST_POSTGRES is not set: run the tests through npm test.');
  const name = `test_${randomBytes(6).toString('hex')}`;
  await administer(server, `create database ${name} template ${options.empty ? 'template0' : TEMPLATE}`);
  return {
    url: databaseUrl(server, name),
    drop: async () => void (await administer(server, `drop database if exists ${name} with (force)`)),
  };
}

export function databaseUrl(server: string, name: string): string {
  const url = new URL(server);
  url.pathname = `/${name}`;
  return url.href;
}

export async function administer(url: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}
