import type { Deps } from './deps.ts';
import type { JournalBatch } from './index.ts';

/**
 * Counts what has just become part of the journal. A batch that is written again after a crash counts again: these are
 * figures for operators, and exact ones are in the database.
 */
export function createObserver({ store, metrics, log }: Pick<Deps, 'store' | 'metrics' | 'log'>) {
  /** Nobody waits for it: the journal is what a handoff needs. */
  async function noteFirstReply(handoffId: string, at: string): Promise<void> {
    try {
      const row = await store.handoffs.get(handoffId);
      if (!row) return;
      const seconds = Math.max(0, Date.parse(at) - Date.parse(row.startedAt)) / 1_000;
      metrics.firstReply.observe({ desk: row.desk }, seconds);
    } catch (error) {
      log.debug({ handoffId, err: error }, 'a first reply is missing in the metrics');
    }
  }

  return ({ handoffId, events, late }: JournalBatch): void => {
    for (const { type, at, data } of events) {
      if (type === 'handoff.closed') metrics.handoffsClosed.inc({ reason: String(data['reason']) });
      if (type === 'handoff.active') void noteFirstReply(handoffId, at);
      if (type === 'message.user' || type === 'conversation.message') metrics.messages.inc({ from: 'user' });
      if (type === 'message.agent') metrics.messages.inc({ from: 'agent' });
      if (type === 'message.failed') metrics.messagesFailed.inc({ reason: String(data['reason']) });
    }
    if (late.length > 0) metrics.messagesLate.inc(late.length);
  };
}
