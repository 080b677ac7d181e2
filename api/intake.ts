import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import { HANDOFF_SIGNAL, type HandoffSignal } from '../workflows/contracts.ts';
import { handoffWorkflowId } from '../workflows/ids.ts';
import { unavailable } from './errors.ts';
import { createPending, type Pending } from './pending.ts';

/** `closed`: the run has ended or never began. */
export type SendOutcome = 'accepted' | 'closed';

export interface Intake {
  /**
   * Resolves when Temporal has stored the signal. One call is in flight per handoff; what arrives meanwhile travels
   * together in the next one, in order. Throws a 503 `ApiError` when Temporal cannot be reached: the signal may then be
   * stored or not, so a repeat must carry the same `id`.
   */
  send(handoffId: string, signal: HandoffSignal): Promise<SendOutcome>;
}

export interface IntakeOptions {
  /** Signals in one call. */
  maxEvents?: number;
  /** JSON bytes in one call, far below the 2 MiB that one payload may have. */
  maxBytes?: number;
  /** Milliseconds until a call is given up. */
  deadlineMs?: number;
  pending?: Pending;
}

interface Item {
  signal: HandoffSignal;
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
const keyOf = ({ kind, id }: HandoffSignal): string => `${kind}:${id}`;

export function createIntake(client: Client, options: IntakeOptions = {}): Intake {
  const { maxEvents = 100, maxBytes = 400 * 1024, deadlineMs = 3_000, pending = createPending() } = options;
  const lanes = new Map<string, Lane>();

  return {
    send(handoffId, signal) {
      const lane: Lane = lanes.get(handoffId) ?? { waiting: [], inFlight: [], byKey: new Map() };
      const same = lane.byKey.get(keyOf(signal));
      if (same !== undefined) return same.outcome;
      const item = createItem(signal);
      lane.waiting.push(item);
      lane.byKey.set(keyOf(signal), item);
      if (!lanes.has(handoffId)) {
        lanes.set(handoffId, lane);
        void pending.track(drain(handoffId, lane));
      }
      return item.outcome;
    },
  };

  async function drain(handoffId: string, lane: Lane): Promise<void> {
    while (lane.waiting.length > 0) {
      lane.inFlight = takeBatch(lane.waiting, maxEvents, maxBytes);
      try {
        const outcome = await signalRun(
          handoffId,
          lane.inFlight.map((item) => item.signal),
        );
        for (const item of lane.inFlight) item.settle(outcome);
      } catch (error) {
        // What waits behind fails too: sent now, it would overtake what its sender is about to repeat.
        const failure = unavailable('temporal', error);
        lane.inFlight.push(...lane.waiting.splice(0));
        for (const item of lane.inFlight) item.fail(failure);
      }
      for (const item of lane.inFlight.splice(0)) lane.byKey.delete(keyOf(item.signal));
    }
    lanes.delete(handoffId);
  }

  async function signalRun(handoffId: string, signals: HandoffSignal[]): Promise<SendOutcome> {
    const handle = client.workflow.getHandle(handoffWorkflowId(handoffId));
    try {
      await client.withDeadline(Date.now() + deadlineMs, () => handle.signal(HANDOFF_SIGNAL, signals));
      return 'accepted';
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) return 'closed';
      throw error;
    }
  }
}

function createItem(signal: HandoffSignal): Item {
  const { promise, resolve, reject } = withResolvers<SendOutcome>();
  return {
    signal: { ...signal, atMs: Date.now() },
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
