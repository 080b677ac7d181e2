import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { createStore, type ReceivedEvent, type Receipt, type Store } from '../../activities/store/store.ts';
import { newId, newKey, openStores, silent, type Fixture } from './fixture.ts';

let fixture: Fixture;
let sealed: Store;
let place: Pick<ReceivedEvent, 'botId' | 'desk' | 'deskConversationId' | 'handoffId'>;
beforeAll(async () => {
  fixture = await openStores(1);
  const { url: databaseUrl, secretKeys } = fixture;
  sealed = createStore({ databaseUrl, secretKeys, payloadKeys: newKey('p1'), log: silent });
});
afterAll(async () => {
  await sealed.close();
  await fixture.close();
});
beforeEach(() => {
  place = { botId: newId('bot'), desk: 'sobot', deskConversationId: newId('talk'), handoffId: newId('handoff') };
});

const reply = (key: string, text: string): ReceivedEvent => ({
  ...place,
  dedupeKey: `${place.botId}.${key}`,
  signal: { kind: 'agentReply', id: key, text },
});
async function settle(store: Store, receipt: Receipt): Promise<Receipt> {
  const ids = receipt.pending.map(({ inboxId }) => inboxId);
  await store.inbox.forwarded(ids, 'forwarded');
  return receipt;
}
const look = async (key: string, text: string, store = fixture.store): Promise<Receipt> => {
  const { signal, ...event } = reply(key, text);
  return settle(
    store,
    await store.inbox.receive({ ...event, signal: { ...signal, recovered: true }, awaitsWebhook: true }),
  );
};
const webhook = async (key: string, text: string, store = fixture.store): Promise<string[]> => {
  const { pending } = await settle(store, await store.inbox.receive({ ...reply(key, text), mayBeRecovered: true }));
  return pending.map(({ signal }) => signal.id);
};
const texts = async (): Promise<string[]> =>
  (await fixture.store.inbox.heard({ ...place, sinceMs: 0 })).map((signal) => signal.id);

test('a webhook behind the look that recovered its message is a repeat, also when it comes again', async () => {
  expect(await look('line-1', 'hello')).toMatchObject({ fresh: true });
  expect(await webhook('m1', ' hello\r\n')).toEqual([]);
  expect(await webhook('m1', ' hello\r\n')).toEqual([]);
  const [, row] = await fixture.query('select outcome, handoff_id from inbox where bot_id = $1 order by id', [
    place.botId,
  ]);
  expect(row).toEqual({ outcome: 'repeat', handoff_id: place.handoffId });
});

test('a repeat gives nothing to forward, and is not fresh', async () => {
  await look('line-1', 'hello');
  const receipt = await fixture.store.inbox.receive({ ...reply('m1', 'hello'), mayBeRecovered: true });
  expect(receipt).toEqual({ fresh: false, handoffId: place.handoffId, pending: [] });
});

test('a webhook that knows only the conversation finds the handoff of what was recovered', async () => {
  await look('line-1', 'hello');
  const event = { ...reply('m1', 'hello'), handoffId: undefined, mayBeRecovered: true };
  expect(await fixture.store.inbox.receive(event)).toEqual({ fresh: false, handoffId: place.handoffId, pending: [] });
});

test('the same words said again are another message, and each that was recovered stands for one', async () => {
  await look('line-1', 'ok');
  expect(await webhook('m1', 'ok')).toEqual([]);
  expect(await webhook('m2', 'ok')).toEqual(['m2']);
  await look('line-3', 'ok');
  await look('line-4', 'ok');
  expect(await webhook('m3', 'ok')).toEqual([]);
  expect(await webhook('m4', 'ok')).toEqual([]);
  expect(await webhook('m5', 'ok')).toEqual(['m5']);
  expect(await texts()).toEqual(['line-1', 'm2', 'line-3', 'line-4', 'm5']);
});

test('other words, other conversations, and desks whose keys are the same, are not matched', async () => {
  await look('line-1', 'ok');
  expect(await webhook('m1', 'not ok')).toEqual(['m1']);
  const { pending } = await fixture.store.inbox.receive({ ...reply('m2', 'ok'), mayBeRecovered: false });
  expect(pending).toHaveLength(1);
  place = { ...place, deskConversationId: newId('talk'), handoffId: newId('handoff') };
  expect(await webhook('m3', 'ok')).toEqual(['m3']);
});

test('two webhooks at once never stand for one and the same', async () => {
  await look('line-1', 'ok');
  await look('line-2', 'ok');
  expect(await Promise.all([webhook('m1', 'ok'), webhook('m2', 'ok')])).toEqual([[], []]);
  expect(await webhook('m3', 'ok')).toEqual(['m3']);
});

test('under the same key it is known by it, and the same words after it are new', async () => {
  await look('k1', 'ok');
  expect(await webhook('k1', 'ok')).toEqual([]);
  expect(await webhook('k2', 'ok')).toEqual(['k2']);
});

test('what was taken for a repeat, but a look finds under its own key, is news again', async () => {
  await look('k1', 'ok');
  expect(await webhook('k2', 'ok')).toEqual([]);
  const again = await look('k2', 'ok');
  expect(again).toMatchObject({ fresh: true, pending: [{ signal: { id: 'k2' } }] });
  expect(await look('k2', 'ok')).toMatchObject({ fresh: false, pending: [] });
});

test('sealed words are compared as well', async () => {
  await look('line-1', 'hello', sealed);
  expect(await webhook('m1', 'hello', sealed)).toEqual([]);
  expect(await webhook('m2', 'hello', sealed)).toEqual(['m2']);
});
