import { setTimeout as pause } from 'node:timers/promises';
import { activityInfo } from '@temporalio/activity';
import type { Attachment, DeskDelivery, FailureReason } from '../workflows/contracts.ts';
import { deliveryKey } from '../workflows/ids.ts';
import type { Deps } from './deps.ts';
import type { CallDesk } from './desk-calls.ts';
import type { OutboundMessage } from './desks/desk.ts';
import { DeskError } from './errors.ts';
import { toFailure } from './failures.ts';
import { traceFields } from './platform/trace.ts';
import { isUnavailable } from './store/store.ts';
import { AVOID_MS, LAST_MS, QUICK_MS, SLOW_MS, STEADY_MS } from './tries.ts';

export type MessageDelivery = Extract<DeskDelivery, { kind: 'message' }>;

export interface DeskBatch {
  handoffId: string;
  botId: string;
  desk: string;
  deskConversationId: string;
  /** `bot`: native mode. */
  from: 'user' | 'bot';
  /** In order. */
  deliveries: MessageDelivery[];
}

export type DeliveryResult =
  | { n: number; ok: true; dropped?: Attachment[] }
  /** The desk will never take this one. */
  | { n: number; ok: false; why: FailureReason };

/** Results are a prefix of the batch: what is missing was not delivered yet and must be tried again. */
export interface DeskBatchResult {
  results: DeliveryResult[];
  /** The desk takes long or failed: the next batch had better be a regular activity. */
  slow: boolean;
}

/** How long one round of deliveries may take. `hurry`: a call under way ends with it. */
interface Pace {
  ms: number;
  hurry: boolean;
}

const QUICK: Pace = { ms: QUICK_MS, hurry: true };
const LAST: Pace = { ms: LAST_MS, hurry: true };
const STEADY: Pace = { ms: STEADY_MS, hurry: false };

/** How long after that a try in a hurry waits for its marks. Milliseconds. */
const MARKS_MS = 200;

/** More than a message has parts: its text and 20 attachments. */
const MOST_PARTS = 32;

const withheld = (n: number, sent: number): DeliveryResult =>
  n <= sent ? { n, ok: true } : { n, ok: false, why: 'human_has_it' };

/** Errors after which the same message can never arrive. */
const HOPELESS: readonly DeskError['kind'][] = ['rejected', 'not_found', 'conflict'];

/** A native handoff sends the desk nothing but its opening and its close. */
const NATIVE_CLOSE_N = 2;

/** As long as a close is tried, so long the desk may have a conversation that is the bot's again. Milliseconds. */
const GIVING_BACK_MS = 15 * 60_000;

/** For the log: the first one without a result is the one that failed. */
const failedOf = ({ handoffId, deliveries }: DeskBatch, results: DeliveryResult[]) => ({
  handoffId,
  ...traceFields(deliveries[results.length]?.trace),
});

const rest = (ms: number): Promise<void> => pause(Math.max(0, ms), undefined, { ref: false });

