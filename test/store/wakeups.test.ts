import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from '../support/poll.ts';
import { newEvent, newHandoff, openStores, type Fixture } from './fixture.ts';

let fixture: Fixture;
beforeAll(async () => {
  fixture = await openStores(2);
});
afterAll(() => fixture.close());

const LISTENERS = `select pid from pg_stat_activity where datname = current_database() and query ilike 'listen %'`;

function counter() {
  const state = { calls: 0 };
  return { state, fn: () => void (state.calls += 1) };
}

/** The first subscriber opens the connection, and is woken once when it stands. */
async function listening(topic: { handoffId: string } | { botId: string }) {
  const { state, fn } = counter();
  const unsubscribe = fixture.stores[0]!.wakeups.subscribe(topic, fn);
  await until(async () => (await fixture.query(LISTENERS)).length > 0, { message: 'nobody listens' });
  return { state, unsubscribe };
}

test('an event that another process wrote wakes the streams of its handoff and its bot, and no others', async () => {
  const [reader, writer] = fixture.stores;
  const [handoff, other] = [newHandoff(), newHandoff()];
  const { state: ofHandoff } = await listening({ handoffId: handoff.id });
  const ofBot = counter();
  const ofOther = counter();
  reader!.wakeups.subscribe({ botId: handoff.botId }, ofBot.fn);
  reader!.wakeups.subscribe({ handoffId: other.id }, ofOther.fn);
  const before = ofHandoff.calls;
  await writer!.journal.append({
    handoffId: handoff.id,
    botId: handoff.botId,
    events: [newEvent(handoff, 1)],
    late: [],
  });
  await until(() => ofHandoff.calls > before && ofBot.state.calls > 0, { message: 'nobody woke' });
  expect(ofOther.state.calls).toBe(0);
});

test('who has left is not woken, also when the same function is subscribed twice', async () => {
  const [reader, writer] = fixture.stores;
  const handoff = newHandoff();
  const { state } = await listening({ handoffId: handoff.id });
  const { state: gone, fn } = counter();
  const leave = reader!.wakeups.subscribe({ handoffId: handoff.id }, fn);
  reader!.wakeups.subscribe({ handoffId: handoff.id }, fn);
  leave();
  leave();
  const before = state.calls;
  await writer!.journal.append({
    handoffId: handoff.id,
    botId: handoff.botId,
    events: [newEvent(handoff, 1)],
    late: [],
  });
  await until(() => state.calls > before, { message: 'nobody woke' });
  expect(gone.calls).toBe(1);
});

test('after its connection was cut, a reader is woken once for what it may have missed and then hears again', async () => {
  const [, writer] = fixture.stores;
  const handoff = newHandoff();
  const { state } = await listening({ handoffId: handoff.id });
  const before = state.calls;
  const cut = await fixture.query<{ pid: number }>(
    `select pid, pg_terminate_backend(pid) from (${LISTENERS}) as listeners`,
  );
  expect(cut.length).toBeGreaterThan(0);
  await until(() => state.calls > before, { message: 'not woken after the reconnect' });
  const reconnected = state.calls;
  await writer!.journal.append({
    handoffId: handoff.id,
    botId: handoff.botId,
    events: [newEvent(handoff, 1)],
    late: [],
  });
  await until(() => state.calls > reconnected, { message: 'deaf after the reconnect' });
});

test('a subscriber that throws keeps nobody else from waking', async () => {
  const [reader, writer] = fixture.stores;
  const handoff = newHandoff();
  reader!.wakeups.subscribe({ handoffId: handoff.id }, () => {
    throw new Error('on purpose');
  });
  const { state } = await listening({ handoffId: handoff.id });
  const before = state.calls;
  await writer!.journal.append({
    handoffId: handoff.id,
    botId: handoff.botId,
    events: [newEvent(handoff, 1)],
    late: [],
  });
  await until(() => state.calls > before, { message: 'nobody woke' });
});
