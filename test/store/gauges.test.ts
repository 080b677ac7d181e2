import { afterAll, beforeAll, expect, test } from 'vitest';
import { newHandoff, newId, openStores, webhookSettings, type Fixture } from './fixture.ts';

let fixture: Fixture;
beforeAll(async () => {
  fixture = await openStores();
});
afterAll(() => fixture.close());

const inbox = async (handoff: 'known' | 'unknown') =>
  (await fixture.store.gauges()).inbox.find((part) => part.handoff === handoff);

test('gauges count what is open, by desk and status, and nothing that is closed', async () => {
  const { store } = fixture;
  expect((await store.gauges()).open).toEqual([]);
  const made = [];
  for (let n = 0; n < 3; n += 1) made.push((await store.handoffs.open(newHandoff())).handoff);
  await fixture.query(`update handoffs set status = 'active' where id = $1`, [made[0]!.id]);
  await fixture.query(`update handoffs set status = 'closed' where id = $1`, [made[1]!.id]);
  const { desk } = made[0]!;
  expect((await store.gauges()).open.toSorted((a, b) => (a.status < b.status ? -1 : 1))).toEqual([
    { desk, status: 'active', count: 1 },
    { desk, status: made[2]!.status, count: 1 },
  ]);
});

test('gauges tell how much waits in the inbox and for how long', async () => {
  const { store } = fixture;
  const event = { botId: newId('bot'), desk: 'webhook', signal: { id: 's', kind: 'close', by: 'agent' } as const };
  expect(await inbox('known')).toEqual({ handoff: 'known', count: 0, oldestSeconds: 0 });
  const handoffId = newId('handoff');
  await store.inbox.receive({ ...event, dedupeKey: 'a', deskConversationId: newId('desk'), handoffId });
  await store.inbox.receive({ ...event, dedupeKey: 'b', deskConversationId: newId('desk') });
  await fixture.query(`update inbox set received_at = now() - interval '90 seconds' where dedupe_key = 'b'`);
  expect(await inbox('known')).toMatchObject({ count: 1 });
  const unknown = await inbox('unknown');
  expect(unknown?.count).toBe(1);
  expect(unknown?.oldestSeconds).toBeGreaterThanOrEqual(90);
  await fixture.query(`update inbox set outcome = 'late', outcome_at = now()`);
  expect(await inbox('unknown')).toEqual({ handoff: 'unknown', count: 0, oldestSeconds: 0 });
});

test('gauges count bots whose current desk is unavailable, and not desks that a bot has left', async () => {
  const { store } = fixture;
  const ids = [newId('bot'), newId('bot')];
  for (const id of ids) await store.bots.put(id, webhookSettings());
  expect((await store.gauges()).servicesUnavailable).toEqual([{ desk: 'webhook', count: 0 }]);
  for (const id of ids) await store.bots.setService(id, 'webhook', { state: 'unavailable', why: 'refused' });
  expect((await store.gauges()).servicesUnavailable).toEqual([{ desk: 'webhook', count: 2 }]);
  await store.bots.put(ids[0]!, { ...webhookSettings(), desk: null });
  expect((await store.gauges()).servicesUnavailable).toEqual([{ desk: 'webhook', count: 1 }]);
});

test('the pool says how many connections it has and how many queries wait for one', async () => {
  const { store } = fixture;
  await store.ping();
  const { total, idle, waiting } = store.connections();
  expect(total).toBeGreaterThan(0);
  expect(idle).toBeLessThanOrEqual(total);
  expect(waiting).toBe(0);
  const many = Array.from({ length: 40 }, () => store.ping());
  expect(store.connections().waiting).toBeGreaterThan(0);
  await Promise.all(many);
});
