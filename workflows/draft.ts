import type {
  Agent,
  Attachment,
  ConversationSignal,
  DeskDelivery,
  EventType,
  FailureReason,
  HandoffEvent,
  HandoffInput,
  HandoffState,
  LateMessage,
  TextKey,
  Withdrawal,
} from './contracts.ts';
import { attachmentsOf, Counter, traced } from './counter.ts';
import { remember } from './packet.ts';

/** What follows: for the journal (and with it the callback), for the desk, beside the journal, for the conversation. */
export interface Step {
  state: HandoffState;
  events: HandoffEvent[];
  desk: DeskDelivery[];
  late: LateMessage[];
  /** Native mode: the bot has the conversation back, and with it what came too late for the handoff. */
  handBack: ConversationSignal[];
  /** What waits for the desk is to be tried at once. */
  hurry: boolean;
  /** For a desk that the request has left. */
  withdrawals: Withdrawal[];
}

/** The step of a handoff being made. */
export class Draft extends Counter<HandoffState> {
  readonly input: HandoffInput;
  readonly #events: HandoffEvent[] = [];
  readonly #late: LateMessage[] = [];
  readonly #handBack: ConversationSignal[] = [];
  readonly #withdrawals: Withdrawal[] = [];
  /** What waits for the desk, with the texts of messages. */
  readonly waiting: readonly DeskDelivery[];
  readonly #looksAtEnd: () => boolean;
  #hurry = false;

  constructor(
    input: HandoffInput,
    nowMs: number,
    state: HandoffState,
    waiting: readonly DeskDelivery[],
    origin: { atMs?: number; trace?: string } = {},
    looksAtEnd = () => false,
  ) {
    super(nowMs, state, origin.atMs, origin.trace ?? input.trace);
    this.input = input;
    this.waiting = waiting;
    this.#looksAtEnd = looksAtEnd;
  }

  /** Before the end is written, the desk is asked what it has. */
  looksAtEnd(): boolean {
    return this.input.reconciles === true && this.#looksAtEnd();
  }

  get settings(): HandoffInput['settings'] {
    return this.input.settings;
  }

  /** The end is neither written nor decided. */
  get open(): boolean {
    return this.state.closing === undefined;
  }

  /** The user is in the desk's own messenger: what he says is there already, and outlives the handoff. */
  get native(): boolean {
    return this.input.mode === 'native';
  }

  text(key: TextKey): string | null {
    // A handoff that began under an older version has fewer.
    return this.settings.texts[key] ?? null;
  }

  emit(type: EventType, data: Record<string, unknown>, trace = this.trace): void {
    this.state.memory = remember(this.state.memory, type, data, this.atMs);
    this.#events.push({
      type,
      ...this.nextSeq(),
      botId: this.input.botId,
      handoffId: this.input.handoffId,
      conversationId: this.input.conversationId,
      data,
      ...traced(trace),
    });
  }

  emitFailed(messageId: string, reason: FailureReason, trace?: string): void {
    this.state.counts.failed += 1;
    this.emit('message.failed', { messageId, reason, text: this.text('message_failed') }, trace);
  }

  hurry(): void {
    this.#hurry = true;
  }

  handBack(signal: ConversationSignal): void {
    this.#handBack.push(signal);
  }

  withdraw(withdrawal: Withdrawal): void {
    this.#withdrawals.push({ ...withdrawal, ...traced(this.trace) });
  }

  keepLate(
    from: 'user' | 'agent',
    message: { id: string; text: string; attachments?: Attachment[]; agent?: Agent; desk?: string },
  ): void {
    this.state.counts.late += 1;
    this.#late.push({
      id: message.id,
      at: new Date(this.atMs).toISOString(),
      from,
      text: message.text,
      ...attachmentsOf(message),
      ...(message.agent ? { agent: message.agent } : {}),
      ...(message.desk === undefined ? {} : { desk: message.desk }),
    });
  }

  step(): Step {
    return {
      state: this.state,
      events: this.#events,
      desk: this.deliveries,
      late: this.#late,
      handBack: this.#handBack,
      hurry: this.#hurry,
      withdrawals: this.#withdrawals,
    };
  }
}
