import { expect, test, onTestFinished } from 'vitest';
import pg from 'pg';
import { isMigrated, migrate, MigrationError, NOT_ADDITIVE } from '../../activities/store/migrate.ts';
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

test('a version whose database is newer goes on when all that is new only adds, and else is refused', async () => {
  const { url, names } = await emptyDatabase();
  const before = { 'a-first': 'create table a (id int)' };
  const after = { ...before, 'b-second': 'create table b (id int)' };
  await migrate(url, after);
  await migrate(url, before);
  expect(await isMigrated(url, before)).toBe(true);
  expect(await names()).toEqual(Object.keys(after));
  await migrate(url, { ...after, 'c-third': `${NOT_ADDITIVE}\ndrop table a` });
  for (const migrations of [before, after]) {
    const refused = /c-third, which this version does not know and cannot live with/;
    await expect(migrate(url, migrations)).rejects.toThrow(refused);
    await expect(isMigrated(url, migrations)).rejects.toThrow(refused);
  }
});

test('a version that lacks what another has and has what the other lacks is refused', async () => {
  const { url } = await emptyDatabase();
  await migrate(url, { 'a-first': 'create table a (id int)', 'c-third': 'create table c (id int)' });
  const other = { 'a-first': 'create table a (id int)', 'b-second': 'create table b (id int)' };
  await expect(migrate(url, other)).rejects.toThrow(MigrationError);
});

test('a database that was migrated before migrations said whether they only add is no obstacle', async () => {
  const { url, client, names } = await emptyDatabase();
  const first = { 'a-first': 'create table a (id int)' };
  await migrate(url, first);
  await client.query('alter table migration_checksums drop column additive');
  await migrate(url, first);
  await migrate(url, { ...first, 'b-second': 'create table b (id int)' });
  expect(await names()).toEqual(['a-first', 'b-second']);
  await migrate(url, first);
});

test('what is called additive takes nothing away and asks nothing of rows of the version before', () => {
  const takes = /\b(drop|rename|truncate|delete from)\b|\balter column\b|\bset not null\b|\badd constraint\b/i;
  const asks = /\badd column (?:if not exists )?\w+ [^,;]*\bnot null\b(?![^,;]*\bdefault\b)/i;
  const later = Object.entries(migrations).slice(1);
  const wrong = later.filter(([, text]) => !text.includes(NOT_ADDITIVE) && (takes.test(text) || asks.test(text)));
  expect(wrong.map(([name]) => name)).toEqual([]);
  expect(takes.test('alter table a alter column b type text')).toBe(true);
  expect(asks.test('alter table a add column b text not null')).toBe(true);
  expect(asks.test('alter table a add column b boolean not null default false')).toBe(false);
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
