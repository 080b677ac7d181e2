import { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';
import type { Metrics } from '../activities/platform/metrics.ts';
import type { BotEvent } from '../workflows/contracts.ts';
import { isUnavailable, type Store } from '../activities/store/store.ts';
import { createWakeup, goneSignal } from './wait.ts';

/** Events read from the store at a time: what a slow reader can keep in memory. */
const PAGE = 100;
/** Milliseconds between comments that keep proxies from cutting a silent stream; also the poll in case a wake-up is lost. */
const HEARTBEAT_MS = 15_000;
/** Until rows that are not yet safe to read are asked for again. */
const SETTLE_MS = 30;
/** Until a database that is away is asked again. */
const DOWN_MS = 1_000;
const RECONNECT_MS = 2_000;

export interface StreamOptions {
  reply: FastifyReply;
  store: Store;
  metrics: Metrics;
  /** Ends the stream: the app closes. */
  closing: AbortSignal;
  /** Asked at every heartbeat; false cuts the stream. */
  stillAllowed(): Promise<boolean>;
  /** 15 seconds by default. */
  heartbeatMs?: number | undefined;
}

/** A live stream of one handoff from `after` on; ends once `handoff.closed` was sent. */
export function streamHandoff(options: StreamOptions, handoffId: string, after: number): FastifyReply {
  return stream(options, (signal) => handoffChunks(options, handoffId, after, signal));
}

/** A live stream of all handoffs of a bot from `cursor` on, without an end. */
export function streamBot(options: StreamOptions, botId: string, cursor: string): FastifyReply {
  return stream(options, (signal) => botChunks(options, botId, cursor, signal));
}

/** The generator is asked for more only when the socket has room, so a slow reader costs one page. */
function stream({ reply, closing }: StreamOptions, chunks: (signal: AbortSignal) => AsyncGenerator<string>) {
  const signal = goneSignal(reply, closing);
  return (
    reply
      .header('content-type', 'text/event-stream; charset=utf-8')
      .header('cache-control', 'no-store')
      .header('x-accel-buffering', 'no')
      // Not kept for another request: a server that closes would wait for it.
      .header('connection', 'close')
      .send(Readable.from(chunks(signal), { highWaterMark: 1 }))
  );
}

async function* handoffChunks(
  options: StreamOptions,
  handoffId: string,
  after: number,
  signal: AbortSignal,
): AsyncGenerator<string> {
  const { store } = options;
  const { wakeup, pulse, everyMs, end } = life(options, { handoffId }, signal);
  let seen = after;
  try {
    yield opening('');
    while (!signal.aborted) {
      const events = await unlessDown(store.journal.read(handoffId, seen, PAGE));
      for (const event of events ?? []) {
        yield message(String(event.seq), event);
        if (event.type === 'handoff.closed') return;
        seen = event.seq;
      }
      if (events?.length === 0 && (await unlessDown(isOver(store, handoffId, seen))) === true) return;
      const beat = await pulse();
      if (beat === 'over') return;
      if (beat === 'beat') yield HEARTBEAT;
      if (events === undefined) await wakeup.next(DOWN_MS);
      if (events?.length === 0) await wakeup.next(everyMs);
    }
  } finally {
    end();
  }
}

/** For a reader that comes back after it has had everything, or whose handoff was deleted meanwhile. */
async function isOver(store: Store, handoffId: string, seen: number): Promise<boolean> {
  const found = await store.handoffs.find(handoffId);
  if (found !== undefined && found.status !== 'closed') return false;
  return (await store.journal.read(handoffId, seen, 1)).length === 0;
}

async function* botChunks(
  options: StreamOptions,
  botId: string,
  cursor: string,
  signal: AbortSignal,
): AsyncGenerator<string> {
  const { wakeup, pulse, everyMs, end } = life(options, { botId }, signal);
  let seen = cursor;
  try {
    // The id alone: a reader that is cut off before its first event resumes here and not at a later now.
    yield opening(cursor);
    while (!signal.aborted) {
      const page = await unlessDown(options.store.journal.readBot(botId, seen, PAGE));
      for (const { cursor: id, event } of page?.events ?? []) {
        yield message(id, event);
        seen = id;
      }
      const beat = await pulse();
      if (beat === 'over') return;
      if (beat === 'beat') yield HEARTBEAT;
      if (page === undefined) await wakeup.next(DOWN_MS);
      else if (page.complete) await wakeup.next(everyMs);
      else if (page.events.length === 0) await wakeup.next(SETTLE_MS);
    }
  } finally {
    end();
  }
}

/** What keeps a stream going, and what ends it. */
function life(options: StreamOptions, topic: { handoffId: string } | { botId: string }, signal: AbortSignal) {
  const everyMs = options.heartbeatMs ?? HEARTBEAT_MS;
  let at = Date.now();
  const kind = 'botId' in topic ? 'bot' : 'handoff';
  const wakeup = createWakeup(options.store, topic, signal);
  options.metrics.streamsOpen.inc({ kind });
  return {
    everyMs,
    wakeup,
    end(): void {
      wakeup.stop();
      options.metrics.streamsOpen.dec({ kind });
    },
    async pulse(): Promise<'early' | 'beat' | 'over'> {
      if (Date.now() - at < everyMs) return 'early';
      at = Date.now();
      return (await unlessDown(options.stillAllowed())) === false ? 'over' : 'beat';
    },
  };
}

/** Undefined while PostgreSQL is away: a reader in a browser would not come back after a 503. */
async function unlessDown<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (isUnavailable(error)) return undefined;
    throw error;
  }
}

const HEARTBEAT = ': still here\n\n';

/** Sent at once, so that the reader has its headers before the first event. */
const opening = (id: string): string => `retry: ${RECONNECT_MS}\n${id === '' ? '' : `id: ${id}\n`}\n`;

const message = (id: string, event: BotEvent): string =>
  `id: ${id}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
