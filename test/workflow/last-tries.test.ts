import { afterAll, beforeAll, expect, it } from 'vitest';
import { startTestBaton, textsAtDesk } from '../support/baton.ts';
import type { TestBaton } from '../support/baton.ts';
import { until } from '../support/poll.ts';

/** What ends a pause between two tries: the end of the handoff, so that nothing fails untried, and an operator. */
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
  await handoff.sees('handoff.closed', 60_000);
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
  await handoff.sees('handoff.closed', 60_000);
  expect(await handoff.types()).toEqual(ALL);
  expect(textsAtDesk(baton, handoff.id)).toEqual(says.map(({ text }) => text));
  await handoff.ended();
  expect(baton.desk.conversation(handoff.id)?.closed).toBe('USER_CLOSED');
});

it('an operator has a failed message tried again, and gives one up that waits', async () => {
  const handoff = await baton.start();
  await handoff.sees('handoff.connecting');
  baton.desk.fault('chat', { kind: 'status', status: 422, times: 1 });
  await handoff.says('1');
  await handoff.sees('message.failed');
  await handoff.signal({ kind: 'retryMessage', id: 'o1', messageId: '1' });
  await until(() => textsAtDesk(baton, handoff.id).length === 1, { message: 'the first at the desk' });

  const before = baton.desk.raw.chat;
  baton.desk.fault('chat', { kind: 'status', status: 429, retryAfter: 60, times: 2 });
  await handoff.signal(...says.slice(1, 4));
  await until(() => baton.desk.raw.chat >= before + 2, { message: 'the quick and the first regular try' });
  const isUndelivered = (...ids: string[]) =>
    until(async () => (await handoff.view()).undelivered.map(({ messageId }) => messageId).join() === ids.join(), {
      message: `undelivered: ${ids.join()}`,
    });
  await isUndelivered('2', '3', '4');
  await handoff.signal({ kind: 'giveUpMessage', id: 'o2', messageId: '3' });
  await until(() => textsAtDesk(baton, handoff.id).length === 3, { message: 'the others at the desk' });
  // The desk has them a moment before the run knows.
  await isUndelivered();
  expect(await handoff.view()).toMatchObject({ retriable: ['3'], closing: false });
  await handoff.closes('agent');
  await handoff.ended();
  expect(textsAtDesk(baton, handoff.id)).toEqual(['user 1', 'user 2', 'user 4']);
  const failures = (await handoff.events()).flatMap(({ type, data }) =>
    type === 'message.failed' || type === 'message.retried' ? [[type, data['messageId'], data['reason']]] : [],
  );
  expect(failures).toEqual([
    ['message.failed', '1', 'rejected'],
    ['message.retried', '1', undefined],
    ['message.failed', '3', 'given_up'],
  ]);
});

it('every run of every handoff above replays', async () => {
  expect(await baton.replayAll()).toEqual([]);
});
