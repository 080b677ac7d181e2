import { setImmediate as nextTurn } from 'node:timers/promises';
import type { CallbackResult } from './deliver-callback.ts';
import type { DeskBatch, DeskBatchResult } from './deliver.ts';
import type { CallbackBatch, Deps } from './deps.ts';
import type { JournalBatch } from './index.ts';

/** What waits in the three outboxes of a handoff; what is absent does not take part. */
export interface QuickRound {
  handoffId: string;
  /** The run was reset. */
  reset?: true;
  journal?: JournalBatch;
  desk?: DeskBatch;
  callback?: CallbackBatch;
}

/** An absent part did not take part, or failed as a whole. */
export interface QuickResult {
  journal?: true;
  desk?: DeskBatchResult;
  callback?: CallbackResult;
}

/** All the time that a part has, because the workflow task waits for it. Milliseconds. */
const QUICK_MS = 2_000;

interface Parts {
  /** Ends a run that was reset, and throws. */
  endReset(runId: string): Promise<never>;
  record(batch: JournalBatch): Promise<void>;
  tryDesk(batch: DeskBatch): Promise<DeskBatchResult>;
  tryCallback(batch: CallbackBatch): Promise<CallbackResult>;
}

/**
 * The first try of everything that waits, as one local activity: three parts side by side, none waiting for another.
 * One and not three, because the SDK may replay the results of several local activities in one go where they once came
 * one by one, and what the workflow does next would then come in another order.
 */
export function createQuickActivities({ log }: Pick<Deps, 'log'>, parts: Parts) {
  async function within<T>(part: string, handoffId: string, work: Promise<T> | undefined): Promise<T | undefined> {
    if (!work) return undefined;
    let timer: NodeJS.Timeout | undefined;
    const tooLong = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`no answer within ${QUICK_MS} ms`)), QUICK_MS);
    });
    try {
      return await Promise.race([work, tooLong]);
    } catch (error) {
      // A regular activity repeats it; what it had done by then is marked or idempotent.
      log.info({ handoffId, part, err: error }, 'quick try failed');
      return undefined;
    } finally {
      clearTimeout(timer);
    }
  }

  return {
    /** Never throws for a failure of PostgreSQL, a desk or a callback, and never takes long. A run that was reset is ended. */
    async deliverQuickly({ handoffId, reset, journal, desk, callback }: QuickRound): Promise<QuickResult> {
      if (reset) await parts.endReset(handoffId);
      // These two share their query of the ledger, and somebody waits for the message: what the journal computes comes
      // while PostgreSQL answers.
      const outside = [
        within('desk', handoffId, desk && parts.tryDesk(desk)),
        within('callback', handoffId, callback && parts.tryCallback(callback)),
      ] as const;
      if (desk && journal) await nextTurn();
      const recording = within('journal', handoffId, journal && parts.record(journal).then(() => true as const));
      const [atDesk, called, recorded] = await Promise.all([...outside, recording]);
      return {
        ...(recorded ? { journal: recorded } : {}),
        ...(atDesk ? { desk: atDesk } : {}),
        ...(called ? { callback: called } : {}),
      };
    },
  };
}
