import { afterAll, beforeAll, expect, test } from 'vitest';
import { createStore, CursorError, type Store } from '../../activities/store/store.ts';
import { newId, newKey, openStores, silent, webhookSettings, type Fixture } from './fixture.ts';

let fixture: Fixture;
let bots: Store['bots'];
beforeAll(async () => {
  fixture = await openStores();
  bots = fixture.store.bots;
});
afterAll(() => fixture.close());

test('secrets read back as "set", come out decrypted where asked for, and are not stored in clear', async () => {
  const id = newId('bot');
  const settings = webhookSettings();
  const record = await bots.put(id, settings);
  expect(record.settings).toMatchObject({
    desk: { kind: 'webhook', url: 'https://desk.example.com', username: 'baton', password: 'set' },
    callback: { url: 'https://bot.example.com/events', secret: 'set', auth: { type: 'bearer', token: 'set' } },
  });
  expect(await bots.get(id)).toEqual(record);
  expect(await bots.withSecrets(id)).toEqual(settings);
  expect(await bots.desk(id, 'webhook')).toEqual(settings.desk);
  expect(await bots.callback(id)).toEqual(settings.callback);
  const rows = await fixture.query(
    'select b::text || d::text as stored from bots b join desk_configs d on d.bot_id = b.id',
  );
  expect(JSON.stringify(rows)).not.toMatch(/open sesame|callback-token|whsec_/);
});

test('a sealed secret that was copied to another bot does not open there', async () => {
  const [victim, thief] = [newId('bot'), newId('bot')];
  await bots.put(victim, webhookSettings());
  await bots.put(thief, webhookSettings());
  await fixture.query(
    `update desk_configs set secrets = (select secrets from desk_configs where bot_id = $1) where bot_id = $2`,
    [victim, thief],
  );
  await expect(bots.desk(thief, 'webhook')).rejects.toThrow(/cannot be opened/);
  expect(await bots.desk(victim, 'webhook')).toMatchObject({ password: 'open sesame' });
});

test('after a change of keys old secrets open and new ones are sealed by the new key', async () => {
  const id = newId('bot');
  await bots.put(id, webhookSettings());
  const rotated = newKey('k2');
  const next = createStore({ databaseUrl: fixture.url, secretKeys: `${rotated},${fixture.secretKeys}`, log: silent });
  const last = createStore({ databaseUrl: fixture.url, secretKeys: rotated, log: silent });
  try {
    expect(await next.bots.desk(id, 'webhook')).toMatchObject({ password: 'open sesame' });
    await expect(last.bots.desk(id, 'webhook')).rejects.toThrow(/key k1, which is not configured/);
    await next.bots.put(id, webhookSettings());
    expect(await last.bots.desk(id, 'webhook')).toMatchObject({ password: 'open sesame' });
  } finally {
    await Promise.all([next.close(), last.close()]);
  }
});

test('the hook token is unguessable, survives a change of settings and names only its own bot and desk', async () => {
  const [id, other] = [newId('bot'), newId('bot')];
  const first = await bots.put(id, webhookSettings());
  const second = await bots.put(id, webhookSettings({ trigger: 'another' }));
  const foreign = await bots.put(other, webhookSettings());
  expect(first.hookToken).toMatch(/^[\w-]{32,}$/);
  expect(second.hookToken).toBe(first.hookToken);
  expect(foreign.hookToken).not.toBe(first.hookToken);
  expect(await bots.byHookToken('webhook', first.hookToken)).toEqual({ botId: id });
  expect(await bots.byHookToken('intercom', first.hookToken)).toBeUndefined();
  expect(await bots.byHookToken('webhook', 'guess')).toBeUndefined();
});

test('a bot that leaves its desk keeps that config for the handoffs that are open there', async () => {
  const id = newId('bot');
  const { hookToken } = await bots.put(id, webhookSettings());
  const record = await bots.put(id, webhookSettings({ desk: null }));
  expect(record).toMatchObject({
    hookToken: '',
    service: { state: 'not_configured', since: null },
    settings: { desk: null },
  });
  expect(await bots.desk(id, 'webhook')).toMatchObject({ password: 'open sesame' });
  expect(await bots.byHookToken('webhook', hookToken)).toEqual({ botId: id });
});

test('the service status is written on a change only, and says since when', async () => {
  const id = newId('bot');
  const { service } = await bots.put(id, webhookSettings(), { service: { state: 'unavailable', why: 'refused' } });
  expect(service).toMatchObject({ state: 'unavailable', why: 'refused' });
  expect(await bots.setService(id, 'webhook', { state: 'unavailable', why: 'refused' })).toBe(false);
  expect((await bots.get(id))?.service).toEqual(service);
  expect(await bots.setService(id, 'webhook', { state: 'unavailable', why: 'expired' })).toBe(true);
  expect((await bots.get(id))?.service).toEqual({ ...service, why: 'expired' });
  expect(await bots.setService(id, 'webhook', { state: 'available' })).toBe(true);
  const now = (await bots.get(id))?.service;
  expect(now).toEqual({ state: 'available', since: expect.any(String) });
  expect(Date.parse(now?.since ?? '')).toBeGreaterThan(Date.parse(service.since ?? ''));
  await bots.put(id, webhookSettings({ trigger: 'another' }));
  expect((await bots.get(id))?.service).toEqual(now);
  expect(await bots.setService(id, 'intercom', { state: 'unavailable' })).toBe(false);
});

test('bots are paged by id', async () => {
  const prefix = newId('page');
  const ids = Array.from({ length: 5 }, (_, i) => `${prefix}-${i}`);
  for (const id of ids.toReversed()) await bots.put(id, webhookSettings());
  const seen: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await bots.list({ cursor, limit: 2 });
    seen.push(...page.bots.map((bot) => bot.id));
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined);
  expect(seen.filter((id) => id.startsWith(prefix))).toEqual(ids);
  expect(seen).toEqual(seen.toSorted());
  await expect(bots.list({ cursor: '', limit: 1 })).rejects.toThrow(CursorError);
});

test('a deleted bot is gone with its desk and keys, its handoffs stay', async () => {
  const id = newId('bot');
  const { hookToken } = await bots.put(id, webhookSettings());
  const { key } = await fixture.store.keys.create(id);
  expect(await bots.delete(id)).toBe(true);
  expect(await bots.delete(id)).toBe(false);
  expect(await bots.get(id)).toBeUndefined();
  expect(await bots.withSecrets(id)).toBeUndefined();
  expect(await bots.desk(id, 'webhook')).toBeUndefined();
  expect(await bots.callback(id)).toBeNull();
  expect(await bots.byHookToken('webhook', hookToken)).toBeUndefined();
  expect(await fixture.store.keys.verify(key)).toBeUndefined();
});
