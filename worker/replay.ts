import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import type { DataConverter } from '@temporalio/common';
import { Worker } from '@temporalio/worker';
import { WORKFLOW } from '../workflows/ids.ts';

/** What becomes of runs that are open now under the workflow code of this version. */
export interface Replayed {
  replayed: number;
  failed: { workflowId: string; message: string }[];
}

interface ReplayOptions {
  client: Client;
  /** As the worker would load it. */
  bundle: { code: string };
  dataConverter?: DataConverter | undefined;
  /** Of so many open runs, in the order of the server's list. */
  limit: number;
  signal?: AbortSignal;
}

const OPEN = `ExecutionStatus = 'Running' AND WorkflowType IN ('${WORKFLOW.handoff}', '${WORKFLOW.conversation}', '${WORKFLOW.callbackTail}')`;

/** Reads histories and runs them here: it changes nothing, takes no work and asks no worker. */
export async function replayOpenRuns(options: ReplayOptions): Promise<Replayed> {
  const { bundle, dataConverter } = options;
  const replayer = { workflowBundle: bundle, ...(dataConverter ? { dataConverter } : {}) };
  const result: Replayed = { replayed: 0, failed: [] };
  for await (const { workflowId, error } of Worker.runReplayHistories(replayer, openHistories(options))) {
    result.replayed += 1;
    if (error) result.failed.push({ workflowId, message: error.message });
  }
  return result;
}

async function* openHistories({ client, limit, signal }: ReplayOptions) {
  let count = 0;
  for await (const { workflowId, runId } of client.workflow.list({ query: OPEN })) {
    if (count >= limit || signal?.aborted) return;
    try {
      const history: unknown = await client.workflow.getHandle(workflowId, runId).fetchHistory();
      yield { workflowId, history };
      count += 1;
    } catch (error) {
      // Ended since the list was made, and past its retention.
      if (!(error instanceof WorkflowNotFoundError)) throw error;
    }
  }
}
