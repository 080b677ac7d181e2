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
/** How long a turn waits for more after it has taken something. */
const MORE_MS = 500;

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
 * turn gets what it got before. Empty: nothing came in time. When `signal` aborts nothing more is taken.
 */
export async function takeTurn(
  memory: DeskMemory,
  turn: { deskConversationId: string; key: string },
  { waitMs, signal }: { waitMs: number; signal: AbortSignal },
): Promise<TurnItem[]> {
  const key = keyOf(turn.deskConversationId);
  const mostAt = performance.now() + waitMs;
  let endAt = mostAt;
  let said = saidIn(await read(memory, key), turn.key);
  if (said.length > 0) return said;
  for (;;) {
    const all = await takeFree(memory, key, turn.key, signal).catch((error: unknown) => {
      if (said.length === 0) throw error;
      return said;
    });
    // The bot's next message comes when this one is taken, so the moment begins again.
    if (all.length > said.length) endAt = Math.min(mostAt, performance.now() + MORE_MS);
    said = all;
    const left = said.some(isLast) ? 0 : endAt - performance.now();
    if (left <= 0 || signal.aborted) return said;
    await pause(Math.min(LOOK_EVERY_MS, left), undefined, { signal }).catch(() => undefined);
  }
}

const isFree = ({ takenBy }: Mailbox['items'][number]): boolean => takenBy === undefined;

/** After it the bot has no more to say. */
const isLast = ({ kind }: TurnItem): boolean => kind !== 'message';

const saidIn = ({ items }: Mailbox, turnKey: string): TurnItem[] =>
  items.filter(({ takenBy }) => takenBy === turnKey).map(({ item }) => item);

/** All that the turn has now: of several turns at once each item goes to one. */
async function takeFree(memory: DeskMemory, key: string, turnKey: string, signal: AbortSignal): Promise<TurnItem[]> {
  const seen = await read(memory, key);
  if (!seen.items.some(isFree) || signal.aborted) return saidIn(seen, turnKey);
  const box = await memory.update<Mailbox>(
    key,
    // The lock may have taken its time: nobody waits for the answer of an aborted turn.
    async (now = { items: [] }) =>
      signal.aborted ? now : { items: now.items.map((one) => (isFree(one) ? { ...one, takenBy: turnKey } : one)) },
    { ttlMs: TTL_MS },
  );
  return saidIn(box, turnKey);
}
