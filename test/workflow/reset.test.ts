import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { TASK_QUEUE, WORKFLOW } from '../../workflows/ids.ts';
import { startTestBaton, textsAtDesk } from '../support/baton.ts';
import type { Handoff, TestBaton } from '../support/baton.ts';
import { startCallbackReceiver } from '../support/callback.ts';
import type { CallbackReceiver } from '../support/callback.ts';
import { until } from '../support/poll.ts';
import { administer } from '../support/postgres.ts';

let baton: TestBaton;
let callback: CallbackReceiver;

beforeAll(async () => {
  [baton, callback] = await Promise.all([startTestBaton(), startCallbackReceiver()]);
});
afterAll(async () => {
  await baton.stop();
  await callback.stop();
});

/** As `temporal workflow reset --type FirstWorkflowTask` does it, and the button of the Temporal UI. */
async function reset({ id }: Handoff): Promise<void> {
  const { runId } = await baton.client.workflow.getHandle(id).describe();
  const { events } = await baton.client.workflow.getHandle(id, runId).fetchHistory();
  const firstTask = events?.find(({ workflowTaskCompletedEventAttributes: task }) => task);
  await baton.client.workflowService.resetWorkflowExecution({
    namespace: baton.namespace,
    workflowExecution: { workflowId: id, runId },
    reason: 'by an operator',
    workflowTaskFinishEventId: firstTask?.eventId ?? null,
    requestId: randomUUID(),
  });
}

it('a run that was reset is ended before it says anything under numbers that the journal has', async () => {
  const bot = await baton.bot({ callback: { url: callback.url } });
  const handoff = await baton.start({ botId: bot });
  await handoff.sees('handoff.connecting');
  await handoff.says('u1');
  await handoff.replies('a1');
  await until(async () => (await handoff.types()).length === 4, { message: 'the talk in the journal' });
  await until(() => textsAtDesk(baton, handoff.id).length === 1, { message: 'the message at the desk' });
  const before = await handoff.events();

  await reset(handoff);
  await handoff.ended();
  expect((await baton.client.workflow.getHandle(handoff.id).describe()).status.name).toBe('TERMINATED');
  expect(await handoff.events()).toEqual(before);
  expect(textsAtDesk(baton, handoff.id)).toEqual(['user u1']);

  await administer(baton.databaseUrl, `update handoffs set started_at = started_at - interval '2 hours'`);
  await baton.client.workflow.execute(WORKFLOW.maintenance, {
    taskQueue: TASK_QUEUE,
    workflowId: randomUUID(),
    args: [],
  });
  const events = await handoff.events();
  expect(events.slice(0, before.length)).toEqual(before);
  expect(events.slice(before.length)).toMatchObject([{ type: 'handoff.closed', data: { detail: 'run_gone' } }]);
  expect(baton.desk.conversation(handoff.id)?.closed).toBe('TIMEOUT');
  await until(() => callback.taken(handoff.id).length === events.length, { message: 'the callback to know' });
});
