/** A message that the user leaves: it is over as soon as the desk has it, and the conversation there stays open. */
import type { Draft } from './draft.ts';
import { decideEnd } from './ending.ts';

/** Whatever the desk does with the message shows that it has it; what agents say there comes after the end. */
export function deskHasMessage(draft: Draft): void {
  if (draft.input.kind !== 'message' || !draft.open) return;
  draft.state.deskHasIt = true;
  decideEnd(draft, 'message_left');
}
