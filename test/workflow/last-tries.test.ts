import { afterAll, beforeAll, expect, it } from 'vitest';
import { startTestBaton, textsAtDesk } from '../support/baton.ts';
import type { TestBaton } from '../support/baton.ts';
import { until } from '../support/poll.ts';

/** An end that is decided while tries hang or pause: what the desk would take is not reported as failed. */
let baton: TestBaton;

beforeAll(async () => {
  baton = await startTestBaton();
});
afterAll(async () => {
  await baton.stop();
});

const IDS = ['1', '2', '3', '4', '5'];
const says = IDS.map((id) => ({ kind: 'userMessage' as const, id, text: `user ${id}` }));
const close = { kind: 'close' as const, id: 'c', by: 'user' as const };
const ALL = ['handoff.connecting', ...IDS.map(() => 'message.user'), 'handoff.closed'];

it('rule 10: messages that sit out a pause between two tries are tried at once when the end is decided', async () => {
  const handoff = await baton.start();
  await handoff.sees('handoff.connecting');
  baton.desk.fault('chat', { kind: 'status', status: 429, retryAfter: 60, times: 2 });
  await handoff.signal(...says);
  await until(() => baton.desk.raw.chat >= 2, { message: 'the quick and the first regular try' });
  const startedAt = Date.now();
  await handoff.signal(close);
  await handoff.sees('handoff.closed', 30_000);
  expect(Date.now() - startedAt).toBeLessThan(9_000);
  expect(await handoff.types()).toEqual(ALL);
  expect(textsAtDesk(baton, handoff.id)).toEqual(says.map(({ text }) => text));
  await handoff.ended();
});

it('rule 10: a try that hangs for the whole grace is followed by last tries', async () => {
  const handoff = await baton.start();
  await handoff.sees('handoff.connecting');
  const before = baton.desk.raw.chat;
  baton.desk.fault('chat', { kind: 'slow', ms: 30_000 });
  await handoff.signal(...says, close);
  await until(() => baton.desk.raw.chat >= before + 2, { message: 'the quick and the first regular try' });
  baton.desk.clearFaults();
  await handoff.sees('handoff.closed', 30_000);
  expect(await handoff.types()).toEqual(ALL);
  expect(textsAtDesk(baton, handoff.id)).toEqual(says.map(({ text }) => text));
  await handoff.ended();
  expect(baton.desk.conversation(handoff.id)?.closed).toBe('USER_CLOSED');
});

it('every run of every handoff above replays', async () => {
  expect(await baton.replayAll()).toEqual([]);
});
