import { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';
import type { HandoffEvent } from '../workflows/contracts.ts';
import type { Store } from '../activities/store/store.ts';
import { createWakeup, goneSignal } from './wait.ts';

/** Events read from the store at a time: what a slow reader can keep in memory. */
const PAGE = 100;
/** Milliseconds between comments that keep proxies from cutting a silent stream; also the poll in case a wake-up is lost. */
const HEARTBEAT_MS = 15_000;
/** Until rows that are not yet safe to read are asked for again. */
const SETTLE_MS = 30;
const RECONNECT_MS = 2_000;

export interface StreamOptions {
  reply: FastifyReply;
  store: Store;
  /** Ends the stream: the app closes. */
  closing: AbortSignal;
  /** Asked at every heartbeat; false cuts the stream. */
  stillAllowed(): Promise<boolean>;
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
  { store, stillAllowed }: StreamOptions,
  handoffId: string,
  after: number,
  signal: AbortSignal,
): AsyncGenerator<string> {
  const wakeup = createWakeup(store, { handoffId }, signal);
  let seen = after;
  try {
    yield opening('');
    while (!signal.aborted) {
      const events = await store.journal.read(handoffId, seen, PAGE);
      for (const event of events) {
        yield message(String(event.seq), event);
        if (event.type === 'handoff.closed') return;
        seen = event.seq;
      }
      if (events.length > 0) continue;
      if (await isOver(store, handoffId, seen)) return;
      if ((await wakeup.next(HEARTBEAT_MS)) !== 'time') continue;
      if (!(await stillAllowed())) return;
      yield HEARTBEAT;
    }
  } finally {
    wakeup.stop();
  }
}

/** For a reader that comes back after it has had everything. */
async function isOver(store: Store, handoffId: string, seen: number): Promise<boolean> {
  const found = await store.handoffs.find(handoffId);
  if (found?.status !== 'closed') return false;
  return (await store.journal.read(handoffId, seen, 1)).length === 0;
}

async function* botChunks(
  { store, stillAllowed }: StreamOptions,
  botId: string,
  cursor: string,
  signal: AbortSignal,
): AsyncGenerator<string> {
  const wakeup = createWakeup(store, { botId }, signal);
  let seen = cursor;
  let heardAt = Date.now();
  try {
    // The id alone: a reader that is cut off before its first event resumes here and not at a later now.
    yield opening(cursor);
    while (!signal.aborted) {
      const { events, complete } = await store.journal.readBot(botId, seen, PAGE);
      for (const { cursor: id, event } of events) {
        yield message(id, event);
        seen = id;
      }
      if (events.length > 0) heardAt = Date.now();
      if (events.length > 0 && !complete) continue;
      await wakeup.next(complete ? HEARTBEAT_MS : SETTLE_MS);
      if (Date.now() - heardAt < HEARTBEAT_MS) continue;
      if (!(await stillAllowed())) return;
      heardAt = Date.now();
      yield HEARTBEAT;
    }
  } finally {
    wakeup.stop();
  }
}

const HEARTBEAT = ': still here\n\n';

/** Sent at once, so that the reader has its headers before the first event. */
const opening = (id: string): string => `retry: ${RECONNECT_MS}\n${id === '' ? '' : `id: ${id}\n`}\n`;

const message = (id: string, event: HandoffEvent): string =>
  `id: ${id}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
