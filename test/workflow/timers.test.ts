import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startTestBaton, textsAtDesk } from '../support/baton.ts';
import type { Handoff, TestBaton } from '../support/baton.ts';
import { settings } from '../support/input.ts';
import { until } from '../support/poll.ts';
import { timeSkippingServer } from '../support/temporal.ts';
import type { ReturnPacket } from '../../workflows/contracts.ts';
import { callbackTailWorkflowId, TASK_QUEUE, WORKFLOW } from '../../workflows/ids.ts';

/** The true 60 s and 180 s, on a server that skips the waiting. */
let env: TestWorkflowEnvironment;
let baton: TestBaton;

beforeAll(async () => {
  env = await timeSkippingServer();
  baton = await startTestBaton({ env });
});
afterAll(async () => {
  await baton.stop();
  await env.teardown();
});

/** Seconds between two events of the journal, by the server's clock. */
async function secondsBetween(handoff: Handoff, from: string, to: string): Promise<number> {
  const events = await handoff.events();
  const at = (type: string): number => Date.parse(events.findLast((event) => event.type === type)?.at ?? '');
  return (at(to) - at(from)) / 1_000;
}

const near = (seconds: number, expected: number): void => {
  expect(seconds).toBeGreaterThanOrEqual(expected);
  // The clock of this server goes on while a busy machine works.
  expect(seconds).toBeLessThan(expected + 20);
};

it('[81] [82] asks after 60 s without a human and ends after 60 s more', async () => {
  const handoff = await baton.start();
  await handoff.sees('handoff.connecting');
  await env.sleep('61s');
  await handoff.sees('handoff.wait_timeout');
  near(await secondsBetween(handoff, 'handoff.connecting', 'handoff.wait_timeout'), 60);
  await env.sleep('61s');
  await handoff.sees('handoff.closed');
  near(await secondsBetween(handoff, 'handoff.wait_timeout', 'handoff.closed'), 60);
  expect((await handoff.events()).at(-1)?.data.reason).toBe('wait_timeout');
  await handoff.ended();
  expect(baton.desk.conversation(handoff.id)?.closed).toBe('TIMEOUT');
});

it('[83] keep waiting restarts the full wait, and a reply in it starts the session', async () => {
  const handoff = await baton.start();
  await handoff.sees('handoff.connecting');
  await env.sleep('61s');
  await handoff.sees('handoff.wait_timeout');
  await env.sleep('30s');
  await handoff.signal({ kind: 'waitChoice', id: 'c1', choice: 'wait' });
  await env.sleep('55s');
  await handoff.replies('a1');
  await handoff.sees('handoff.active');
  expect(await handoff.types()).toEqual([
    'handoff.connecting',
    'handoff.wait_timeout',
    'handoff.connecting',
    'handoff.active',
    'message.agent',
  ]);
  await handoff.closes('agent');
  await handoff.ended();
});

it('a second handoff of the same conversation has its own 60 s', async () => {
  const botId = await baton.bot();
  const again = { botId, conversationId: `conversation-${botId}`, settings: settings({ onWaitTimeout: 'close' }) };
  for (const round of ['first', 'second']) {
    const handoff = await baton.start(again);
    await handoff.sees('handoff.connecting');
    await env.sleep('61s');
    await handoff.sees('handoff.closed');
    await handoff.ended();
    near(await secondsBetween(handoff, 'handoff.connecting', 'handoff.closed'), 60);
    expect((await handoff.events()).at(-1)?.data.reason, round).toBe('wait_timeout');
  }
});

it('[84] a reply at 59 s is in time', async () => {
  const handoff = await baton.start();
  await handoff.sees('handoff.connecting');
  await env.sleep('58s');
  await handoff.replies('a1');
  await handoff.sees('message.agent');
  expect(await handoff.types()).not.toContain('handoff.wait_timeout');
  await handoff.closes('agent');
  await handoff.ended();
});

