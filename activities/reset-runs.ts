import { ApplicationFailure } from '@temporalio/activity';
import type { Deps } from './deps.ts';

/**
 * Ends a run that an operator has reset, and throws. Such a run counts anew from an earlier point: what it says next would
 * have numbers that journal, ledger and callback know, and nobody would hear it. Maintenance finds the ended run, closes
 * its records and tells bot and desk; a native conversation goes on with its next message, behind all its numbers.
 */
export const createResetRunEnd =
  ({ runs, log }: Pick<Deps, 'runs' | 'log'>) =>
  async (runId: string): Promise<never> => {
    log.error({ handoffId: runId }, 'a run that was reset cannot go on and is ended');
    await runs.terminate(runId, 'A handoff that was reset would repeat its numbers: its records are closed.');
    throw ApplicationFailure.nonRetryable('the run was reset', 'RunReset');
  };
