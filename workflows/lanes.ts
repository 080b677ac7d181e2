/**
 * The loops that leave a handoff or a native conversation. What waits for journal, desk and callback is tried together in one quick round inside
 * the workflow task. A part that fails, or whose other side is known to be slow, goes on in a loop of its own with
 * regular activities, whose retries an operator can see; the others do not wait for it.
 */
import { CancellationScope, isCancellation, workflowInfo } from '@temporalio/workflow';
import type { CallbackBatch } from '../activities/deps.ts';
import type { DeliveryResult, DeskBatch, MessageDelivery } from '../activities/deliver.ts';
import type { JournalBatch } from '../activities/index.ts';
import type { QuickResult } from '../activities/quick.ts';
import type { BotEvent, DeskDelivery } from './contracts.ts';
import { Lane } from './lane.ts';
import { batchOf } from './outboxes.ts';
import type { Outboxes, Settled } from './outboxes.ts';
import { BATCH, LEAST_TRY_MS, MESSAGE_LIMIT_MS, QUICK_ROUNDS_IN_A_ROW } from './policies.ts';
import * as act from './proxies.ts';

/** Opening and closing at the desk, which only a handoff does; resolves when it has ended in any way. */
export type DeskSteps = (step: Exclude<DeskDelivery, { kind: 'message' }>) => Promise<void>;

export interface Lanes {
  quick: Lane;
  journal: Lane;
  desk: Lane;
  callback: Lane;
  /**
   * What waits for the desk gets one last try after the other, as long as they get on. Then `over` is called, and the
   * desk may be called again. Journal and callback go on meanwhile.
   */
  lastTries(over: () => void): Promise<void>;
}

/** The call was stopped from our side: however its try ended, also unheard, nothing is given up for it. */
const isStopped = (error: unknown): boolean => isCancellation(error) || CancellationScope.current().consideredCancelled;

/**
 * An operator has reset the run: it counts anew from an earlier point, and the journal has its numbers already. Only said
 * to activities, which end such a run: a command would not be in the history that it repeats.
 */
function resetMark(): { reset?: true } {
  const { runId, originalExecutionRunId } = workflowInfo();
  // A server that does not say where a run comes from must not end all of them.
  return runId === originalExecutionRunId || originalExecutionRunId === '' ? {} : { reset: true };
}

interface LaneOptions {
  settle(settled: Settled): void;
  steps: DeskSteps;
  /** Called after each batch, however it ended. */
  sent(): void;
  /** The desk may be left for another one, with a call under way. */
  leavable?: boolean;
}

export function startLanes(run: Outboxes<BotEvent>, { settle, steps, sent, leavable }: LaneOptions): Lanes {
  const journal = journalOutbox(run);
  const desk = deskOutbox(run, settle, steps);
  const callback = callbackOutbox(run);

  async function quickRound(inARow: number): Promise<void> {
    const parts = {
      ...(journal.quick && journal.waiting() ? { journal: journal.batch() } : {}),
      ...(desk.quick && desk.messagesWaiting() ? { desk: desk.batch() } : {}),
      ...(callback.quick && callback.waiting() ? { callback: callback.batch() } : {}),
    };
    // New signals wait until the workflow task ends; a regular activity now and then ends it. And what a timer or a
    // result made leaves only once its task is stored: done again after a crash, signals that came meanwhile would go
    // first and take its `seq`.
    const endTask = !run.sure || inARow % QUICK_ROUNDS_IN_A_ROW === QUICK_ROUNDS_IN_A_ROW - 1;
    const round = endTask ? act.round : act.quick;
    const { lastSeq } = run;
    const { handoffId } = run.address;
    const result = await round.deliverQuickly({ handoffId, ...resetMark(), ...parts }).catch((): QuickResult => ({}));
    if (endTask) run.stored(lastSeq);
    if (parts.journal) journal.settle(parts.journal, result.journal);
    if (parts.desk) desk.settleQuick(parts.desk, result.desk);
    if (parts.callback) callback.settle(parts.callback, result.callback);
    sent();
  }

  const quickWaiting = (): boolean =>
    (journal.quick && journal.waiting()) ||
    (desk.quick && desk.messagesWaiting()) ||
    (callback.quick && callback.waiting());

  const lane = (hasWork: () => boolean, send: () => Promise<void>, mayLeave?: boolean): Lane =>
    new Lane(hasWork, () => send().finally(sent), true, mayLeave);

  const lanes: Lanes = {
    // Never interrupted: a round ends soon, and what it has done must be known.
    quick: new Lane(quickWaiting, quickRound, false),
    journal: lane(() => !journal.quick && journal.waiting(), journal.sendSteadily),
    desk: lane(desk.steadyWaiting, desk.sendSteadily, leavable),
    callback: lane(() => !callback.quick && callback.waiting(), callback.sendSteadily),
    async lastTries(over) {
      desk.held = true;
      // The try that is under way may still deliver, and so may the desk's part of a round.
      await lanes.desk.pause();
      await lanes.quick.pause();
      lanes.quick.resume();
      await desk.sendLast();
      over();
      desk.held = false;
      lanes.desk.resume();
    },
  };
  return lanes;
}

