import { setTimeout as pause } from 'node:timers/promises';
import type { DeskContext, DeskMemory, TurnItem } from './desk.ts';

/**
 * For desks that wait for the bot's answer in the HTTP response to their own call: what the bot says lies here until a
 * turn takes it. Both sides may be in different processes; the desk's memory is between them.
 */
interface Mailbox {
  items: { item: TurnItem; takenBy?: string }[];
}

/** Taken ones are kept for repeats of their turn. */
const KEPT = 50;
const TTL_MS = 24 * 60 * 60_000;
const LOOK_EVERY_MS = 100;
/** How long a turn waits for more once something is there. */
const MORE_MS = 300;

const keyOf = (deskConversationId: string): string => `mailbox.${deskConversationId}`;

const read = async (memory: DeskMemory, key: string): Promise<Mailbox> =>
  (await memory.get<Mailbox>(key)) ?? { items: [] };

/**
 * Leaves something for the next turn and waits until one has taken it. False: none came while `ctx.signal` was open; the
 * item lies there still, and the same `key` again only waits.
 */
export async function handOver(
  ctx: Pick<DeskContext<unknown>, 'memory' | 'signal'>,
  deskConversationId: string,
  item: TurnItem,
): Promise<boolean> {
  const { memory, signal } = ctx;
  const key = keyOf(deskConversationId);
  const isMine = (one: Mailbox['items'][number]): boolean => one.item.key === item.key && one.item.kind === item.kind;
  let box = await memory.update<Mailbox>(
    key,
    async (now = { items: [] }) => (now.items.some(isMine) ? now : { items: [...now.items, { item }].slice(-KEPT) }),
    { ttlMs: TTL_MS },
  );
  for (;;) {
    if (box.items.find(isMine)?.takenBy !== undefined) return true;
    if (signal.aborted) return false;
    await pause(LOOK_EVERY_MS, undefined, { signal }).catch(() => undefined);
    box = await read(memory, key);
  }
}

/**
 * What the bot has said for this turn, in order: waits up to `waitMs` for the first and a moment for more. A repeat of a
 * turn gets what it got before. Empty: nothing came in time.
 */
export async function takeTurn(
  memory: DeskMemory,
  turn: { deskConversationId: string; key: string },
  { waitMs, signal }: { waitMs: number; signal: AbortSignal },
): Promise<TurnItem[]> {
  const key = keyOf(turn.deskConversationId);
  const endAt = performance.now() + waitMs;
  for (;;) {
    const { items } = await read(memory, key);
    const mine = items.filter(({ takenBy }) => takenBy === turn.key);
    if (mine.length > 0) return mine.map(({ item }) => item);
    if (items.some(({ takenBy }) => takenBy === undefined)) break;
    const left = endAt - performance.now();
    if (left <= 0 || signal.aborted) return [];
    await pause(Math.min(LOOK_EVERY_MS, left), undefined, { signal }).catch(() => undefined);
  }
  await pause(Math.max(0, Math.min(MORE_MS, endAt - performance.now())), undefined, { signal }).catch(() => undefined);
  const box = await memory.update<Mailbox>(
    key,
    async (now = { items: [] }) => ({
      items: now.items.map((one) => (one.takenBy === undefined ? { ...one, takenBy: turn.key } : one)),
    }),
    { ttlMs: TTL_MS },
  );
  return box.items.filter(({ takenBy }) => takenBy === turn.key).map(({ item }) => item);
}
