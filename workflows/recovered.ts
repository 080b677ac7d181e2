/** What no webhook has told, and Baton found at the desk. */
import type { HandoffSignal } from './contracts.ts';
import type { Draft } from './draft.ts';

/** The end is decided, and the desk is being asked what was said before: that still goes to the user. */
export const isInTime = ({ state, input }: Draft, { recovered }: HandoffSignal): boolean =>
  // A message that the user has left gets no talk.
  input.kind !== 'message' &&
  state.closing !== undefined &&
  state.status !== 'closed' &&
  (state.closing.looking === true || recovered === true);

/** Found when the handoff ends: what a user has said then its humans had before them, so it is neither lost nor the bot's. */
export const isFound = (draft: Draft, signal: HandoffSignal): boolean =>
  signal.recovered === true && isInTime(draft, signal);

/** For the event. */
export const markOf = ({ recovered }: { recovered?: true }): { recovered?: true } =>
  recovered === true ? { recovered } : {};
