import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { createStore } from '../../activities/store/store.ts';
import { until } from '../support/poll.ts';
import { newEvent, newHandoff, newId, newKey, openStores, silent, webhookSettings, type Fixture } from './fixture.ts';

let fixture: Fixture;
beforeAll(async () => {
  fixture = await openStores(2);
});
afterAll(() => fixture.close());

/** The same memory as two processes have it. */
const memories = (botId = newId('bot'), desk = 'livechat') => {
  const [first, second] = fixture.stores.map((store) => store.memory(botId, desk));
  return { botId, memory: first!, other: second! };
};

const gates: (() => void)[] = [];
/** Opened at the end in any case: a change that waits for ever would keep the next tests waiting. */
afterEach(() => gates.splice(0).forEach((open) => open()));

function gate() {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  gates.push(open);
  return { opened, open: () => open() };
}

const WAITING = `
  select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and wait_event = 'advisory'`;

test('a value reads back as it was put, for its own key, desk and bot only', async () => {
  const { botId, memory, other } = memories();
  const value = { token: 'a\u0000 \ud800 \u{1f600}', parts: [1, null, { deep: true }] };
  expect(await memory.get('key')).toBeUndefined();
  await memory.put('key', value);
  expect(await other.get('key')).toEqual(value);
  expect(await memory.get('key2')).toBeUndefined();
  expect(await memories(botId, 'intercom').memory.get('key')).toBeUndefined();
  expect(await memories().memory.get('key')).toBeUndefined();
  await memory.put('key', false);
  expect(await other.get('key')).toBe(false);
  await other.forget('key');
  expect(await memory.get('key')).toBeUndefined();
});

test('what is kept cannot be read in the table, moved to another key, or opened without the key ring', async () => {
  const { botId, memory } = memories();
  await memory.put('token', 'very secret token');
  const [row] = await fixture.query<{ all: string }>('select m::text as all from desk_memory m where bot_id = $1', [
    botId,
  ]);
  expect(row?.all).toContain(botId);
  expect(row?.all).not.toContain('secret');
  await fixture.query(`update desk_memory set key = 'moved' where bot_id = $1`, [botId]);
  await expect(memory.get('moved')).rejects.toThrow(/cannot be opened/);
  const stranger = createStore({ databaseUrl: fixture.url, secretKeys: newKey('k2'), log: silent });
  await expect(stranger.memory(botId, 'livechat').get('moved')).rejects.toThrow(/not configured/);
  await stranger.close();
});

test('20 callers in two processes that find no token make one, and all get it', async () => {
  const { memory, other } = memories();
  let made = 0;
  const tokens = await Promise.all(
    Array.from({ length: 20 }, (_, i) =>
      (i % 2 === 0 ? memory : other).update<string>('token', async (now) => {
        if (now !== undefined) return now;
        await fixture.store.ping();
        return `token ${++made}`;
      }),
    ),
  );
  expect(made).toBe(1);
  expect(new Set(tokens)).toEqual(new Set(['token 1']));
  expect(await other.get('token')).toBe('token 1');
});

test('updates of one key happen one after the other, in two processes', async () => {
  const { memory, other } = memories();
  const add = async (now: number | undefined): Promise<number> => (now ?? 0) + 1;
  await Promise.all(Array.from({ length: 30 }, (_, i) => (i % 2 === 0 ? memory : other).update('count', add)));
  expect(await memory.get('count')).toBe(30);
});

test('a change that fails is thrown as it is, writes nothing and keeps nobody waiting', async () => {
  const { memory, other } = memories();
  await memory.put('token', 'old');
  const failure = new Error('the desk says no');
  await expect(memory.update('token', () => Promise.reject(failure))).rejects.toBe(failure);
  await expect(
    memory.update('token', () => {
      throw failure;
    }),
  ).rejects.toBe(failure);
  expect(await memory.get('token')).toBe('old');
  expect(await other.update<string>('token', async (now) => `${now} and new`)).toBe('old and new');
});

