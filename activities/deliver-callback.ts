import { ApplicationFailure, cancellationSignal } from '@temporalio/activity';
import type { BotEvent } from '../workflows/contracts.ts';
import { eventId } from '../workflows/ids.ts';
import { createBulkhead } from './bulkhead.ts';
import type { CallbackBatch, Deps } from './deps.ts';
import { FAILURE, tooManyAtOnce } from './failures.ts';
import { HttpError } from './http/client.ts';
import { retryAfterMs } from './http/retry-after.ts';
import { signStandardWebhook } from './http/sign.ts';
import { inTrace } from './platform/trace.ts';
import type { CallbackConfig } from './store/types.ts';
import { AVOID_MS, CALL_MS, QUICK_MS, SLOW_MS, STEADY_MS } from './tries.ts';
import { ttlCache } from './ttl-cache.ts';

export interface CallbackResult {
  /** Events up to this one are delivered. */
  sentSeq: number;
  /** The callback takes long or failed. */
  slow: boolean;
}

/** Callbacks of one bot that one process makes at the same moment. */
const CALLS_PER_BOT = 10;

/** Events to the bot's backend, in order, signed by Standard Webhooks, each marked in the ledger as it goes. */
export function createCallbackActivities(deps: Deps) {
  const { store, log, metrics } = deps;
  const settings = ttlCache(2_000, (botId) => store.bots.callback(botId));
  const bulkhead = createBulkhead(deps.callsPerBot?.callback ?? CALLS_PER_BOT);
  const avoidUntil = new Map<string, number>();

  async function post(callback: CallbackConfig, id: string, event: BotEvent, timeoutMs: number): Promise<void> {
    const { trace: _header, ...shown } = event;
    const body = JSON.stringify(shown);
    const response = await deps.http.request({
      method: 'POST',
      url: callback.url,
      headers: {
        'content-type': 'application/json',
        ...authorization(callback),
        ...signStandardWebhook({
          secret: callback.secret,
          id,
          timestampSeconds: Math.floor(deps.clock.now() / 1_000),
          body,
        }),
      },
      body,
      timeoutMs,
      signal: cancellationSignal(),
      maxResponseBytes: 65_536,
    });
    if (response.status >= 200 && response.status < 300) return;
    const wait = retryAfterMs(response.headers, deps.clock.now());
    throw ApplicationFailure.create({
      message: `callback answered ${response.status}`,
      type: FAILURE.callback,
      category: 'BENIGN',
      ...(wait === undefined ? {} : { nextRetryDelay: wait }),
    });
  }

  async function deliver(batch: CallbackBatch, quick: boolean): Promise<CallbackResult & { error?: unknown }> {
    const startedAt = performance.now();
    // The ledger first: asked in the same turn as the desk's lane, it shares its query.
    const [done, callback] = await Promise.all([store.ledger.get(batch.handoffId, 'callback'), settings(batch.botId)]);
    if (!callback) return { sentSeq: batch.toSeq, slow: false };
    const events = batch.events ?? (await fromJournal(batch));
    const marks: Promise<void>[] = [];
    // Handled at once: it may fail while the next call is under way, and then the event is sent again.
    const notWritten = (cause: unknown): void => log.warn({ err: cause }, 'callback mark not written');
    let sentSeq = batch.fromSeq - 1;
    let slow = false;
    let error: unknown;
    for (const event of events) {
      const left = (quick ? QUICK_MS : STEADY_MS) - (performance.now() - startedAt);
      if (event.seq > done.sent) {
        if (left <= 0) {
          slow = true;
          break;
        }
        const sentAt = performance.now();
        try {
          const id = eventId(batch.handoffId, event.seq);
          await inTrace(event.trace, () => post(callback, id, event, Math.min(CALL_MS, Math.ceil(left))));
        } catch (cause) {
          error = cause;
          break;
        }
        slow = performance.now() - sentAt > SLOW_MS;
        marks.push(store.ledger.sent(batch.handoffId, 'callback', event.seq).catch(notWritten));
        metrics.deliveries.inc({ lane: 'callback', desk: '', outcome: 'delivered' });
        metrics.callbackLag.observe(Math.max(0, deps.clock.now() - Date.parse(event.at)) / 1_000);
      }
      sentSeq = event.seq;
    }
    await Promise.all(marks);
    await report(batch.botId, error, slow || error !== undefined);
    return { sentSeq, slow: slow || error !== undefined, ...(error === undefined ? {} : { error }) };
  }

  async function fromJournal(batch: CallbackBatch): Promise<BotEvent[]> {
    const count = batch.toSeq - batch.fromSeq + 1;
    const events = await store.journal.read<BotEvent>(batch.handoffId, batch.fromSeq - 1, count, { traced: true });
    if (events[0]?.seq === batch.fromSeq) return events;
    throw ApplicationFailure.create({
      message: 'the journal does not have these events yet',
      type: FAILURE.callback,
      nextRetryDelay: 1_000,
      category: 'BENIGN',
    });
  }

  /** Keeps the bot's status and `/metrics` true; the store writes the same outcome only every few seconds. */
  async function report(botId: string, error: unknown, avoid: boolean): Promise<void> {
    if (avoid) avoidUntil.set(botId, deps.clock.now() + AVOID_MS);
    try {
      if (error !== undefined) {
        metrics.deliveries.inc({ lane: 'callback', desk: '', outcome: 'failed' });
        await store.callbacks.failing(botId, describe(error));
      } else {
        await store.callbacks.ok(botId);
      }
    } catch (cause) {
      log.warn({ err: cause, botId }, 'callback health not saved');
    }
  }

  return {
    /** The first try, inside the workflow task: never throws for the callback's failure, never takes long. */
    async tryCallback(batch: CallbackBatch): Promise<CallbackResult> {
      const nothing = { sentSeq: batch.fromSeq - 1, slow: true };
      if ((avoidUntil.get(batch.botId) ?? 0) > deps.clock.now()) return nothing;
      const running = bulkhead(batch.botId, () => deliver(batch, true));
      if (!running) return nothing;
      const { sentSeq, slow } = await running;
      return { sentSeq, slow };
    },

    /** Every further try. Throws when nothing went out, so that Temporal retries and an operator sees why. */
    async deliverCallback(batch: CallbackBatch): Promise<CallbackResult> {
      const running = bulkhead(batch.botId, () => deliver(batch, false));
      if (!running) throw tooManyAtOnce('callback');
      const { sentSeq, slow, error } = await running;
      if (error !== undefined && sentSeq < batch.fromSeq) {
        if (error instanceof ApplicationFailure) throw error;
        throw ApplicationFailure.create({ message: describe(error), type: FAILURE.callback, category: 'BENIGN' });
      }
      return { sentSeq, slow };
    },

    /** The retry policy has ended for one event: it stays in the journal, and the operator is told. */
    async giveUpCallback(batch: { handoffId: string; botId: string; seq: number }): Promise<void> {
      metrics.deliveries.inc({ lane: 'callback', desk: '', outcome: 'given_up' });
      log.error(batch, 'a callback was given up; the event is in the journal');
      await store.ledger.sent(batch.handoffId, 'callback', batch.seq);
    },
  };
}

function authorization(callback: CallbackConfig): Record<string, string> {
  if (!callback.auth) return {};
  if (callback.auth.type === 'bearer') return { authorization: `Bearer ${callback.auth.token}` };
  const pair = Buffer.from(`${callback.auth.username}:${callback.auth.password}`).toString('base64');
  return { authorization: `Basic ${pair}` };
}

/** Says what happened without the address, which may carry a secret in its query. */
function describe(error: unknown): string {
  if (error instanceof HttpError) return `callback ${error.kind}`;
  return error instanceof Error ? error.message : 'callback failed';
}
