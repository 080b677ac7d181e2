import type { FastifyReply } from 'fastify';
import type { EventType } from '../workflows/contracts.ts';
import type { Store } from '../activities/store/store.ts';

/** RFC 7240. */
const WAIT = /(?:^|[,;])\s*wait\s*=\s*"?(\d{1,6})"?\s*(?:$|[,;])/i;
const MAX_WAIT_SECONDS = 60;
/** In case a wake-up is lost. */
const POLL_MS = 2_000;

/** How a desk's decision shows. */
export const ANSWERS: ReadonlySet<EventType> = new Set<EventType>([
  'handoff.email_required',
  'handoff.scheduled',
  'handoff.connecting',
  'handoff.busy',
  'handoff.active',
  'handoff.closed',
]);

/** Seconds of `Prefer: wait=N`, at most 60; undefined without that preference. */
export function preferredWait(header: string | string[] | undefined): number | undefined {
  const match = WAIT.exec([header ?? []].flat().join(','));
  return match === null ? undefined : Math.min(Number(match[1]), MAX_WAIT_SECONDS);
}

/** Resolves when the desk has accepted or refused, when the time is up, or when `signal` aborts. */
export const waitForDesk = (store: Store, handoffId: string, seconds: number, signal: AbortSignal): Promise<void> =>
  waitForEvent(store, handoffId, { types: ANSWERS, seconds, signal });

export interface EventWait {
  /** Any event without it. */
  types?: ReadonlySet<EventType>;
  /** Only events with a `seq` above it; 0 by default. */
  after?: number;
  seconds: number;
  signal: AbortSignal;
}

/** Resolves when the journal has such an event, when the time is up, or when `signal` aborts. */
export async function waitForEvent(
  store: Store,
  handoffId: string,
  { types, after = 0, seconds, signal }: EventWait,
): Promise<void> {
  const wakeup = createWakeup(store, { handoffId }, AbortSignal.any([signal, AbortSignal.timeout(seconds * 1_000)]));
  let seen = after;
  try {
    while (!wakeup.signal.aborted) {
      const events = await store.journal.read(handoffId, seen, 100);
      if (events.some((event) => types?.has(event.type) ?? true)) return;
      seen = events.at(-1)?.seq ?? seen;
      await wakeup.next(POLL_MS);
    }
  } finally {
    wakeup.stop();
  }
}

export interface Wakeup {
  signal: AbortSignal;
  /** Resolves at the next wake-up, at once when there was one since the last call, after `ms`, or on abort. */
  next(ms: number): Promise<'woken' | 'time' | 'aborted'>;
  stop(): void;
}

/** Subscribe first, read after: an event that is committed between a read and the wait is not missed. */
export function createWakeup(
  store: Store,
  topic: { handoffId: string } | { botId: string },
  signal: AbortSignal,
): Wakeup {
  let woken = false;
  let resume: (() => void) | undefined;
  const unsubscribe = store.wakeups.subscribe(topic, () => {
    woken = true;
    resume?.();
  });
  const onAbort = (): void => resume?.();
  signal.addEventListener('abort', onAbort);

  return {
    signal,
    async next(ms) {
      if (!woken && !signal.aborted) {
        let timer: NodeJS.Timeout | undefined;
        await new Promise<void>((resolve) => {
          resume = resolve;
          timer = setTimeout(resolve, ms);
        });
        clearTimeout(timer);
        resume = undefined;
      }
      if (signal.aborted) return 'aborted';
      const outcome = woken ? 'woken' : 'time';
      woken = false;
      return outcome;
    },
    stop() {
      signal.removeEventListener('abort', onAbort);
      unsubscribe();
    },
  };
}

/** Aborts when the caller hangs up or the app closes. */
export function goneSignal(reply: FastifyReply, closing: AbortSignal): AbortSignal {
  const gone = new AbortController();
  // He may be gone before anybody asks.
  if (reply.raw.destroyed) gone.abort();
  reply.raw.once('close', () => gone.abort());
  return AbortSignal.any([gone.signal, closing]);
}
