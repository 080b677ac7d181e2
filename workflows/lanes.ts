/**
 * The loops that leave a handoff. What waits for journal, desk and callback is tried together in one quick round inside
 * the workflow task. A part that fails, or whose other side is known to be slow, goes on in a loop of its own with
 * regular activities, whose retries an operator can see; the others do not wait for it.
 */
import { ActivityFailure, CancellationScope, isCancellation, TimeoutFailure } from '@temporalio/workflow';
import type { CallbackBatch } from '../activities/deps.ts';
import type { DeliveryResult, DeskBatch, MessageDelivery } from '../activities/deliver.ts';
import type { JournalBatch } from '../activities/index.ts';
import type { QuickResult } from '../activities/quick.ts';
import type { Happening } from './core.ts';
import type { DeskDelivery } from './contracts.ts';
import { Lane } from './lane.ts';
import { BATCH, LEAST_TRY_MS, MESSAGE_LIMIT_MS, QUICK_ROUNDS_IN_A_ROW } from './policies.ts';
import * as act from './proxies.ts';
import { batchOf } from './run.ts';
import type { HandoffRun } from './run.ts';

export type Report = (happening: Happening) => void;

export interface Lanes {
  quick: Lane;
  journal: Lane;
  desk: Lane;
  callback: Lane;
}

/** `sent` is called after each batch, however it ended. */
export function startLanes(run: HandoffRun, report: Report, sent: () => void): Lanes {
  const journal = journalOutbox(run);
  const desk = deskOutbox(run, report);
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
    const { lastSeq } = run.state;
    const { handoffId } = run.input;
    const result = await round.deliverQuickly({ handoffId, ...parts }).catch((): QuickResult => ({}));
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

  const lane = (hasWork: () => boolean, send: () => Promise<void>): Lane =>
    new Lane(hasWork, () => send().finally(sent));

  return {
    // Never interrupted: a round ends soon, and what it has done must be known.
    quick: new Lane(quickWaiting, quickRound, false),
    journal: lane(() => !journal.quick && journal.waiting(), journal.sendSteadily),
    desk: lane(desk.steadyWaiting, desk.sendSteadily),
    callback: lane(() => !callback.quick && callback.waiting(), callback.sendSteadily),
  };
}

function journalOutbox(run: HandoffRun) {
  const outbox = {
    quick: true,
    waiting: (): boolean => run.journal.length > 0 || run.late.length > 0,
    batch(): JournalBatch {
      const { handoffId, botId } = run.input;
      const { status, email } = run.state;
      return {
        handoffId,
        botId,
        events: batchOf(run.journal, BATCH.journal),
        late: batchOf(run.late, BATCH.journal),
        status,
        ...(email === undefined ? {} : { email }),
      };
    },
    settle(batch: JournalBatch, written: true | undefined): void {
      outbox.quick = written === true;
      if (!written) return;
      run.journal.splice(0, batch.events.length);
      run.late.splice(0, batch.late.length);
    },
    async sendSteadily(): Promise<void> {
      const batch = outbox.batch();
      await act.journal.record(batch);
      outbox.settle(batch, true);
    },
  };
  return outbox;
}

function callbackOutbox(run: HandoffRun) {
  const { handoffId, botId } = run.input;
  const outbox = {
    quick: true,
    waiting: (): boolean => run.callbackWaiting > 0,
    batch(): CallbackBatch {
      const fromSeq = run.callback.nextSeq;
      const recent = run.callback.recent.filter((event) => event.seq >= fromSeq);
      const events = batchOf(recent, BATCH.callback);
      if (events[0]?.seq === fromSeq) return { handoffId, botId, fromSeq, toSeq: fromSeq + events.length - 1, events };
      return { handoffId, botId, fromSeq, toSeq: Math.min(run.state.lastSeq, fromSeq + BATCH.callback - 1) };
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
        if (isCancellation(error)) throw error;
        await act.callback.giveUpCallback({ handoffId, botId, seq: batch.fromSeq });
        outbox.settle(batch, { sentSeq: batch.fromSeq, slow: true });
      }
    },
  };
  return outbox;
}

/** The server ended the wait: a try may be under way still, or its worker died in it, and nobody could mark it. */
const endedUnheard = (error: unknown): boolean =>
  error instanceof ActivityFailure && error.cause instanceof TimeoutFailure;

