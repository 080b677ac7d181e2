import { WorkflowNotFoundError, type Client } from '@temporalio/client';

/** `gone`: no run, or one that ended in any way. */
export async function runState(client: Client, workflowId: string): Promise<'running' | 'gone'> {
  try {
    const { status } = await client.workflow.getHandle(workflowId).describe();
    return status.name === 'RUNNING' || status.name === 'CONTINUED_AS_NEW' ? 'running' : 'gone';
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return 'gone';
    throw error;
  }
}
