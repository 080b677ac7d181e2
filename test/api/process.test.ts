import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../../activities/platform/config.ts';
import { createStreamPlaces } from '../../api/stream-places.ts';
import { answers, createTemporalPing } from '../../activities/platform/reachable.ts';
import { connectTemporal } from '../../activities/platform/temporal.ts';
import { createMetrics } from '../../activities/platform/metrics.ts';
import { serveProbes } from '../../worker/probes.ts';
import type { WorkerState } from '../../worker/worker.ts';
import { testTemporal } from '../support/temporal.ts';
import { openStream, OPERATOR_KEY, startApi, type Api } from './harness.ts';

let api: Api;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.close());

const authorization = `Bearer ${OPERATOR_KEY}`;

/** The settings of the tests' app with these limits. */
const limited = (env: Record<string, string>): Api['config'] => ({
  ...api.config,
  limits: { ...loadConfig(env).limits, loadDelayMs: api.config.limits.loadDelayMs },
});

describe('a process whose database has no tables yet', () => {
  it('answers its probes and refuses everything else for now', async () => {
    const lifecycle = { migrated: false, draining: false };
    const { url, app } = await api.another({ lifecycle });
    const ask = (path: string): Promise<Response> => fetch(`${url}${path}`, { headers: { authorization } });
    expect((await ask('/livez')).status).toBe(200);
    expect((await ask('/metrics')).status).toBe(200);
    const ready = await ask('/readyz');
    expect([ready.status, await ready.json()]).toEqual([
      503,
      { status: 'not_ready', parts: { postgresql: 'ok', migrations: 'down', temporal: 'ok', load: 'ok' } },
    ]);
    for (const path of ['/v1/bots', '/webhooks/webhook/some-token', '/docs', '/mcp']) {
      const answer = await ask(path);
      expect([path, answer.status, answer.headers.get('retry-after')]).toEqual([path, 503, '2']);
    }
    lifecycle.migrated = true;
    expect((await ask('/readyz')).status).toBe(200);
    expect((await ask('/v1/bots')).status).toBe(200);
    await app.close();
  });
});

describe('a process that is about to stop', () => {
  it('is not ready, and sends its callers elsewhere with the answers that it still gives', async () => {
    const { url, app } = await api.another({ lifecycle: { migrated: true, draining: true } });
    const ready = await fetch(`${url}/readyz`);
    expect([ready.status, ((await ready.json()) as { status: string }).status]).toEqual([503, 'draining']);
    const answer = await fetch(`${url}/v1/bots`, { headers: { authorization } });
    expect([answer.status, answer.headers.get('connection')]).toEqual([200, 'close']);
    await app.close();
  });
});

describe('readiness of Temporal', () => {
  it('is that of our namespace, not of a server that answers', async () => {
    const { address, namespace } = await testTemporal();
    for (const [name, expected] of [
      [namespace, 'ok'],
      ['not-there', 'down'],
    ] as const) {
      const temporal = connectTemporal({ address, namespace: name, env: {} });
      expect(await answers(createTemporalPing(temporal.client)()), name).toBe(expected);
      await temporal.close();
    }
  });
});

