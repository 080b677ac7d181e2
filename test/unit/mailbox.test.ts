import { describe, expect, it } from 'vitest';
import type { DeskMemory, TurnItem } from '../../activities/desks/desk.ts';
import { handOver, takeBack, takeTurn } from '../../activities/desks/mailbox.ts';
import { MESSAGE_LIMIT_MS } from '../../workflows/policies.ts';
import { createTestMemory } from '../support/desk-memory.ts';
import { until } from '../support/poll.ts';

const TALK = 'talk-1';
const never = (): AbortSignal => new AbortController().signal;
const message = (key: string): Extract<TurnItem, { kind: 'message' }> => ({
  kind: 'message',
  key,
  text: `text of ${key}`,
  attachments: [],
});

/** The bot's side; the item stays when nobody takes it. */
const leave = (memory: DeskMemory, item: TurnItem, { talk = TALK, signal = never() } = {}): Promise<boolean> =>
  handOver({ memory, signal }, talk, item);
/** Leaves it, and does not wait. */
const drop = async (memory: DeskMemory, item: TurnItem): Promise<void> => {
  expect(await leave(memory, item, { signal: AbortSignal.abort() })).toBe(false);
};
/** As if all that lies there had been left so much earlier. */
const age = (memory: DeskMemory, ms = 5_000): Promise<unknown> =>
  memory.update<{ items: { atMs: number }[] }>(`mailbox.${TALK}`, async (box) => ({
    items: (box?.items ?? []).map((letter) => ({ ...letter, atMs: letter.atMs - ms })),
  }));
const take = async (memory: DeskMemory, key: string, { talk = TALK, waitMs = 5_000, signal = never() } = {}) =>
  (await takeTurn(memory, { deskConversationId: talk, key }, { waitMs, signal })).map((item) => item.key);

