import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ReceivedEvent, Store } from '../../activities/store/store.ts';
import { newHandoff, newId, openStores, type Fixture } from './fixture.ts';

let fixture: Fixture;
let inbox: Store['inbox'];
beforeAll(async () => {
  fixture = await openStores(2);
  inbox = fixture.store.inbox;
});
afterAll(() => fixture.close());

const eventOf = (
  handoff: ReturnType<typeof newHandoff>,
  dedupeKey: string,
  more: Partial<ReceivedEvent> = {},
): ReceivedEvent => ({
  botId: handoff.botId,
  desk: handoff.desk,
  dedupeKey,
  deskConversationId: `at-desk-${handoff.id}`,
  handoffId: handoff.id,
  signal: { kind: 'agentReply', id: dedupeKey, text: `text of ${dedupeKey}` },
  ...more,
});

const idsOf = (pending: { signal: { id: string } }[]) => pending.map(({ signal }) => signal.id);

test('an event is pending until it is forwarded, with all that came before it, in order', async () => {
  const handoff = newHandoff();
  const first = await inbox.receive(eventOf(handoff, 'one'));
  const second = await inbox.receive(eventOf(handoff, 'two'));
  expect(first).toMatchObject({
    fresh: true,
    handoffId: handoff.id,
    pending: [{ signal: eventOf(handoff, 'one').signal }],
  });
  expect(idsOf(second.pending)).toEqual(['one', 'two']);
  await inbox.forwarded([first.pending[0]!.inboxId], 'forwarded');
  expect(idsOf((await inbox.receive(eventOf(handoff, 'three'))).pending)).toEqual(['two', 'three']);
});

test('a repeat is not fresh: pending again while it was not forwarded, nothing afterwards', async () => {
  const handoff = newHandoff();
  const { pending } = await inbox.receive(eventOf(handoff, 'one'));
  const repeat = await inbox.receive(eventOf(handoff, 'one', { signal: { kind: 'close', id: 'other', by: 'agent' } }));
  expect(repeat).toEqual({ fresh: false, handoffId: handoff.id, pending });
  await inbox.forwarded(
    pending.map(({ inboxId }) => inboxId),
    'forwarded',
  );
  await inbox.receive(eventOf(handoff, 'two'));
  expect(await inbox.receive(eventOf(handoff, 'one'))).toEqual({ fresh: false, handoffId: handoff.id, pending: [] });
});

test('the same event five times at once, in two processes, is stored once and known to all five', async () => {
  const handoff = newHandoff();
  const answers = await Promise.all(
    Array.from({ length: 5 }, (_, i) => fixture.stores[i % 2]!.inbox.receive(eventOf(handoff, 'one'))),
  );
  expect(answers.filter(({ fresh }) => fresh)).toHaveLength(1);
  for (const { pending } of answers) expect(idsOf(pending)).toEqual(['one']);
});

test('the same key of another bot or desk is another event', async () => {
  const handoff = newHandoff();
  await inbox.receive(eventOf(handoff, 'one'));
  expect(await inbox.receive(eventOf(handoff, 'one', { desk: 'intercom' }))).toMatchObject({ fresh: true });
  expect(await inbox.receive(eventOf(newHandoff(), 'one'))).toMatchObject({ fresh: true });
});

test('what comes before the conversation is known is kept, and adopted in order by its handoff', async () => {
  const { handoffs } = fixture.store;
  const handoff = newHandoff();
  const early = { handoffId: undefined };
  expect(await inbox.receive(eventOf(handoff, 'one', early))).toEqual({ fresh: true, pending: [] });
  expect(await inbox.receive(eventOf(handoff, 'two', early))).toEqual({ fresh: true, pending: [] });
  await handoffs.open(handoff);
  const conversation = `at-desk-${handoff.id}`;
  await handoffs.bindDesk(handoff.id, conversation);
  const adopted = await inbox.adopt(handoff.id, handoff.botId, handoff.desk, conversation);
  expect(idsOf(adopted)).toEqual(['one', 'two']);
  await inbox.forwarded(
    adopted.map(({ inboxId }) => inboxId),
    'forwarded',
  );
  expect(await inbox.adopt(handoff.id, handoff.botId, handoff.desk, conversation)).toEqual([]);
  const third = await inbox.receive(eventOf(handoff, 'three', early));
  expect(third).toMatchObject({ fresh: true, handoffId: handoff.id });
  expect(idsOf(third.pending)).toEqual(['three']);
});

test('an event that races with the binding of its conversation is always found by one of the two', async () => {
  const { handoffs } = fixture.store;
  for (let round = 0; round < 25; round += 1) {
    const handoff = newHandoff();
    const conversation = `at-desk-${handoff.id}`;
    await handoffs.open(handoff);
    const [received, adopted] = await Promise.all([
      fixture.stores[1]!.inbox.receive(eventOf(handoff, 'one', { handoffId: undefined })),
      handoffs
        .bindDesk(handoff.id, conversation)
        .then(() => inbox.adopt(handoff.id, handoff.botId, handoff.desk, conversation)),
    ]);
    expect([...idsOf(received.pending), ...idsOf(adopted)], `round ${round}`).toContain('one');
  }
});

test('what was left behind is found by age, also without a handoff, and no more once it has an outcome', async () => {
  const handoff = newHandoff();
  const botId = newId('bot');
  await inbox.receive(eventOf(handoff, 'old', { botId }));
  await inbox.receive(eventOf(handoff, 'unknown', { botId, handoffId: undefined }));
  await fixture.query(`update inbox set received_at = now() - interval '1 minute' where bot_id = $1`, [botId]);
  await inbox.receive(eventOf(handoff, 'new', { botId }));
  const leftBehind = async () =>
    (await Promise.all([true, false].map((known) => inbox.unforwarded({ known, olderThanSeconds: 30, limit: 1_000 }))))
      .flat()
      .filter((row) => row.botId === botId);
  const rows = await leftBehind();
  expect(rows).toMatchObject([
    { handoffId: handoff.id, desk: 'webhook', deskConversationId: `at-desk-${handoff.id}`, signal: { id: 'old' } },
    { handoffId: null, signal: { id: 'unknown' } },
  ]);
  await inbox.forwarded([rows[0]!.inboxId], 'late');
  await inbox.forwarded([rows[1]!.inboxId], 'unknown');
  expect(await leftBehind()).toEqual([]);
});