function deskOutbox(run: HandoffRun, report: Report) {
  const { handoffId, botId, desk } = run.input;
  const deskConversationId = (): string => run.state.deskConversationId ?? handoffId;
  const nextMessages = (): MessageDelivery[] => run.nextForDesk().filter((delivery) => delivery.kind === 'message');
  const deskBatch = (deliveries: MessageDelivery[]): DeskBatch => ({
    handoffId,
    botId,
    desk,
    deskConversationId: deskConversationId(),
    deliveries,
  });

  async function open(delivery: DeskDelivery): Promise<void> {
    const { channel, mode, user, question, history, settings } = run.input;
    if (run.state.closing) return report({ kind: 'openFailed', mayHaveIt: false }); // nobody asked the desk yet
    try {
      const { email } = run.state;
      const opened = await act.openWithin(settings.waitTimeoutMs).openConversation({
        handoffId,
        botId,
        desk,
        n: delivery.n,
        timestamp: delivery.timestamp,
        channel,
        mode,
        user,
        ...(email === undefined ? {} : { email }),
        question,
        history,
        contextRounds: settings.contextRounds,
      });
      report({ kind: 'opened', deskConversationId: opened.deskConversationId });
    } catch (error) {
      // Also when the handoff ended meanwhile and the retries were cancelled: the desk may hold a conversation.
      const marked = await CancellationScope.nonCancellable(() =>
        act.ledger.deskMayHaveIt({ handoffId, n: delivery.n }),
      );
      report({ kind: 'openFailed', mayHaveIt: marked || endedUnheard(error) });
    }
  }

  async function close({ n, timestamp, reason }: Extract<DeskDelivery, { kind: 'close' }>): Promise<void> {
    const at = { handoffId, botId, desk, deskConversationId: deskConversationId() };
    try {
      await act.desk.closeConversation({ ...at, n, timestamp, reason });
    } catch (error) {
      if (isCancellation(error)) throw error; // continue-as-new: the next run goes on
      // The handoff is over for everybody else; the failed activity stays visible in this run's history.
    }
  }

  async function messages(deliveries: MessageDelivery[]): Promise<void> {
    const [head] = deliveries;
    if (!head) return;
    try {
      const result = await act.sendWithin(timeLeft(head)).deliverToDesk(deskBatch(deliveries));
      outbox.quick = !result.slow;
      settle(result.results);
    } catch (error) {
      if (isCancellation(error)) throw error;
      await giveUp(deliveries);
    }
  }

  const timeLeft = (head: MessageDelivery): number =>
    Math.max(LEAST_TRY_MS, head.timestamp + MESSAGE_LIMIT_MS - Date.now());

  function settle(results: DeliveryResult[]): void {
    for (const result of results) {
      run.settled(result.n);
      if (result.ok) report({ kind: 'delivered', n: result.n, ...(result.dropped ? { dropped: result.dropped } : {}) });
      else report({ kind: 'undeliverable', n: result.n, why: result.why });
    }
  }

  /** The limit is over: what the ledger knows as sent was sent, the head has failed, and so has all that is as old. */
  async function giveUp(rest: MessageDelivery[]): Promise<void> {
    const sent = await act.ledger.lastSentToDesk(handoffId);
    const [head] = rest;
    for (const { n, timestamp } of rest) {
      if (n <= sent) settle([{ n, ok: true }]);
      else if (n === head?.n || timestamp + MESSAGE_LIMIT_MS <= Date.now()) settle([{ n, ok: false, why: 'expired' }]);
    }
  }

  const outbox = {
    quick: true,
    messagesWaiting: (): boolean => nextMessages().length > 0,
    /** Opening and closing are always regular activities. */
    steadyWaiting: (): boolean => {
      const [first] = run.nextForDesk();
      return first !== undefined && (first.kind !== 'message' || !outbox.quick);
    },
    batch: (): DeskBatch => deskBatch(batchOf(nextMessages(), BATCH.desk)),
    settleQuick(batch: DeskBatch, result: { results: DeliveryResult[]; slow: boolean } | undefined): void {
      outbox.quick = result !== undefined && !result.slow && result.results.length === batch.deliveries.length;
      settle(result?.results ?? []);
    },
    async sendSteadily(): Promise<void> {
      const [first] = run.nextForDesk();
      if (first?.kind === 'open') await open(first);
      else if (first?.kind === 'close') await close(first);
      else return messages(batchOf(nextMessages(), BATCH.desk));
      if (first) run.settled(first.n);
    },
  };
  return outbox;
}
