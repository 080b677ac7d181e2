import { ApplicationFailure } from '@temporalio/activity';
import { DeskError } from './errors.ts';

/** Failure types that the workflow and an operator read in the Temporal UI. */
export const FAILURE = {
  refused: 'DeskRefused',
  unavailable: 'DeskUnavailable',
  unclear: 'DeskUnclear',
  busy: 'TooManyCallsAtOnce',
  callback: 'CallbackFailed',
} as const;

/**
 * A desk's error as Temporal needs it: `auth` and `rejected` end at once when `final` says so, a desk that names a
 * waiting time gets it, everything else follows the retry policy. The message holds no token and no user's text.
 */
export function toFailure(error: unknown, final: readonly DeskError['kind'][]): Error {
  if (!(error instanceof DeskError)) return error instanceof Error ? error : new Error(String(error));
  return ApplicationFailure.create({
    message: error.message,
    type: error.unclear ? FAILURE.unclear : final.includes(error.kind) ? FAILURE.refused : FAILURE.unavailable,
    nonRetryable: final.includes(error.kind),
    ...(error.retryAfterMs === undefined ? {} : { nextRetryDelay: error.retryAfterMs }),
    category: 'BENIGN',
    cause: error,
  });
}

/** Our own places for this bot are taken: soon again, and nothing to alarm anybody with. */
export const tooManyAtOnce = (what: string): ApplicationFailure =>
  ApplicationFailure.create({
    message: `${what}: too many calls at once for this bot`,
    type: FAILURE.busy,
    nextRetryDelay: 1_000,
    category: 'BENIGN',
  });
