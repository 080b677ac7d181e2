/**
 * What a run still knows of all that it has said, for a journal that has lost some: a database that was restored from a
 * backup is older than Temporal. Queries only, so nothing of it is in a history.
 */
import { defineQuery, setHandler } from '@temporalio/workflow';
import type { BotEvent, ConversationInput, HandoffInput, LateMessage, Recalled, RecalledState } from './contracts.ts';
import { BATCH } from './policies.ts';
import { batchOf } from './outboxes.ts';

/** null: it has not begun yet. */
const recallQuery = defineQuery<Recalled | null, [after: number, ended: boolean]>('recall');
/** What the run was started with, without what continue-as-new adds. */
const begunQuery = defineQuery<HandoffInput | ConversationInput>('begun');

interface Source {
  journal: BotEvent[];
  made: { events: BotEvent[]; late: LateMessage[] };
  recalledState(): RecalledState;
}

export function answerRecall(input: HandoffInput | ConversationInput, source: () => Source | undefined): void {
  setHandler(recallQuery, (after, ended) => {
    const run = source();
    if (!run) return null;
    // What still waits, the run writes itself, and while its task is not stored it may become something else.
    const writtenBefore = ended ? Infinity : (run.journal[0]?.seq ?? Infinity);
    const events = run.made.events.filter(({ seq }) => seq > after && seq < writtenBefore);
    return {
      events: batchOf(events, BATCH.journal),
      late: after === 0 ? batchOf(run.made.late, BATCH.journal) : [],
      ...run.recalledState(),
    };
  });
  setHandler(begunQuery, () => {
    const { carried: _carried, ...begun } = input;
    return begun;
  });
}
