/** What an operator does with one message, and what is remembered for it. */
import type { FailedMessage, FailureReason, PendingMessage } from './contracts.ts';
import { attachmentsOf } from './counter.ts';
import type { Draft } from './draft.ts';

/** So many failed messages can be tried again; older ones are forgotten. */
export const FAILED_LIMIT = 50;

/** A message of an open handoff has failed: kept, so that an operator can have it tried again. */
export function fail(draft: Draft, message: PendingMessage, reason: FailureReason): void {
  const { state } = draft;
  const delivery = draft.waiting.find(({ n }) => n === message.n);
  if (delivery?.kind === 'message') {
    const { messageId, text } = delivery;
    const failed: FailedMessage = { messageId, text, ...attachmentsOf(delivery) };
    state.failed = [...(state.failed ?? []).slice(1 - FAILED_LIMIT), failed];
  }
  draft.emitFailed(message.messageId, reason, message.trace);
}

/** A failed message goes to the desk behind all others; one that waits in a pause between two tries is tried now. */
export function retry(draft: Draft, messageId: string): void {
  const { state } = draft;
  if (!draft.open) return;
  const failed = state.failed?.find((message) => message.messageId === messageId);
  if (!failed) {
    if (isWaiting(draft, messageId)) draft.hurry();
    return;
  }
  state.failed = state.failed?.filter((message) => message !== failed) ?? [];
  state.counts.failed -= 1;
  // Nothing for the user to read: what he wrote is on its way again, and fails aloud when it fails.
  draft.emit('message.retried', { messageId, text: null });
  draft.messageToDesk({ id: messageId, text: failed.text, ...attachmentsOf(failed) });
}

/** A waiting message fails now. A try that is under way may still deliver it. */
export function giveUp(draft: Draft, messageId: string): void {
  const waiting = draft.open ? isWaiting(draft, messageId) : undefined;
  if (!waiting) return;
  draft.takePending(waiting.n);
  fail(draft, waiting, 'given_up');
  // The batch under way holds it still: a new one is made.
  draft.hurry();
}

const isWaiting = ({ state }: Draft, messageId: string) =>
  state.pending.find((message) => message.messageId === messageId);
