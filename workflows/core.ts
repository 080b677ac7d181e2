/**
 * The rules of a handoff as one pure function: state + what happened -> state + what follows. No clock, no I/O, no SDK;
 * the numbers in comments are the rules of the design (README, "The rules").
 */
import { isNobody, known, sameAgent } from './agents.ts';
import type {
  Agent,
  Attachment,
  CloseReason,
  DeskDelivery,
  FailureReason,
  HandoffInput,
  HandoffSignal,
  HandoffState,
} from './contracts.ts';
import { attachmentsOf } from './counter.ts';
import { Draft } from './draft.ts';
import type { Step } from './draft.ts';
import { decideEnd, endIfSettled, failPending, stopLooking, tellDeskOfEnd } from './ending.ts';
import { deskHasMessage } from './left-message.ts';
import { fail, giveUp, retry } from './operator.ts';
import { isFound, isInTime, markOf } from './recovered.ts';
import { askDesk, askDeskInTime, waitForOpening } from './scheduled.ts';
import { isLeftBehind, keepSaid, moveOn } from './second-desk.ts';
import { awaitAgent, awaitUser, restartSilence, snooze, wake } from './silence.ts';

export { CLOSING_GRACE_MS } from './ending.ts';

/** What the shell reports of the desk and the clock, beside the signals from outside. */
export type Happening =
  | HandoffSignal
  | { kind: 'opened'; deskConversationId: string }
  /** `mayHaveIt`: a try ended without a clear answer, so the desk may hold a conversation. */
  | { kind: 'openFailed'; mayHaveIt: boolean }
  | { kind: 'delivered'; n: number; dropped?: Attachment[] }
  | { kind: 'undeliverable'; n: number; why: FailureReason }
  /** The grace of a closing handoff is over and nothing is on its way to the desk any more. */
  | { kind: 'graceOver' }
  /** The desk was asked what it has, or could not be asked. */
  | { kind: 'looked' }
  | { kind: 'timePassed'; hasLooked?: boolean };

/** The state before anything happened, and the first step: ask for the e-mail, wait for the opening, or open at the desk. */
export function begin(input: HandoffInput, nowMs: number, startedMs = nowMs): Step {
  const state: HandoffState = {
    status: input.emailRequired ? 'awaiting_email' : 'opening',
    deskHasIt: false,
    lastSeq: 0,
    lastDeskN: 0,
    lastTimestamp: 0,
    pending: [],
    closeQueued: false,
    seen: [],
    counts: { user: 0, agent: 0, failed: 0, duplicates: 0, late: 0 },
    memory: { startedMs, messages: [] },
    ...(input.user.email === undefined ? {} : { email: input.user.email }),
    ...(input.deskConversationId === undefined ? {} : { deskConversationId: input.deskConversationId }),
  };
  const draft = new Draft(input, nowMs, state, []);
  draft.toDesk({ kind: 'open', n: draft.nextN(), timestamp: draft.nextTimestamp() });
  if (input.emailRequired) {
    draft.state.deadline = { kind: 'email', atMs: nowMs + input.settings.emailTimeoutMs };
    draft.emit('handoff.email_required', { text: draft.text('email_required') });
  } else if (input.opensAtMs !== undefined) waitForOpening(draft, input.opensAtMs);
  return draft.step();
}

/**
 * One thing happened. `waiting` is what waits for the desk; `looksAtEnd` is asked at most once, when the end is decided
 * and the desk could be asked what it has; not when it `hasLooked` just now. Never changes what it was given.
 */
export function reduce(
  input: HandoffInput,
  state: HandoffState,
  happening: Happening,
  nowMs: number,
  waiting: readonly DeskDelivery[] = [],
  looksAtEnd: () => boolean = () => true,
): Step {
  const copy = { ...state, pending: [...state.pending], counts: { ...state.counts } };
  const mayLook = happening.kind === 'timePassed' && happening.hasLooked ? () => false : looksAtEnd;
  const draft = new Draft(input, nowMs, copy, waiting, 'id' in happening ? happening : {}, mayLook);
  if ('id' in happening && !draft.firstTime(`${happening.kind}:${happening.id}`)) return draft.step();
  apply(draft, happening);
  return draft.step();
}

