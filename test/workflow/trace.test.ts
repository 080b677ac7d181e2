import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { RECENT_EVENTS } from '../../workflows/policies.ts';
import { startTestBaton, textsAtDesk, type TestBaton } from '../support/baton.ts';
import { startCallbackReceiver, type CallbackReceiver } from '../support/callback.ts';
import { until } from '../support/poll.ts';

let baton: TestBaton;
let callback: CallbackReceiver;

beforeAll(async () => {
  baton = await startTestBaton();
  callback = await startCallbackReceiver();
});
afterAll(async () => {
  expect(await baton?.replayAll()).toEqual([]);
  await baton?.stop();
  await callback?.stop();
});

const idIn = (header: unknown): string | undefined => /^00-([0-9a-f]{32})-/.exec(String(header))?.[1];
const traceOf = (id: string): string => `00-${id}-${'a'.repeat(16)}-01`;

it('keeps the trace of each message over continue-as-new, tries of regular activities and the journal', async () => {
  const count = RECENT_EVENTS + 5;
  const ids = Array.from({ length: count }, () => randomBytes(16).toString('hex'));
  const asked = randomBytes(16).toString('hex');
  const over = { continueAfterEvents: 40, trace: traceOf(asked) };
  callback.behave(500);
  const handoff = await baton.start(over, { callback: { url: callback.url } });
  await handoff.sees('handoff.connecting');
  baton.desk.fault('chat', { kind: 'status', status: 503, times: 3 });
  for (const [index, id] of ids.entries()) {
    await handoff.signal({ kind: 'userMessage', id: `m${index}`, text: `message ${index}`, trace: traceOf(id) });
  }
  await until(() => textsAtDesk(baton, handoff.id).length === count, { timeoutMs: 60_000, message: 'all at the desk' });
  await baton.hasRuns(handoff.id, 2);
  // More than a run keeps at hand: what is delivered now is read from the journal first.
  callback.behave('well');
  await handoff.closes('user');
  await until(() => callback.taken(handoff.id).length === count + 2, { timeoutMs: 60_000, message: 'all callbacks' });

  const calls = baton.desk.calls.filter(({ endpoint, processed }) => endpoint === 'chat' && processed);
  expect(calls.map(({ headers }) => idIn(headers['traceparent']))).toEqual(ids);
  const taken = callback.calls.filter(({ taken: took }) => took);
  const traces = new Map(taken.map(({ event, headers }) => [event.seq, idIn(headers['traceparent'])]));
  expect([...traces.entries()].toSorted(([a], [b]) => a - b).map(([, id]) => id)).toEqual([asked, ...ids, asked]);
  expect((await baton.histories(handoff.id)).length).toBeGreaterThan(1);
});
