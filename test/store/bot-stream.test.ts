import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CursorError, type Store } from '../../activities/store/store.ts';
import type { BotEvent } from '../../workflows/contracts.ts';
import { until } from '../support/poll.ts';
import { seededRandom, testSeed } from '../support/seed.ts';
import { newEvent, newHandoff, newId, openStores, type Fixture } from './fixture.ts';

let fixture: Fixture;
beforeAll(async () => {
  fixture = await openStores();
});
afterAll(() => fixture.close());

const INSERT = 'insert into events (handoff_id, seq, bot_id, event) values ($1, $2, $3, $4)';

/** The values of an event, for a transaction that the test ends when it likes. */
const rowOf = (of: ReturnType<typeof newHandoff>, seq: number): unknown[] => [
  of.id,
  seq,
  of.botId,
  JSON.stringify(newEvent(of, seq)),
];

const keyOf = (event: BotEvent): string =>
  `${'handoffId' in event ? event.handoffId : event.conversationId}/${event.seq}`;

/** Reads until the bot's stream says that there is no more. */
async function readAll(store: Store, botId: string, from: string | undefined, limit = 3) {
  const seen: { cursor: string; key: string }[] = [];
  await until(
    async () => {
      const page = await store.journal.readBot(botId, seen.at(-1)?.cursor ?? from, limit);
      for (const { cursor, event } of page.events) seen.push({ cursor, key: keyOf(event) });
      return page.complete;
    },
    { everyMs: 5, message: 'the stream of the bot is never complete' },
  );
  return seen;
}

test('a reader waits for an older transaction, so what commits late is not skipped', async () => {
  const { journal } = fixture.store;
  const [slow, quick] = [newHandoff(), newHandoff()];
  quick.botId = slow.botId;
  const { botId } = slow;
  const held = await fixture.connect();
  await held.query('begin');
  await held.query(INSERT, rowOf(slow, 1));
  await journal.append({ handoffId: quick.id, botId, events: [newEvent(quick, 1)], late: [] });
  expect(await journal.readBot(botId, 'start', 10)).toEqual({ events: [], complete: false });
  await held.query('commit');
  const seen = await readAll(fixture.store, botId, undefined);
  expect(seen.map(({ key }) => key)).toEqual([`${slow.id}/1`, `${quick.id}/1`]);
});

test('a transaction that is rolled back holds the reader up and leaves no gap', async () => {
  const { journal } = fixture.store;
  const handoff = newHandoff();
  const { botId } = handoff;
  const held = await fixture.connect();
  await held.query('begin');
  await held.query(INSERT, rowOf(newHandoff({ botId }), 1));
  await journal.append({
    handoffId: handoff.id,
    botId,
    events: [newEvent(handoff, 1), newEvent(handoff, 2)],
    late: [],
  });
  expect((await journal.readBot(botId, 'start', 10)).complete).toBe(false);
  await held.query('rollback');
  expect((await readAll(fixture.store, botId, 'start')).map(({ key }) => key)).toEqual([
    `${handoff.id}/1`,
    `${handoff.id}/2`,
  ]);
});

test('a reader that follows writers which commit in any order sees everything once', async () => {
  const random = seededRandom(testSeed('bot stream'));
  const botId = newId('bot');
  const writers = Array.from({ length: 5 }, () => newHandoff({ botId }));
  const expected = writers.flatMap((writer) => Array.from({ length: 20 }, (_, i) => `${writer.id}/${i + 1}`));
  const written = Promise.all(
    writers.map(async (writer) => {
      const client = await fixture.connect();
      for (let seq = 1; seq <= 20; seq += 1) {
        await client.query('begin');
        await client.query(INSERT, rowOf(writer, seq));
        await sleep(random() * 6);
        await client.query('commit');
      }
    }),
  );
  const seen: string[] = [];
  let cursor: string | undefined;
  await until(
    async () => {
      const page = await fixture.store.journal.readBot(botId, cursor, 7);
      seen.push(...page.events.map(({ event }) => keyOf(event)));
      cursor = page.events.at(-1)?.cursor ?? cursor;
      return seen.length >= expected.length && page.complete;
    },
    { timeoutMs: 15_000, everyMs: 1, message: () => `saw ${seen.length} of ${expected.length} events` },
  );
  await written;
  expect(seen.toSorted()).toEqual(expected.toSorted());
  for (const writer of writers) {
    const own = seen.filter((key) => key.startsWith(writer.id));
    expect(own).toEqual(Array.from({ length: 20 }, (_, i) => `${writer.id}/${i + 1}`));
  }
});

test('a cursor taken now leaves out the past and misses nothing that comes', async () => {
  const { journal } = fixture.store;
  const handoff = newHandoff();
  const { botId } = handoff;
  const append = (...seqs: number[]) =>
    journal.append({ handoffId: handoff.id, botId, events: seqs.map((seq) => newEvent(handoff, seq)), late: [] });
  await append(1, 2);
  await readAll(fixture.store, botId, 'start');
  const now = await journal.botCursorNow(botId);
  const held = await fixture.connect();
  await held.query('begin');
  await held.query(INSERT, rowOf(handoff, 3));
  const during = await journal.botCursorNow(botId);
  await held.query('commit');
  await append(4);
  for (const cursor of [now, during]) {
    expect((await readAll(fixture.store, botId, cursor)).map(({ key }) => key)).toEqual([
      `${handoff.id}/3`,
      `${handoff.id}/4`,
    ]);
  }
});

test('a page that is full says that there is more', async () => {
  const { journal } = fixture.store;
  const handoff = newHandoff();
  const { id: handoffId, botId } = handoff;
  await journal.append({ handoffId, botId, events: [1, 2, 3].map((seq) => newEvent(handoff, seq)), late: [] });
  await readAll(fixture.store, botId, 'start');
  expect(await journal.readBot(botId, 'start', 2)).toMatchObject({ complete: false, events: [{}, {}] });
  expect(await journal.readBot(botId, 'start', 3)).toMatchObject({ complete: true, events: [{}, {}, {}] });
});

test('a cursor that is not ours is refused as such', async () => {
  for (const cursor of ['', 'now', '1', '1-x', `${2n ** 64n}-1`, `1-${2n ** 63n}`, "1-1'"]) {
    await expect(fixture.store.journal.readBot('bot', cursor, 1)).rejects.toThrow(CursorError);
  }
});
