import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EventType, HandoffEvent } from '../../workflows/contracts.ts';
import type { Store } from '../../activities/store/store.ts';
import { until } from '../support/poll.ts';
import { openStream, startApi, type Api } from './harness.ts';

let api: Api;
let botId: string;
let key: string;
/** What another process, a worker, writes with. */
let elsewhere: Store;

beforeAll(async () => {
  api = await startApi();
  ({ botId, key } = await api.bot());
  ({ store: elsewhere } = await api.another());
});
afterAll(() => api.close());

const newHandoff = async (bot = botId): Promise<string> => (await api.start(bot)).json.handoff.id;

function event(
  handoffId: string,
  seq: number,
  type: EventType = 'message.agent',
  text = `text ${seq}`,
  bot = botId,
): HandoffEvent {
  return { type, seq, at: new Date().toISOString(), botId: bot, handoffId, conversationId: 'c', data: { text } };
}
const write = (handoffId: string, from: number, to: number, store = elsewhere, bot = botId) =>
  store.journal.append({
    handoffId,
    botId: bot,
    events: Array.from({ length: to - from + 1 }, (_, i) =>
      event(handoffId, from + i, 'message.agent', `text ${from + i}`, bot),
    ),
    late: [],
  });
const close = (handoffId: string, seq: number) =>
  elsewhere.journal.append({ handoffId, botId, events: [event(handoffId, seq, 'handoff.closed')], late: [] });
const numbers = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, i) => from + i);

describe('the journal as JSON', () => {
  it('comes in pages, and says where to go on', async () => {
    const id = await newHandoff();
    await write(id, 1, 7);
    const page = await api.call('GET', `/v1/handoffs/${id}/events?limit=5`, { key });
    expect([page.json.events.map((e: HandoffEvent) => e.seq), page.json.next]).toEqual([numbers(1, 5), 5]);
    const rest = await api.call('GET', `/v1/handoffs/${id}/events?after=5`, { key });
    expect([rest.json.events.map((e: HandoffEvent) => e.seq), rest.json.next]).toEqual([[6, 7], 7]);
    const none = await api.call('GET', `/v1/handoffs/${id}/events?after=7`, { key });
    expect(none.json).toEqual({ events: [], next: 7 });
  });
});

