import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ReceivedEvent, Store } from '../../activities/store/store.ts';
import { newEvent, newHandoff, newId, newTalkEvent, openStores, type Fixture } from './fixture.ts';

let fixture: Fixture;
let inbox: Store['inbox'];
beforeAll(async () => {
  fixture = await openStores(2);
  inbox = fixture.store.inbox;
});
afterAll(() => fixture.close());

type Place = Pick<ReceivedEvent, 'botId' | 'desk' | 'deskConversationId'>;

const newPlace = (): Place => ({ botId: newId('bot'), desk: 'intercom', deskConversationId: newId('at-desk') });

const eventOf = (place: Place, dedupeKey: string, more: Partial<ReceivedEvent> = {}): ReceivedEvent => ({
  ...place,
  dedupeKey,
  signal: { kind: 'agentReply', id: dedupeKey, text: `text of ${dedupeKey}` },
  ...more,
});

const FOREIGN = { fresh: true, pending: [], foreign: true };

const idsOf = (pending: { signal: { id: string } }[]) => pending.map(({ signal }) => signal.id);
const inboxIdsOf = (pending: { inboxId: string }[]) => pending.map(({ inboxId }) => inboxId);

const rowsOf = ({ botId }: Place) =>
  fixture.query<{ dedupe_key: string; handoff_id: string | null }>(
    'select dedupe_key, handoff_id from inbox where bot_id = $1 order by id',
    [botId],
  );

async function openHandoff(place: Place, bound = true) {
  const { botId, desk, deskConversationId } = place;
  const handoff = newHandoff({ botId, desk, ...(bound && { deskConversationId }) });
  await fixture.store.handoffs.open(handoff);
  const close = () =>
    fixture.store.journal.append({
      handoffId: handoff.id,
      botId,
      events: [newEvent(handoff, 1, 'handoff.closed', { reason: 'agent_closed' })],
      late: [],
    });
  return { ...handoff, close };
}

test('an open handoff has its events before any other, the newest of them first', async () => {
  const place = newPlace();
  const older = await openHandoff(place);
  const newer = await openHandoff(place);
  expect((await inbox.receive(eventOf(place, 'one'))).handoffId).toBe(newer.id);
  await newer.close();
  const conversation = { id: newId('co_x'), begins: true };
  expect((await inbox.receive(eventOf(place, 'two', { conversation }))).handoffId).toBe(older.id);
  await older.close();
  expect((await inbox.receive(eventOf(place, 'three', { foreignPossible: true }))).handoffId).toBe(newer.id);
});

test('in native mode the conversation has what no open handoff has, once it has begun', async () => {
  const place = newPlace();
  const talk = { id: newId('co_x'), begins: false };
  expect(await inbox.receive(eventOf(place, 'nobody', { conversation: talk }))).toEqual(FOREIGN);
  const begun = await inbox.receive(eventOf(place, 'one', { conversation: { ...talk, begins: true } }));
  expect(begun).toMatchObject({ fresh: true, handoffId: talk.id });
  const row = await fixture.store.conversations.open(place);
  const conversation = { id: row.id, begins: false };
  const second = await inbox.receive(eventOf(place, 'two', { conversation }));
  expect(second).toMatchObject({ fresh: true, handoffId: row.id });
  const third = await inbox.receive(eventOf(place, 'three', { conversation }));
  expect(idsOf(third.pending)).toEqual(['two', 'three']);
  const handoff = await openHandoff(place);
  expect((await inbox.receive(eventOf(place, 'four', { conversation }))).handoffId).toBe(handoff.id);
  await handoff.close();
  expect((await inbox.receive(eventOf(place, 'five', { conversation }))).handoffId).toBe(row.id);
  expect((await rowsOf(place)).map((stored) => stored.dedupe_key)).toEqual(['one', 'two', 'three', 'four', 'five']);
});

test('what is foreign is not kept, and may come again', async () => {
  const place = newPlace();
  const event = eventOf(place, 'one', { foreignPossible: true });
  expect(await inbox.receive(event)).toEqual(FOREIGN);
  expect(await inbox.receive(event)).toEqual(FOREIGN);
  expect(await rowsOf(place)).toEqual([]);
});

