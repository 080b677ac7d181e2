import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../../activities/platform/config.ts';
import { createMetrics, type Metrics } from '../../activities/platform/metrics.ts';
import { until } from '../support/poll.ts';
import { rawConnection } from '../support/raw-http.ts';
import { OPERATOR_KEY, startApi, type Api } from './harness.ts';

let api: Api;

beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.close());

const AUTH = `authorization: Bearer ${OPERATOR_KEY}\r\n`;

describe('a slow caller', () => {
  it('is ended by the time for one request, in the headers or in the body, and holds nobody up', async () => {
    const { url, app } = await api.another({ config: limited({ BATON_REQUEST_TIMEOUT_SECONDS: '1' }) });
    const head = `POST /v1/handoffs HTTP/1.1\r\nhost: x\r\n${AUTH}content-type: application/json\r\n`;
    const slow = [
      head,
      `${head}content-length: 500\r\n\r\n{"botId":`,
      `${head}transfer-encoding: chunked\r\n\r\n1\r\n{\r\n`,
    ];
    const callers = slow.map((bytes) => rawConnection(url, bytes));
    // A byte now and then is no excuse.
    const drip = setInterval(() => callers.forEach(({ socket }) => socket.writable && socket.write('1')), 200);
    try {
      const others = await Promise.all(Array.from({ length: 20 }, () => fetch(`${url}/livez`)));
      expect(others.map((answer) => answer.status)).toEqual(others.map(() => 200));
      for (const { closed, received } of callers) {
        await until(closed, { timeoutMs: 60_000, message: () => `the end of: ${received()}` });
      }
    } finally {
      clearInterval(drip);
    }
    for (const { statuses, received } of callers) {
      expect(statuses(), received()).toEqual([expect.toSatisfy((status: number) => [400, 408].includes(status))]);
      expect(received()).toContain('"requestId"');
    }
    await app.close();
  }, 180_000);

  it('who does not read a stream is dropped, and others read on', async () => {
    const { url, app, metrics } = await another({ heartbeatMs: 100 });
    const { botId: one, key } = await api.bot();
    const id: string = (await api.start(one)).json.handoff.id;
    const text = 'x'.repeat(15_000);
    for (let seq = 1; seq <= 1_000; seq += 100) await fill(id, one, seq, text);
    const bytes = (path: string): string =>
      `GET ${path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${key}\r\naccept: text/event-stream\r\n\r\n`;
    const other = rawConnection(url, bytes(`/v1/bots/${one}/events`));
    await until(() => other.received().includes('retry:'), { message: 'a stream', timeoutMs: 60_000 });
    // For connections from now on.
    app.server.setTimeout(1_500);
    const slow = rawConnection(url, bytes(`/v1/handoffs/${id}/events`));
    slow.socket.pause();
    await until(async () => (await open(metrics)) === 2, { message: 'two streams', timeoutMs: 60_000 });
    await until(async () => (await open(metrics)) === 1, { timeoutMs: 60_000, message: 'one stream' });
    expect(other.closed()).toBe(false);
    for (const { socket } of [other, slow]) socket.destroy();
    await until(async () => (await open(metrics)) === 0, { message: 'no stream' });
    await app.close();
  }, 180_000);
});

describe('streams', () => {
  it('that are opened and dropped in their hundreds leave nothing behind', async () => {
    const streamLimit = 200;
    const config = limited({ BATON_STREAMS: String(streamLimit), BATON_STREAMS_PER_KEY: String(streamLimit) });
    const { url, app, metrics } = await another({ config });
    const { botId: one, key } = await api.bot();
    const id: string = (await api.start(one)).json.handoff.id;
    const paths = [`/v1/bots/${one}/events`, `/v1/handoffs/${id}/events`, `/v1/bots/${one}/events?after=start`];
    for (let round = 0; round < 3; round += 1) {
      const connections = Array.from({ length: streamLimit }, (_, i) =>
        rawConnection(
          url,
          `GET ${paths[i % 3]} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${key}\r\naccept: text/event-stream\r\n\r\n`,
        ),
      );
      // Some are gone before they have an answer.
      for (const { socket } of connections.slice(0, 60)) socket.once('connect', () => socket.destroy());
      const stay = connections.slice(60);
      await until(() => stay.every(({ received }) => received().includes('retry:')), {
        timeoutMs: 60_000,
        message: () =>
          `all streams of round ${round}: ${stay.find(({ received }) => !received().includes('retry:'))?.received()}`,
      });
      for (const { socket } of stay) socket.destroy();
      await until(async () => (await open(metrics)) === 0 && (await connectionsOf(app)) === 0, {
        timeoutMs: 60_000,
        message: 'nothing open',
      });
    }
    const answer = await fetch(`${url}/v1/bots/${one}`, { headers: { authorization: `Bearer ${key}` } });
    expect(answer.status).toBe(200);
    await app.close();
  }, 180_000);
});

/** The settings of the tests' app with these limits. */
const limited = (env: Record<string, string>): Api['config'] => ({
  ...api.config,
  limits: { ...loadConfig(env).limits, loadDelayMs: api.config.limits.loadDelayMs },
});

async function another(over: Parameters<Api['another']>[0]) {
  const metrics = createMetrics();
  return { ...(await api.another({ ...over, metrics })), metrics };
}

/** Streams that are counted open now. */
const open = async ({ streamsOpen }: Metrics): Promise<number> =>
  (await streamsOpen.get()).values.reduce((sum, { value }) => sum + value, 0);

const connectionsOf = (app: Api['app']): Promise<number> =>
  new Promise((resolve, reject) =>
    app.server.getConnections((error, count) => (error ? reject(error) : resolve(count))),
  );

/** A hundred events in the journal from `seq` on. */
async function fill(handoffId: string, bot: string, seq: number, text: string): Promise<void> {
  const events = Array.from({ length: 100 }, (_, i) => ({
    type: 'message.agent' as const,
    seq: seq + i,
    at: new Date().toISOString(),
    botId: bot,
    handoffId,
    conversationId: 'c',
    data: { text },
  }));
  await api.store.journal.append({ handoffId, botId: bot, events, late: [] });
}