describe('the stream of a handoff', () => {
  const streamUrl = (id: string) => `${api.url}/v1/handoffs/${id}/events`;

  it('carries what another process writes, as id, event and data, and ends after the close', async () => {
    const id = await newHandoff();
    await write(id, 1, 3);
    const stream = await openStream(streamUrl(id), key);
    expect(stream.response.headers.get('content-type')).toContain('text/event-stream');
    expect(stream.response.headers.get('cache-control')).toBe('no-store');
    expect(stream.response.headers.get('x-content-type-options')).toBe('nosniff');
    await until(() => stream.events().length === 3, { message: 'the first three' });
    const before = Date.now();
    await write(id, 4, 4);
    await until(() => stream.events().length === 4, { message: 'the fourth' });
    // Told, and not found at the next heartbeat.
    expect(Date.now() - before).toBeLessThan(12_000);
    await close(id, 5);
    await stream.ended;
    const sent = stream.messages.filter((m) => m.data !== undefined);
    expect(sent.map((m) => [m.id, m.event])).toEqual([
      ...numbers(1, 4).map((n) => [String(n), 'message.agent']),
      ['5', 'handoff.closed'],
    ]);
    expect(JSON.parse(sent[3]?.data ?? '')).toMatchObject({
      type: 'message.agent',
      seq: 4,
      handoffId: id,
      data: { text: 'text 4' },
    });
  });

  it('resumes from Last-Event-ID without a gap or a repeat, however often it is cut, while others write', async () => {
    const id = await newHandoff();
    const total = 400;
    const writing = (async () => {
      for (let seq = 1; seq <= total; seq += 8) {
        await write(id, seq, Math.min(seq + 7, total), seq % 16 === 1 ? elsewhere : api.store);
      }
      await close(id, total + 1);
    })();
    const seen: number[] = [];
    let last = '0';
    for (let round = 0; seen.at(-1) !== total + 1; round += 1) {
      const stream = await openStream(streamUrl(id), key, { 'last-event-id': last });
      // The last reader stays; the others leave after a few events.
      const enough = round < 8 ? 1 + round * 7 : Number.POSITIVE_INFINITY;
      await Promise.race([
        stream.ended,
        until(() => stream.events().length >= enough, { message: 'enough', timeoutMs: 60_000 }),
      ]);
      await stream.stop();
      const got = stream.messages.filter((m) => m.data !== undefined);
      seen.push(...got.map((m) => Number(m.id)));
      last = got.at(-1)?.id ?? last;
    }
    await writing;
    expect(seen).toEqual(numbers(1, total + 1));
  });

  it('prefers Last-Event-ID to after, and refuses one that is not ours', async () => {
    const id = await newHandoff();
    await write(id, 1, 4);
    await close(id, 5);
    const stream = await openStream(`${streamUrl(id)}?after=1`, key, { 'last-event-id': '3' });
    await stream.ended;
    expect(stream.events().map((e) => e.seq)).toEqual([4, 5]);
    const wrong = await openStream(streamUrl(id), key, { 'last-event-id': 'x; drop' });
    expect(wrong.response.status).toBe(400);
  });

  it('ends at once for a reader that has had everything', async () => {
    const id = await newHandoff();
    await close(id, 1);
    const stream = await openStream(streamUrl(id), key, { 'last-event-id': '1' });
    await stream.ended;
    expect(stream.events()).toEqual([]);
  });

  it('keeps no more than a few pages for a reader that does not read', async () => {
    const id = await newHandoff();
    const text = 'x'.repeat(15_000);
    for (let seq = 1; seq <= 2_000; seq += 100) {
      const events = numbers(seq, seq + 99).map((n) => event(id, n, 'message.agent', text));
      await elsewhere.journal.append({ handoffId: id, botId, events, late: [] });
    }
    let reads = 0;
    const { read } = api.store.journal;
    api.store.journal.read = (...args) => {
      reads += 1;
      return read(...args);
    };
    const { port } = new URL(api.url);
    const socket = connect(Number(port), '127.0.0.1');
    socket.write(
      `GET /v1/handoffs/${id}/events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${key}\r\naccept: text/event-stream\r\n\r\n`,
    );
    socket.pause();
    await until(() => reads > 0, { message: 'it has begun' });
    let before = -1;
    await until(
      () => {
        const still = before === reads;
        before = reads;
        return still;
      },
      { message: 'it has stopped reading', everyMs: 500 },
    );
    // 30 MB in 20 pages: what fits into the buffers of the sockets is read, the rest is not.
    expect(reads).toBeLessThan(15);
    socket.destroy();
    api.store.journal.read = read;
  });
});

