import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import { conversationStart } from '../activities/platform/conversation-start.ts';
import { tracedNow } from '../activities/platform/trace.ts';
import type { Metrics } from '../activities/platform/metrics.ts';
import { HANDOFF_SIGNAL, type ConversationInput, type ConversationSignal } from '../workflows/contracts.ts';
import { handoffWorkflowId, WORKFLOW } from '../workflows/ids.ts';
import { unavailable } from './errors.ts';
import { createPending, type Pending } from './pending.ts';
import { timed } from './temporal-calls.ts';

/** `closed`: the run has ended or never began. */
export type SendOutcome = 'accepted' | 'closed';

export interface Intake {
  /**
   * Resolves when Temporal has stored the signal. One call is in flight per target; what arrives meanwhile travels
   * together in the next one, in order. Throws a 503 `ApiError` when Temporal cannot be reached: the signal may then be
   * stored or not, so a repeat must carry the same `id`.
   *
   * `target` is the id of a handoff or of a native conversation. With `begin` a conversation that has no run gets one.
   */
  send(target: string, signal: ConversationSignal, begin?: ConversationInput): Promise<SendOutcome>;
}

export interface IntakeOptions {
  /** Signals in one call. */
  maxEvents?: number;
  /** JSON bytes in one call, far below the 2 MiB that one payload may have. */
  maxBytes?: number;
  /** Milliseconds until a call is given up. */
  deadlineMs?: number;
  pending?: Pending;
  /** Measures the calls. */
  metrics?: Metrics;
}

interface Item {
  signal: ConversationSignal;
  begin: ConversationInput | undefined;
  bytes: number;
  outcome: Promise<SendOutcome>;
  settle(outcome: SendOutcome): void;
  fail(error: unknown): void;
}

interface Lane {
  waiting: Item[];
  inFlight: Item[];
  /** Both of them, by kind and id: a signal that is on its way is not sent again. */
  byKey: Map<string, Item>;
}

/** As the run tells repeats: users choose the ids of their messages, so an id alone does not do. */
const keyOf = ({ kind, id }: ConversationSignal): string => `${kind}:${id}`;

export function createIntake(client: Client, options: IntakeOptions = {}): Intake {
  const { maxEvents = 100, maxBytes = 400 * 1024, deadlineMs = 3_000, pending = createPending(), metrics } = options;
  const lanes = new Map<string, Lane>();

  return {
    send(target, signal, begin) {
      const lane: Lane = lanes.get(target) ?? { waiting: [], inFlight: [], byKey: new Map() };
      const same = lane.byKey.get(keyOf(signal));
      if (same !== undefined) return same.outcome;
      const item = createItem(signal, begin);
      lane.waiting.push(item);
      lane.byKey.set(keyOf(signal), item);
      if (!lanes.has(target)) {
        lanes.set(target, lane);
        void pending.track(drain(target, lane));
      }
      return item.outcome;
    },
  };

  async function drain(target: string, lane: Lane): Promise<void> {
    while (lane.waiting.length > 0) {
      lane.inFlight = takeBatch(lane.waiting, maxEvents, maxBytes);
      try {
        const outcome = await signalRun(target, lane.inFlight);
        for (const item of lane.inFlight) item.settle(outcome);
      } catch (error) {
        // What waits behind fails too: sent now, it would overtake what its sender is about to repeat.
        const failure = unavailable('temporal', error);
        lane.inFlight.push(...lane.waiting.splice(0));
        for (const item of lane.inFlight) item.fail(failure);
      }
      for (const item of lane.inFlight.splice(0)) lane.byKey.delete(keyOf(item.signal));
    }
    lanes.delete(target);
  }

  async function signalRun(target: string, items: Item[]): Promise<SendOutcome> {
    const signals = items.map((item) => item.signal);
    const begin = items.find((item) => item.begin !== undefined)?.begin;
    const call = (): Promise<unknown> =>
      begin === undefined
        ? client.workflow.getHandle(handoffWorkflowId(target)).signal(HANDOFF_SIGNAL, signals)
        : client.workflow.signalWithStart(WORKFLOW.conversation, conversationStart(begin, signals));
    try {
      await timed(metrics, 'signal', () => client.withDeadline(Date.now() + deadlineMs, call));
      return 'accepted';
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) return 'closed';
      throw error;
    }
  }
}

function createItem(signal: ConversationSignal, begin: ConversationInput | undefined): Item {
  const { promise, resolve, reject } = withResolvers<SendOutcome>();
  return {
    // One that lay in the inbox has the trace of the call that brought it.
    signal: { ...tracedNow(), ...signal, atMs: Date.now() },
    begin,
    bytes: Buffer.byteLength(JSON.stringify(signal)),
    outcome: promise,
    settle: resolve,
    fail: reject,
  };
}

/** Always takes at least one. */
function takeBatch(waiting: Item[], maxEvents: number, maxBytes: number): Item[] {
  let bytes = 0;
  let count = 0;
  for (const item of waiting) {
    bytes += item.bytes;
    if (count > 0 && (count === maxEvents || bytes > maxBytes)) break;
    count += 1;
  }
  return waiting.splice(0, count);
}

/** `Promise.withResolvers` is not in Node 20. */
function withResolvers<T>() {
  let resolve!: (value: T) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}
