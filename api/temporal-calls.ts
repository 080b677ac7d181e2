import { WorkflowExecutionAlreadyStartedError, WorkflowNotFoundError } from '@temporalio/client';
import type { Metrics } from '../activities/platform/metrics.ts';

const RESOURCE_EXHAUSTED = 8;

/** Measures a call to Temporal. An answer that says no, such as a run that has ended, is an answer. */
export async function timed<T>(
  metrics: Metrics | undefined,
  operation: 'start' | 'signal',
  call: () => Promise<T>,
): Promise<T> {
  const stop = metrics?.temporalSeconds.startTimer({ operation });
  try {
    const result = await call();
    stop?.({ outcome: 'ok' });
    return result;
  } catch (error) {
    stop?.({ outcome: outcomeOf(error) });
    throw error;
  }
}

function outcomeOf(error: unknown): 'ok' | 'resource_exhausted' | 'failed' {
  if (error instanceof WorkflowNotFoundError || error instanceof WorkflowExecutionAlreadyStartedError) return 'ok';
  const { code, cause } = error as { code?: unknown; cause?: { code?: unknown } };
  return (cause?.code ?? code) === RESOURCE_EXHAUSTED ? 'resource_exhausted' : 'failed';
}
