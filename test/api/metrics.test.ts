import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startCallbackReceiver, type CallbackReceiver } from '../support/callback.ts';
import { until } from '../support/poll.ts';
import { openStream, startApi, type Api } from './harness.ts';

const METRICS_KEY = 'the-key-of-the-monitoring';

let api: Api;
let callback: CallbackReceiver;

beforeAll(async () => {
  api = await startApi({ config: { metricsKey: METRICS_KEY } });
  await api.work();
  callback = await startCallbackReceiver();
});
afterAll(async () => {
  await api.close();
  await callback.stop();
});

/** Lines of `/metrics` whose name and labels begin so, added up. */
async function value(begin: string): Promise<number> {
  const { text } = await api.call('GET', '/metrics', { key: null });
  const found = text.split('\n').filter((line) => line.startsWith(begin));
  return found.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
}

const grows = (begin: string, atLeast = 1) =>
  until(async () => (await value(begin)) >= atLeast, { message: begin, timeoutMs: 60_000 });

describe('the metrics', () => {
  it('follow a handoff from its request to its end', async () => {
    const { botId, key } = await api.bot({ callback: { url: callback.url } });
    const { json } = await api.start(botId, {}, { headers: { prefer: 'wait=20' } });
    const { id } = json.handoff;
    expect(await value('baton_handoffs_started_total{desk="webhook"}')).toBe(1);
    expect(await value('baton_handoffs_open{desk="webhook"')).toBe(1);
    expect(await value('baton_temporal_call_seconds_count{operation="start",outcome="ok"}')).toBe(1);

    const stream = await openStream(`${api.url}/v1/handoffs/${id}/events`, key);
    expect(await value('baton_streams_open{kind="handoff"}')).toBe(1);
    await api.call('POST', `/v1/handoffs/${id}/messages`, { key, body: { text: 'hello' } });
    await api.desk.reply(id, 'so are we');
    await grows('baton_first_reply_seconds_count{desk="webhook"}');
    await grows('baton_messages_total{from="user"}');
    await grows('baton_messages_total{from="agent"}');
    await grows('baton_deliveries_total{lane="desk",desk="webhook",outcome="delivered"}');
    expect(await value('baton_desk_events_total{desk="webhook",outcome="forwarded"}')).toBe(1);

    await api.call('POST', `/v1/handoffs/${id}/close`, { key, body: { by: 'user' } });
    await stream.ended;
    await grows('baton_handoffs_closed_total{reason="user_closed"}');
    await grows('baton_callback_lag_seconds_count', callback.taken(id).length);
    await until(async () => (await value('baton_streams_open')) === 0, { message: 'the stream is closed' });
    await until(async () => (await value('baton_handoffs_open')) === 0, { message: 'nothing is open' });
  });

  it('count what was refused, by its reason', async () => {
    const { botId } = await api.bot({ enabled: false });
    expect((await api.start(botId)).json.reason).toBe('disabled');
    expect(await value('baton_handoffs_refused_total{reason="disabled"}')).toBe(1);
  });

  it('name routes by their pattern and never an id', async () => {
    const id = randomUUID();
    await api.call('GET', `/v1/handoffs/${id}`);
    const { text } = await api.call('GET', '/metrics', { key: null });
    expect(text).toContain('route="/v1/handoffs/:id",status="404"');
    expect(text).not.toContain(id);
  });

  it('say what runs and whether PostgreSQL and Temporal answer', async () => {
    const { text } = await api.call('GET', '/metrics', { key: null });
    expect(text).toMatch(/baton_build_info\{version="[^"]+",role="[a-z]+",node="\d+\.\d+\.\d+"\} 1/);
    expect(text).toContain('baton_dependency_up{dependency="postgresql"} 1');
    expect(text).toContain('baton_dependency_up{dependency="temporal"} 1');
    expect(await value('baton_database_connections{state="total"}')).toBeGreaterThan(0);
  });

  it('can be read with a key of their own, which opens nothing else', async () => {
    const { app } = await api.another();
    const ask = (url: string, key: string) =>
      app.inject({ url, remoteAddress: '192.0.2.1', headers: { authorization: `Bearer ${key}` } });
    expect((await ask('/metrics', METRICS_KEY)).statusCode).toBe(200);
    expect((await ask('/metrics', `${METRICS_KEY}x`)).statusCode).toBe(401);
    expect((await ask('/v1/bots', METRICS_KEY)).statusCode).toBe(401);
    await app.close();
  });

  it('are answered in time while PostgreSQL hangs, and say so', async () => {
    const store = { ...api.store, gauges: () => new Promise<never>(() => undefined) };
    const { app } = await api.another({ store });
    const { statusCode, body } = await app.inject({ url: '/metrics' });
    expect(statusCode).toBe(200);
    expect(body).toContain('baton_dependency_up{dependency="postgresql"} 0');
    await app.close();
  });
});
