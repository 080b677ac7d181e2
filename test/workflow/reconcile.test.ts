import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createRegistry } from '../../activities/desks/registry.ts';
import { webhook } from '../../activities/desks/webhook/index.ts';
import type { HandoffInput } from '../../workflows/contracts.ts';
import { TASK_QUEUE, WORKFLOW } from '../../workflows/ids.ts';
import { startTestBaton } from '../support/baton.ts';
import type { Handoff, TestBaton } from '../support/baton.ts';
import { settings } from '../support/input.ts';
import { until } from '../support/poll.ts';
import { administer } from '../support/postgres.ts';
import { atDesk, createSeeingDesk } from '../support/seeing-desk.ts';

/** What webhooks have not told is looked for at the desk: before a silence counts, at the end, and when it is quiet. */
let baton: TestBaton;
const desk = createSeeingDesk();

beforeAll(async () => {
  baton = await startTestBaton({ desks: createRegistry([webhook, desk]), reconcileAfterMs: 1 });
});
afterAll(async () => {
  expect(await baton.replayAll()).toEqual([]);
  await baton.stop();
});

const messenger = { desk: { kind: 'messenger' } };

async function connected(over: Partial<HandoffInput> = {}): Promise<{ handoff: Handoff; there: string }> {
  const handoff = await baton.start({ desk: 'messenger', reconciles: true, ...over }, messenger);
  await handoff.sees('handoff.connecting');
  return { handoff, there: `desk-${handoff.id}` };
}

const asked = (there: string): number => desk.asked.filter((one) => one.deskConversationId === there).length;
const said = (there: string, key: string, text: string) => atDesk(there, key, { kind: 'agentReply', text });
const replies = async (handoff: Handoff) =>
  (await handoff.events()).flatMap(({ type, data }) =>
    type === 'message.agent' ? [[data['text'], data['recovered']]] : [],
  );
const repaired = async (kind: string): Promise<number> =>
  (await baton.metrics.repairs.get()).values
    .filter(({ labels }) => labels['kind'] === kind && labels['desk'] === 'messenger')
    .reduce((sum, { value }) => sum + value, 0);

it('what an agent said and no webhook told reaches the user before the end, in order, once and marked', async () => {
  const before = await repaired('message');
  const { handoff, there } = await connected();
  desk.has(there, said(there, 'm1', 'first'), said(there, 'm2', 'second'), said(there, 'm3', 'third'));
  await baton.store.inbox.receive({
    botId: handoff.input.botId,
    desk: 'messenger',
    dedupeKey: 'm1',
    deskConversationId: there,
    handoffId: handoff.id,
    signal: { kind: 'agentReply', id: 'messenger:m1', text: 'first' },
  });
  await handoff.signal({ kind: 'agentReply', id: 'messenger:m1', text: 'first' });
  await handoff.sees('message.agent');
  await handoff.closes('user');
  await handoff.ended();
  expect(await replies(handoff)).toEqual([
    ['first', undefined],
    ['second', true],
    ['third', true],
  ]);
  expect((await handoff.types()).at(-1)).toBe('handoff.closed');
  expect(await baton.store.journal.late(handoff.id)).toEqual([]);
  expect(asked(there)).toBe(1);
  expect(await repaired('message')).toBe(before + 2);
});

it('an agent whose answer no webhook told was there: the wait does not end', async () => {
  const { handoff, there } = await connected({ settings: settings({ waitTimeoutMs: 4_000, onWaitTimeout: 'close' }) });
  desk.has(there, said(there, 'm1', 'I am here'));
  await handoff.sees('message.agent');
  expect(await handoff.view()).toMatchObject({ status: 'active', closing: false, deadline: { kind: 'inactivity' } });
  await handoff.closes('agent');
  await handoff.ended();
  expect(await handoff.types()).toEqual(['handoff.connecting', 'handoff.active', 'message.agent', 'handoff.closed']);
});

it('a silence that is one ends as ever, with one look', async () => {
  const { handoff, there } = await connected({ settings: settings({ waitTimeoutMs: 1_000, onWaitTimeout: 'close' }) });
  await handoff.ended();
  expect((await handoff.sees('handoff.closed')).data['reason']).toBe('wait_timeout');
  expect(asked(there)).toBe(1);
});

it('a close that no webhook told ends the handoff as the agent who made it', async () => {
  const { handoff, there } = await connected({ settings: settings({ waitTimeoutMs: 4_000 }) });
  desk.has(there, said(there, 'm1', 'bye'), atDesk(there, 'c1', { kind: 'close', by: 'agent' }));
  await handoff.ended();
  expect((await handoff.sees('handoff.closed')).data['reason']).toBe('agent_closed');
  expect(await replies(handoff)).toEqual([['bye', true]]);
});

it('a desk that does not answer delays the end by less than its grace', async () => {
  const { handoff, there } = await connected();
  desk.has(there, said(there, 'm1', 'never seen'));
  desk.hangs(true);
  const startedAt = Date.now();
  await handoff.closes('user');
  await handoff.sees('handoff.closed', 60_000);
  desk.hangs(false);
  const { closedAt } = (await baton.store.handoffs.get(handoff.id))!;
  expect(Date.parse(closedAt!) - startedAt).toBeLessThan(10_000);
  await handoff.ended();
  expect(await replies(handoff)).toEqual([]);
});

