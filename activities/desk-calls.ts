import { cancellationSignal } from '@temporalio/activity';
import { createBulkhead } from './bulkhead.ts';
import type { Deps } from './deps.ts';
import type { Desk, DeskContext } from './desks/desk.ts';
import { DeskError } from './errors.ts';
import { tooManyAtOnce } from './failures.ts';
import { inTrace } from './platform/trace.ts';
import { CALL_MS } from './tries.ts';
import { ttlCache } from './ttl-cache.ts';

/** Calls to the desk of one bot that one process makes at the same moment. */
const CALLS_PER_BOT = 20;

/** How long a process works with credentials it has read, in milliseconds. */
const CONFIG_TTL_MS = 2_000;

/** How long a process does not report again what it has reported, in milliseconds. */
const REPORT_MS = 5_000;

/** One call to a bot's desk. */
export interface DeskCall {
  botId: string;
  desk: string;
  operation: string;
  /** `traceparent` of the request that caused it. */
  trace?: string | undefined;
  /** Shorter than the usual time-out where the caller cannot wait. */
  timeoutMs?: number;
  /** How it ends says nothing of the service. */
  isExtra?: true;
}

export interface CallDesk {
  <T>(call: DeskCall, work: (desk: Desk, ctx: DeskContext<unknown>) => Promise<T>): Promise<T>;
  /** A call will follow: reads its credentials while the caller still asks for something else. */
  foresee?(botId: string, desk: string): void;
}

/**
 * Calls a bot's desk with its current credentials, under the bot's share of places, and keeps the service status true:
 * refused credentials make it `unavailable`, the next call that works makes it `available` again.
 */
export function createDeskCalls(deps: Deps): CallDesk {
  const configs = ttlCache(CONFIG_TTL_MS, (key) => {
    const [botId = '', desk = ''] = key.split('\n');
    return deps.store.bots.desk(botId, desk);
  });
  const configOf = (botId: string, desk: string) => configs(`${botId}\n${desk}`);
  const bulkhead = createBulkhead(deps.callsPerBot?.desk ?? CALLS_PER_BOT);
  const known = new Map<string, { state: 'available' | 'unavailable'; atMs: number }>();

  async function report(call: DeskCall, state: 'available' | 'unavailable', why?: string): Promise<void> {
    const key = `${call.botId}\n${call.desk}`;
    const last = known.get(key);
    // Not for ever: a verification or another process may have written something else since.
    if (last?.state === state && deps.clock.now() - last.atMs < REPORT_MS) return;
    await deps.store.bots.setService(call.botId, call.desk, { state, ...(why === undefined ? {} : { why }) });
    known.set(key, { state, atMs: deps.clock.now() });
  }

  const noteSaved = (call: DeskCall, state: 'available' | 'unavailable', why?: string): Promise<void> =>
    report(call, state, why).catch((error: unknown) => deps.log.warn({ err: error }, 'service status not saved'));

  const callDesk = async <T>(
    call: DeskCall,
    work: (desk: Desk, ctx: DeskContext<unknown>) => Promise<T>,
  ): Promise<T> => {
    // Before anything else: a quick try that waited for PostgreSQL must not call while its successor already does.
    const signal = AbortSignal.any([cancellationSignal(), AbortSignal.timeout(call.timeoutMs ?? CALL_MS)]);
    const desk = deps.desks.get(call.desk);
    const config = await configOf(call.botId, call.desk);
    if (!desk || config === undefined) {
      throw new DeskError({
        desk: call.desk,
        operation: call.operation,
        kind: 'auth',
        reason: 'the bot has no such desk configured any more',
      });
    }
    const ctx: DeskContext<unknown> = {
      config,
      http: deps.http,
      log: deps.log.child({ desk: call.desk, botId: call.botId }),
      memory: deps.store.memory(call.botId, call.desk, config),
      publicUrl: deps.publicUrl,
      now: () => deps.clock.now(),
      signal,
    };
    const stop = deps.metrics.deliverySeconds.startTimer({ lane: 'desk', desk: call.desk });
    const running = bulkhead(call.botId, () => work(desk, ctx));
    if (!running) throw tooManyAtOnce(`[${call.desk}] ${call.operation}`);
    try {
      const answer = await running;
      // Not waited for: a database that stands still must not make a call that worked look like one that did not.
      if (call.isExtra !== true) void noteSaved(call, 'available');
      return answer;
    } catch (error) {
      const isRefused = error instanceof DeskError && error.kind === 'auth' && call.isExtra !== true;
      if (isRefused) await noteSaved(call, 'unavailable', error.message);
      throw error;
    } finally {
      stop();
    }
  };
  const traced: CallDesk = (call, work) => inTrace(call.trace, () => callDesk(call, work));
  // A failure is the call's own to meet, and to tell.
  traced.foresee = (botId, desk) => void configOf(botId, desk).catch(() => undefined);
  return traced;
}