/** Messages to the desk, one after the other, each marked in the ledger as it goes. */
export function createDeliverActivities(deps: Deps, callDesk: CallDesk) {
  const { store, log, metrics } = deps;
  const avoidUntil = new Map<string, number>();

  async function deliver(batch: DeskBatch, { ms, hurry }: Pace): Promise<DeskBatchResult & { error?: unknown }> {
    const startedAt = performance.now();
    const left = (): number => ms - (performance.now() - startedAt);
    callDesk.foresee?.(batch.botId, batch.desk);
    const [done, human] = await Promise.all([store.ledger.get(batch.handoffId, 'desk'), humanHasIt(batch)]);
    const marks: Promise<void>[] = [];
    // A mark that cannot be written only matters if this very result is lost as well; then the key protects the desk.
    // Handled at once: it may fail while the next call is under way.
    const notWritten = (cause: unknown): void => log.warn({ err: cause }, 'delivery mark not written');
    const results: DeliveryResult[] = [];
    if (human) {
      return { results: batch.deliveries.map(({ n }) => withheld(n, done.sent)), slow: false };
    }
    // Asked before as well: given back while a call is under way, the refusal of that call says nothing yet.
    const wasOnItsWay = await isOnItsWayBack(batch);
    const isHopeless = async (cause: unknown): Promise<boolean> =>
      cause instanceof DeskError && HOPELESS.includes(cause.kind) && !wasOnItsWay && !(await isOnItsWayBack(batch));
    let slow = false;
    let error: unknown;
    const keepAway = (sentAt: number): boolean => {
      const tookLong = performance.now() - sentAt > SLOW_MS;
      if (tookLong) avoidUntil.set(`${batch.botId}\n${batch.desk}`, deps.clock.now() + AVOID_MS);
      return tookLong;
    };
    for (const delivery of batch.deliveries) {
      if (delivery.n <= done.sent) {
        results.push({ n: delivery.n, ok: true });
        continue;
      }
      if (left() <= 0) {
        slow = true;
        break;
      }
      const sentAt = performance.now();
      try {
        results.push(await sendOne(batch, delivery, delivery.n <= done.started, hurry ? left() : undefined));
        marks.push(store.ledger.sent(batch.handoffId, 'desk', delivery.n).catch(notWritten));
      } catch (cause) {
        if (await isHopeless(cause)) {
          log.warn(
            { handoffId: batch.handoffId, ...traceFields(delivery.trace), err: cause },
            'the desk refused a message',
          );
          results.push({ n: delivery.n, ok: false, why: 'rejected' });
          metrics.deliveries.inc({ lane: 'desk', desk: batch.desk, outcome: 'rejected' });
          // The next one waits until this is recorded: its mark in the ledger would call this one sent as well.
          break;
        }
        error = cause;
        slow = true;
        keepAway(sentAt);
        metrics.deliveries.inc({ lane: 'desk', desk: batch.desk, outcome: 'failed' });
        break;
      }
      slow = keepAway(sentAt);
    }
    // A try in a hurry says in time what it has done; a repeat of what is not marked yet would be a double.
    await (hurry ? Promise.race([Promise.all(marks), rest(left() + MARKS_MS)]) : Promise.all(marks));
    return { results, slow, ...(error === undefined ? {} : { error }) };
  }

  /** What the bot said before its request for a human, and could not be delivered until then, would talk between them. */
  async function humanHasIt({ botId, desk, deskConversationId, from }: DeskBatch): Promise<boolean> {
    if (from !== 'bot') return false;
    // Such a desk asks the bot only while no human has the user, and may have taken it together with the handoff.
    if (deps.desks.get(desk)?.webhook?.answer !== undefined) return false;
    const handoff = await store.handoffs.openFor(botId, deskConversationId);
    return handoff !== undefined && handoff.status !== 'opening';
  }

  /** The bot was told of the end of a handoff and speaks at once: the desk may still have to give the conversation back. */
  async function isOnItsWayBack({ botId, desk, deskConversationId, from }: DeskBatch): Promise<boolean> {
    if (from !== 'bot') return false;
    const handoff = await store.handoffs.byDeskConversation(botId, desk, deskConversationId);
    if (handoff?.closedAt == null || handoff.closeReason === 'agent_closed') return false;
    if (Date.parse(handoff.closedAt) + GIVING_BACK_MS < deps.clock.now()) return false;
    const { started, sent } = await store.ledger.get(handoff.id, 'desk');
    // Without any mark the desk never had it, so there is nothing to give back.
    return started > 0 && sent < NATIVE_CLOSE_N;
  }

  /** How far an earlier try came with this message. */
  async function partsOf(handoffId: string, n: number): Promise<NonNullable<OutboundMessage['parts']>> {
    const { sent } = await store.ledger.get(handoffId, 'parts');
    const base = n * MOST_PARTS;
    return {
      done: Math.max(0, sent - base),
      mark(done) {
        const marked = store.ledger
          .sent(handoffId, 'parts', base + done)
          .catch((cause: unknown) => log.warn({ err: cause }, 'part of a message not marked'));
        // A database that stands still must not keep the rest of the message.
        return Promise.race([marked, rest(MARKS_MS)]);
      },
    };
  }

  async function sendOne(
    batch: DeskBatch,
    delivery: MessageDelivery,
    maybeSent: boolean,
    timeoutMs: number | undefined,
  ): Promise<DeliveryResult> {
    const call = {
      botId: batch.botId,
      desk: batch.desk,
      operation: 'send',
      trace: delivery.trace,
      ...(timeoutMs === undefined ? {} : { timeoutMs: Math.ceil(timeoutMs) }),
    };
    const sent = await callDesk(call, async (desk, ctx) => {
      const several = delivery.attachments?.length || Buffer.byteLength(delivery.text) > desk.limits.textMax;
      const parts = several ? await partsOf(batch.handoffId, delivery.n) : undefined;
      // Only where the desk lets us look does it help to know that a try has begun.
      if (desk.capabilities.lookup && !maybeSent) await store.ledger.started(batch.handoffId, 'desk', delivery.n);
      return desk.send(ctx, {
        key: deliveryKey(batch.handoffId, delivery.n),
        handoffId: batch.handoffId,
        from: batch.from,
        deskConversationId: batch.deskConversationId,
        timestamp: delivery.timestamp,
        text: delivery.text,
        attachments: delivery.attachments ?? [],
        maybeSent,
        ...(parts ? { parts } : {}),
      });
    });
    metrics.deliveries.inc({ lane: 'desk', desk: batch.desk, outcome: 'delivered' });
    return { n: delivery.n, ok: true, ...(sent.dropped?.length ? { dropped: sent.dropped } : {}) };
  }

  return {
    /** The first try, inside the workflow task: never throws for a desk's failure, never takes long. */
    async tryDesk(batch: DeskBatch): Promise<DeskBatchResult> {
      // A try that hangs keeps one of the process's few workflow tasks: one such desk must not take them all.
      const avoided = avoidUntil.get(`${batch.botId}\n${batch.desk}`) ?? 0;
      if (avoided > deps.clock.now()) return { results: [], slow: true };
      const { results, slow, error } = await deliver(batch, QUICK);
      if (error !== undefined)
        log.info({ ...failedOf(batch, results), err: error }, 'quick delivery to the desk failed');
      return { results, slow };
    },

    /** Every further try. Throws when nothing at all went out, so that Temporal retries and an operator sees why. */
    async deliverToDesk(batch: DeskBatch): Promise<DeskBatchResult> {
      const { results, slow, error } = await deliver(batch, STEADY);
      if (error !== undefined && results.length === 0) {
        log.warn(
          { ...failedOf(batch, results), attempt: activityInfo().attempt, err: error },
          'delivery to the desk failed',
        );
        throw toFailure(error, []);
      }
      return { results, slow };
    },

    /**
     * When a handoff ends: once more what has not got through. Throws only when nobody could ask the desk, because
     * PostgreSQL was away or slow.
     */
    async deliverLast(batch: DeskBatch): Promise<DeskBatchResult> {
      const { results, slow, error } = await deliver(batch, LAST);
      const asked = results.length > 0 || error instanceof DeskError || (error !== undefined && !isUnavailable(error));
      if (!asked) throw toFailure(error ?? new Error('no time left to ask the desk'), []);
      if (error !== undefined)
        log.warn({ ...failedOf(batch, results), err: error }, 'last delivery to the desk failed');
      return { results, slow };
    },

    /** The last delivery that is known to have reached the desk, read when a batch has failed for good. */
    async lastSentToDesk(handoffId: string): Promise<number> {
      return (await store.ledger.get(handoffId, 'desk')).sent;
    },
  };
}
