import { setTimeout as pause } from 'node:timers/promises';
import type { DeskContext, DeskMemory, TurnItem } from './desk.ts';

interface Letter {
  item: TurnItem;
  /** Epoch milliseconds: when it was said, for a handoff when it was asked for last. */
  atMs: number;
  takenBy?: string;
  /** On its way to a turn that is over, by a call of its own. */
  late?: true;
}

/**
 * For desks that wait for the bot's answer in the HTTP response to their own call: what the bot says lies here until a
 * turn takes it. Both sides may be in different processes; the desk's memory is between them.
 */
interface Mailbox {
  items: Letter[];
  /** The newest turn that got nothing. */
  unanswered?: string;
}

/** Taken ones are kept for repeats of their turn. */
const KEPT = 50;
/** A turn has seconds: it must not wait behind tokens of other bots that their desk is slow to give. */
const KEEP = { ttlMs: 24 * 60 * 60_000, quick: true } as const;
/**
 * A message that nobody has taken 15 minutes after it was said is reported as failed: it must not be said later all the
 * same. Ends a little before, so that a last try still sees what a turn has taken.
 */
const FRESH_MS = 15 * 60_000 - 15_000;
/** What was said so long before a turn was said for an earlier one. Clocks of processes differ a little. */
const EARLIER_MS = 2_000;
const LOOK_EVERY_MS = 100;
/** How long a turn waits for more after it has taken something. */
const MORE_MS = 500;

const keyOf = (deskConversationId: string): string => `mailbox.${deskConversationId}`;

const read = async (memory: DeskMemory, key: string): Promise<Mailbox> =>
  (await memory.get<Mailbox>(key)) ?? { items: [] };

/**
 * Leaves something for the next turn and waits until one has taken it. False: none came while `ctx.signal` was open; the
 * item lies there still, and the same `key` again only waits.
 *
 * `answerLate`: for a desk that takes an answer after its call, once. Gets the key of the last turn if that one got
 * nothing; false: the desk does not want it any more, so the item waits for the next turn.
 */
export async function handOver(
  ctx: Pick<DeskContext<unknown>, 'memory' | 'signal'>,
  deskConversationId: string,
  item: TurnItem,
  answerLate?: (turnKey: string) => Promise<boolean>,
): Promise<boolean> {
  const { memory, signal } = ctx;
  const key = keyOf(deskConversationId);
  const isMine = ({ item: { kind, key: known } }: Letter): boolean => known === item.key && kind === item.kind;
  const change = (by: (now: Mailbox) => Mailbox): Promise<Mailbox> =>
    memory.update<Mailbox>(key, async (now = { items: [] }) => by(now), KEEP);
  let box = await change((now) => left(now, isMine, item));
  for (;;) {
    const mine = box.items.find(isMine);
    if (mine?.takenBy !== undefined && mine.late === undefined) return true;
    if (signal.aborted) return false;
    if (mine?.takenBy !== undefined) {
      const takenBy = (await answerLate?.(mine.takenBy)) === true ? mine.takenBy : undefined;
      const { atMs } = mine;
      box = await change((now) => replaced(now, isMine, { item, atMs, ...(takenBy !== undefined && { takenBy }) }));
    } else if (answerLate !== undefined && box.unanswered !== undefined && mine !== undefined && isFree(mine)) {
      box = await change((now) => claimed(now, isMine));
    } else {
      await pause(LOOK_EVERY_MS, undefined, { signal }).catch(() => undefined);
      box = await read(memory, key);
    }
  }
}

/** Once. A handoff that is asked for again is as wanted as before, however long it has been lying there. */
function left(now: Mailbox, which: (letter: Letter) => boolean, item: TurnItem): Mailbox {
  const atMs = Math.min(Date.now(), (item.kind === 'message' ? item.saidMs : undefined) ?? Date.now());
  const mine = now.items.find(which);
  if (mine === undefined) return { ...now, items: [...now.items, { item, atMs }].slice(-KEPT) };
  return item.kind === 'handoff' && mine.takenBy === undefined ? replaced(now, which, { ...mine, atMs }) : now;
}

const replaced = (now: Mailbox, which: (letter: Letter) => boolean, by: Letter): Mailbox => ({
  ...now,
  items: now.items.map((one) => (which(one) ? by : one)),
});

/** For the turn that got nothing, unless another one was quicker. */
function claimed({ unanswered, ...now }: Mailbox, which: (letter: Letter) => boolean): Mailbox {
  const mine = now.items.find((one) => isFree(one) && which(one));
  if (mine === undefined || unanswered === undefined)
    return { ...now, ...(unanswered !== undefined && { unanswered }) };
  return replaced(now, which, { ...mine, takenBy: unanswered, late: true });
}

