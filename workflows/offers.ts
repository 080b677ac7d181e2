/** What a user is offered when a handoff ends and no human was there for him. */
import type { CloseReason, Offer } from './contracts.ts';
import type { Draft } from './draft.ts';

const NOBODY_CAME: readonly CloseReason[] = ['desk_unavailable', 'wait_timeout'];

/** For the data of `handoff.closed`; empty when there is nothing to offer. */
export function offersAtEnd(draft: Draft, reason: CloseReason): { offers?: Offer[] } {
  const { offers: may, kind = 'now' } = draft.input;
  // Whoever could not even leave a message is not asked to try the same again.
  if (!may || kind === 'message' || !NOBODY_CAME.includes(reason)) return {};
  const closes = may.nextOpeningFromMs;
  const offers: Offer[] = [];
  if (may.message) offers.push({ kind: 'message', text: draft.text('offer_message') });
  // While the hours are open there is no other opening to wait for.
  if (closes !== null && draft.nowMs >= closes) {
    offers.push({ kind: 'next_opening', text: draft.text('offer_next_opening') });
  }
  return offers.length > 0 ? { offers } : {};
}
