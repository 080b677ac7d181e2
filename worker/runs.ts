import { setTimeout as delay } from 'node:timers/promises';
import { WorkflowExecutionAlreadyStartedError, WorkflowNotFoundError } from '@temporalio/client';
import type { Client } from '@temporalio/client';
import { HandoffGone } from '../activities/deps.ts';
import { conversationStart } from '../activities/platform/conversation-start.ts';
import { runState } from '../activities/platform/runs.ts';
import type { HandoffRuns } from '../activities/deps.ts';
import { HANDOFF_SIGNAL } from '../workflows/contracts.ts';
import type { ConversationSignal } from '../workflows/contracts.ts';
import {
  callbackTailWorkflowId,
  handoffWorkflowId,
  MAINTENANCE_SCHEDULE_ID,
  TASK_QUEUE,
  WORKFLOW,
} from '../workflows/ids.ts';
import { persevere, type Patience } from './persevere.ts';
import { createRecall } from './recall.ts';

/** How often the maintenance workflow looks for what was left behind. */
const MAINTENANCE_EVERY = '1 minute';

/** How often a worker makes that schedule again, in case it is gone. */
const REMAKE_EVERY_MS = 5 * 60_000;

/** Longer than a round of maintenance and the lateness of Temporal's list together. Milliseconds. */
const BADLY_ENDED_MS = 15 * 60_000;

/** Ids that are looked up together. */
const LIST_PAGE = 200;

/** JSON characters of one call, far below the 2 MiB that one payload may have. */
const SIGNAL_CHARACTERS = 400_000;

/** Signals in their order, as many together as one call may carry. */
function parts(signals: ConversationSignal[]): ConversationSignal[][] {
  const calls: ConversationSignal[][] = [];
  let size = Infinity;
  for (const signal of signals) {
    const characters = JSON.stringify(signal).length;
    if (size + characters > SIGNAL_CHARACTERS) {
      calls.push([]);
      size = 0;
    }
    calls.at(-1)?.push(signal);
    size += characters;
  }
  return calls;
}

/** What activities know of workflow runs, done with the Temporal client. */
export function createRuns(client: Client): HandoffRuns {
  const handle = (handoffId: string) => client.workflow.getHandle(handoffWorkflowId(handoffId));
  return {
    async signal(runId, signals) {
      try {
        for (const part of parts(signals)) await handle(runId).signal(HANDOFF_SIGNAL, part);
      } catch (error) {
        if (error instanceof WorkflowNotFoundError) throw new HandoffGone(runId, { cause: error });
        throw error;
      }
    },

    async tellConversation(conversation, signals) {
      for (const part of parts(signals)) {
        await client.workflow.signalWithStart(WORKFLOW.conversation, conversationStart(conversation, part));
      }
    },

    async terminate(runId, reason) {
      await handle(runId).terminate(reason);
    },

    state: (handoffId) => runState(client, handoffWorkflowId(handoffId)),

    async *endedBadly() {
      const since = new Date(Date.now() - BADLY_ENDED_MS).toISOString();
      const query =
        `WorkflowType = '${WORKFLOW.handoff}' AND ExecutionStatus IN ('Terminated', 'Failed', 'TimedOut') ` +
        `AND CloseTime > '${since}'`;
      let ids: string[] = [];
      for await (const { workflowId } of client.workflow.list({ query, pageSize: LIST_PAGE })) {
        ids.push(workflowId);
        if (ids.length < LIST_PAGE) continue;
        yield ids;
        ids = [];
      }
      if (ids.length > 0) yield ids;
    },

    ...createRecall(client),

    async startCallbackTail(tail) {
      try {
        await client.workflow.start(WORKFLOW.callbackTail, {
          workflowId: callbackTailWorkflowId(tail.handoffId),
          taskQueue: TASK_QUEUE,
          args: [tail],
          workflowIdReusePolicy: 'REJECT_DUPLICATE',
          workflowIdConflictPolicy: 'USE_EXISTING',
        });
      } catch (error) {
        if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
      }
    },
  };
}

/** Until the signal: whoever has deleted the schedule, or lost Temporal's data, gets it back within `everyMs`. */
export async function keepMaintenance(client: Client, patience: Patience, everyMs = REMAKE_EVERY_MS): Promise<void> {
  while (!patience.signal.aborted) {
    await persevere('The schedule of maintenance', () => ensureMaintenance(client), patience);
    await delay(everyMs, undefined, { signal: patience.signal }).catch(() => undefined);
  }
}

/** Makes the schedule of the maintenance workflow, once per namespace; any number of workers may call it. */
export async function ensureMaintenance(client: Client): Promise<void> {
  try {
    await client.schedule.create({
      scheduleId: MAINTENANCE_SCHEDULE_ID,
      spec: { intervals: [{ every: MAINTENANCE_EVERY }] },
      action: { type: 'startWorkflow', workflowType: WORKFLOW.maintenance, taskQueue: TASK_QUEUE, args: [] },
      policies: { overlap: 'SKIP', catchupWindow: '1 minute' },
    });
  } catch (error) {
    if (!(error instanceof Error && error.name === 'ScheduleAlreadyRunning')) throw error;
  }
}
