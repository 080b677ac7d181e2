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
} from './contracts.ts';

/** What follows: for the journal (and with it the callback), for the desk, beside the journal, for the conversation. */
export interface Step {
  state: HandoffState;
  events: HandoffEvent[];
  desk: DeskDelivery[];
  late: LateMessage[];
  /** Native mode: the bot has the conversation back, and with it what came too late for the handoff. */
  handBack: ConversationSignal[];
}

/** How many ids a handoff remembers: a repeat later than this many other signals would not be recognised. */
export const SEEN_LIMIT = 2_000;

export const attachmentsOf = (message: { attachments?: Attachment[] }): { attachments?: Attachment[] } =>
  message.attachments?.length ? { attachments: message.attachments } : {};

/** The step being made. Only this class numbers events, deliveries and timestamps. */
export class Draft {
  readonly input: HandoffInput;
  readonly nowMs: number;
  /** When it happened, as the outside reads it. Deadlines count from `nowMs`. */
  readonly atMs: number;
  readonly state: HandoffState;
  readonly #events: HandoffEvent[] = [];
  readonly #desk: DeskDelivery[] = [];
  readonly #late: LateMessage[] = [];
  readonly #handBack: ConversationSignal[] = [];

  constructor(input: HandoffInput, nowMs: number, state: HandoffState, atMs = nowMs) {
    this.input = input;
    this.nowMs = nowMs;
    this.atMs = Math.max(atMs, state.lastAtMs ?? 0);
    this.state = state;
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

  /** Remembers the key; false when it has been here before. (8) */
  firstTime(key: string): boolean {
    if (this.state.seen.includes(key)) {
      this.state.counts.duplicates += 1;
      return false;
    }
    this.state.seen = [...this.state.seen.slice(1 - SEEN_LIMIT), key];
    return true;
  }

  text(key: TextKey): string | null {
    return this.settings.texts[key];
  }

  nextN(): number {
    this.state.lastDeskN += 1;
    return this.state.lastDeskN;
  }

  /** Strictly increasing; `extra` reserves as many further ones behind it. */
  nextTimestamp(extra = 0): number {
    const timestamp = Math.max(this.atMs, this.state.lastTimestamp + 1);
    this.state.lastTimestamp = timestamp + extra;
    return timestamp;
  }

  emit(type: EventType, data: Record<string, unknown>): void {
    this.state.lastSeq += 1;
    this.state.lastAtMs = this.atMs;
    this.#events.push({
      type,
      seq: this.state.lastSeq,
      at: new Date(this.atMs).toISOString(),
      botId: this.input.botId,
      handoffId: this.input.handoffId,
      conversationId: this.input.conversationId,
      data,
    });
  }

  emitFailed(messageId: string, reason: FailureReason): void {
    this.state.counts.failed += 1;
    this.emit('message.failed', { messageId, reason, text: this.text('message_failed') });
  }

  takePending(n: number): { n: number; messageId: string } | undefined {
    const index = this.state.pending.findIndex((message) => message.n === n);
    return index < 0 ? undefined : this.state.pending.splice(index, 1)[0];
  }

  toDesk(delivery: DeskDelivery): void {
    this.#desk.push(delivery);
  }

  handBack(signal: ConversationSignal): void {
    this.#handBack.push(signal);
  }

  keepLate(
    from: 'user' | 'agent',
    message: { id: string; text: string; attachments?: Attachment[]; agent?: Agent },
  ): void {
    this.state.counts.late += 1;
    this.#late.push({
      id: message.id,
      at: new Date(this.atMs).toISOString(),
      from,
      text: message.text,
      ...attachmentsOf(message),
      ...(message.agent ? { agent: message.agent } : {}),
    });
  }

  step(): Step {
    return { state: this.state, events: this.#events, desk: this.#desk, late: this.#late, handBack: this.#handBack };
  }
}