/** When the shell has to report `timePassed` or, while closing, to stop the desk loop and report `graceOver`. */
export function nextDeadlineMs(state: HandoffState): number | undefined {
  if (state.status === 'closed') return undefined;
  return state.closing ? state.closing.graceEndsMs : state.deadline?.atMs;
}

function apply(draft: Draft, happening: Happening): void {
  if (isLeftBehind(draft, happening)) return;
  switch (happening.kind) {
    case 'userMessage':
      return userMessage(draft, happening);
    case 'agentReply':
      return agentReply(draft, happening);
    case 'agentJoined':
    case 'agentChanged':
      return agentChanged(draft, happening.agent);
    case 'close':
      if (happening.by === 'agent') deskHasMessage(draft);
      return decideEnd(draft, CLOSED_BY[happening.by]);
    case 'waitChoice':
      return waitChoice(draft, happening.choice);
    case 'emailGiven':
      return emailGiven(draft, happening.email);
    case 'read':
      return draft.open ? draft.emit('message.read', {}) : undefined;
    case 'snooze':
      return snooze(draft, happening.until);
    case 'unsnooze':
      return wake(draft);
    case 'retryMessage':
      return retry(draft, happening.messageId);
    case 'giveUpMessage':
      return giveUp(draft, happening.messageId);
    case 'opened':
      return opened(draft, happening.deskConversationId);
    case 'openFailed':
      return openFailed(draft, happening.mayHaveIt);
    case 'delivered':
      return delivered(draft, happening.n, happening.dropped);
    case 'undeliverable':
      return undeliverable(draft, happening.n, happening.why);
    case 'graceOver':
      stopLooking(draft);
      return failPending(draft, 'handoff_closed');
    case 'looked':
      stopLooking(draft);
      return endIfSettled(draft);
    case 'timePassed':
      return timePassed(draft);
  }
}

const CLOSED_BY = {
  user: 'user_closed',
  bot: 'bot_closed',
  agent: 'agent_closed',
  operator: 'operator_closed',
} as const satisfies Record<string, CloseReason>;

type SignalOf<K extends HandoffSignal['kind']> = Extract<HandoffSignal, { kind: K }>;

function userMessage(draft: Draft, signal: SignalOf<'userMessage'>): void {
  const { state } = draft;
  // Said in the desk's messenger when the bot was about to have the conversation back: it is for the bot.
  if (draft.native && !draft.open && !isFound(draft, signal)) return draft.handBack(signal);
  if (state.status === 'closed') return draft.keepLate('user', signal);
  state.counts.user += 1;
  draft.emit('message.user', { messageId: signal.id, text: signal.text, ...attachmentsOf(signal), ...markOf(signal) });
  // The end is decided but not yet written: the sender was told 202, so he must learn that nobody will read it.
  if (state.closing) return isFound(draft, signal) ? undefined : draft.emitFailed(signal.id, 'handoff_closed');
  if (!draft.native) draft.messageToDesk(signal);
  if (state.status === 'active') awaitAgent(draft);
}

function agentReply(draft: Draft, signal: SignalOf<'agentReply'>): void {
  const { state } = draft;
  deskHasMessage(draft);
  if (!draft.open && !isInTime(draft, signal)) return draft.keepLate('agent', signal); // 7
  state.deskHasIt = true;
  if (state.status === 'active') agentChanged(draft, signal.agent);
  else {
    state.status = 'active'; // 2
    delete state.said;
    if (signal.agent) state.agent = known(state.agent, signal.agent);
    draft.emit('handoff.active', { text: draft.text('active'), agent: state.agent ?? null });
  }
  state.counts.agent += 1;
  draft.emit('message.agent', {
    messageId: signal.id,
    text: signal.text,
    agent: state.agent ?? null,
    ...attachmentsOf(signal),
    ...markOf(signal),
  });
  if (draft.open) awaitUser(draft);
}

