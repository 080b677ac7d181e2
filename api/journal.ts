import type { HandoffRow, Store } from '../activities/store/store.ts';
import type { HandoffEvent } from '../workflows/contracts.ts';

/** Events that are in memory at the same time: a handoff may have a hundred thousand. */
const PAGE = 500;

/** The events of a handoff as far as its row knew them when it was read: no later ones, however long this takes. */
export async function* eventsOf({ journal }: Store, { id, lastSeq }: HandoffRow): AsyncGenerator<HandoffEvent> {
  for (let seq = 0; seq < lastSeq;) {
    const events = await journal.read(id, seq, Math.min(PAGE, lastSeq - seq));
    if (events.length === 0) return;
    yield* events;
    seq = events.at(-1)?.seq ?? lastSeq;
  }
}