describe('without our namespace at Temporal', () => {
  it('handoffs are not taken for ended: 503, and what agents write is kept', async () => {
    const { address } = await testTemporal();
    const temporal = connectTemporal({ address, namespace: 'not-there', env: {} });
    const { url, app } = await api.another({ client: temporal.client });
    const { botId, key } = await api.bot();
    const { id } = (await api.start(botId)).json.handoff;
    const post = async (path: string, body: unknown) => {
      const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
      const answer = await fetch(`${url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
      return [answer.status, answer.headers.get('retry-after')];
    };
    expect(await post(`/v1/handoffs/${id}/messages`, { text: 'hi' })).toEqual([503, '2']);
    const request = { botId, conversationId: 'other', channel: 'api', user: {}, question: 'Anybody?' };
    expect(await post('/v1/handoffs', request)).toEqual([503, '2']);
    const reply = { conversation_id: id, timestamp: 1_700_000_000_000, body: 'hello' };
    expect(await post('/v1/human/message/receive', reply)).toEqual([200, null]);
    await app.close();
    await temporal.close();
  });
});

describe('readiness without Temporal', () => {
  it('is for load balancers: desks still reach the inbox', async () => {
    const lost = await startApi({ temporalAddress: '127.0.0.1:1' });
    try {
      const all = await lost.call('GET', '/readyz', { key: null });
      expect([all.status, all.json.parts.temporal]).toEqual([503, 'down']);
      const without = await lost.call('GET', '/readyz?without=temporal', { key: null });
      expect([without.status, without.json.status, without.json.parts.temporal]).toEqual([200, 'ready', 'down']);
      expect((await lost.call('GET', '/readyz?without=postgresql', { key: null })).status).toBe(400);
    } finally {
      await lost.close();
    }
  });
});

describe('the probes of a worker', () => {
  const lifecycle = { migrated: true, draining: false };
  let state: WorkerState | 'starting' = 'starting';
  let probes: Awaited<ReturnType<typeof serveProbes>>;
  beforeAll(async () => {
    const { store, temporal } = api;
    const where = { host: '127.0.0.1', port: 0 };
    const metrics = createMetrics({ role: 'worker' });
    probes = await serveProbes({ ...where, state: () => state, lifecycle, store, client: temporal.client, metrics });
  });
  afterAll(() => probes.close());
  const ask = async (path: string) => {
    const answer = await fetch(`http://127.0.0.1:${probes.port}${path}`);
    return { status: answer.status, text: await answer.text() };
  };

  it.each([
    ['starting', 200, 503],
    ['polling', 200, 200],
    ['stopping', 200, 503],
    ['failed', 503, 503],
  ] as const)('of a worker that is %s: alive %i, ready %i', async (now, alive, ready) => {
    state = now;
    expect([(await ask('/livez')).status, (await ask('/readyz')).status]).toEqual([alive, ready]);
  });

  it('say what is missing', async () => {
    Object.assign(lifecycle, { migrated: false, draining: true });
    state = 'polling';
    const parts = { postgresql: 'ok', migrations: 'down', temporal: 'ok', worker: 'ok' };
    expect(JSON.parse((await ask('/readyz')).text)).toEqual({ status: 'draining', parts });
    expect((await ask('/v1/bots')).status).toBe(404);
    expect((await ask('/metrics')).text).toContain('baton_dependency_up{dependency="temporal"} 1');
  });
});

describe('limits', () => {
  it('of live streams leave a place when a stream ends', async () => {
    const { url, app } = await api.another({ config: limited({ BATON_STREAMS_PER_KEY: '2' }) });
    const [one, other] = [await api.bot(), await api.bot()];
    const open = (bot: { botId: string; key: string }) => openStream(`${url}/v1/bots/${bot.botId}/events`, bot.key);
    const [first, second] = [await open(one), await open(one)];
    expect([first.response.status, second.response.status]).toEqual([200, 200]);
    const third = await open(one);
    expect([third.response.status, third.response.headers.get('retry-after')]).toEqual([429, '5']);
    const others = await open(other);
    expect(others.response.status).toBe(200);
    await first.stop();
    await expect.poll(async () => (await open(one)).response.status, { timeout: 10_000 }).toBe(200);
    await Promise.all([second.stop(), others.stop()]);
    await app.close();
  });

  it('of live streams count all keys of a process together', () => {
    const places = createStreamPlaces({ streams: 2, streamsPerKey: 2 });
    const bot = (keyId: string) => ({ kind: 'bot' as const, botId: 'b', keyId });
    const free = places.take(bot('1'));
    places.take({ kind: 'operator' });
    expect(() => places.take(bot('2'))).toThrow(/too many live streams/);
    free();
    free();
    places.take(bot('2'));
    expect(() => places.take(bot('3'))).toThrow(/too many live streams/);
  });

  it('of bodies are those of the settings', async () => {
    const { app } = await api.another({ config: limited({ BATON_BODY_KB: '16', BATON_LARGE_BODY_KB: '64' }) });
    const post = async (url: string, kilobytes: number): Promise<number> => {
      const payload = { text: 'x'.repeat(kilobytes * 1_024) };
      return (await app.inject({ method: 'POST', url, headers: { authorization }, payload })).statusCode;
    };
    expect(await post('/v1/handoffs/none/messages', 17)).toBe(413);
    expect(await post('/v1/handoffs/none/messages', 15)).toBe(404);
    expect(await post('/v1/handoffs', 17)).toBe(400);
    expect(await post('/v1/handoffs', 65)).toBe(413);
    await app.close();
  });

  it('of wrong keys count the caller behind a proxy that is named, and nobody else', async () => {
    const config = limited({ BATON_WRONG_KEYS: '2', BATON_TRUSTED_PROXIES: '192.0.2.0/24' });
    const { app } = await api.another({ config });
    const guess = async (remoteAddress: string, forwardedFor: string): Promise<number> => {
      const headers = { authorization: 'Bearer wrong', 'x-forwarded-for': forwardedFor };
      return (await app.inject({ url: '/v1/bots', remoteAddress, headers })).statusCode;
    };
    const guesses = async (remoteAddress: string, callers: string[]): Promise<number[]> => {
      const answers: number[] = [];
      for (const caller of callers) answers.push(await guess(remoteAddress, caller));
      return answers;
    };
    // What a caller has written himself stands to the left of what the proxy adds.
    const same = ['203.0.113.1', '198.51.100.7, 203.0.113.1', '198.51.100.8, 203.0.113.1'];
    expect(await guesses('192.0.2.10', same)).toEqual([401, 401, 429]);
    expect(await guess('192.0.2.10', '203.0.113.2')).toBe(401);
    expect(await guesses('198.51.100.1', ['10.0.0.1', '10.0.0.2', '10.0.0.3'])).toEqual([401, 401, 429]);
    await app.close();
  });
});