describe('the stream of a bot', () => {
  const streamUrl = (bot = botId) => `${api.url}/v1/bots/${bot}/events`;

  it('starts now, from the beginning when asked, and resumes by its cursor', async () => {
    const { botId: one, key: oneKey } = await api.bot();
    const [a, b] = [await newHandoff(one), await newHandoff(one)];
    await write(a, 1, 2, elsewhere, one);
    const settled = () =>
      until(async () => (await api.store.journal.readBot(one, 'start', 10)).complete, { message: 'settled' });
    await settled();

    const live = await openStream(streamUrl(one), oneKey);
    await until(() => live.messages.length > 0, { message: 'the opening' });
    await write(b, 1, 2, elsewhere, one);
    await write(a, 3, 3, api.store, one);
    await until(() => live.events().some((e) => e.handoffId === a && e.seq === 3), { message: 'live events' });
    const ids = (events: HandoffEvent[]) => events.map((e) => `${e.handoffId === a ? 'a' : 'b'}${e.seq}`);
    expect(ids(live.events())).toEqual(['b1', 'b2', 'a3']);
    await live.stop();

    const all = await openStream(`${streamUrl(one)}?after=start`, oneKey);
    await until(() => all.events().length === 5, { message: 'all five' });
    expect(ids(all.events())).toEqual(['a1', 'a2', 'b1', 'b2', 'a3']);
    await all.stop();

    const third = all.messages.filter((m) => m.data !== undefined)[2];
    const resumed = await openStream(streamUrl(one), oneKey, { 'last-event-id': third?.id ?? '' });
    await until(() => resumed.events().length === 2, { message: 'the rest' });
    expect(ids(resumed.events())).toEqual(['b2', 'a3']);
    await resumed.stop();
  });

  it('misses and repeats nothing while many handoffs are written by two processes and it is cut', async () => {
    const { botId: busy, key: busyKey } = await api.bot();
    const handoffs = await Promise.all(Array.from({ length: 6 }, () => newHandoff(busy)));
    const writing = Promise.all(
      handoffs.map(async (id, index) => {
        for (let seq = 1; seq <= 60; seq += 3) await write(id, seq, seq + 2, index % 2 ? elsewhere : api.store, busy);
      }),
    );
    const seen: string[] = [];
    let last = '';
    for (let round = 0; seen.length < 360; round += 1) {
      const stream = await openStream(
        `${streamUrl(busy)}?after=start`,
        busyKey,
        last === '' ? {} : { 'last-event-id': last },
      );
      const enough = Math.min(round < 5 ? 20 : 360, 360 - seen.length);
      await until(() => stream.events().length >= enough, { message: `${seen.length} of 360`, timeoutMs: 60_000 });
      await stream.stop();
      const got = stream.messages.filter((m) => m.data !== undefined);
      seen.push(...got.map((m) => JSON.parse(m.data ?? '')).map((e: HandoffEvent) => `${e.handoffId} ${e.seq}`));
      last = got.at(-1)?.id ?? last;
    }
    await writing;
    expect(seen).toHaveLength(360);
    expect(new Set(seen).size).toBe(360);
    for (const id of handoffs) {
      expect(seen.filter((s) => s.startsWith(id)).map((s) => Number(s.split(' ')[1]))).toEqual(numbers(1, 60));
    }
  });

  it('refuses a cursor that is not ours, and gives pages to who asks for JSON', async () => {
    const wrong = await openStream(streamUrl(), key, { 'last-event-id': 'made-up' });
    expect(wrong.response.status).toBe(400);
    const { botId: paged, key: pagedKey } = await api.bot();
    await write(await newHandoff(paged), 1, 3, elsewhere, paged);
    const page = await until(
      async () => {
        const { json } = await api.call('GET', `/v1/bots/${paged}/events?after=start&limit=2`, {
          key: pagedKey,
          headers: { accept: 'application/json' },
        });
        return json.events.length === 2 && json;
      },
      { message: 'a page' },
    );
    const rest = await api.call('GET', `/v1/bots/${paged}/events?after=${page.next}`, {
      key: pagedKey,
      headers: { accept: 'application/json' },
    });
    expect(rest.json.events.map((e: HandoffEvent) => e.seq)).toEqual([3]);
  });
});

describe('streams of an app that closes', () => {
  it('end cleanly and at once', async () => {
    const { app, url } = await api.another();
    const id = await newHandoff();
    const streams = await Promise.all([
      openStream(`${url}/v1/handoffs/${id}/events`, key),
      openStream(`${url}/v1/bots/${botId}/events`, key),
    ]);
    await until(() => streams.every((s) => s.messages.length > 0), { message: 'both are open' });
    const startedAt = Date.now();
    await app.close();
    await Promise.all(streams.map((s) => s.ended));
    expect(Date.now() - startedAt).toBeLessThan(10_000);
  });

  it('show a sign of life, find what no wake-up told, and are cut when their key is gone', async () => {
    const store: Store = { ...elsewhere, wakeups: { subscribe: () => () => undefined } };
    const { app, url } = await api.another({ store, heartbeatMs: 200 });
    const made = await api.call('POST', `/v1/bots/${botId}/keys`, { body: {} });
    const id = await newHandoff();
    const paths = [`/v1/handoffs/${id}/events`, `/v1/bots/${botId}/events`];
    const streams = await Promise.all(paths.map((path) => openStream(url + path, made.json.key)));
    const beats = () => streams.map((s) => s.messages.filter((m) => Object.keys(m).length === 0).length);
    await until(() => beats().every((n) => n >= 3), { message: 'signs of life' });
    await write(id, 1, 1);
    await until(() => streams.every((s) => s.events().some((e) => e.handoffId === id)), { message: 'the event' });
    await api.call('DELETE', `/v1/bots/${botId}/keys/${made.json.id}`);
    // The other process may know the key for another 5 seconds.
    await Promise.all(streams.map((s) => s.ended));
    await app.close();
  });

  it('refuse a key that is gone', async () => {
    const made = await api.call('POST', `/v1/bots/${botId}/keys`, { body: {} });
    await api.call('DELETE', `/v1/bots/${botId}/keys/${made.json.id}`);
    const refused = await openStream(`${api.url}/v1/bots/${botId}/events`, made.json.key);
    expect(refused.response.status).toBe(401);
  });
});
