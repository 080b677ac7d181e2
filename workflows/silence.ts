/** Whose silence ends a handoff, from when it counts, and when it stands still. */
import type { Draft } from './draft.ts';

/** The user has spoken: from now on it is the agent who may be silent for too long. */
export function awaitAgent({ state, settings, nowMs }: Draft): void {
  delete state.snoozed;
  const silence = settings.agentSilenceTimeoutMs;
  if (silence === null) delete state.deadline;
  else state.deadline = { kind: 'agentSilence', atMs: nowMs + silence };
}

/** The agent has spoken: from now on it is the user. */
export function awaitUser({ state, settings, nowMs }: Draft): void {
  delete state.snoozed;
  state.deadline = { kind: 'inactivity', atMs: nowMs + settings.inactivityTimeoutMs };
}

/** Who takes over, or is taken over to, has the full time. */
export function restartSilence(draft: Draft): void {
  const kind = draft.state.deadline?.kind;
  if (kind === 'inactivity') awaitUser(draft);
  else if (kind === 'agentSilence') awaitAgent(draft);
}

/** The agent parks the conversation: nobody's silence ends it before it wakes. While the user still waits, he waits on. */
export function snooze(draft: Draft, until: string | undefined): void {
  const { state } = draft;
  if (!draft.open) return;
  if (state.status === 'active') {
    const kind = state.deadline?.kind;
    if (!state.snoozed) state.snoozed = kind === 'inactivity' || kind === 'agentSilence' ? { resume: kind } : {};
    const atMs = until === undefined ? NaN : Date.parse(until);
    if (Number.isNaN(atMs)) delete state.deadline;
    else state.deadline = { kind: 'snooze', atMs };
  }
  draft.emit('handoff.snoozed', { text: draft.text('snoozed'), until: until ?? null });
}

/** The silence that was under way counts from now. */
export function wake(draft: Draft): void {
  const { state } = draft;
  if (!draft.open || !state.snoozed) return;
  if (state.snoozed.resume === 'inactivity') return awaitUser(draft);
  awaitAgent(draft);
}