function agentChanged(draft: Draft, agent: Agent | undefined): void {
  const { state } = draft;
  if (!draft.open || !agent || isNobody(agent)) return;
  const same = sameAgent(state.agent, agent);
  state.agent = known(state.agent, agent);
  // Whom the desk chooses before anybody has spoken is no change; `handoff.active` will name him.
  if (same || state.status !== 'active') return;
  restartSilence(draft);
  draft.emit('handoff.agent_changed', { text: draft.text('agent_changed'), agent });
}

function waitChoice(draft: Draft, choice: 'wait' | 'end'): void {
  if (!draft.open || draft.state.status !== 'asking') return;
  if (choice === 'end') decideEnd(draft, 'user_closed');
  else connecting(draft);
}

function connecting(draft: Draft): void {
  draft.state.status = 'connecting';
  draft.state.deadline = { kind: 'wait', atMs: draft.nowMs + draft.settings.waitTimeoutMs };
  draft.emit('handoff.connecting', { text: draft.text('connecting') });
}

function emailGiven(draft: Draft, email: string): void {
  if (!draft.open || draft.state.status !== 'awaiting_email') return;
  draft.state.email = email;
  askDeskInTime(draft);
}

function opened(draft: Draft, deskConversationId: string): void {
  const { state } = draft;
  state.deskHasIt = true;
  state.deskConversationId = deskConversationId;
  deskHasMessage(draft);
  if (!draft.open) return tellDeskOfEnd(draft);
  if (state.status === 'opening') connecting(draft);
}

function openFailed(draft: Draft, mayHaveIt: boolean): void {
  const { state } = draft;
  if (draft.open && state.deskHasIt) return; // an agent has answered: the desk has it, whatever its answer was
  state.deskHasIt ||= mayHaveIt;
  if (moveOn(draft, 'desk_unavailable')) return;
  if (!draft.open) {
    tellDeskOfEnd(draft);
    // A message must not reach a desk that has no conversation for it.
    if (!state.deskHasIt) failPending(draft, 'handoff_closed');
    return;
  }
  draft.emit('handoff.busy', { text: draft.text('busy') }); // 13
  decideEnd(draft, 'desk_unavailable');
  failPending(draft, 'desk_unavailable');
}

function delivered(draft: Draft, n: number, dropped: Attachment[] | undefined): void {
  const message = draft.takePending(n);
  if (message) keepSaid(draft, n);
  if (message && dropped?.length) {
    const { messageId, trace } = message;
    const reason: FailureReason = 'attachment_not_supported';
    const text = draft.text('message_failed');
    draft.emit('message.failed', { messageId, reason, text, attachments: dropped }, trace); // 15
  }
  endIfSettled(draft);
}

function undeliverable(draft: Draft, n: number, why: FailureReason): void {
  const message = draft.takePending(n);
  if (message) fail(draft, message, why); // 10
  endIfSettled(draft);
}

function timePassed(draft: Draft): void {
  const { state, settings, nowMs } = draft;
  if (!draft.open || !state.deadline || nowMs < state.deadline.atMs) return; // 12: a deadline that moved
  switch (state.deadline.kind) {
    case 'email':
      return decideEnd(draft, 'email_not_given');
    case 'wait':
      if (moveOn(draft, 'wait_timeout')) return;
      if (settings.onWaitTimeout === 'close') return decideEnd(draft, 'wait_timeout');
      return ask(draft);
    case 'choice':
      return decideEnd(draft, 'wait_timeout');
    case 'inactivity':
      return decideEnd(draft, 'inactivity_timeout', 'user_silent');
    case 'agentSilence':
      return decideEnd(draft, 'inactivity_timeout', 'agent_silent');
    case 'snooze':
      return wake(draft);
    case 'opening':
      return askDesk(draft);
  }
}

function ask(draft: Draft): void {
  const atMs = draft.nowMs + draft.settings.waitTimeoutMs;
  draft.state.status = 'asking';
  draft.state.deadline = { kind: 'choice', atMs };
  draft.emit('handoff.wait_timeout', {
    text: draft.text('wait_timeout'),
    choices: [
      { choice: 'wait', text: draft.text('wait_choice_wait') },
      { choice: 'end', text: draft.text('wait_choice_end') },
    ],
    answerBefore: new Date(atMs).toISOString(),
  });
}
