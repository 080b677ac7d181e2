/** What one run of a handoff holds: the reducer's state and the three outboxes beside it. No commands, no waiting. */
import { begin, reduce } from './core.ts';
import type { Happening } from './core.ts';
import type {
  CallbackProgress,
  CarriedState,
  DeskDelivery,
  HandoffEvent,
  HandoffInput,
  HandoffState,
  HandoffView,
  LateMessage,
} from './contracts.ts';
import type { Step } from './draft.ts';
import { BATCH, BATCH_CHARACTERS, CARRY_MEMORY_CHARACTERS, RECENT_EVENTS } from './policies.ts';

/** The first `count` of them at the most, as far as one payload holds them, and at least one. */
export function batchOf<T>(waiting: T[], count: number, characters: number = BATCH_CHARACTERS): T[] {
  let size = 0;
  const first = waiting.slice(0, count);
  const end = first.findIndex((item, index) => (size += JSON.stringify(item).length) > characters && index > 0);
  return end < 0 ? first : first.slice(0, end);
}

/** The end of a list that is only a memory, as far as it may travel to the next run. */
const newest = <T>(all: T[]): T[] => batchOf(all.toReversed(), all.length, CARRY_MEMORY_CHARACTERS).toReversed();

export class HandoffRun {
  readonly input: HandoffInput;
  state: HandoffState;
  readonly journal: HandoffEvent[] = [];
  readonly late: LateMessage[] = [];
  desk: DeskDelivery[] = [];
  callback: CallbackProgress;
  /**
   * The newest event that a timer or a result made, and not a signal. While the workflow task that made it is not
   * stored, a crash may put signals before it and give its `seq` to another event.
   */
  private unsureSeq = 0;

  constructor(input: HandoffInput, nowMs: number) {
    this.input = input;
    if (input.carried) {
      const { state, journal, late, desk, callback } = input.carried;
      this.state = state;
      this.journal.push(...journal);
      this.late.push(...late);
      this.desk = desk;
      this.callback = callback;
    } else {
      const first = begin(input, nowMs);
      this.state = first.state;
      this.callback = { nextSeq: 1, recent: [] };
      this.take(first);
    }
  }

  apply(happening: Happening, nowMs: number, by: 'signal' | 'other' = 'signal'): void {
    const step = reduce(this.input, this.state, happening, nowMs);
    this.state = step.state;
    this.take(step);
    if (by === 'other') this.unsureSeq = step.events.at(-1)?.seq ?? this.unsureSeq;
  }

  /** Nothing that waits could still get another `seq`: it may leave before the workflow task is stored. */
  get sure(): boolean {
    return this.unsureSeq === 0;
  }

  /** A regular activity ran, so the task that scheduled it, with all events up to `seq`, is stored. */
  stored(seq: number): void {
    if (this.unsureSeq <= seq) this.unsureSeq = 0;
  }

  private take(step: Step): void {
    this.journal.push(...step.events);
    this.late.push(...step.late);
    this.desk.push(...step.desk);
    if (!this.input.settings.callback || step.events.length === 0) return;
    this.callback.recent.push(...step.events);
    if (this.callback.recent.length > RECENT_EVENTS)
      this.callback.recent.splice(0, this.callback.recent.length - RECENT_EVENTS);
  }

  /** The deliveries that may go to the desk now, in order: one opening, one close, or a batch of messages. */
  nextForDesk(): DeskDelivery[] {
    const wanted = new Set(this.state.pending.map((message) => message.n));
    this.desk = this.desk.filter((delivery) => delivery.kind !== 'message' || wanted.has(delivery.n));
    const [first] = this.desk;
    if (!first || this.state.status === 'awaiting_email') return [];
    if (first.kind !== 'message') return [first];
    const end = this.desk.findIndex((delivery) => delivery.kind !== 'message');
    return this.desk.slice(0, Math.min(end < 0 ? this.desk.length : end, BATCH.desk));
  }

  /** Forgets deliveries that have settled. */
  settled(upTo: number): void {
    this.desk = this.desk.filter((delivery) => delivery.n > upTo);
  }

  get callbackWaiting(): number {
    return this.input.settings.callback ? this.state.lastSeq - this.callback.nextSeq + 1 : 0;
  }

  /** Nothing is left that this run owes to anybody but the callback. */
  get finished(): boolean {
    return (
      this.state.status === 'closed' && this.journal.length === 0 && this.late.length === 0 && this.desk.length === 0
    );
  }

  carry(): CarriedState {
    const { journal, late, desk, state } = this;
    const callback = { nextSeq: this.callback.nextSeq, recent: newest(this.callback.recent) };
    return { state: { ...state, seen: newest(state.seen) }, journal, late, desk, callback };
  }

  /** Characters of what waits and cannot be read anywhere else: continue-as-new would carry all of it. */
  get waitingCharacters(): number {
    const { journal, late, desk, state } = this;
    return JSON.stringify({ pending: state.pending, journal, late, desk }).length;
  }

  view(): HandoffView {
    const { status, closeReason, lastSeq, deadline, counts } = this.state;
    return {
      status,
      lastSeq,
      counts,
      ...(closeReason ? { closeReason } : {}),
      ...(deadline ? { deadline: { kind: deadline.kind, at: new Date(deadline.atMs).toISOString() } } : {}),
      waiting: { journal: this.journal.length, desk: this.desk.length, callback: this.callbackWaiting },
    };
  }
}
