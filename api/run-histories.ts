import type { Client } from '@temporalio/client';
import { isGrpcServiceError } from '@temporalio/client';
import { callbackTailWorkflowId, isConversationId } from '../workflows/ids.ts';
import { isTemporalUnavailable, unavailable } from './errors.ts';

/** Ids in one question to Temporal's list. */
const IDS_AT_ONCE = 50;

const CALLS_AT_ONCE = 20;

/** How long Temporal may take for so many ids. Milliseconds. */
const STEP_MS = 15_000;

const NOT_FOUND = 5;
const PERMISSION_DENIED = 7;
const UNIMPLEMENTED = 12;

/**
 * Has Temporal delete all runs of these handoffs and conversations, also their callbacks that are still to be delivered.
 * `kept`: it does not allow that. Throws a 503 when it cannot be reached. Temporal deletes a little later.
 */
export async function deleteHistories(client: Client, ids: string[]): Promise<'deleted' | 'kept'> {
  const workflowIds = ids.flatMap((id) => (isConversationId(id) ? [id] : [id, callbackTailWorkflowId(id)]));
  try {
    for (let at = 0; at < workflowIds.length; at += IDS_AT_ONCE) {
      const some = workflowIds.slice(at, at + IDS_AT_ONCE);
      await client.withDeadline(Date.now() + STEP_MS, async () => {
        // Beside the list, which may not know the newest run yet, each id as it is.
        await deleteRuns(client, [...(await runsOf(client, some)), ...some.map((workflowId) => ({ workflowId }))]);
      });
    }
    return 'deleted';
  } catch (error) {
    const code = codeOf(error);
    if (code === PERMISSION_DENIED || code === UNIMPLEMENTED) return 'kept';
    throw isTemporalUnavailable(error) ? unavailable('temporal', error) : error;
  }
}

interface Run {
  workflowId: string;
  runId?: string;
}

/** Every run of a long handoff, which has gone on as new. */
async function runsOf(client: Client, workflowIds: string[]): Promise<Run[]> {
  const quoted = workflowIds.map((id) => `'${id.replaceAll("'", '')}'`).join(', ');
  const runs: Run[] = [];
  for await (const { workflowId, runId } of client.workflow.list({ query: `WorkflowId IN (${quoted})` })) {
    runs.push({ workflowId, runId });
  }
  return runs;
}

async function deleteRuns(client: Client, runs: Run[]): Promise<void> {
  const { namespace } = client.options;
  for (let at = 0; at < runs.length; at += CALLS_AT_ONCE) {
    await Promise.all(
      runs.slice(at, at + CALLS_AT_ONCE).map(async (workflowExecution) => {
        try {
          await client.workflowService.deleteWorkflowExecution({ namespace, workflowExecution });
        } catch (error) {
          if (codeOf(error) !== NOT_FOUND) throw error;
        }
      }),
    );
  }
}

function codeOf(error: unknown): number | undefined {
  if (isGrpcServiceError(error)) return error.code;
  return error instanceof Error && error.cause !== undefined ? codeOf(error.cause) : undefined;
}
