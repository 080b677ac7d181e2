/**
 * The three loops that leave a handoff: journal, desk, callback. Each sends one batch after the other and waits for
 * nobody else. A batch is tried quickly inside the workflow task first and, when that fails or the other side is known
 * to be slow, as a regular activity whose retries an operator can see.
 */
import { CancellationScope, isCancellation } from '@temporalio/workflow';
import type { DeliveryResult, MessageDelivery } from '../activities/deliver.ts';
import type { Happening } from './core.ts';
import type { DeskDelivery } from './contracts.ts';
import { Lane } from './lane.ts';
import { BATCH, LEAST_TRY_MS, MESSAGE_LIMIT_MS } from './policies.ts';
import * as act from './proxies.ts';
import type { HandoffRun } from './run.ts';

type Report = (happening: Happening) => void;

export function journalLane(run: HandoffRun): Lane {
  async function send(): Promise<void> {
    const events = run.journal.slice(0, BATCH.journal);
    const late = run.late.slice(0, BATCH.journal);
    const { handoffId, botId } = run.input;
    const { status, email } = run.state;
    const batch = { handoffId, botId, events, late, status, ...(email === undefined ? {} : { email }) };
    try {
      await act.quick.record(batch);
    } catch (error) {
      if (isCancellation(error)) throw error;
      await act.journal.record(batch);
    }
    run.journal.splice(0, events.length);
    run.late.splice(0, late.length);
  }
  return new Lane(() => run.journal.length > 0 || run.late.length > 0, send);
}

export function deskLane(run: HandoffRun, report: Report): Lane {
  const { handoffId, botId, desk } = run.input;
  const deskConversationId = (): string => run.state.deskConversationId ?? handoffId;
  let slow = false;

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
    } catch {
      // Also when the handoff ended meanwhile and the retries were cancelled: the desk may hold a conversation.
      const mayHaveIt = await CancellationScope.nonCancellable(() => act.desk.deskMayHaveIt({ handoffId, n: delivery.n }));
      report({ kind: 'openFailed', mayHaveIt });
    }
  }

  async function close(delivery: Extract<DeskDelivery, { kind: 'close' }>): Promise<void> {
    const { n, timestamp, reason } = delivery;
    try {
      await act.desk.closeConversation({
        handoffId,
        botId,
        desk,
        deskConversationId: deskConversationId(),
        n,
        timestamp,
        reason,
      });
    } catch (error) {
      if (isCancellation(error)) throw error; // continue-as-new: the next run goes on
      // The handoff is over for everybody else; the failed activity stays visible in this run's history.
    }
  }

  async function messages(deliveries: MessageDelivery[]): Promise<void> {
    const batch = { handoffId, botId, desk, deskConversationId: deskConversationId() };
    let rest = deliveries;
    if (!slow) {
      const first = await act.quick.tryDesk({ ...batch, deliveries }).catch(ignoreUnlessCancelled);
      slow = first?.slow ?? true;
      settle(first?.results ?? []);
      rest = deliveries.slice(first?.results.length ?? 0);
      if (rest.length === 0) return;
    }
    const [head] = rest;
    if (!head) return;
    try {
      const later = await act.sendWithin(timeLeft(head)).deliverToDesk({ ...batch, deliveries: rest });
      slow = later.slow;
      settle(later.results);
    } catch (error) {
      if (isCancellation(error)) throw error;
      await giveUp(rest);
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
    const sent = await act.desk.lastSentToDesk(handoffId);
    const [head] = rest;
    for (const { n, timestamp } of rest) {
      if (n <= sent) settle([{ n, ok: true }]);
      else if (n === head?.n || timestamp + MESSAGE_LIMIT_MS <= Date.now()) settle([{ n, ok: false, why: 'expired' }]);
    }
  }

  async function send(): Promise<void> {
    const next = run.nextForDesk();
    const [first] = next;
    if (first?.kind === 'open') await open(first);
    else if (first?.kind === 'close') await close(first);
    else return messages(next.filter((delivery) => delivery.kind === 'message'));
    if (first) run.settled(first.n);
  }

  return new Lane(() => run.nextForDesk().length > 0, send);
}

export function callbackLane(run: HandoffRun): Lane {
  const { handoffId, botId } = run.input;
  let slow = false;

  async function send(): Promise<void> {
    const fromSeq = run.callback.nextSeq;
    const toSeq = Math.min(run.state.lastSeq, fromSeq + BATCH.callback - 1);
    const events = run.callback.recent.filter((event) => event.seq >= fromSeq && event.seq <= toSeq);
    const batch = { handoffId, botId, fromSeq, toSeq, ...(events[0]?.seq === fromSeq ? { events } : {}) };
    if (!slow) {
      const first = await act.quick.tryCallback(batch).catch(ignoreUnlessCancelled);
      slow = first?.slow ?? true;
      delivered(first?.sentSeq ?? 0);
      return;
    }
    try {
      const later = await act.callback.deliverCallback(batch);
      slow = later.slow;
      delivered(later.sentSeq);
    } catch (error) {
      if (isCancellation(error)) throw error;
      await act.callback.giveUpCallback({ handoffId, botId, seq: fromSeq });
      delivered(fromSeq);
    }
  }

  function delivered(seq: number): void {
    run.callback.nextSeq = Math.max(run.callback.nextSeq, seq + 1);
    run.callback.recent = run.callback.recent.filter((event) => event.seq > seq);
  }

  return new Lane(() => run.callbackWaiting > 0, send);
}

function ignoreUnlessCancelled(error: unknown): undefined {
  if (isCancellation(error)) throw error;
  return undefined;
}
