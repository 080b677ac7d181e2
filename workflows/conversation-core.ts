/**
 * The rules of a native conversation as one pure function, while its bot has it: what the user says goes to the bot,
 * what the bot says goes to the desk. No clock, no I/O, no SDK.
 */
import type {
  Attachment,
  ConversationEvent,
  ConversationEventType,
  ConversationInput,
  ConversationSignal,
  ConversationState,
  DeskDelivery,
  FailureReason,
} from './contracts.ts';
import { attachmentsOf, Counter, traced } from './counter.ts';
import type { Settled } from './outboxes.ts';

export type ConversationHappening = ConversationSignal | Settled | { kind: 'timePassed' };

export interface ConversationStep {
  state: ConversationState;
  events: ConversationEvent[];
  desk: DeskDelivery[];
}

/** Where an earlier run of this conversation stopped. */
export interface ConversationProgress {
  lastSeq: number;
  lastDeskN: number;
  /** Keys of the newest messages that its journal has: told again after a crash, they are known. */
  seen?: string[];
}

/** Before its first signal. */
export function beginConversation(
  input: ConversationInput,
  progress: ConversationProgress,
  nowMs: number,
): ConversationState {
  return {
    status: 'ended',
    human: false,
    idleAtMs: nowMs + input.settings.idleTimeoutMs,
    lastSeq: progress.lastSeq,
    lastDeskN: progress.lastDeskN,
    lastTimestamp: 0,
    pending: [],
    seen: progress.seen ?? [],
    counts: { user: 0, bot: 0, agent: 0, failed: 0, duplicates: 0 },
  };
}

/** One thing happened. Never changes the state it was given. */
export function reduceConversation(
  input: ConversationInput,
  state: ConversationState,
  happening: ConversationHappening,
  nowMs: number,
): ConversationStep {
  const copy = { ...state, pending: [...state.pending], counts: { ...state.counts } };
  const talk = new Talk(input, nowMs, copy, 'id' in happening ? happening : {});
  if (!('id' in happening) || talk.firstTime(`${happening.kind}:${happening.id}`)) apply(talk, happening);
  return talk.step();
}

class Talk extends Counter<ConversationState> {
  readonly input: ConversationInput;
  readonly #events: ConversationEvent[] = [];

  constructor(
    input: ConversationInput,
    nowMs: number,
    state: ConversationState,
    { atMs, trace }: { atMs?: number; trace?: string },
  ) {
    super(nowMs, state, atMs, trace);
    this.input = input;
  }

  emit(type: ConversationEventType, data: Record<string, unknown>, trace = this.trace): void {
    this.#events.push({
      type,
      ...this.nextSeq(),
      botId: this.input.botId,
      conversationId: this.input.deskConversationId,
      data,
      ...traced(trace),
    });
  }

  /** A word was said: the conversation begins, or goes on. */
  goesOn(): void {
    this.state.idleAtMs = this.nowMs + this.input.settings.idleTimeoutMs;
    if (this.state.status === 'open') return;
    this.state.status = 'open';
    this.emit('conversation.started', { desk: this.input.desk, user: this.state.user ?? null });
  }

  fails(messageId: string, reason: FailureReason, of: { attachments?: Attachment[]; trace?: string } = {}): void {
    this.state.counts.failed += 1;
    this.emit('message.failed', { messageId, reason, ...attachmentsOf(of) }, of.trace);
  }

  step(): ConversationStep {
    return { state: this.state, events: this.#events, desk: this.deliveries };
  }
}

type SignalOf<K extends ConversationSignal['kind']> = Extract<ConversationSignal, { kind: K }>;

function apply(talk: Talk, happening: ConversationHappening): void {
  switch (happening.kind) {
    case 'userMessage':
      return userMessage(talk, happening);
    case 'botMessage':
      return botMessage(talk, happening);
    case 'agentReply':
      return agentReply(talk, happening);
    case 'agentJoined':
    case 'agentChanged':
      talk.state.human = true;
      return;
    case 'close':
      return ends(talk, 'closed');
    case 'handoffEnded':
      return talk.state.human ? ends(talk, 'handed_back') : undefined;
    case 'delivered':
      return delivered(talk, happening);
    case 'undeliverable':
      return undeliverable(talk, happening);
    case 'timePassed':
      return talk.nowMs < talk.state.idleAtMs ? undefined : ends(talk, 'idle');
    default:
      return; // Read receipts and the like concern a handoff only.
  }
}

function userMessage(talk: Talk, signal: SignalOf<'userMessage'>): void {
  const { state } = talk;
  // A conversation that we have never seen: whether a human has it, only the desk knows.
  if (state.lastSeq === 0 && signal.human === true) state.human = true;
  if (signal.user) state.user = signal.user;
  talk.goesOn();
  state.counts.user += 1;
  said(talk, 'user', signal, {});
}

function said(
  talk: Talk,
  from: 'user' | 'agent',
  signal: { id: string; text: string; attachments?: Attachment[]; recovered?: true },
  more: Record<string, unknown>,
): void {
  talk.emit('conversation.message', {
    messageId: signal.id,
    from,
    text: signal.text,
    ...attachmentsOf(signal),
    ...(signal.recovered === true ? { recovered: true } : {}),
    ...more,
    botSilent: talk.state.human,
  });
}

function botMessage(talk: Talk, signal: SignalOf<'botMessage'>): void {
  talk.goesOn();
  if (talk.state.human) return talk.fails(signal.id, 'human_has_it');
  talk.state.counts.bot += 1;
  talk.messageToDesk(signal);
}

/** A human answers without having been asked: the bot is silent until he closes or gives it back. */
function agentReply(talk: Talk, signal: SignalOf<'agentReply'>): void {
  talk.state.human = true;
  talk.goesOn();
  talk.state.counts.agent += 1;
  said(talk, 'agent', signal, { agent: signal.agent ?? null });
}

function delivered(talk: Talk, { n, dropped }: Extract<Settled, { kind: 'delivered' }>): void {
  const message = talk.takePending(n);
  if (!message || !dropped?.length) return;
  talk.fails(message.messageId, 'attachment_not_supported', { attachments: dropped, ...traced(message.trace) });
}

function undeliverable(talk: Talk, { n, why }: Extract<Settled, { kind: 'undeliverable' }>): void {
  const message = talk.takePending(n);
  if (message) talk.fails(message.messageId, why, traced(message.trace));
}

function ends(talk: Talk, reason: 'idle' | 'closed' | 'handed_back'): void {
  const { state } = talk;
  state.human = false;
  if (state.status === 'ended') return;
  state.status = 'ended';
  talk.emit('conversation.ended', { reason });
}
