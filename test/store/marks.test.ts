import { afterAll, beforeAll, expect, test } from 'vitest';
import { newId, openStores, webhookSettings, type Fixture } from './fixture.ts';

let fixture: Fixture;
beforeAll(async () => {
  fixture = await openStores(2);
});
afterAll(() => fixture.close());

test('marks of the ledger only go up, per handoff and lane, over processes', async () => {
  const [one, two] = fixture.stores.map((store) => store.ledger);
  const handoffId = newId('handoff');
  expect(await one!.get(handoffId, 'desk')).toEqual({ started: 0, sent: 0 });
  await one!.started(handoffId, 'desk', 3);
  expect(await two!.get(handoffId, 'desk')).toEqual({ started: 3, sent: 0 });
  await two!.sent(handoffId, 'desk', 2);
  await one!.started(handoffId, 'desk', 1);
  expect(await one!.get(handoffId, 'desk')).toEqual({ started: 3, sent: 2 });
  await two!.sent(handoffId, 'desk', 5);
  expect(await one!.get(handoffId, 'desk')).toEqual({ started: 5, sent: 5 });
  expect(await one!.get(handoffId, 'callback')).toEqual({ started: 0, sent: 0 });
});

test('marks that come together, in any order and from two processes, leave the highest', async () => {
  const ids = Array.from({ length: 20 }, () => newId('handoff'));
  await Promise.all(
    ids.flatMap((id, i) =>
      [4, 1, 9, 7].flatMap((n) => [
        fixture.stores[(i + n) % 2]!.ledger.started(id, 'callback', n),
        fixture.stores[i % 2]!.ledger.sent(id, 'callback', n - 1),
      ]),
    ),
  );
  for (const id of ids) expect(await fixture.store.ledger.get(id, 'callback')).toEqual({ started: 9, sent: 8 });
});

test('a callback that fails shows since when and why, until it works again', async () => {
  const { callbacks, gauges } = fixture.store;
  const botId = newId('bot');
  const failing = (await gauges()).callbacksFailing;
  expect(await callbacks.health(botId)).toEqual({ failingSince: null, lastError: null, lastSuccessAt: null });
  await callbacks.failing(botId, '500 from the backend');
  const first = await callbacks.health(botId);
  expect(first).toEqual({ failingSince: expect.any(String), lastError: '500 from the backend', lastSuccessAt: null });
  await callbacks.failing(botId, 'refused');
  expect(await callbacks.health(botId)).toEqual({ ...first, lastError: 'refused' });
  expect((await gauges()).callbacksFailing).toBe(failing + 1);
  await callbacks.ok(botId);
  expect(await callbacks.health(botId)).toEqual({
    failingSince: null,
    lastError: null,
    lastSuccessAt: expect.any(String),
  });
  await callbacks.failing(botId, 'refused');
  expect((await callbacks.health(botId)).failingSince).not.toBeNull();
  expect((await gauges()).callbacksFailing).toBe(failing + 1);
});

test('a callback that is taken away, or whose bot is, counts as failing no more', async () => {
  const { bots, callbacks, gauges } = fixture.store;
  const failing = (await gauges()).callbacksFailing;
  const [without, gone] = [newId('bot'), newId('bot')];
  for (const id of [without, gone]) {
    await bots.put(id, webhookSettings());
    await callbacks.failing(id, 'refused');
  }
  expect((await gauges()).callbacksFailing).toBe(failing + 2);
  await bots.put(without, { ...webhookSettings(), callback: null });
  await bots.delete(gone);
  expect((await gauges()).callbacksFailing).toBe(failing);
});
