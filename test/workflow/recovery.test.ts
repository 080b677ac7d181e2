import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { TASK_QUEUE, WORKFLOW } from '../../workflows/ids.ts';
import { startTestBaton, type Handoff, type TestBaton } from '../support/baton.ts';
import { until } from '../support/poll.ts';
import { administer } from '../support/postgres.ts';

let baton: TestBaton;
const since = new Date(Date.now() - 60_000).toISOString();

beforeAll(async () => {
  baton = await startTestBaton();
});
afterAll(() => baton.stop());

const run = (type: string, ...args: unknown[]): Promise<unknown> =>
  baton.client.workflow.execute(type, { taskQueue: TASK_QUEUE, workflowId: randomUUID(), args });
const recover = () => run(WORKFLOW.recovery, { since });
const sql = (text: string): Promise<unknown> => administer(baton.databaseUrl, text);

/** As a backup would have it that was made when only the first event was there. */
async function loseAllButTheFirst(id: string): Promise<void> {
  await sql(`delete from events where handoff_id = '${id}' and seq > 1`);
  await sql(`delete from late_messages where handoff_id = '${id}'`);
  await sql(`update handoffs set status = 'connecting', close_reason = null, closed_at = null, active_at = null,
    agent = null, last_seq = 1 where id = '${id}'`);
}

async function lose(id: string): Promise<void> {
  for (const table of ['events', 'late_messages', 'ledger', 'inbox'])
    await sql(`delete from ${table} where handoff_id = '${id}'`);
  await sql(`delete from handoffs where id = '${id}'`);
}

async function ended(): Promise<Handoff> {
  const handoff = await baton.start();
  await handoff.sees('handoff.connecting');
  await handoff.replies('a1');
  await handoff.sees('message.agent');
  await handoff.closes('agent');
  await handoff.ended();
  return handoff;
}

it('maintenance lets a run that had ended tell its own end, when the database is older than that', async () => {
  const handoff = await ended();
  const events = await handoff.events();
  await loseAllButTheFirst(handoff.id);
  await sql(`update handoffs set started_at = started_at - interval '2 hours' where id = '${handoff.id}'`);
  await run(WORKFLOW.maintenance);
  expect(await handoff.events()).toEqual(events);
  expect(await baton.store.handoffs.get(handoff.id)).toMatchObject({ status: 'closed', closeReason: 'agent_closed' });
  expect(await baton.metrics.registry.getSingleMetricAsString('baton_repairs_total')).not.toContain('kind="run_gone"');
});

it('a run that has gone on as new tells all of it, and what happened beside the recovery is not doubled', async () => {
  const handoff = await baton.start({ continueAfterEvents: 40 });
  await handoff.sees('handoff.connecting');
  for (let n = 1; n <= 30; n += 1) {
    // With its time, as the intake sends it: an end of a run that Temporal refuses does a task once more.
    const atMs = Date.now();
    await handoff.signal({ kind: 'userMessage', id: `u${n}`, text: `user u${n}`, atMs });
    await handoff.signal({ kind: 'agentReply', id: `a${n}`, text: `agent a${n}`, atMs });
    await until(async () => (await handoff.types()).filter((type) => type === 'message.agent').length === n, {
      message: `answer ${n}`,
      timeoutMs: 60_000,
    });
  }
  await baton.hasRuns(handoff.id, 2);
  const before = await handoff.events();
  await loseAllButTheFirst(handoff.id);
  await handoff.says('last');
  await until(async () => (await handoff.events()).at(-1)?.data['messageId'] === 'last', {
    message: 'the newest message',
  });
  expect(await recover()).toMatchObject({ ahead: [], failed: [] });
  const after = await handoff.events();
  expect(after.slice(0, before.length)).toEqual(before);
  expect(after.map((event) => event.seq)).toEqual(after.map((_, index) => index + 1));
  expect(await baton.store.handoffs.get(handoff.id)).toMatchObject({ status: 'active', lastSeq: after.length });
  await handoff.closes('user');
  await handoff.ended();
}, 120_000);

it('what was erased stays away, although Temporal deletes it later', async () => {
  const handoff = await ended();
  const { botId } = handoff.input;
  await baton.store.upkeep.erase({ botId, handoffIds: [handoff.id], conversationIds: [] });
  await recover();
  expect(await baton.store.handoffs.get(handoff.id)).toBeUndefined();
  expect(await handoff.events()).toEqual([]);
});

it('the row of a handoff that is lost comes back, after an earlier one of its conversation that looks open', async () => {
  const conversationId = `conversation-${randomUUID()}`;
  const bot = await baton.bot();
  const first = await baton.start({ botId: bot, conversationId });
  await first.sees('handoff.connecting');
  await first.closes('user');
  await first.ended();
  const second = await baton.start({ botId: bot, conversationId, user: { id: 'u-9', email: 'u@example.org' } });
  await second.sees('handoff.connecting');
  const events = await second.events();
  await lose(second.id);
  await loseAllButTheFirst(first.id);
  expect(await recover()).toMatchObject({ failed: [] });
  expect(await second.events()).toEqual(events);
  expect(await baton.store.handoffs.get(second.id)).toMatchObject({
    status: 'connecting',
    deskConversationId: second.id,
    user: { id: 'u-9' },
    runStarted: true,
  });
  expect(await baton.store.handoffs.get(first.id)).toMatchObject({ status: 'closed', closeReason: 'user_closed' });
  await second.closes('user');
  await second.ended();
});

it('the journal of a native conversation comes back with its row', async () => {
  const bot = await baton.bot();
  const talk = await baton.conversation({ botId: bot, desk: 'webhook', deskConversationId: `talk-${randomUUID()}` });
  await talk.userSays('one', 'two');
  await until(async () => (await talk.events()).length === 3, { message: 'the journal' });
  const events = await talk.events();
  await sql(`delete from events where handoff_id = '${talk.id}'`);
  await sql(`delete from conversations where id = '${talk.id}'`);
  expect(await recover()).toMatchObject({ ahead: [], failed: [] });
  expect(await talk.events()).toEqual(events);
  expect(await baton.store.conversations.get(talk.id)).toMatchObject({ botId: bot, lastSeq: 3 });
});

it('says of which handoffs the database knows more than Temporal', async () => {
  const handoff = await ended();
  const [last] = (await handoff.events()).toReversed();
  await sql(`update events set seq = 99 where handoff_id = '${handoff.id}' and seq = ${last!.seq}`);
  expect(await recover()).toMatchObject({ ahead: [handoff.id] });
});
