import { WorkflowNotFoundError, type Client, type WorkflowExecutionInfo } from '@temporalio/client';
import type { HandoffRuns } from '../activities/deps.ts';
import type { ConversationInput, HandoffInput, Recalled } from '../workflows/contracts.ts';
import { WORKFLOW } from '../workflows/ids.ts';

/** A run that was not in memory is replayed first. Milliseconds. */
const QUERY_MS = 15_000;

const PAGE = 200;

type Run = Pick<WorkflowExecutionInfo, 'runId' | 'startTime' | 'status'>;

/** What Temporal still knows of runs, asked with the queries of `workflows/recall.ts`. */
export function createRecall(client: Client): Pick<HandoffRuns, 'recall' | 'begun' | 'active'> {
  const ask = <T>(workflowId: string, runId: string, query: string, ...args: unknown[]): Promise<T> =>
    client.withDeadline(Date.now() + QUERY_MS, () =>
      client.workflow.getHandle(workflowId, runId).query<T, unknown[]>(query, ...args),
    );

  /** All runs that are left of one id, oldest first. The list may not know the newest yet. */
  async function runsOf(workflowId: string): Promise<Run[]> {
    const runs = new Map<string, Run>();
    for await (const run of client.workflow.list({ query: `WorkflowId = '${workflowId}'` })) runs.set(run.runId, run);
    try {
      const newest = await client.workflow.getHandle(workflowId).describe();
      runs.set(newest.runId, newest);
    } catch (error) {
      if (!(error instanceof WorkflowNotFoundError)) throw error;
    }
    return [...runs.values()].toSorted((a, b) => a.startTime.getTime() - b.startTime.getTime());
  }

  return {
    async *recall(id, after) {
      let seen = after;
      for (const { runId, status } of await runsOf(id)) {
        const ended = status.name !== 'RUNNING';
        for (;;) {
          const recalled = await ask<Recalled | null>(id, runId, 'recall', seen, ended);
          if (recalled === null) break;
          yield recalled;
          if (recalled.events.length === 0) break;
          seen = recalled.events.at(-1)?.seq ?? seen;
        }
      }
    },

    async begun(id) {
      const [first] = await runsOf(id);
      if (first === undefined) return undefined;
      const input = await ask<HandoffInput | ConversationInput>(id, first.runId, 'begun');
      return { input, startedAt: first.startTime.toISOString() };
    },

    async active(since, token) {
      const types = [WORKFLOW.handoff, WORKFLOW.conversation].map((type) => `'${type}'`).join(', ');
      const from = new Date(since).toISOString();
      const { executions, nextPageToken } = await client.workflowService.listWorkflowExecutions({
        namespace: client.options.namespace,
        query: `WorkflowType IN (${types}) AND (ExecutionStatus = 'Running' OR CloseTime >= '${from}')`,
        pageSize: PAGE,
        nextPageToken: token === undefined ? null : Buffer.from(token, 'base64'),
      });
      const ids = executions.flatMap(({ execution }) => execution?.workflowId ?? []);
      return {
        ids,
        ...(nextPageToken?.length ? { token: Buffer.from(nextPageToken).toString('base64') } : {}),
      };
    },
  };
}
