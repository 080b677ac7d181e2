/** A request for the next opening: nobody asks the desk before, and the bot goes on meanwhile. */
import type { Draft } from './draft.ts';

/** All that the desk needs is known: it is asked now, or when the hours open. */
export function askDeskInTime(draft: Draft): void {
  const { opensAtMs } = draft.input;
  // By the time of the signal, which stays the same when a workflow task is done again.
  if (opensAtMs === undefined || draft.atMs >= opensAtMs) askDesk(draft);
  else waitForOpening(draft, opensAtMs);
}

export function waitForOpening(draft: Draft, opensAtMs: number): void {
  draft.state.status = 'scheduled';
  draft.state.deadline = { kind: 'opening', atMs: opensAtMs };
  draft.emit('handoff.scheduled', { text: draft.text('scheduled'), opensAt: new Date(opensAtMs).toISOString() });
}

export function askDesk({ state, input, nowMs }: Draft): void {
  state.status = 'opening';
  delete state.deadline;
  // What the user wrote while he waited for the opening is not too old for the desk.
  if (input.opensAtMs !== undefined) state.askedMs = nowMs;
}
