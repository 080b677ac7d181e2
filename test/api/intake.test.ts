import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { connectTemporal } from '../../activities/platform/temporal.ts';
import { createIntake } from '../../api/intake.ts';
import { freePort } from '../../worker/local/processes.ts';
import type { HandoffSignal } from '../../workflows/contracts.ts';
import { startApi, type Api } from './harness.ts';

let api: Api;
let botId: string;

// No worker runs: what the server has stored is what was sent.
beforeAll(async () => {
  api = await startApi();
  ({ botId } = await api.bot());
});
afterAll(() => api.close());

const userMessage = (n: number, text = `text ${n}`): HandoffSignal => ({ kind: 'userMessage', id: `m-${n}`, text });

/** The calls that the run has received: the signals of each, in order. */
async function received(handoffId: string): Promise<HandoffSignal[][]> {
  const history = await api.temporal.client.workflow.getHandle(handoffId).fetchHistory();
  return (history.events ?? []).flatMap((event) => {
    const payload = event.workflowExecutionSignaledEventAttributes?.input?.payloads?.[0];
    return payload?.data ? [JSON.parse(Buffer.from(payload.data).toString()) as HandoffSignal[]] : [];
  });
}

it('carries what arrives during a call together in the next one, in order', async () => {
  const { json } = await api.start(botId);
  const intake = createIntake(api.temporal.client);
  const outcomes = await Promise.all(
    Array.from({ length: 250 }, (_, n) => intake.send(json.handoff.id, userMessage(n))),
  );
  expect(new Set(outcomes)).toEqual(new Set(['accepted']));
  const calls = await received(json.handoff.id);
  expect(calls.map((c) => c.length)).toEqual([1, 100, 100, 49]);
  expect(calls.flat().map((s) => s.id)).toEqual(Array.from({ length: 250 }, (_, n) => `m-${n}`));
});

it('keeps a call below its size, and sends a signal that is in flight only once', async () => {
  const { json } = await api.start(botId);
  const intake = createIntake(api.temporal.client, { maxBytes: 50_000 });
  const text = 'x'.repeat(16_000);
  await Promise.all([0, 1, 2, 3, 4, 5, 6, 3, 3].map((n) => intake.send(json.handoff.id, userMessage(n, text))));
  const calls = await received(json.handoff.id);
  expect(calls.map((c) => c.length)).toEqual([1, 3, 3]);
});

it('says closed for a run that has ended and for one that never was', async () => {
  const { json } = await api.start(botId);
  await api.temporal.client.workflow.getHandle(json.handoff.id).terminate('by the test');
  const intake = createIntake(api.temporal.client);
  expect(await intake.send(json.handoff.id, userMessage(1))).toBe('closed');
  expect(await intake.send(`ho_${randomUUID()}`, userMessage(1))).toBe('closed');
});

it('fails within seconds when Temporal is away, with all that waits behind', async () => {
  const temporal = connectTemporal({ address: `127.0.0.1:${await freePort()}`, namespace: 'default', env: {} });
  const intake = createIntake(temporal.client, { deadlineMs: 1_000 });
  const startedAt = Date.now();
  const results = await Promise.allSettled([0, 1, 2].map((n) => intake.send('ho_x', userMessage(n))));
  expect(Date.now() - startedAt).toBeLessThan(20_000);
  for (const result of results) {
    expect(result).toMatchObject({ status: 'rejected', reason: { status: 503, code: 'temporal_unavailable' } });
  }
  await temporal.close();
});

it('a message that a user gave the id of another kind of signal holds that one not back', async () => {
  const { json } = await api.start(botId);
  const intake = createIntake(api.temporal.client);
  const close: HandoffSignal = { kind: 'close', id: 'close:user', by: 'user' };
  await Promise.all([
    intake.send(json.handoff.id, { ...userMessage(1), id: close.id }),
    intake.send(json.handoff.id, close),
  ]);
  expect((await received(json.handoff.id)).flat().map(({ kind }) => kind)).toEqual(['userMessage', 'close']);
});
