/** What waits to leave a workflow: for the journal, the desk and the callback. No commands, no waiting. */
import type { JournalBatch } from '../activities/index.ts';
import type {
  Attachment,
  BotEvent,
  CallbackProgress,
  DeskDelivery,
  FailureReason,
  LateMessage,
  RecalledState,
} from './contracts.ts';
import { BATCH, BATCH_CHARACTERS, CARRY_MEMORY_CHARACTERS, RECENT_EVENTS } from './policies.ts';

/** The first `count` of them at the most, as far as one payload holds them, and at least one. */
export function batchOf<T>(waiting: T[], count: number, characters: number = BATCH_CHARACTERS): T[] {
  let size = 0;
  const first = waiting.slice(0, count);
  const end = first.findIndex((item, index) => (size += JSON.stringify(item).length) > characters && index > 0);
  return end < 0 ? first : first.slice(0, end);
}

/** The end of a list that is only a memory, as far as it may travel to the next run. */
export const newest = <T>(all: T[]): T[] => batchOf(all.toReversed(), all.length, CARRY_MEMORY_CHARACTERS).toReversed();

/** Whose messages these are, and where they go. */
export interface Address {
  /** Of the handoff or of the native conversation: the key of journal and ledger. */
  handoffId: string;
  botId: string;
  desk: string;
  deskConversationId: string;
  from: 'user' | 'bot';
}

/** How a delivery to the desk ended. */
export type Settled =
  | { kind: 'delivered'; n: number; dropped?: Attachment[] }
  | { kind: 'undeliverable'; n: number; why: FailureReason };

export abstract class Outboxes<E extends BotEvent> {
  readonly journal: E[] = [];
  readonly late: LateMessage[] = [];
  /** All that this run has said, also what has left long ago: see `recall.ts`. */
  readonly made: { events: E[]; late: LateMessage[] } = { events: [], late: [] };
  desk: DeskDelivery[] = [];
  callback: CallbackProgress<E>;
  /**
   * The newest event that a timer or a result made, and not a signal. While the workflow task that made it is not
   * stored, a crash may put signals before it and give its `seq` to another event.
   */
  #unsureSeq = 0;
  readonly #callbackWanted: boolean;

  constructor(callbackWanted: boolean, callback: CallbackProgress<E>) {
    this.#callbackWanted = callbackWanted;
    this.callback = callback;
  }

  abstract readonly address: Address;
  abstract readonly lastSeq: number;
  /** Numbers of the messages for the desk that are neither delivered nor failed. */
  protected abstract readonly pending: { n: number }[];
  /** The desk must not be called yet. */
  protected abstract readonly deskHeld: boolean;
  /** Since when the desk may be called: the time of a message does not begin before. Epoch milliseconds. */
  get askedMs(): number {
    return 0;
  }

  /** What the record must show besides the events. */
  protected abstract journalState(): Partial<JournalBatch>;

  /** For `recall.ts`. */
  abstract recalledState(): RecalledState;

  protected take(step: { events: E[]; desk: DeskDelivery[]; late?: LateMessage[] }, by: 'signal' | 'other'): void {
    this.journal.push(...step.events);
    this.late.push(...(step.late ?? []));
    this.made.events.push(...step.events);
    this.made.late.push(...(step.late ?? []));
    this.desk.push(...step.desk);
    if (by === 'other') this.#unsureSeq = step.events.at(-1)?.seq ?? this.#unsureSeq;
    if (!this.#callbackWanted || step.events.length === 0) return;
    this.callback.recent.push(...step.events);
    if (this.callback.recent.length > RECENT_EVENTS)
      this.callback.recent.splice(0, this.callback.recent.length - RECENT_EVENTS);
  }

  /** Nothing that waits could still get another `seq`: it may leave before the workflow task is stored. */
  get sure(): boolean {
    return this.#unsureSeq === 0;
  }

  /** A regular activity ran, so the task that scheduled it, with all events up to `seq`, is stored. */
  stored(seq: number): void {
    if (this.#unsureSeq <= seq) this.#unsureSeq = 0;
  }

  journalBatch(): JournalBatch {
    const { handoffId, botId } = this.address;
    return {
      handoffId,
      botId,
      events: batchOf(this.journal, BATCH.journal),
      late: batchOf(this.late, BATCH.journal),
      ...this.journalState(),
    };
  }

  /** The deliveries that may go to the desk now, in order: one opening, one close, or a batch of messages. */
  nextForDesk(): DeskDelivery[] {
    const wanted = new Set(this.pending.map((message) => message.n));
    this.desk = this.desk.filter((delivery) => delivery.kind !== 'message' || wanted.has(delivery.n));
    const [first] = this.desk;
    if (!first || this.deskHeld) return [];
    if (first.kind !== 'message') return [first];
    const end = this.desk.findIndex((delivery) => delivery.kind !== 'message');
    return this.desk.slice(0, Math.min(end < 0 ? this.desk.length : end, BATCH.desk));
  }

  /** Forgets deliveries that have settled. */
  settled(upTo: number): void {
    this.desk = this.desk.filter((delivery) => delivery.n > upTo);
  }

  get callbackWaiting(): number {
    return this.#callbackWanted ? this.lastSeq - this.callback.nextSeq + 1 : 0;
  }

  get waiting(): { journal: number; desk: number; callback: number } {
    return { journal: this.journal.length, desk: this.desk.length, callback: this.callbackWaiting };
  }

  /** Nothing is left that this run owes to anybody but the callback. */
  protected get emptied(): boolean {
    return this.journal.length === 0 && this.late.length === 0 && this.desk.length === 0;
  }

  /** What is only a memory is cut: ids, and events that the journal has as well. */
  protected carriedCallback(): CallbackProgress<E> {
    return { nextSeq: this.callback.nextSeq, recent: newest(this.callback.recent) };
  }
}
