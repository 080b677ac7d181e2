import fastify from 'fastify';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createWebhookSandbox, type WebhookSandbox } from '../../api/sandbox/webhook/index.ts';
import { until } from '../support/poll.ts';
import { standIn, type StandIn } from '../support/stand-in.ts';

interface Arrival {
  path: string;
  authorization: string;
  body: { conversation_id: string; timestamp: number; body?: string };
}

/** Stands where Baton is, and takes everything. */
let baton: StandIn;
let arrivals: Arrival[] = [];
let failuresLeft = 0;

let sandbox: WebhookSandbox;
let base: string;

beforeAll(async () => {
  baton = await standIn<Arrival['body']>(({ url: path = '', headers }, body, response) => {
    const fails = failuresLeft > 0;
    if (fails) failuresLeft -= 1;
    arrivals.push({ path, authorization: headers.authorization ?? '', body });
    response.writeHead(fails ? 503 : 200).end(JSON.stringify({ code: fails ? 50_000 : 200, message: 'x' }));
  });
});
afterAll(() => baton.stop());
beforeEach(async () => {
  arrivals = [];
  failuresLeft = 0;
  sandbox = createWebhookSandbox({ batonUrl: baton.address, apiKey: 'bk_1' });
  base = await sandbox.listen();
});
afterEach(() => sandbox.stop());