it('a desk that lets nobody look is no unavailable service, and the handoff ends as ever', async () => {
  const { handoff, there } = await connected();
  desk.refuses(true);
  await handoff.closes('user');
  await handoff.ended();
  desk.refuses(false);
  expect(asked(there)).toBe(1);
  expect(await handoff.types()).toEqual(['handoff.connecting', 'handoff.closed']);
  expect((await baton.store.bots.get(handoff.input.botId))?.service.state).toBe('available');
});

it('in the messenger of the desk what the user had said to the human is in the handoff, and not for the bot to answer', async () => {
  const botId = await baton.bot({ ...messenger, mode: 'native' });
  const there = `d-${botId}`;
  const talk = await baton.conversation({ botId, desk: 'messenger', deskConversationId: there });
  const at = { conversationId: there, deskConversationId: there, mode: 'native' as const, channel: 'messenger' };
  const { handoff } = await connected({ botId, ...at });
  await handoff.replies('a1');
  desk.has(there, atDesk(there, 'u1', { kind: 'userMessage', text: 'thank you, human' }));
  await handoff.closes('bot');
  await handoff.ended();
  const last = (await handoff.events()).slice(-2);
  expect(last.map(({ type, data }) => [type, data['text'], data['recovered']])).toEqual([
    ['message.user', 'thank you, human', true],
    ['handoff.closed', expect.any(String), undefined],
  ]);
  expect(last[1]?.data).toMatchObject({
    packet: { messages: [{ content: 'agent a1' }, { content: 'thank you, human' }] },
  });
  expect(await talk.events()).toEqual([]);
});

it('in the messenger of the desk the two may have talked before the desk accepted the handoff: that is looked for as well', async () => {
  const botId = await baton.bot({ ...messenger, mode: 'native' });
  const there = `d-${botId}`;
  const at = { conversationId: there, deskConversationId: there, mode: 'native' as const, channel: 'messenger' };
  desk.fails(true);
  const handoff = await baton.start({ desk: 'messenger', reconciles: true, botId, ...at }, messenger);
  await until(() => desk.refused.includes(`open ${there}`), { message: 'the desk being asked' });
  desk.fails(false);
  const accepted = await handoff.sees('handoff.connecting');
  await handoff.closes('user');
  await handoff.ended();
  const looks = desk.asked.filter((one) => one.deskConversationId === there);
  const beforeMs = looks.map(({ sinceMs }) => Date.parse(accepted.at) - sinceMs);
  // Five seconds are for clocks that differ; the pause before the second try, half a second, is what tells.
  expect(beforeMs.filter((ms) => ms >= 5_450)).toHaveLength(1);
});

it('on the schedule open handoffs and native conversations that are quiet are looked at', async () => {
  const { handoff, there } = await connected();
  const botId = await baton.bot({ ...messenger, mode: 'native' });
  const native = `d-${botId}`;
  const talk = await baton.conversation({ botId, desk: 'messenger', deskConversationId: native });
  await talk.userSays('hello bot');
  await until(async () => (await talk.events()).length === 2, { message: 'the conversation' });
  desk.has(there, said(there, 'm1', 'hello'), atDesk(there, 'g1', { kind: 'agentChanged', agent: { id: 'zoe' } }));
  desk.has(native, atDesk(native, 'u1', { kind: 'userMessage', text: 'bot?' }), {
    ...atDesk(native, 'c1', { kind: 'close', by: 'agent' }),
    duringHandoff: true,
  });
  await baton.client.workflow.execute(WORKFLOW.maintenance, { workflowId: randomUUID(), taskQueue: TASK_QUEUE });
  await handoff.sees('handoff.agent_changed');
  expect(await handoff.types()).toEqual([
    'handoff.connecting',
    'handoff.active',
    'message.agent',
    'handoff.agent_changed',
  ]);
  await until(async () => (await talk.events()).length === 3, { message: 'what the user had said' });
  expect((await talk.events()).at(-1)?.data).toMatchObject({ text: 'bot?', from: 'user', recovered: true });
  await handoff.closes('agent');
  await handoff.ended();
});

it('what an agent said of a handoff that ended without a look is kept as late', async () => {
  const { handoff, there } = await connected();
  desk.hangs(true);
  await handoff.closes('user');
  await handoff.ended(60_000);
  desk.hangs(false);
  desk.has(there, said(there, 'm1', 'one more thing'));
  await administer(
    baton.databaseUrl,
    `update handoffs set closed_at = now() - interval '3 minutes' where id = '${handoff.id}'`,
  );
  await until(
    async () => {
      await baton.client.workflow.execute(WORKFLOW.maintenance, { workflowId: randomUUID(), taskQueue: TASK_QUEUE });
      return (await baton.store.journal.late(handoff.id)).map(({ text }) => text).includes('one more thing');
    },
    { message: 'the late message', timeoutMs: 60_000, everyMs: 1_000 },
  );
});
