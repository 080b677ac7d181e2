import { setTimeout as delay } from 'node:timers/promises';

import type { Logger } from '../activities/platform/log.ts';
import { StartError } from './local/failure.ts';

const RETRY_MS = 1_000;
/** The same reason again is told this often. */
const REMIND_MS = 60_000;

export interface Patience {
  log: Logger;
  /** Gives up when it aborts. */
  signal: AbortSignal;
  /** Throws `StartError` after this time, milliseconds; for ever without it. */
  forMs?: number | undefined;
  /** Errors that do not pass: thrown at once. */
  isPermanent?: (error: unknown) => boolean;
}

/** Tries until it works, once a second; undefined when `signal` aborts first. `who` begins the sentence that says why not. */
export async function persevere<T>(who: string, attempt: () => Promise<T>, patience: Patience): Promise<T | undefined> {
  const { log, signal, forMs = Infinity, isPermanent } = patience;
  let told = { reason: '', at: 0 };
  for (const end = Date.now() + forMs; !signal.aborted;) {
    try {
      return await unlessAborted(attempt(), signal);
    } catch (error) {
      if (isPermanent?.(error) === true) throw error;
      const why = reason(error);
      if (Date.now() > end) throw new StartError(`${who} does not answer as it should: ${why}.`, 1, { cause: error });
      if (why !== told.reason || Date.now() - told.at > REMIND_MS) {
        told = { reason: why, at: Date.now() };
        log.warn({ reason: why }, `${who} does not answer as it should; trying again`);
      }
    }
    await delay(RETRY_MS, undefined, { signal }).catch(() => undefined);
  }
  return undefined;
}

/** A connect that hangs must not hold up a stop. */
async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  let abort: (() => void) | undefined;
  const aborted = new Promise<undefined>((resolve) => {
    abort = () => resolve(undefined);
    signal.addEventListener('abort', abort);
  });
  work.catch(() => undefined);
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', abort!);
  }
}

function reason(error: unknown): string {
  const { message, code } = error as { message?: string; code?: string };
  return (message || code || String(error)).split('\n')[0]!.replace(/\.$/, '');
}