const post = (path: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(`${base}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
const establish = (id: string, botId = 'bot-1'): Promise<Response> =>
  post('/conversation/establish', {
    conversation_id: id,
    timestamp: 1,
    email: '',
    bot_id: botId,
    body: [{ message_type: 'QUESTION', text: 'Help' }],
    user_info: {},
  });
const chat = (id: string, text: string, timestamp: number, headers = {}): Promise<Response> =>
  post('/chat', { conversation_id: id, timestamp, body: text }, headers);
const said = (): string[] => arrivals.map(({ path, body }) => body.body ?? path);

describe('the desk', () => {
  it('dedupes by key, and without one by conversation, timestamp and body', async () => {
    await establish('c1');
    for (let time = 0; time < 2; time += 1) {
      expect((await chat('c1', 'a', 2)).status).toBe(200);
      expect((await chat('c1', 'b', 3, { 'idempotency-key': 'k1' })).status).toBe(200);
    }
    await chat('c1', 'a', 4);
    expect(sandbox.messages('c1').map(({ text, timestamp }) => [text, timestamp])).toEqual([
      ['a', 2],
      ['b', 3],
      ['a', 4],
    ]);
    expect(sandbox.raw).toEqual({ establish: 1, chat: 5, close: 0 });
    expect(sandbox.calls.filter(({ duplicate }) => duplicate)).toHaveLength(2);
  });

  it('refuses what is not in the contract', async () => {
    expect((await chat('unknown', 'a', 1)).status).toBe(404);
    await establish('c1');
    expect((await post('/chat', { conversation_id: 'c1', timestamp: 1, body: ['a'] })).status).toBe(400);
    expect((await post('/chat', { conversation_id: 'c1', timestamp: '1', body: 'a' })).status).toBe(400);
    const closing = { conversation_id: 'c1', timestamp: 9, type: 'AGENT_CLOSED' };
    expect((await post('/conversation/close', closing)).status).toBe(400);
    expect((await post('/conversation/close', { ...closing, type: 'TIMEOUT' })).status).toBe(200);
    expect(sandbox.conversation('c1')).toMatchObject({ closed: 'TIMEOUT', messages: [] });
  });

  it('has counted faults, one after the other, per endpoint', async () => {
    await establish('c1');
    sandbox.fault('chat', { kind: 'status', status: 429, retryAfter: 2, times: 2 });
    sandbox.fault('chat', { kind: 'drop_after', times: 1 });
    sandbox.fault('chat', { kind: 'garbage', times: 1 });
    const limited = await chat('c1', 'a', 2);
    expect([limited.status, limited.headers.get('retry-after')]).toEqual([429, '2']);
    expect((await chat('c1', 'a', 2)).status).toBe(429);
    expect(sandbox.messages('c1')).toEqual([]);
    await expect(chat('c1', 'a', 2)).rejects.toThrow('fetch failed');
    expect(sandbox.messages('c1')).toHaveLength(1);
    const garbage = await chat('c1', 'b', 3);
    expect(garbage.status).toBe(200);
    await expect(garbage.json()).rejects.toThrow();
    expect((await chat('c1', 'c', 4)).status).toBe(200);
    expect(sandbox.messages('c1').map(({ text }) => text)).toEqual(['a', 'b', 'c']);
    sandbox.fault('chat', { kind: 'drop_before' });
    await expect(chat('c1', 'd', 5)).rejects.toThrow('fetch failed');
    sandbox.clearFaults('chat');
    expect((await chat('c1', 'd', 5)).status).toBe(200);
  });
});

describe('the human', () => {
  it('speaks with the key of the bot and increasing timestamps', async () => {
    sandbox.connect({ botId: 'bot-2', apiKey: 'bk_2' });
    await establish('c1', 'bot-1');
    await establish('c2', 'bot-2');
    expect(await sandbox.reply('c1', 'one')).toMatchObject({ status: 200, code: 200 });
    await sandbox.reply('c1', 'two');
    await sandbox.reply('c2', 'three');
    await sandbox.close('c1');
    expect(arrivals.map(({ authorization }) => authorization)).toEqual([
      'Bearer bk_1',
      'Bearer bk_1',
      'Bearer bk_2',
      'Bearer bk_1',
    ]);
    expect(said()).toEqual(['one', 'two', 'three', '/v1/human/close']);
    const times = arrivals.filter(({ body }) => body.conversation_id === 'c1').map(({ body }) => body.timestamp);
    expect(times).toEqual([...new Set(times)].toSorted((a, b) => a - b));
    expect(sandbox.conversation('c1')).toMatchObject({ replies: ['one', 'two'], closed: 'AGENT' });
  });

  it('repeats the same call while Baton is down', async () => {
    await establish('c1');
    failuresLeft = 2;
    expect(await sandbox.reply('c1', 'hello', { retryForMs: 10_000 })).toMatchObject({ status: 200 });
    expect(arrivals).toHaveLength(3);
    expect(new Set(arrivals.map(({ body }) => JSON.stringify(body))).size).toBe(1);
  });

  it('says nothing when nobody told it where Baton is', async () => {
    const lonely = createWebhookSandbox();
    expect(await lonely.reply('c1', 'hello')).toMatchObject({ status: 0 });
    await lonely.stop();
  });
});

describe('scripts', () => {
  it('five_at_once says the same five times', async () => {
    sandbox.setScript({ name: 'five_at_once', text: 'Hi' });
    await establish('c1');
    await until(() => arrivals.length === 5, { message: () => `five replies, got ${arrivals.length}` });
    expect(new Set(arrivals.map(({ body }) => `${body.timestamp} ${body.body}`)).size).toBe(1);
  });

  it('reply_before_establish has spoken when establish is answered', async () => {
    sandbox.setScript({ name: 'reply_before_establish', text: 'Early' });
    await establish('c1');
    expect(said()).toEqual(['Early']);
  });

  it('burst keeps its order', async () => {
    sandbox.setScript({ name: 'burst', steps: [{ reply: 'a' }, 'close', { reply: 'b' }], withinMs: 50 });
    await establish('c1');
    await until(() => arrivals.length === 3, { message: 'three calls' });
    const times = arrivals.map(({ body }) => body.timestamp);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    expect((times.at(-1) ?? 0) - (times[0] ?? 0)).toBeLessThan(5_000);
  });

  it('agent greets, answers, and closes after a goodbye', async () => {
    sandbox.setScript({ name: 'agent', afterMs: 10 }, 'bot-1');
    await establish('c1');
    await until(() => arrivals.length === 1, { message: 'a greeting' });
    await chat('c1', 'Where is my order?', 2);
    await until(() => arrivals.length === 2, { message: 'an answer' });
    await chat('c1', 'Thanks, bye', 3);
    await until(() => arrivals.length === 4, { message: 'a goodbye' });
    expect(said()[0]).toContain('Help');
    expect(said()[1]).toContain('Where is my order?');
    expect(said()[3]).toBe('/v1/human/close');
    await until(() => sandbox.conversation('c1')?.closed === 'AGENT', { message: 'the end' });
  });
});

describe('mounted in another server', () => {
  it('is a desk below its prefix, programmed over HTTP with its token', async () => {
    const mounted = createWebhookSandbox({ batonUrl: baton.address, controlToken: 'token-1' });
    const app = fastify();
    await app.register(mounted.plugin(), { prefix: '/sandbox/webhook' });
    const call = async (method: 'GET' | 'POST' | 'DELETE', path: string, body?: object, token = 'token-1') => {
      const headers = { authorization: `Bearer ${token}` };
      const answer = await app.inject({
        method,
        url: `/sandbox/webhook${path}`,
        headers,
        ...(body && { payload: body }),
      });
      return { status: answer.statusCode, body: answer.body === '' ? undefined : answer.json() };
    };
    const message = { conversation_id: 'c1', timestamp: 2, body: 'hello' };
    expect((await call('GET', '/_control/calls', undefined, 'wrong')).status).toBe(401);
    expect((await call('POST', '/_control/connect', { botId: 'bot-1', apiKey: 'bk_9' })).status).toBe(204);
    const establishing = { conversation_id: 'c1', timestamp: 1, email: '', bot_id: 'bot-1', body: [], user_info: {} };
    expect((await call('POST', '/conversation/establish', establishing)).body).toEqual({
      code: 200,
      message: 'success',
    });
    expect(
      (await call('POST', '/_control/faults', { endpoint: 'chat', kind: 'status', status: 500, times: 1 })).status,
    ).toBe(200);
    expect((await call('POST', '/chat', message)).status).toBe(500);
    expect((await call('POST', '/chat', message)).status).toBe(200);
    expect((await call('POST', '/_control/reply', { conversationId: 'c1', text: 'hi' })).body).toMatchObject({
      status: 200,
    });
    expect(arrivals.at(-1)).toMatchObject({ authorization: 'Bearer bk_9', body: { body: 'hi' } });
    const { body } = await call('GET', '/_control/calls?conversationId=c1');
    expect(body.raw).toEqual({ establish: 1, chat: 2, close: 0 });
    expect(body.calls).toHaveLength(3);
    expect(JSON.stringify(body)).not.toContain('token-1');
    for (const [path, wrong] of [
      ['faults', { endpoint: 'chat', kind: 'fire' }],
      ['faults', { endpoint: 'everything', kind: 'garbage' }],
      ['script', { name: 'sleep' }],
      ['connect', {}],
      ['reply', {}],
    ] as const) {
      expect((await call('POST', `/_control/${path}`, wrong)).status, path).toBe(400);
    }
    expect((await call('POST', '/_control/script', { name: 'silent' })).status).toBe(200);
    expect((await call('DELETE', '/_control/faults')).status).toBe(204);
    expect((await call('POST', '/_control/reset')).status).toBe(204);
    expect((await call('GET', '/_control/conversations')).body).toMatchObject({ conversations: [] });
    await app.close();
    await mounted.stop();
  });
});