/** Takes back what no turn has taken. False: a turn has one of these, or there was none. */
export async function takeBack(
  memory: DeskMemory,
  deskConversationId: string,
  which: (item: TurnItem) => boolean,
): Promise<boolean> {
  const key = keyOf(deskConversationId);
  if (!(await read(memory, key)).items.some(({ item }) => which(item))) return false;
  let isBack = false;
  await memory.update<Mailbox>(
    key,
    async (now = { items: [] }) => {
      const isIt = ({ item, takenBy }: Letter): boolean => takenBy === undefined && which(item);
      isBack = now.items.some(isIt);
      return isBack ? { ...now, items: now.items.filter((one) => !isIt(one)) } : now;
    },
    KEEP,
  );
  return isBack;
}

/**
 * What the bot has said for this turn, in order: waits up to `waitMs` for the first and a moment for more. A late answer to
 * an earlier turn goes with it, and is not taken for the answer to this one: it would shift all that follow. A repeat of
 * a turn gets what it got before. Empty: nothing came in time. When `signal` aborts nobody reads the answer: nothing more is
 * taken, and messages go back for the next turn. A handoff does not: the desk's next call tells that it did not arrive.
 */
export async function takeTurn(
  memory: DeskMemory,
  turn: { deskConversationId: string; key: string },
  { waitMs, signal }: { waitMs: number; signal: AbortSignal },
): Promise<TurnItem[]> {
  const key = keyOf(turn.deskConversationId);
  const mostAt = performance.now() + waitMs;
  const sinceMs = Date.now() - EARLIER_MS;
  let endAt = mostAt;
  let said = takenIn(await read(memory, key), turn.key);
  if (said.length > 0) return said.map(({ item }) => item);
  for (;;) {
    const all = await takeFree(memory, key, turn.key, signal).catch((error: unknown) => {
      if (said.length === 0) throw error;
      return said;
    });
    // The bot's next message comes when this one is taken, so the moment begins again.
    if (all.length > said.length && all.some(({ atMs }) => atMs >= sinceMs)) {
      endAt = Math.min(mostAt, performance.now() + MORE_MS);
    }
    said = all;
    if (signal.aborted && said.length > 0) {
      await giveBack(memory, key, turn.key);
      return [];
    }
    const leftMs = said.some(isLast) ? 0 : endAt - performance.now();
    if (leftMs <= 0 || signal.aborted) {
      if (said.length === 0) await giveUp(memory, key, turn.key).catch(() => undefined);
      return said.map(({ item }) => item);
    }
    await pause(Math.min(LOOK_EVERY_MS, leftMs), undefined, { signal }).catch(() => undefined);
  }
}

/** Noted, for an answer that comes late. */
async function giveUp(memory: DeskMemory, key: string, turnKey: string): Promise<void> {
  await memory.update<Mailbox>(key, async (now = { items: [] }) => ({ ...now, unanswered: turnKey }), KEEP);
}

async function giveBack(memory: DeskMemory, key: string, turnKey: string): Promise<void> {
  const free = ({ item, atMs }: Letter): Letter => ({ item, atMs });
  await memory.update<Mailbox>(
    key,
    async (now = { items: [] }) => ({
      ...now,
      items: now.items.map((one) => (one.takenBy === turnKey && one.item.kind === 'message' ? free(one) : one)),
    }),
    KEEP,
  );
}

const isFree = ({ takenBy, atMs }: Letter): boolean => takenBy === undefined && atMs + FRESH_MS > Date.now();

/** After it the bot has no more to say. */
const isLast = ({ item }: Letter): boolean => item.kind !== 'message';

const takenIn = ({ items }: Mailbox, turnKey: string): Letter[] => items.filter(({ takenBy }) => takenBy === turnKey);

/** All that the turn has now: of several turns at once each item goes to one. */
async function takeFree(memory: DeskMemory, key: string, turnKey: string, signal: AbortSignal): Promise<Letter[]> {
  const seen = await read(memory, key);
  if (!seen.items.some(isFree) || signal.aborted) return takenIn(seen, turnKey);
  const box = await memory.update<Mailbox>(
    key,
    // The lock may have taken its time: nobody waits for the answer of an aborted turn.
    async (now = { items: [] }) =>
      signal.aborted ? now : { items: now.items.map((one) => (isFree(one) ? { ...one, takenBy: turnKey } : one)) },
    KEEP,
  );
  return takenIn(box, turnKey);
}