function journalOutbox(run: Outboxes<BotEvent>) {
  const outbox = {
    quick: true,
    waiting: (): boolean => run.journal.length > 0 || run.late.length > 0,
    batch: (): JournalBatch => run.journalBatch(),
    settle(batch: JournalBatch, written: true | undefined): void {
      outbox.quick = written === true;
      if (!written) return;
      run.journal.splice(0, batch.events.length);
      run.late.splice(0, batch.late.length);
    },
    async sendSteadily(): Promise<void> {
      const batch = outbox.batch();
      await act.journal.record({ ...batch, ...resetMark() });
      outbox.settle(batch, true);
    },
  };
  return outbox;
}

function callbackOutbox(run: Outboxes<BotEvent>) {
  const { handoffId, botId } = run.address;
  const outbox = {
    quick: true,
    waiting: (): boolean => run.callbackWaiting > 0,
    batch(): CallbackBatch {
      const fromSeq = run.callback.nextSeq;
      const recent = run.callback.recent.filter((event) => event.seq >= fromSeq);
      const events = batchOf(recent, BATCH.callback);
      if (events[0]?.seq === fromSeq) return { handoffId, botId, fromSeq, toSeq: fromSeq + events.length - 1, events };
      return { handoffId, botId, fromSeq, toSeq: Math.min(run.lastSeq, fromSeq + BATCH.callback - 1) };
    },
    settle(_batch: CallbackBatch, result: { sentSeq: number; slow: boolean } | undefined): void {
      outbox.quick = result !== undefined && !result.slow;
      const seq = result?.sentSeq ?? 0;
      run.callback.nextSeq = Math.max(run.callback.nextSeq, seq + 1);
      run.callback.recent = run.callback.recent.filter((event) => event.seq > seq);
    },
    async sendSteadily(): Promise<void> {
      const batch = outbox.batch();
      try {
        outbox.settle(batch, await act.callback.deliverCallback(batch));
      } catch (error) {
        if (isStopped(error)) return;
        await act.callback.giveUpCallback({ handoffId, botId, seq: batch.fromSeq });
        outbox.settle(batch, { sentSeq: batch.fromSeq, slow: true });
      }
    },
  };
  return outbox;
}

function deskOutbox(run: Outboxes<BotEvent>, report: (settled: Settled) => void, steps: DeskSteps) {
  const nextMessages = (): MessageDelivery[] => run.nextForDesk().filter((delivery) => delivery.kind === 'message');
  const deskBatch = (deliveries: MessageDelivery[]): DeskBatch => ({ ...run.address, deliveries });

  async function messages(deliveries: MessageDelivery[]): Promise<void> {
    const [head] = deliveries;
    if (!head) return;
    try {
      const result = await act.sendWithin(timeLeft(head)).deliverToDesk(deskBatch(deliveries));
      outbox.quick = !result.slow;
      settle(result.results);
    } catch (error) {
      if (isStopped(error)) return;
      await giveUp(deliveries);
    }
  }

  const timeLeft = (head: MessageDelivery): number => Math.max(LEAST_TRY_MS, limitOf(head) - Date.now());

  const limitOf = ({ timestamp }: MessageDelivery): number => Math.max(timestamp, run.askedMs) + MESSAGE_LIMIT_MS;

  function settle(results: DeliveryResult[]): void {
    for (const result of results) {
      if (result.ok) report({ kind: 'delivered', n: result.n, ...(result.dropped ? { dropped: result.dropped } : {}) });
      else report({ kind: 'undeliverable', n: result.n, why: result.why });
      run.settled(result.n);
    }
  }

  /** The limit is over: what the ledger knows as sent was sent, the head has failed, and so has all that is as old. */
  async function giveUp(rest: MessageDelivery[]): Promise<void> {
    const sent = await act.ledger.lastSentToDesk(run.address.handoffId);
    const [head] = rest;
    for (const delivery of rest) {
      const { n } = delivery;
      if (n <= sent) settle([{ n, ok: true }]);
      else if (n === head?.n || limitOf(delivery) <= Date.now()) settle([{ n, ok: false, why: 'expired' }]);
    }
  }

  const outbox = {
    quick: true,
    /** Only last tries may go to the desk. */
    held: false,
    messagesWaiting: (): boolean => !outbox.held && nextMessages().length > 0,
    /** Opening and closing are always regular activities. */
    steadyWaiting: (): boolean => {
      const [first] = run.nextForDesk();
      return !outbox.held && first !== undefined && (first.kind !== 'message' || !outbox.quick);
    },
    batch: (): DeskBatch => deskBatch(batchOf(nextMessages(), BATCH.desk)),
    settleQuick(batch: DeskBatch, result: { results: DeliveryResult[]; slow: boolean } | undefined): void {
      outbox.quick = result !== undefined && !result.slow && result.results.length === batch.deliveries.length;
      settle(result?.results ?? []);
    },
    async sendSteadily(): Promise<void> {
      const [first] = run.nextForDesk();
      if (!first || first.kind === 'message') return messages(batchOf(nextMessages(), BATCH.desk));
      await steps(first);
      run.settled(first.n);
    },
    async sendLast(): Promise<void> {
      while (nextMessages().length > 0) {
        const { results } = await act.last.deliverLast(outbox.batch());
        if (results.length === 0) return;
        settle(results);
      }
    },
  };
  return outbox;
}