describe('a turn', () => {
  it('gets what the bot says while it waits, and the bot knows that it was taken', async () => {
    const memory = createTestMemory();
    const taken = take(memory, 't-1');
    expect(await leave(memory, message('a'))).toBe(true);
    expect(await taken).toEqual(['a']);
  });

  it('gets what the bot says behind its first message, in order, up to the handoff', async () => {
    const memory = createTestMemory();
    const taken = take(memory, 't-1', { waitMs: 60_000 });
    for (const item of [message('a'), message('b'), { kind: 'handoff' as const, key: 'h' }]) {
      expect(await leave(memory, item)).toBe(true);
    }
    expect(await taken).toEqual(['a', 'b', 'h']);
  });

  it('gets nothing of another conversation, and nothing when nothing is said in time', async () => {
    const memory = createTestMemory();
    const gone = new AbortController();
    const elsewhere = leave(memory, message('a'), { talk: 'talk-2', signal: gone.signal });
    expect(await take(memory, 't-1', { waitMs: 150 })).toEqual([]);
    gone.abort();
    expect(await elsewhere).toBe(false);
  });

  it('that has no time at all still gets what lies there', async () => {
    const memory = createTestMemory();
    await drop(memory, message('a'));
    expect(await take(memory, 't-1', { waitMs: 0 })).toEqual(['a']);
  });

  it('gets a late answer to an earlier turn with its own, and does not take the one for the other', async () => {
    const memory = createTestMemory();
    await drop(memory, message('late'));
    await age(memory);
    const taken = take(memory, 't-2');
    await until(async () => JSON.stringify(await memory.get(`mailbox.${TALK}`)).includes('t-2'), { message: 'taken' });
    expect(await leave(memory, message('own'))).toBe(true);
    expect(await taken).toEqual(['late', 'own']);
    const alone = createTestMemory();
    await drop(alone, message('late'));
    await age(alone);
    const before = performance.now();
    expect(await take(alone, 't-2', { waitMs: 800 })).toEqual(['late']);
    expect(performance.now() - before).toBeGreaterThan(700);
  });

  it('that is repeated gets what it had, whatever was said since', async () => {
    const memory = createTestMemory();
    await drop(memory, message('a'));
    expect(await take(memory, 't-1', { waitMs: 0 })).toEqual(['a']);
    await drop(memory, message('b'));
    expect(await take(memory, 't-1')).toEqual(['a']);
    expect(await take(memory, 't-2', { waitMs: 0 })).toEqual(['b']);
    expect(await take(memory, 't-1')).toEqual(['a']);
  });

  it('that nobody waits for any more takes nothing, also when it finds out under the lock', async () => {
    const memory = createTestMemory();
    await drop(memory, message('a'));
    expect(await take(memory, 't-1', { signal: AbortSignal.abort() })).toEqual([]);

    const gone = new AbortController();
    const busy: DeskMemory = {
      ...memory,
      update: async (key, change, options) => {
        gone.abort();
        return await memory.update(key, change, options);
      },
    };
    expect(await take(busy, 't-2', { signal: gone.signal })).toEqual([]);
    expect(gone.signal.aborted).toBe(true);
    expect(await take(memory, 't-3', { waitMs: 0 })).toEqual(['a']);
  });

  it('gives back what it has when nobody waits for it any more: the next turn says it', async () => {
    const memory = createTestMemory();
    const gone = new AbortController();
    const taken = take(memory, 't-1', { signal: gone.signal });
    expect(await leave(memory, message('a'))).toBe(true);
    gone.abort();
    expect(await taken).toEqual([]);
    expect(await take(memory, 't-2', { waitMs: 0 })).toEqual(['a']);

    const later = new AbortController();
    const slow: DeskMemory = {
      ...memory,
      update: async (key, change, options) => {
        const value = await memory.update(key, change, options);
        later.abort();
        return value;
      },
    };
    await drop(memory, message('b'));
    expect(await take(slow, 't-3', { signal: later.signal })).toEqual([]);
    expect(await take(memory, 't-4', { waitMs: 0 })).toEqual(['b']);
  });

  it('keeps what it has when the memory fails behind it', async () => {
    const memory = createTestMemory();
    await drop(memory, message('a'));
    let reads = 0;
    const failing: DeskMemory = {
      ...memory,
      get: async (key) => {
        reads += 1;
        if (reads > 2) throw new Error('away');
        return await memory.get(key);
      },
    };
    expect(await take(failing, 't-1')).toEqual(['a']);
    await expect(take(failing, 't-2')).rejects.toThrow('away');
  });

  it('of two at once: no item goes to both, and the other one goes on waiting', async () => {
    const memory = createTestMemory();
    const turns = [take(memory, 't-1'), take(memory, 't-2')];
    expect(await leave(memory, message('a'))).toBe(true);
    const first = await Promise.race(turns);
    expect(first).toEqual(['a']);
    expect(await leave(memory, message('b'))).toBe(true);
    expect((await Promise.all(turns)).flat().toSorted()).toEqual(['a', 'b']);
  });

  it('of many at once with many items: each item goes to exactly one', async () => {
    const memory = createTestMemory();
    const keys = Array.from({ length: 20 }, (_, index) => `m-${index}`);
    const given = Promise.all(keys.map((key) => leave(memory, message(key))));
    const turns = Array.from({ length: 5 }, (_, index) => take(memory, `t-${index}`, { waitMs: 1_000 }));
    const taken = (await Promise.all(turns)).flat();
    expect(taken.toSorted()).toEqual(keys.toSorted());
    expect(await given).toEqual(keys.map(() => true));
  });
});

describe('what the bot leaves', () => {
  it('waits for the next turn when none came in its time, and is there once', async () => {
    const memory = createTestMemory();
    await drop(memory, message('a'));
    await drop(memory, message('a'));
    await drop(memory, message('b'));
    expect(await take(memory, 't-1', { waitMs: 0 })).toEqual(['a', 'b']);
  });

  it('is known as taken when it is tried again', async () => {
    const memory = createTestMemory();
    await drop(memory, message('a'));
    await take(memory, 't-1', { waitMs: 0 });
    expect(await leave(memory, message('a'))).toBe(true);
    expect(await take(memory, 't-2', { waitMs: 0 })).toEqual([]);
  });

  it('is for nobody any more once it has been reported as failed, however late it was left', async () => {
    const memory = createTestMemory();
    await drop(memory, { ...message('a'), saidMs: Date.now() - MESSAGE_LIMIT_MS });
    expect(await take(memory, 't-1', { waitMs: 0 })).toEqual([]);
    await drop(memory, { ...message('b'), saidMs: Date.now() + 60_000 });
    await age(memory, MESSAGE_LIMIT_MS);
    expect(await take(memory, 't-2', { waitMs: 0 })).toEqual([]);
  });

  it('is wanted as long as it is asked for, when it is a handoff', async () => {
    const memory = createTestMemory();
    const handoff = { kind: 'handoff' as const, key: 'h' };
    await drop(memory, handoff);
    await age(memory, MESSAGE_LIMIT_MS);
    expect(await take(memory, 't-1', { waitMs: 0 })).toEqual([]);
    await drop(memory, handoff);
    expect(await take(memory, 't-2', { waitMs: 0 })).toEqual(['h']);
    expect(await leave(memory, handoff)).toBe(true);
    expect(await take(memory, 't-3', { waitMs: 0 })).toEqual([]);
  });

  it('is known by its kind as well: one key may stand for a message and for the end', async () => {
    const memory = createTestMemory();
    await drop(memory, message('a'));
    await drop(memory, { kind: 'end', key: 'a' });
    expect(await takeTurn(memory, { deskConversationId: TALK, key: 't' }, { waitMs: 0, signal: never() })).toEqual([
      message('a'),
      { kind: 'end', key: 'a' },
    ]);
  });

  it('is waited for no longer than its signal allows', async () => {
    const memory = createTestMemory();
    const gone = new AbortController();
    let ended: boolean | undefined;
    const waiting = leave(memory, message('a'), { signal: gone.signal }).then((taken) => (ended = taken));
    await until(async () => (await memory.get(`mailbox.${TALK}`)) !== undefined, { message: 'the item lies there' });
    expect(ended).toBeUndefined();
    gone.abort();
    expect(await waiting).toBe(false);
  });
});

