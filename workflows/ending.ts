/** How a handoff ends: decided once, written when its last messages have settled. */
import type { CloseReason, FailureReason, TextKey } from './contracts.ts';
import { traced } from './counter.ts';
import type { Draft } from './draft.ts';
import { offersAtEnd } from './offers.ts';
import { packetOf } from './packet.ts';

/** How long a closing handoff waits for messages that are still on their way to the desk. */
export const CLOSING_GRACE_MS = 10_000;

const CLOSE_TEXT: Record<CloseReason, TextKey> = {
  user_closed: 'closed_by_user',
  agent_closed: 'closed_by_agent',
  bot_closed: 'closed_by_bot',
  wait_timeout: 'closed_wait_timeout',
  inactivity_timeout: 'closed_inactivity',
  email_not_given: 'closed_email_not_given',
  desk_unavailable: 'closed_desk_unavailable',
  operator_closed: 'closed_by_operator',
  message_left: 'closed_message_left',
};

/** These ends are the desk's own, or leave it the conversation. */
const NOT_TOLD: readonly CloseReason[] = ['agent_closed', 'message_left'];

/** The first reason wins. `closed` itself is written when every message on its way has arrived or failed. */
export function decideEnd(draft: Draft, reason: CloseReason, detail?: string): void {
  const { state } = draft;
  if (!draft.open) return;
  delete state.deadline;
  const looking = isWorthALook(state, reason) && draft.looksAtEnd();
  state.closing = {
    reason,
    graceEndsMs: draft.nowMs + CLOSING_GRACE_MS,
    ...(detail === undefined ? {} : { detail }),
    ...traced(draft.trace),
    ...(looking ? { looking } : {}),
  };
  // Nobody asked the desk yet, so nobody will read what the user wrote meanwhile.
  if (state.status === 'awaiting_email' || state.status === 'scheduled') return failPending(draft, 'handoff_closed');
  tellDeskOfEnd(draft);
  endIfSettled(draft);
}

/** Of a message that was left nobody has said anything yet. */
const isWorthALook = ({ deskHasIt, deskConversationId }: Draft['state'], reason: CloseReason): boolean =>
  deskHasIt && deskConversationId !== undefined && reason !== 'message_left';

export function tellDeskOfEnd(draft: Draft): void {
  const { state } = draft;
  const reason = state.closing?.reason ?? state.closeReason;
  if (!reason || NOT_TOLD.includes(reason) || !state.deskHasIt || state.closeQueued) return; // 6
  state.closeQueued = true;
  const close = { kind: 'close', n: draft.nextN(), timestamp: draft.nextTimestamp(), reason } as const;
  draft.toDesk(close, state.closing?.trace);
}

export function endIfSettled(draft: Draft): void {
  const { state } = draft;
  if (!state.closing || state.closing.looking || state.status === 'closed' || state.pending.length > 0) return;
  const { reason, detail, trace } = state.closing;
  state.status = 'closed';
  state.closeReason = reason;
  const data = {
    reason,
    ...(detail === undefined ? {} : { detail }),
    text: draft.text(CLOSE_TEXT[reason]),
    packet: packetOf(state, state.closing, draft.atMs),
    ...offersAtEnd(draft, reason),
  };
  draft.emit('handoff.closed', data, trace);
  if (draft.native) {
    draft.handBack({ kind: 'handoffEnded', id: draft.input.handoffId, atMs: draft.atMs, ...traced(trace) });
  }
}

/** What is found from now on is late. */
export function stopLooking({ state }: Draft): void {
  if (!state.closing) return;
  const { looking: _, ...closing } = state.closing;
  state.closing = closing;
}

/** Messages that nobody will deliver any more. */
export function failPending(draft: Draft, why: FailureReason): void {
  for (const message of draft.state.pending.splice(0)) draft.emitFailed(message.messageId, why, message.trace);
  endIfSettled(draft);
}
