import { afterAll, beforeAll, expect, test } from 'vitest';
import { createHash } from 'node:crypto';
import { until } from '../support/poll.ts';
import { newId, openStores, webhookSettings, type Fixture } from './fixture.ts';

let fixture: Fixture;
beforeAll(async () => {
  fixture = await openStores(2);
});
afterAll(() => fixture.close());

async function newBot(): Promise<string> {
  const id = newId('bot');
  await fixture.store.bots.put(id, webhookSettings());
  return id;
}

test('a key names its bot and is stored as its SHA-256 only', async () => {
  const { keys } = fixture.store;
  const botId = await newBot();
  const { id, key } = await keys.create(botId, 'backend');
  expect(key).toMatch(new RegExp(`^bk_${id}_[A-Za-z0-9_-]{43}$`));
  expect(await keys.verify(key)).toEqual({ keyId: id, botId, apiEnabled: true });
  const [row] = await fixture.query<{ hash: Buffer; all: string }>(
    'select hash, keys::text as all from keys where id = $1',
    [id],
  );
  expect(row?.hash).toEqual(createHash('sha256').update(key).digest());
  // Not split at `_`, which its secret part may have as well.
  expect(row?.all).not.toContain(key.slice(`bk_${id}_`.length));
});

test('a key that differs in anything is refused', async () => {
  const { keys } = fixture.store;
  const botId = await newBot();
  const [one, two] = [await keys.create(botId), await keys.create(botId)];
  const { key } = one;
  const flipped = key.slice(0, -2) + (key.at(-2) === 'A' ? 'B' : 'A') + key.at(-1);
  const swapped = key.replace(one.id, two.id);
  const unknown = key.replace(one.id, '0'.repeat(16));
  for (const wrong of [
    flipped,
    swapped,
    unknown,
    key.slice(0, -1),
    `${key}A`,
    ` ${key}`,
    key.toUpperCase(),
    'bk_',
    '',
  ]) {
    expect(await keys.verify(wrong), wrong).toBeUndefined();
  }
  expect(await keys.verify(key)).toMatchObject({ keyId: one.id });
});

test('a deleted key is refused at once here and within 5 seconds in another process', async () => {
  const [here, there] = fixture.stores.map((store) => store.keys);
  const botId = await newBot();
  const { id, key } = await here!.create(botId);
  await Promise.all([here!.verify(key), there!.verify(key)]);
  expect(await here!.delete(await newBot(), id), "another bot's key").toBe(false);
  expect(await here!.delete(botId, id)).toBe(true);
  expect(await here!.verify(key)).toBeUndefined();
  await until(async () => (await there!.verify(key)) === undefined, {
    timeoutMs: 12_000,
    everyMs: 100,
    message: 'still accepted',
  });
});

test('answers come from memory for a moment, a change of the bot is seen at once', async () => {
  const { keys, bots } = fixture.store;
  const botId = await newBot();
  const { id, key } = await keys.create(botId);
  await keys.verify(key);
  await fixture.query('delete from keys where id = $1', [id]);
  expect(await keys.verify(key)).toMatchObject({ keyId: id });
  const other = await keys.create(botId);
  await keys.verify(other.key);
  await bots.put(botId, webhookSettings({ apiEnabled: false }));
  expect(await keys.verify(other.key)).toMatchObject({ apiEnabled: false });
  expect(await keys.verify(key)).toBeUndefined();
});

test("a list shows a bot's own keys without anything secret, and when they were used", async () => {
  const { keys } = fixture.store;
  const botId = await newBot();
  const [one, two] = [await keys.create(botId, 'first'), await keys.create(botId)];
  await keys.create(await newBot(), 'foreign');
  const listed = await keys.list(botId);
  expect(listed).toEqual([
    { id: one.id, label: 'first', createdAt: expect.any(String), lastUsedAt: null },
    { id: two.id, label: null, createdAt: expect.any(String), lastUsedAt: null },
  ]);
  await keys.verify(one.key);
  await until(async () => (await keys.list(botId))[0]?.lastUsedAt, { message: 'the use is not noted' });
});
