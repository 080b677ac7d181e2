import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startCallbackReceiver, type CallbackReceiver } from '../support/callback.ts';
import { until } from '../support/poll.ts';
import { openStream, startApi, type Api } from './harness.ts';

let api: Api;
let callback: CallbackReceiver;

beforeAll(async () => {
  api = await startApi();
  await api.work();
  callback = await startCallbackReceiver();
});
afterAll(async () => {
  await api?.close();
  await callback?.stop();
});

const newId = (): string => randomBytes(16).toString('hex');
const header = (traceId: string) => ({ traceparent: `00-${traceId}-${'a'.repeat(16)}-01` });
const idIn = (value: unknown): string | undefined => /^00-([0-9a-f]{32})-[0-9a-f]{16}-0[01]$/.exec(String(value))?.[1];

/** Trace ids of all calls of one kind at the desk, in order. */
const atDesk = (id: string, endpoint: 'establish' | 'chat' | 'close') =>
  api.desk.calls
    .filter((call) => call.endpoint === endpoint && call.rawBody.includes(id))
    .map(({ headers }) => idIn(headers['traceparent']));

const called = (id: string) =>
  callback.calls
    .filter(({ event }) => event.handoffId === id)
    .map(({ event, headers }) => [event.type, idIn(headers['traceparent'])]);

async function start(more: Record<string, string> = {}) {
  const bot = await api.bot({ callback: { url: callback.url } });
  const answer = await api.start(bot.botId, {}, { headers: { prefer: 'wait=20', ...more } });
  expect(answer.status).toBe(201);
  return { ...bot, id: String(answer.json.handoff.id) };
}

describe('trace context', () => {
  it('goes from each request to what it causes at the desk, at the callback and in the log', async () => {
    const [asked, said, answered, ended] = [newId(), newId(), newId(), newId()];
    const { id, key, botId } = await start(header(asked));
    expect(atDesk(id, 'establish')).toEqual([asked]);

    const text = 'hello';
    await api.call('POST', `/v1/handoffs/${id}/messages`, { body: { text }, headers: header(said) });
    await until(() => atDesk(id, 'chat').length === 1, { message: 'the message at the desk' });
    expect(atDesk(id, 'chat')).toEqual([said]);

    const reply = { conversation_id: id, timestamp: Date.now(), body: 'hello, too' };
    const received = await api.call('POST', '/v1/human/message/receive', {
      key,
      body: reply,
      headers: header(answered),
    });
    expect(received.status).toBe(200);
    await api.call('POST', `/v1/handoffs/${id}/close`, { body: { by: 'user' }, headers: header(ended) });
    await until(() => atDesk(id, 'close').length === 1, { message: 'the close at the desk' });
    expect(atDesk(id, 'close')).toEqual([ended]);
    await until(() => called(id).length === 5, { message: 'all callbacks' });
    expect(called(id)).toEqual([
      ['handoff.connecting', asked],
      ['message.user', said],
      ['handoff.active', answered],
      ['message.agent', answered],
      ['handoff.closed', ended],
    ]);

    const lines = api.log.map((line) => JSON.parse(line)).filter(({ msg }) => msg === 'answered');
    const traced = (route: string) => lines.filter((line) => line.route === route).map(({ traceId }) => traceId);
    expect(traced('/v1/handoffs')).toContain(asked);
    expect(traced('/v1/handoffs/:id/messages')).toContain(said);
    expect(traced('/v1/human/message/receive')).toContain(answered);

    // It is a header, and no part of what people are shown.
    const { json } = await api.call('GET', `/v1/handoffs/${id}/events`);
    const stream = await openStream(`${api.url}/v1/bots/${botId}/events?after=start`, key);
    await until(() => stream.events().length === 5, { message: 'the stream' });
    await stream.stop();
    for (const event of [...json.events, ...stream.events(), ...callback.calls.map(({ event }) => event)])
      expect(event).not.toHaveProperty('trace');
  });

  it('is made where the caller has none, or a malformed one: one for each request', async () => {
    const malformed = { traceparent: `00-${'A'.repeat(32)}-${'b'.repeat(16)}-01` };
    const { id } = await start(malformed);
    for (const [index, headers] of [{}, malformed].entries()) {
      await api.call('POST', `/v1/handoffs/${id}/messages`, { body: { text: `message ${index}` }, headers });
      await until(() => atDesk(id, 'chat').length === index + 1, { message: 'the message at the desk' });
    }
    const traces = [...atDesk(id, 'establish'), ...atDesk(id, 'chat')];
    expect(traces).toEqual(traces.map(() => expect.stringMatching(/^[0-9a-f]{32}$/)));
    expect(new Set(traces).size).toBe(3);
    expect(traces.join('')).not.toMatch(/a{32}/i);
  });

  it('is the same at every try', async () => {
    const { id } = await start();
    const said = newId();
    api.desk.fault('chat', { kind: 'status', status: 503, times: 2 });
    await api.call('POST', `/v1/handoffs/${id}/messages`, { body: { text: 'again' }, headers: header(said) });
    await until(() => api.desk.messages(id).length === 1, { timeoutMs: 60_000, message: 'the message at the desk' });
    expect(atDesk(id, 'chat')).toEqual([said, said, said]);
    const chats = api.desk.calls.filter((call) => call.endpoint === 'chat' && call.rawBody.includes(id));
    expect(new Set(chats.map(({ headers }) => headers['traceparent'])).size).toBe(3);
    // The worker has logged the tries that failed with it.
    expect(api.log.filter((line) => line.includes('to the desk failed') && line.includes(said)).length).toBeGreaterThan(
      0,
    );
  });

  it('of a call to /mcp and of a check of credentials arrive at the desk as well', async () => {
    const { botId, key } = await api.bot();
    const asked = newId();
    const call = {
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/call',
      params: {
        name: 'request_handoff',
        arguments: { conversationId: newId(), question: 'A human?', waitSeconds: 20 },
      },
    };
    const accept = 'application/json, text/event-stream';
    const answer = await api.call('POST', '/mcp', { key, body: call, headers: { accept, ...header(asked) } });
    expect(answer.text).toContain('"started"');
    expect(api.desk.calls.filter(({ headers }) => idIn(headers['traceparent']) === asked)).toHaveLength(1);

    const checked = newId();
    const seen: unknown[] = [];
    const desk = createServer((request, response) => {
      seen.push(idIn(request.headers['traceparent']));
      response.end();
    });
    await new Promise<void>((resolve) => desk.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(desk.address() as AddressInfo).port}`;
    const body = { desk: { kind: 'webhook', url } };
    await api.call('PATCH', `/v1/bots/${botId}`, { body, headers: header(checked) });
    await new Promise((resolve) => desk.close(resolve));
    expect(seen).toEqual([checked]);
  });
});