test('while a handoff waits for its conversation at this desk, nothing is foreign', async () => {
  const place = newPlace();
  const event = (key: string) => eventOf(place, key, { foreignPossible: true });
  await openHandoff({ ...place, desk: 'livechat' }, false);
  await openHandoff({ ...place, botId: newId('bot') }, false);
  await openHandoff({ ...place, deskConversationId: 'another' });
  expect(await inbox.receive(event('early'))).toEqual(FOREIGN);
  const waiting = await openHandoff(place, false);
  expect(await inbox.receive(event('one'))).toEqual({ fresh: true, pending: [] });
  const conversation = { id: newId('co_x'), begins: false };
  expect(await inbox.receive(eventOf(place, 'two', { conversation }))).toEqual({ fresh: true, pending: [] });
  await fixture.store.handoffs.bindDesk(waiting.id, place.deskConversationId);
  const adopted = await inbox.adopt(waiting.id, place.botId, place.desk, place.deskConversationId);
  expect(idsOf(adopted)).toEqual(['one', 'two']);
  await waiting.close();
  expect(
    await inbox.receive(eventOf({ ...place, deskConversationId: newId('other') }, 'three', { foreignPossible: true })),
  ).toEqual(FOREIGN);
});

test('an event that may be foreign and races with the binding is always found by one of the two', async () => {
  const { handoffs } = fixture.store;
  const found = { received: 0, adopted: 0 };
  for (let round = 0; round < 40; round += 1) {
    const place = newPlace();
    const handoff = await openHandoff(place, false);
    const bind = async () => {
      // The event comes before, while and after it is bound.
      for (let i = 0; i < round % 4; i += 1) await fixture.store.ping();
      await handoffs.bindDesk(handoff.id, place.deskConversationId);
      return await inbox.adopt(handoff.id, place.botId, place.desk, place.deskConversationId);
    };
    const event = eventOf(place, 'one', { foreignPossible: true });
    const [received, adopted] = await Promise.all([fixture.stores[1]!.inbox.receive(event), bind()]);
    expect(received.foreign, `round ${round}`).toBeUndefined();
    expect([...idsOf(received.pending), ...idsOf(adopted)], `round ${round}`).toContain('one');
    if (received.pending.length > 0) found.received += 1;
    if (adopted.length > 0) found.adopted += 1;
  }
  expect(found.received).toBeGreaterThan(0);
  expect(found.adopted).toBeGreaterThan(0);
});

test('a foreign event ten times at once, in two processes, leaves nothing and fails for nobody', async () => {
  for (let round = 0; round < 25; round += 1) {
    const place = newPlace();
    const event = eventOf(place, 'one', { foreignPossible: true });
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, i) => fixture.stores[i % 2]!.inbox.receive(event)),
    );
    for (const answer of answers) expect(answer).toMatchObject({ pending: [] });
    expect(answers.some(({ foreign }) => foreign)).toBe(true);
    expect(await rowsOf(place)).toEqual([]);
  }
});

test('what an ended handoff did not get goes to its conversation, in order with what that has', async () => {
  const place = newPlace();
  const row = await fixture.store.conversations.open(place);
  const handoff = await openHandoff(place);
  const ofHandoff = { handoffId: handoff.id };
  await inbox.receive(eventOf(place, 'one', ofHandoff));
  await inbox.receive(eventOf(place, 'two', { handoffId: row.id }));
  const { pending } = await inbox.receive(eventOf(place, 'three', ofHandoff));
  await inbox.forwarded([pending[0]!.inboxId], 'forwarded');
  await inbox.receive(eventOf(place, 'four', ofHandoff));
  expect(idsOf(await inbox.reassign(inboxIdsOf(pending), row.id))).toEqual(['two', 'three']);
  expect((await rowsOf(place)).map((stored) => stored.handoff_id)).toEqual([handoff.id, row.id, row.id, handoff.id]);
  expect(idsOf(await inbox.reassign([], row.id))).toEqual(['two', 'three']);
  expect(idsOf((await inbox.receive(eventOf(place, 'four', ofHandoff))).pending)).toEqual(['four']);
});

test('only what nobody has claimed is dropped', async () => {
  const place = newPlace();
  const keys = ['unclaimed', 'claimed', 'settled'];
  for (const key of keys) await inbox.receive(eventOf(place, key, key === 'claimed' ? { handoffId: 'ho_1' } : {}));
  const all = await fixture.query<{ id: string }>('select id::text from inbox where bot_id = $1 order by id', [
    place.botId,
  ]);
  await inbox.forwarded([all[2]!.id], 'unknown');
  await inbox.drop(all.map(({ id }) => id));
  await inbox.drop([]);
  expect((await rowsOf(place)).map((row) => row.dedupe_key)).toEqual(['claimed', 'settled']);
});

test('events of a conversation in the journal do not touch a handoff of the same desk conversation', async () => {
  const place = newPlace();
  const handoff = await openHandoff(place);
  const { id } = await fixture.store.conversations.open(place);
  const events = [newTalkEvent(place, 1)];
  await fixture.store.journal.append({ handoffId: id, botId: place.botId, events, late: [], human: true });
  expect(await fixture.store.handoffs.get(handoff.id)).toMatchObject({ lastSeq: 0, status: 'opening' });
});