test('a change whose connection is lost fails with its own error, and the key is free again', async () => {
  const { memory, other } = memories();
  const failure = new Error('the desk says no');
  const lost = memory.update('token', async () => {
    await fixture.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
       where datname = current_database() and state = 'idle in transaction'`,
    );
    throw failure;
  });
  await expect(lost).rejects.toBe(failure);
  expect(await other.update<string>('token', async (now) => now ?? 'new')).toBe('new');
  // The pool gives the connection that was cut to one more query, when that comes at once.
  await until(() => memory.get('token').then(() => true), { message: 'the pool does not recover' });
});

test('a change may take longer than a statement, and who waits for it waits as long', { timeout: 60_000 }, async () => {
  const { memory, other } = memories();
  const [done, found] = [gate(), gate()];
  const slow = memory.update<string>('token', async () => {
    found.open();
    await done.opened;
    return 'slow';
  });
  await found.opened;
  const begun = Date.now();
  const waiting = other.update<string>('token', async (now) => `${now} then quick`);
  // Past the connection's own limits of 5 and 6 seconds.
  await until(() => Date.now() - begun > 6_500, { message: 'the clock stands still' });
  done.open();
  expect(await slow).toBe('slow');
  expect(await waiting).toBe('slow then quick');
});

test('a slow change holds neither the streams of bots nor the other queries of the process back', async () => {
  const { store } = fixture;
  const done = gate();
  const begun: string[] = [];
  const slow = Array.from({ length: 15 }, (_, i) =>
    memories().memory.update('token', async () => {
      begun.push(`${i}`);
      await done.opened;
      return i;
    }),
  );
  await until(() => begun.length === 4, { message: 'the changes do not begin' });
  const handoff = newHandoff();
  const events = [newEvent(handoff, 1)];
  await Promise.all(Array.from({ length: 20 }, () => store.ping()));
  await store.journal.append({ handoffId: handoff.id, botId: handoff.botId, events, late: [] });
  await until(async () => (await store.journal.readBot(handoff.botId, 'start', 10)).events.length === 1, {
    // The changes would never end. Transactions of tests beside this one do, in a few seconds.
    message: 'the stream waits for the change',
  });
  expect(begun).toHaveLength(4);
  done.open();
  expect(await Promise.all(slow)).toEqual(Array.from({ length: 15 }, (_, i) => i));
});

test('changes of one bot that take long leave places for those of the others', async () => {
  const slow = memories();
  const done = gate();
  let begun = 0;
  const waiting = Array.from({ length: 8 }, (_, i) =>
    slow.memory.update(`token-${i}`, async () => {
      begun += 1;
      await done.opened;
      return i;
    }),
  );
  await until(() => begun > 0, { message: 'no change begins' });
  try {
    const quick = memories().memory.update<string>('token', async () => 'at once');
    const late = new Promise((resolve) => setTimeout(() => resolve('late'), 10_000).unref());
    expect(await Promise.race([quick, late])).toBe('at once');
  } finally {
    done.open();
  }
  expect(await Promise.all(waiting)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
});

test('a quick change waits for no slow ones, of however many bots', async () => {
  const done = gate();
  let begun = 0;
  const waiting = Array.from({ length: 8 }, (_, i) =>
    memories().memory.update('token', async () => {
      begun += 1;
      await done.opened;
      return i;
    }),
  );
  await until(() => begun >= 4, { message: 'no change begins' });
  try {
    const quick = memories().memory.update<string>('mailbox', async () => 'at once', { quick: true });
    const late = new Promise((resolve) => setTimeout(() => resolve('late'), 10_000).unref());
    expect(await Promise.race([quick, late])).toBe('at once');
  } finally {
    done.open();
  }
  expect(await Promise.all(waiting)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
});

test('many updates of one key hold one connection', async () => {
  const { memory, other } = memories();
  const [done, begun] = [gate(), gate()];
  const slow = other.update<number>('count', async () => {
    begun.open();
    await done.opened;
    return 0;
  });
  await begun.opened;
  const add = async (now: number | undefined): Promise<number> => (now ?? 0) + 1;
  const waiting = Array.from({ length: 20 }, () => memory.update('count', add));
  await until(async () => (await fixture.query(WAITING)).length > 0, { message: 'nobody waits' });
  expect(await memories().memory.update<string>('free', async () => 'at once')).toBe('at once');
  expect(await fixture.query(WAITING)).toHaveLength(1);
  done.open();
  await Promise.all([slow, ...waiting]);
  expect(await memory.get('count')).toBe(20);
});

test(
  'an update may need another key, also when all places are taken, but not its own',
  { timeout: 60_000 },
  async () => {
    const nested = Array.from({ length: 8 }, async (_, i) => {
      const { memory } = memories();
      await memory.update('outer', async () => await memory.update('inner', async () => i));
      return await memory.get('outer');
    });
    expect(await Promise.all(nested)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    const { memory } = memories();
    const own = memory.update('key', async () => await memory.update('key', async () => 1));
    await expect(own).rejects.toThrow(/inside of itself/);
  },
);

test('a value is forgotten after its time, also by an update', async () => {
  const { memory } = memories();
  await memory.put('short', 'value', { ttlMs: 1 });
  await memory.put('long', 'value', { ttlMs: 3_600_000 });
  await until(async () => (await memory.get('short')) === undefined, { message: 'it never expires' });
  expect(await memory.update<string>('short', async (now) => now ?? 'made again')).toBe('made again');
  expect(await memory.get('long')).toBe('value');
});

test('the time of a value counts from its end of the change, and giving it back does not make it longer', async () => {
  const { botId, memory } = memories();
  const left = async () => {
    const [row] = await fixture.query<{ s: number }>(
      `select extract(epoch from expires_at - clock_timestamp())::float as s from desk_memory where bot_id = $1`,
      [botId],
    );
    return row!.s;
  };
  const begun = Date.now();
  const slow = async (): Promise<string> => {
    await until(() => Date.now() - begun > 1_500, { message: 'the clock stands still' });
    return 'token';
  };
  await memory.update('token', slow, { ttlMs: 60_000 });
  expect(await left()).toBeGreaterThan(58.6);
  await memory.update<string>('token', async (now) => now ?? 'other', { ttlMs: 3_600_000 });
  expect(await left()).toBeLessThanOrEqual(60);
  await memory.put('token', 'token', { ttlMs: 3_600_000 });
  expect(await left()).toBeGreaterThan(3_000);
});

test('it survives a change of the desk config, and goes with the bot', async () => {
  const { store } = fixture;
  const { botId, memory } = memories(newId('bot'), 'webhook');
  await store.bots.put(botId, webhookSettings());
  await memory.put('token', 'kept');
  await store.bots.put(botId, webhookSettings({ desk: null }));
  await store.bots.put(botId, webhookSettings());
  expect(await memory.get('token')).toBe('kept');
  await store.bots.delete(botId);
  expect(await memory.get('token')).toBeUndefined();
});

test('maintenance deletes what has expired and what a deleted bot has left, nothing else', async () => {
  const { store } = fixture;
  await store.forgetExpiredMemory();
  const { botId, memory } = memories();
  await store.bots.put(botId, webhookSettings());
  await memory.put('kept', 1, { ttlMs: 3_600_000 });
  await memory.put('for ever', 2);
  await memory.put('expired', 3, { ttlMs: 1 });
  await memories().memory.put('of no bot', 4);
  await until(async () => (await memory.get('expired')) === undefined, { message: 'it never expires' });
  expect(await store.forgetExpiredMemory()).toBe(2);
  expect(await store.forgetExpiredMemory()).toBe(0);
  const rows = await fixture.query('select key from desk_memory where bot_id = $1 order by key', [botId]);
  expect(rows).toEqual([{ key: 'for ever' }, { key: 'kept' }]);
});

test('memory is apart for every address, so that no token of the vendor goes to another one', async () => {
  const botId = newId('bot');
  const [store] = fixture.stores;
  const at = (baseUrl?: string) => store!.memory(botId, 'livechat', baseUrl === undefined ? {} : { baseUrl });
  await at().put('token', 'of the vendor');
  expect(await at('https://elsewhere.example.org/x').get('token')).toBeUndefined();
  await at('https://elsewhere.example.org/x').put('token', 'of elsewhere');
  expect(await at('https://elsewhere.example.org/y').get('token')).toBe('of elsewhere');
  expect(await at().get('token')).toBe('of the vendor');
});
