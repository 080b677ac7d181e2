import { afterAll, beforeAll, expect, test } from 'vitest';
import type { LateMessage } from '../../workflows/contracts.ts';
import { newEvent, newHandoff, openStores, type Fixture } from './fixture.ts';

let fixture: Fixture;
beforeAll(async () => {
  fixture = await openStores();
});
afterAll(() => fixture.close());

async function openHandoff() {
  const handoff = newHandoff({ status: 'awaiting_email' });
  await fixture.store.handoffs.open(handoff);
  return handoff;
}

test('that an address is needed, written after it was given, does not take the row back', async () => {
  const { journal, handoffs } = fixture.store;
  const handoff = await openHandoff();
  const required = newEvent(handoff, 1, 'handoff.email_required');
  const deadline = { kind: 'email' as const, at: '2027-01-01T00:00:00.000Z' };
  await handoffs.emailGiven(handoff.id, 'lea@example.org');
  await journal.append({ handoffId: handoff.id, botId: handoff.botId, events: [required], late: [], deadline });
  expect(await handoffs.get(handoff.id)).toMatchObject({ status: 'opening', deadline: null, lastSeq: 1 });

  const other = await openHandoff();
  const first = newEvent(other, 1, 'handoff.email_required');
  await journal.append({ handoffId: other.id, botId: other.botId, events: [first], late: [], deadline });
  expect(await handoffs.get(other.id)).toMatchObject({ status: 'awaiting_email', deadline });
});

test('the same batch again, and one that overlaps, change nothing but what is new', async () => {
  const { journal, handoffs } = fixture.store;
  const handoff = await openHandoff();
  const entry = { handoffId: handoff.id, botId: handoff.botId, late: [] };
  const [connecting, active, reply, closed] = [
    newEvent(handoff, 1, 'handoff.connecting'),
    newEvent(handoff, 2, 'handoff.active', { agent: { id: 'a1', name: 'Grace' } }),
    newEvent(handoff, 3, 'message.agent', { text: 'hello' }),
    newEvent(handoff, 4, 'handoff.closed', { reason: 'agent_closed' }),
  ];
  await journal.append({ ...entry, events: [connecting, active] });
  await journal.append({ ...entry, events: [connecting, active] });
  await journal.append({ ...entry, events: [active, reply, closed] });
  const row = await handoffs.get(handoff.id);
  await journal.append({ ...entry, events: [connecting, active], status: 'connecting' });
  expect(await journal.read(handoff.id, 0, 10)).toEqual([connecting, active, reply, closed]);
  expect(await journal.read(handoff.id, 2, 1)).toEqual([reply]);
  expect(row).toMatchObject({
    status: 'closed',
    closeReason: 'agent_closed',
    lastSeq: 4,
    agent: { id: 'a1', name: 'Grace' },
    activeAt: active.at,
    closedAt: closed.at,
  });
  expect(await handoffs.get(handoff.id)).toEqual(row);
});

test('a pause that is over is no deadline any more', async () => {
  const { journal, handoffs } = fixture.store;
  const [past, future] = ['2026-01-30T09:15:00.000Z', '2999-01-30T09:15:00.000Z'];
  for (const [kind, at, isShown] of [
    ['snooze', past, false],
    ['snooze', future, true],
    ['inactivity', past, true],
  ] as const) {
    const handoff = await openHandoff();
    const events = [newEvent(handoff, 1, 'handoff.active')];
    const entry = { handoffId: handoff.id, botId: handoff.botId, late: [], events, deadline: { kind, at } };
    await journal.append(entry);
    expect((await handoffs.get(handoff.id))?.deadline, `${kind} ${at}`).toEqual(isShown ? entry.deadline : null);
  }
});

test('deadline and counts follow the newest event, and late messages count by themselves', async () => {
  const { journal, handoffs } = fixture.store;
  const handoff = await openHandoff();
  const entry = { handoffId: handoff.id, botId: handoff.botId, late: [] };
  const counts = { user: 1, agent: 0, failed: 0, duplicates: 2, late: 0 };
  const deadline = { kind: 'wait' as const, at: '2026-01-30T09:15:00.000Z' };
  const first = {
    ...entry,
    events: [newEvent(handoff, 1, 'handoff.connecting')],
    deadline,
    counts: { ...counts, user: 0 },
  };
  await journal.append(first);
  await journal.append({ ...entry, events: [newEvent(handoff, 2, 'message.user')], deadline, counts });
  await journal.append(first);
  expect(await handoffs.get(handoff.id)).toMatchObject({ deadline, counts });
  const late: LateMessage[] = [{ id: 'l1', at: '2026-01-30T09:16:00.000Z', from: 'agent', text: 'too late' }];
  // As maintenance writes it for a run that is gone: without either.
  await journal.append({ ...entry, events: [newEvent(handoff, 3, 'handoff.closed', { reason: 'operator_closed' })] });
  await journal.append({ ...entry, events: [], late });
  const closed = { deadline: null, counts: { ...counts, late: 1 } };
  expect(await handoffs.get(handoff.id)).toMatchObject(closed);
  const { handoffs: listed } = await handoffs.list({
    botId: handoff.botId,
    conversationId: handoff.conversationId,
    limit: 1,
  });
  expect(listed).toMatchObject([closed]);
});

