import { expect, test, onTestFinished } from 'vitest';
import pg from 'pg';
import { migrate, MigrationError } from '../../activities/store/migrate.ts';
import { migrations } from '../../activities/store/migrations/index.ts';
import { createTestDatabase } from '../support/postgres.ts';

async function emptyDatabase() {
  const database = await createTestDatabase({ empty: true });
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  onTestFinished(async () => {
    await client.end();
    await database.drop();
  });
  const names = async () =>
    (await client.query<{ name: string }>('select name from migration_checksums order by name')).rows.map(
      ({ name }) => name,
    );
  return { url: database.url, client, names };
}

test('several processes may migrate an empty database at the same moment', async () => {
  const { url, names } = await emptyDatabase();
  await Promise.all(Array.from({ length: 6 }, () => migrate(url)));
  expect(await names()).toEqual(Object.keys(migrations));
  await migrate(url);
});

test('a migration that changed after it ran is refused, and nothing is done', async () => {
  const { url, names } = await emptyDatabase();
  await migrate(url, { 'a-first': 'create table a (id int)' });
  const changed = { 'a-first': 'create table a (id bigint)', 'b-second': 'create table b (id int)' };
  await expect(migrate(url, changed)).rejects.toThrow(MigrationError);
  await expect(migrate(url, changed)).rejects.toThrow(/a-first has changed/);
  expect(await names()).toEqual(['a-first']);
  await migrate(url, { ...changed, 'a-first': 'create table a (id int)' });
  expect(await names()).toEqual(['a-first', 'b-second']);
});

test('a database that is newer than the code is refused', async () => {
  const { url } = await emptyDatabase();
  await migrate(url, { 'a-first': 'create table a (id int)', 'b-second': 'create table b (id int)' });
  await expect(migrate(url, { 'a-first': 'create table a (id int)' })).rejects.toThrow(
    /b-second, which this version does not know/,
  );
});

test('a migration that fails leaves nothing behind and can be tried again', async () => {
  const { url, client } = await emptyDatabase();
  const bad = { 'a-first': 'create table a (id int); select 1 / 0' };
  await expect(migrate(url, bad)).rejects.toThrow(/division by zero/);
  const { rows } = await client.query(`select to_regclass('a') as a`);
  expect(rows).toEqual([{ a: null }]);
  await migrate(url, { 'a-first': 'create table a (id int)' });
});

test('a database of the first version keeps its rows and gets what is new', async () => {
  const { url, client, names } = await emptyDatabase();
  const [first] = Object.entries(migrations).map(([name, text]) => ({ [name]: text }));
  await migrate(url, first);
  const values = ['ho_1', 'bot', 'conversation', 'webhook', 'at-desk', 'web', 'external', 'active', '{}'];
  await client.query(
    `insert into handoffs (id, bot_id, conversation_id, desk, desk_conversation_id, channel, mode, status, request)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
    values,
  );
  await migrate(url);
  expect(await names()).toEqual(Object.keys(migrations));
  const { rows } = await client.query('select id, desk_conversation_id from handoffs');
  expect(rows).toEqual([{ id: 'ho_1', desk_conversation_id: 'at-desk' }]);
  await client.query(
    `insert into conversations (id, bot_id, desk, desk_conversation_id) values ('co_1', 'b', 'd', 'c')`,
  );
  await client.query(`insert into desk_memory (bot_id, desk, key, value) values ('b', 'd', 'k', 'v')`);
});