it('[85] [86] [87] [88] expires 180 s after the second agent message, not the first', async () => {
  const handoff = await baton.start();
  await handoff.sees('handoff.connecting');
  await handoff.replies('a1');
  await handoff.sees('message.agent');
  await env.sleep('170s');
  await handoff.replies('a2');
  await env.sleep('175s');
  expect((await handoff.view()).status).toBe('active');
  await env.sleep('10s');
  await handoff.sees('handoff.closed');
  near(await secondsBetween(handoff, 'message.agent', 'handoff.closed'), 180);
  expect((await handoff.events()).at(-1)?.data.reason).toBe('inactivity_timeout');
  await handoff.ended();
  expect(baton.desk.conversation(handoff.id)?.closed).toBe('TIMEOUT');
});

it('[87] an answer that comes when the timer of the one before is over has its own 180 s', async () => {
  const handoff = await baton.start();
  await handoff.sees('handoff.connecting');
  await handoff.replies('a1');
  await handoff.sees('message.agent');
  await handoff.says('u1');
  await handoff.sees('message.user');
  await env.sleep('200s');
  await handoff.replies('a2');
  await until(async () => (await handoff.types()).filter((type) => type === 'message.agent').length === 2, {
    message: 'the second answer',
  });
  await env.sleep('185s');
  await handoff.sees('handoff.closed');
  near(await secondsBetween(handoff, 'message.agent', 'handoff.closed'), 180);
  expect((await handoff.events()).at(-1)?.data.reason).toBe('inactivity_timeout');
  await handoff.ended();
});

it('[87] a user message at 179 s stops the clock for good', async () => {
  const handoff = await baton.start();
  await handoff.sees('handoff.connecting');
  await handoff.replies('a1');
  await handoff.sees('message.agent');
  await env.sleep('178s');
  await handoff.says('u1');
  await env.sleep('1h');
  expect((await handoff.view()).status).toBe('active');
  await handoff.closes('user');
  await handoff.ended();
});

it('[89] both timers survive a worker that is away while they run', async () => {
  const waiting = await baton.start();
  await waiting.sees('handoff.connecting');
  const active = await baton.start();
  await active.sees('handoff.connecting');
  await active.replies('a1');
  await active.sees('message.agent');
  await baton.stopWorker();
  // This server skips no time while a workflow task waits for a worker, so no timer may fire meanwhile.
  await env.sleep('50s');
  await baton.startWorker();
  expect((await waiting.view()).status).toBe('connecting');
  await env.sleep('11s');
  await waiting.sees('handoff.wait_timeout');
  near(await secondsBetween(waiting, 'handoff.connecting', 'handoff.wait_timeout'), 60);
  await waiting.signal({ kind: 'waitChoice', id: 'c', choice: 'wait' });
  await waiting.replies('a1');
  await env.sleep('121s');
  await active.sees('handoff.closed');
  near(await secondsBetween(active, 'message.agent', 'handoff.closed'), 180);
  await waiting.closes('user');
  await waiting.ended();
});

it('asks for the e-mail for 300 s', async () => {
  const handoff = await baton.start({ emailRequired: true });
  await handoff.sees('handoff.email_required');
  await env.sleep('301s');
  const closed = await handoff.sees('handoff.closed');
  expect(closed.data.reason).toBe('email_not_given');
  near(await secondsBetween(handoff, 'handoff.email_required', 'handoff.closed'), 300);
  expect(baton.desk.conversation(handoff.id)).toBeUndefined();
  await handoff.ended();
});

it('every run above replays', async () => {
  expect(await baton.replayAll()).toEqual([]);
});

