import { isCancellation } from '@temporalio/workflow';
import * as act from './proxies.ts';
import { BATCH } from './policies.ts';

/** Delivers what a closed handoff still owes to its bot's callback, read from the journal, until the policy ends. */
export async function callbackTail(tail: {
  handoffId: string;
  botId: string;
  fromSeq: number;
  toSeq: number;
}): Promise<void> {
  const { handoffId, botId } = tail;
  let next = tail.fromSeq;
  while (next <= tail.toSeq) {
    const toSeq = Math.min(tail.toSeq, next + BATCH.callback - 1);
    try {
      const { sentSeq } = await act.callback.deliverCallback({ handoffId, botId, fromSeq: next, toSeq });
      next = sentSeq + 1;
    } catch (error) {
      if (isCancellation(error)) throw error;
      // All of them are older than the try that has just ended, so the limit is over for all.
      await act.callback.giveUpCallback({ handoffId, botId, seq: tail.toSeq });
      return;
    }
  }
}
