import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import type { Logger } from 'pino';
import { connectionConfig } from './database.ts';
import type { Wakeups } from './types.ts';

export const EVENTS_CHANNEL = 'baton_events';

/** A payload has at most 8,000 bytes, so it carries ids; the rows are read. */
export const wakeupPayload = (botId: string, handoffId: string): string => JSON.stringify([botId, handoffId]);

const HEARTBEAT_MS = 10_000;
const RETRY_MIN_MS = 50;
const RETRY_MAX_MS = 2_000;

const handoffTopic = (handoffId: string): string => `handoff/${handoffId}`;
const botTopic = (botId: string): string => `bot/${botId}`;

/** Listens on a connection of its own, opened by the first subscriber and opened again whenever it is lost. */
export function createWakeups(databaseUrl: string, log: Logger): Wakeups & { close(): Promise<void> } {
  const subscribers = new Map<string, Set<() => void>>();
  const closing = new AbortController();
  let listening: Promise<void> | undefined;

  const wake = (topic: string): void => {
    for (const fn of subscribers.get(topic) ?? []) callSafely(fn, log);
  };
  const wakeAll = (): void => {
    for (const topic of subscribers.keys()) wake(topic);
  };
  const onPayload = (payload: string): void => {
    const [botId, handoffId] = JSON.parse(payload) as [string, string];
    wake(handoffTopic(handoffId));
    wake(botTopic(botId));
  };

  return {
    subscribe(topic, fn) {
      const key = 'handoffId' in topic ? handoffTopic(topic.handoffId) : botTopic(topic.botId);
      // Wrapped, so that the same function may subscribe twice.
      const entry = (): void => fn();
      const entries = subscribers.get(key) ?? new Set();
      subscribers.set(key, entries.add(entry));
      listening ??= listenUntilClosed(databaseUrl, log, closing.signal, onPayload, wakeAll);
      return () => {
        entries.delete(entry);
        if (entries.size === 0 && subscribers.get(key) === entries) subscribers.delete(key);
      };
    },
    async close() {
      closing.abort();
      await listening;
    },
  };
}

function callSafely(fn: () => void, log: Logger): void {
  try {
    fn();
  } catch (error) {
    log.error({ err: error }, 'a subscriber of wake-ups failed');
  }
}

async function listenUntilClosed(
  databaseUrl: string,
  log: Logger,
  signal: AbortSignal,
  onPayload: (payload: string) => void,
  onListening: () => void,
): Promise<void> {
  let retryMs = RETRY_MIN_MS;
  while (!signal.aborted) {
    try {
      await listenOnce(databaseUrl, signal, onPayload, () => {
        retryMs = RETRY_MIN_MS;
        onListening();
      });
    } catch (error) {
      log.warn({ reason: error instanceof Error ? error.message : String(error) }, 'lost the wake-ups; trying again');
    }
    await sleep(retryMs, undefined, { signal }).catch(() => {});
    retryMs = Math.min(retryMs * 2, RETRY_MAX_MS);
  }
}

/** Resolves when `signal` aborts, rejects when the connection is lost. */
async function listenOnce(
  databaseUrl: string,
  signal: AbortSignal,
  onPayload: (payload: string) => void,
  onListening: () => void,
): Promise<void> {
  const client = new Client(connectionConfig(databaseUrl));
  const over = new AbortController();
  const ended = new Promise<void>((resolve, reject) => {
    client.on('error', reject);
    client.on('end', () => reject(new Error('the connection ended')));
    signal.addEventListener('abort', () => resolve(), { signal: over.signal });
    // A network that swallows packets reports nothing by itself.
    const heartbeat = setInterval(() => void client.query('select 1').catch(reject), HEARTBEAT_MS);
    over.signal.addEventListener('abort', () => clearInterval(heartbeat));
  });
  // Awaited below; until then, a failed connect must not count as an unhandled rejection.
  ended.catch(() => {});
  client.on('notification', (message) => onPayload(message.payload ?? '[]'));
  try {
    await client.connect();
    await client.query(`listen ${EVENTS_CHANNEL}`);
    onListening();
    await ended;
  } finally {
    over.abort();
    await client.end().catch(() => {});
  }
}