it('rule 17: the callbacks of a closed handoff are given up together after three days', async () => {
  const botId = await baton.bot({ callback: { url: 'http://127.0.0.1:9/callback' } });
  const tail = { handoffId: `ho_${botId}`, botId, fromSeq: 1, toSeq: 50 };
  const events = Array.from({ length: 50 }, (_, index) => ({
    type: 'message.read' as const,
    seq: index + 1,
    at: new Date().toISOString(),
    botId,
    handoffId: tail.handoffId,
    conversationId: 'c',
    data: {},
  }));
  await baton.store.journal.append({ handoffId: tail.handoffId, botId, events, late: [] });
  const handle = await baton.client.workflow.start(WORKFLOW.callbackTail, {
    taskQueue: TASK_QUEUE,
    workflowId: callbackTailWorkflowId(tail.handoffId),
    args: [tail],
  });
  await handle.result();
  // By the history: once nothing waits, this server may skip as far as it likes.
  const { events: history } = await handle.fetchHistory();
  const at = (event: NonNullable<typeof history>[number] | undefined): number => Number(event?.eventTime?.seconds ?? 0);
  const hours = (at(history?.at(-1)) - at(history?.[0])) / 3_600;
  // Not three days for each of the fifty.
  expect(hours).toBeGreaterThan(70);
  expect(hours).toBeLessThan(3 * 72);
  expect(await baton.store.ledger.get(tail.handoffId, 'callback')).toMatchObject({ sent: 50 });
});

it('a request for the next opening waits for it over a weekend, and what the user wrote is not too old then', async () => {
  const opensAtMs = (await env.currentTimeMs()) + 62 * 3_600_000;
  const handoff = await baton.start({ kind: 'next_opening', opensAtMs });
  await handoff.sees('handoff.scheduled');
  await handoff.says('u1');
  await env.sleep('61h');
  expect(await handoff.view()).toMatchObject({ status: 'scheduled' });
  baton.desk.fault('chat', { kind: 'status', status: 503, times: 6 });
  await env.sleep('62m');
  await handoff.sees('handoff.connecting');
  await until(() => baton.desk.messages(handoff.id).length === 1, { message: 'what he wrote', timeoutMs: 60_000 });
  expect(await handoff.types()).not.toContain('message.failed');
  await handoff.closes('user');
  await handoff.ended();
});

it('a message that no desk takes for 24 hours ends without one', async () => {
  baton.desk.fault('establish', { kind: 'status', status: 503 });
  const handoff = await baton.start({ kind: 'message' });
  await env.sleep('23h');
  expect(await handoff.view()).toMatchObject({ status: 'opening' });
  await env.sleep('62m');
  await handoff.sees('handoff.closed', 60_000);
  baton.desk.clearFaults();
  expect((await handoff.events()).at(-1)?.data).toMatchObject({ reason: 'desk_unavailable' });
});

it('a clock of the server that jumps ahead ends one wait early by as much, and turns no order round', async () => {
  const handoff = await baton.start();
  await handoff.sees('handoff.connecting');
  const startedMs = Date.now();
  // Sent by the clock of the API, which does not jump.
  const says = (id: string) => handoff.signal({ kind: 'userMessage', id, text: `user ${id}`, atMs: Date.now() });
  await says('before');
  await env.sleep('61s');
  await handoff.sees('handoff.wait_timeout');
  expect(Date.now() - startedMs).toBeLessThan(60_000);
  await handoff.signal({ kind: 'waitChoice', id: 'c1', choice: 'wait', atMs: Date.now() });
  await says('after');
  await env.sleep('50s');
  await handoff.replies('a1');
  await handoff.sees('message.agent');
  expect(await handoff.types()).toEqual([
    'handoff.connecting',
    'message.user',
    'handoff.wait_timeout',
    'handoff.connecting',
    'message.user',
    'handoff.active',
    'message.agent',
  ]);
  const ats = (await handoff.events()).map(({ at }) => at);
  expect(ats).toEqual(ats.toSorted());
  await handoff.closes('user');
  await handoff.ended();
  expect(textsAtDesk(baton, handoff.id)).toEqual(['user before', 'user after']);
});

it('what the user has waited for a worker is part of his time', async () => {
  await baton.stopWorker();
  const handoff = await baton.start();
  await env.sleep('5s');
  await baton.startWorker();
  await handoff.sees('handoff.connecting');
  await handoff.closes('user');
  await handoff.ended();
  const packet = (await handoff.events()).at(-1)?.data['packet'] as ReturnPacket;
  expect(packet.durationSeconds).toBeGreaterThanOrEqual(5);
});