test('each event brings the row to its status', async () => {
  const { journal, handoffs } = fixture.store;
  const handoff = await openHandoff();
  const steps = [
    ['handoff.email_required', 'awaiting_email'],
    ['handoff.connecting', 'connecting'],
    ['handoff.wait_timeout', 'asking'],
    ['handoff.connecting', 'connecting'],
    ['handoff.active', 'active'],
    ['message.agent', 'active'],
    ['handoff.closed', 'closed'],
  ] as const;
  for (const [i, [type, status]] of steps.entries()) {
    await journal.append({
      handoffId: handoff.id,
      botId: handoff.botId,
      events: [newEvent(handoff, i + 1, type)],
      late: [],
    });
    expect((await handoffs.find(handoff.id))?.status).toBe(status);
  }
});

test('status and e-mail that no event tells come with the batch; closed comes only with its event', async () => {
  const { journal, handoffs } = fixture.store;
  const handoff = await openHandoff();
  const entry = { handoffId: handoff.id, botId: handoff.botId, late: [] };
  await journal.append({
    ...entry,
    events: [newEvent(handoff, 1, 'message.user')],
    status: 'opening',
    email: 'a@b.example',
  });
  expect(await handoffs.get(handoff.id)).toMatchObject({
    status: 'opening',
    user: { name: 'Ada', email: 'a@b.example' },
  });
  await journal.append({ ...entry, events: [newEvent(handoff, 2, 'message.user')], status: 'closed' });
  expect((await handoffs.find(handoff.id))?.status).toBe('opening');
});

test('late messages are kept once, in order, and with any character', async () => {
  const { journal, handoffs } = fixture.store;
  const handoff = await openHandoff();
  const late: LateMessage[] = ['b', 'a\u0000', 'c'].map((id) => ({
    id,
    at: '2030-01-01T00:00:00.000Z',
    from: 'agent',
    text: `\u0000 \udfff ${id}`,
  }));
  const entry = { handoffId: handoff.id, botId: handoff.botId, events: [], late };
  await journal.append(entry);
  await journal.append(entry);
  expect(await journal.late(handoff.id)).toEqual(late);
  expect((await handoffs.get(handoff.id))?.lastSeq).toBe(0);
});

test('hundreds of concurrent appends share commits and arrive complete', async () => {
  const { journal } = fixture.store;
  const handoffs = await Promise.all(Array.from({ length: 30 }, openHandoff));
  const appends = handoffs.flatMap((handoff) =>
    Array.from({ length: 10 }, (_, i) =>
      journal.append({ handoffId: handoff.id, botId: handoff.botId, events: [newEvent(handoff, i + 1)], late: [] }),
    ),
  );
  await Promise.all(appends);
  for (const handoff of handoffs) {
    const events = await journal.read(handoff.id, 0, 100);
    expect(events.map((event) => event.seq)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  }
  const ids = handoffs.map((handoff) => handoff.id);
  const [row] = await fixture.query<{ commits: string }>(
    'select count(distinct xid) as commits from events where handoff_id = any($1)',
    [ids],
  );
  expect(Number(row?.commits)).toBeLessThanOrEqual(3);
});

test('an append that the database refuses fails alone, those beside it are kept', async () => {
  const { journal } = fixture.store;
  const [good, bad, other] = await Promise.all([openHandoff(), openHandoff(), openHandoff()]);
  const append = (handoff: typeof good, seq: number) =>
    journal.append({ handoffId: handoff.id, botId: handoff.botId, events: [newEvent(handoff, seq)], late: [] });
  const answers = await Promise.allSettled([append(good, 1), append(bad, 2 ** 40), append(other, 1), append(good, 2)]);
  expect(answers.map((answer) => answer.status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled']);
  expect(await journal.read(good.id, 0, 10)).toHaveLength(2);
  expect(await journal.read(other.id, 0, 10)).toHaveLength(1);
});
