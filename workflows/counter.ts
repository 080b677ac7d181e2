import type { Attachment, DeskDelivery, PendingMessage } from './contracts.ts';

/** How many ids are remembered: a repeat later than this many other signals would not be recognised. */
export const SEEN_LIMIT = 2_000;

/** Clocks of two machines differ by less; a time further ahead of Temporal's is that of a clock that is wrong. Milliseconds. */
const AHEAD_MS = 60_000;

export const attachmentsOf = (message: { attachments?: Attachment[] }): { attachments?: Attachment[] } =>
  message.attachments?.length ? { attachments: message.attachments } : {};

/** The field that carries a trace on; absent without one. */
export const traced = (trace: string | undefined): { trace?: string } => (trace === undefined ? {} : { trace });

interface Counted {
  lastSeq: number;
  lastAtMs?: number;
  lastDeskN: number;
  lastTimestamp: number;
  pending: PendingMessage[];
  seen: string[];
  counts: { duplicates: number };
}

/** The step being made, of a handoff or of a native conversation. Only this class numbers events, deliveries and timestamps. */
export abstract class Counter<S extends Counted> {
  readonly nowMs: number;
  /** When it happened, as the outside reads it. Deadlines count from `nowMs`. */
  readonly atMs: number;
  /** `traceparent` of the request that made it happen. */
  readonly trace: string | undefined;
  readonly state: S;
  protected readonly deliveries: DeskDelivery[] = [];

  constructor(nowMs: number, state: S, atMs = nowMs, trace?: string) {
    this.nowMs = nowMs;
    // One wrong clock would else date all that follows, and no message would expire.
    this.atMs = Math.max(atMs > nowMs + AHEAD_MS ? nowMs : atMs, state.lastAtMs ?? 0);
    this.trace = trace;
    this.state = state;
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

  protected nextSeq(): { seq: number; at: string } {
    this.state.lastSeq += 1;
    this.state.lastAtMs = this.atMs;
    return { seq: this.state.lastSeq, at: new Date(this.atMs).toISOString() };
  }

  toDesk(delivery: DeskDelivery, trace = this.trace): void {
    this.deliveries.push({ ...delivery, ...traced(trace) });
  }

  messageToDesk(message: { id: string; text: string; attachments?: Attachment[] }): void {
    const n = this.nextN();
    this.state.pending.push({ n, messageId: message.id, ...traced(this.trace) });
    this.toDesk({
      kind: 'message',
      n,
      // A desk without files gets each attachment as a message of its own, which needs a timestamp of its own.
      timestamp: this.nextTimestamp(message.attachments?.length),
      messageId: message.id,
      text: message.text,
      ...attachmentsOf(message),
    });
  }

  takePending(n: number): PendingMessage | undefined {
    const index = this.state.pending.findIndex((message) => message.n === n);
    return index < 0 ? undefined : this.state.pending.splice(index, 1)[0];
  }
}
