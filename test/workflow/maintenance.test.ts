import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createLogger } from '../../activities/platform/log.ts';
import { keepMaintenance } from '../../worker/runs.ts';
import { MAINTENANCE_SCHEDULE_ID, TASK_QUEUE, WORKFLOW } from '../../workflows/ids.ts';
import { startTestBaton } from '../support/baton.ts';
import type { TestBaton } from '../support/baton.ts';
import { startCallbackReceiver } from '../support/callback.ts';
import type { CallbackReceiver } from '../support/callback.ts';
import { until } from '../support/poll.ts';
import { administer } from '../support/postgres.ts';

let baton: TestBaton;
let callback: CallbackReceiver;

beforeAll(async () => {
  [baton, callback] = await Promise.all([startTestBaton({ retentionDays: 30 }), startCallbackReceiver()]);
});
afterAll(async () => {
  await baton.stop();
  await callback.stop();
});

const sweep = (): Promise<unknown> =>
  baton.client.workflow.execute(WORKFLOW.maintenance, { taskQueue: TASK_QUEUE, workflowId: randomUUID(), args: [] });

/** Lets rows look as old as maintenance wants them. */
const age = (table: string, column: string): Promise<unknown> =>
  administer(baton.databaseUrl, `update ${table} set ${column} = ${column} - interval '2 hours'`);

it('rule 16: a terminated run is found, its records are closed, and the bot and the desk are told', async () => {
  const bot = await baton.bot({ callback: { url: callback.url } });
  const handoff = await baton.start({ botId: bot });
  await handoff.sees('handoff.connecting');
  await handoff.replies('a1');
  await handoff.sees('message.agent');
  const other = await baton.start({ botId: bot });
  await other.sees('handoff.connecting');
  await baton.client.workflow.getHandle(handoff.id).terminate('by an operator');
  await age('handoffs', 'started_at');

  await sweep();

  const events = await handoff.events();
  expect(events.at(-1)).toMatchObject({
    type: 'handoff.closed',
    data: { reason: 'operator_closed', packet: { omitted: 1 } },
  });
  expect(typeof events.at(-1)?.data.text).toBe('string');
  expect(events.map((event) => event.seq)).toEqual(events.map((_, index) => index + 1));
  expect(await baton.store.handoffs.get(handoff.id)).toMatchObject({
    status: 'closed',
    closeReason: 'operator_closed',
  });
  expect(baton.desk.conversation(handoff.id)?.closed).toBe('TIMEOUT');
  await until(() => callback.taken(handoff.id).length === events.length, { message: 'the callback to know' });

  await sweep();
  expect(await handoff.events()).toEqual(events);
  expect((await baton.store.handoffs.get(other.id))?.status).toBe('connecting');
  await other.closes('user');
  await other.ended();
});

it('the schedule of these rounds comes back when it is gone', async () => {
  const stop = new AbortController();
  const kept = keepMaintenance(baton.client, { log: createLogger('silent'), signal: stop.signal }, 50);
  const schedule = baton.client.schedule.getHandle(MAINTENANCE_SCHEDULE_ID);
  const madeAt = () =>
    schedule.describe().then(
      ({ info }) => info.createdAt.getTime(),
      () => undefined,
    );
  const first = await until(madeAt, { message: 'the schedule' });
  await schedule.delete();
  await until(async () => ((await madeAt()) ?? first) !== first, { message: 'another one', timeoutMs: 60_000 });
  stop.abort();
  await kept;
  await schedule.delete();
});

it('what was closed long enough ago is deleted by the same round, and counted', async () => {
  const handoff = await baton.start();
  await handoff.sees('handoff.connecting');
  await handoff.closes('agent');
  await handoff.ended();
  const before = `set started_at = started_at - interval '31 days', closed_at = closed_at - interval '31 days'`;
  await administer(baton.databaseUrl, `update handoffs ${before} where id = '${handoff.id}'`);
  await sweep();
  expect(await baton.store.handoffs.get(handoff.id)).toBeUndefined();
  expect(await handoff.events()).toEqual([]);
  const counted = await baton.metrics.registry.getSingleMetricAsString('baton_retention_deleted_total');
  expect(counted).toContain('baton_retention_deleted_total{what="handoffs"} 1');
  expect(await baton.metrics.registry.getSingleMetricAsString('baton_repairs_total')).toContain(
    'baton_repairs_total{kind="run_gone",desk="webhook"} 1',
  );
});

it('a row whose request died before its run began does not block the conversation', async () => {
  const bot = await baton.bot();
  const row = {
    botId: bot,
    conversationId: 'c-1',
    desk: 'webhook',
    channel: 'api',
    mode: 'external',
    status: 'opening',
    user: {},
    question: 'q',
    metadata: null,
  } as const;
  await baton.store.handoffs.open({ id: `ho_${randomUUID()}`, ...row });
  await age('handoffs', 'started_at');
  await sweep();
  expect(await baton.store.handoffs.open({ id: `ho_${randomUUID()}`, ...row })).toMatchObject({ created: true });
});

it('rule 8: an agent reply that only the inbox got reaches its handoff once', async () => {
  const handoff = await baton.start();
  await handoff.sees('handoff.connecting');
  const event = {
    botId: handoff.input.botId,
    desk: 'webhook',
    dedupeKey: 'm1',
    deskConversationId: handoff.id,
    handoffId: handoff.id,
    signal: { kind: 'agentReply', id: 'webhook:m1', text: 'hello' },
  } as const;
  await baton.store.inbox.receive(event);
  await age('inbox', 'received_at');
  await sweep();
  await handoff.sees('message.agent');
  expect((await baton.store.inbox.receive(event)).pending).toEqual([]);
  await sweep();
  await handoff.closes('agent');
  await handoff.ended();
  expect((await handoff.types()).filter((type) => type === 'message.agent')).toHaveLength(1);
});

it('rule 8: an event that came before its handoff waits in the inbox, and one that nobody claims is an alert', async () => {
  const early = {
    botId: 'bot-of-nobody',
    desk: 'webhook',
    dedupeKey: 'm2',
    deskConversationId: 'unknown-conversation',
    signal: { kind: 'agentReply', id: 'webhook:m2', text: 'is anybody there?' },
  } as const;
  expect(await baton.store.inbox.receive(early)).toMatchObject({ fresh: true, pending: [] });
  await sweep();
  const waiting = { known: false, olderThanSeconds: 0, limit: 10 };
  expect(await baton.store.inbox.unforwarded(waiting)).toHaveLength(1);
  await age('inbox', 'received_at');
  await sweep();
  expect(await baton.store.inbox.unforwarded(waiting)).toEqual([]);
  expect(await baton.metrics.registry.getSingleMetricAsString('baton_inbox_alerts_total')).toContain(
    'baton_inbox_alerts_total{desk="webhook"} 1',
  );
});
