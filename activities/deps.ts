import type { Logger } from 'pino';
import type {
  BotEvent,
  ConversationInput,
  ConversationSignal,
  HandoffInput,
  Recalled,
} from '../workflows/contracts.ts';
import type { DeskRegistry } from './desks/registry.ts';
import type { HttpClient } from './http/client.ts';
import type { Metrics } from './platform/metrics.ts';
import type { Store } from './store/store.ts';

/** What activities know of workflow runs; `worker/runs.ts` does it with the Temporal client. */
export interface HandoffRuns {
  /** Throws `HandoffGone` when no run is open. */
  signal(runId: string, signals: ConversationSignal[]): Promise<void>;
  /** Signals a native conversation and starts its run when there is none. */
  tellConversation(conversation: ConversationInput, signals: ConversationSignal[]): Promise<void>;
  /** Ends the run that is open now, at once; nothing of it is asked. */
  terminate(runId: string, reason: string): Promise<void>;
  /** `gone`: no run, or one that ended in any way. */
  state(handoffId: string): Promise<'running' | 'gone'>;
  /**
   * Handoffs whose run was terminated, failed or timed out in the last minutes, in pages. A hint: Temporal's list comes a
   * little late, and it may have some twice.
   */
  endedBadly(): AsyncIterable<string[]>;
  /**
   * What the runs of a handoff or native conversation still know behind this `seq`, oldest first; nothing when Temporal has
   * none of them. A worker has to run.
   */
  recall(id: string, after: number): AsyncIterable<Recalled>;
  /** What its first run was started with. */
  begun(id: string): Promise<{ input: HandoffInput | ConversationInput; startedAt: string } | undefined>;
  /** Handoffs and native conversations that run, or whose run has ended since then (ISO 8601), a page behind `token`. */
  active(since: string, token?: string): Promise<{ ids: string[]; token?: string }>;
  /** Starts the workflow that delivers a handoff's remaining callbacks; once, however often it is called. */
  startCallbackTail(tail: { handoffId: string; botId: string; fromSeq: number; toSeq: number }): Promise<void>;
}

export class HandoffGone extends Error {
  override readonly name = 'HandoffGone';
}

export interface Deps {
  store: Store;
  desks: DeskRegistry;
  http: HttpClient;
  runs: HandoffRuns;
  /** Our own address as desks see it. */
  publicUrl: string;
  /** How long a conversation may be quiet before its desk is asked what it has, milliseconds; 0 or absent: never. */
  reconcileAfterMs?: number;
  clock: { now(): number };
  log: Logger;
  metrics: Metrics;
  /** How long what has ended is kept, whole days; 0 and absent: for ever. */
  retentionDays?: number;
  /** Calls of one bot that this process makes at the same moment; 20 to its desk and 10 to its callback by default. */
  callsPerBot?: { desk: number; callback: number };
}

/** One batch for the callback: the events themselves, or where to read them in the journal. */
export interface CallbackBatch {
  handoffId: string;
  botId: string;
  fromSeq: number;
  toSeq: number;
  /** The events from `fromSeq` to `toSeq`; absent: read them from the journal. */
  events?: BotEvent[];
}