describe('a turn that got nothing', () => {
  const leaveLate = (memory: DeskMemory, item: TurnItem, post: (turn: string) => Promise<boolean>, signal = never()) =>
    handOver({ memory, signal }, TALK, item, post);
  /** Late answers by turn, as the desk takes them. */
  function desk(...taking: boolean[]) {
    const posted: string[] = [];
    return {
      posted,
      post: async (turn: string) => {
        posted.push(turn);
        return taking.shift() ?? true;
      },
    };
  }

  it('is answered late, once, and by what was said first', async () => {
    const memory = createTestMemory();
    expect(await take(memory, 't-1', { waitMs: 0 })).toEqual([]);
    const { posted, post } = desk();
    expect(await leaveLate(memory, message('a'), post)).toBe(true);
    expect(await leaveLate(memory, message('a'), post)).toBe(true);
    const second = leaveLate(memory, message('b'), post);
    expect(await take(memory, 't-2')).toEqual(['b']);
    expect(await second).toBe(true);
    expect(posted).toEqual(['t-1']);
  });

  it('is answered late by what lay there unnoticed while it gave up', async () => {
    const memory = createTestMemory();
    const { posted, post } = desk();
    const waiting = leaveLate(memory, message('a'), post);
    await memory.update<{ unanswered?: string }>(`mailbox.${TALK}`, async (now) => ({ ...now, unanswered: 't-1' }));
    expect(await waiting).toBe(true);
    expect(posted).toEqual(['t-1']);
  });

  it('that the desk has forgotten leaves the word to the next turn', async () => {
    const memory = createTestMemory();
    await take(memory, 't-1', { waitMs: 0 });
    const { posted, post } = desk(false);
    const said = leaveLate(memory, message('a'), post);
    expect(await take(memory, 't-2')).toEqual(['a']);
    expect(await said).toBe(true);
    expect(posted).toEqual(['t-1']);
  });

  it('is answered again by the same word when nobody knows whether that has arrived', async () => {
    const memory = createTestMemory();
    await take(memory, 't-1', { waitMs: 0 });
    const posted: string[] = [];
    const lost = async (turn: string): Promise<boolean> => {
      posted.push(turn);
      throw new Error('no answer');
    };
    await expect(leaveLate(memory, message('a'), lost)).rejects.toThrow('no answer');
    expect(await take(memory, 't-2', { waitMs: 0 })).toEqual([]);
    const { posted: again, post } = desk();
    expect(await leaveLate(memory, message('a'), post)).toBe(true);
    expect([posted, again]).toEqual([['t-1'], ['t-1']]);
  });
});

describe('what is taken back', () => {
  it('is what no turn has, and nothing else', async () => {
    const memory = createTestMemory();
    const isA = ({ key }: TurnItem): boolean => key === 'a';
    expect(await takeBack(memory, TALK, isA)).toBe(false);
    await drop(memory, message('a'));
    await drop(memory, message('b'));
    expect(await takeBack(memory, TALK, isA)).toBe(true);
    expect(await takeBack(memory, TALK, isA)).toBe(false);
    expect(await take(memory, 't-1', { waitMs: 0 })).toEqual(['b']);
    expect(await takeBack(memory, TALK, () => true)).toBe(false);
    expect(await take(memory, 't-1')).toEqual(['b']);
  });
});
