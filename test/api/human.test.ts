import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../../worker/local/processes.ts';
import { soon, until } from '../support/poll.ts';
import { startApi, type Api, type CallOptions } from './harness.ts';

let api: Api;
let botId: string;
let key: string;

beforeAll(async () => {
  api = await startApi();
  await api.work();
  ({ botId, key } = await api.bot());
});
afterAll(() => api.close());

const SUCCESS = { code: 200, message: 'success' };

const post = async (path: string, body: unknown, options: CallOptions = {}) =>
  await api.call('POST', path, { key, body, ...options });
const receive = (body: unknown, options?: CallOptions) => post('/v1/human/message/receive', body, options);
const close = (body: unknown, options?: CallOptions) => post('/v1/human/close', body, options);
const reply = (id: string, body: string, more: Record<string, unknown> = {}) => ({
  conversation_id: id,
  timestamp: Date.now(),
  body,
  ...more,
});

const connected = async (): Promise<string> =>
  (await api.start(botId, {}, { headers: { prefer: 'wait=20' } })).json.handoff.id;
const events = async (
  id: string,
  type?: string,
): Promise<{ type: string; seq: number; data: Record<string, unknown> }[]> => {
  const { json } = await api.call('GET', `/v1/handoffs/${id}/events`);
  return json.events.filter((e: { type: string }) => type === undefined || e.type === type);
};
const texts = async (id: string) => (await events(id, 'message.agent')).map((e) => e.data['text']);
const status = async (id: string) => (await api.store.handoffs.get(id))?.status;
const isClosed = (id: string) => until(async () => (await status(id)) === 'closed', { message: `${id} is closed` });

describe('POST /v1/human/message/receive', () => {
  it('delivers the reply and starts the session [62] [63] [64]', async () => {
    const id = await connected();
    expect(await status(id)).toBe('connecting');
    const answer = await receive(reply(id, 'Hello Lea', { agent: { id: 'a-1', name: 'Nora' } }));
    expect([answer.status, answer.json]).toEqual([200, SUCCESS]);
    await until(async () => (await texts(id)).length === 1, { message: 'the reply' });
    const all = await events(id);
    expect(all.map((e) => e.type)).toEqual(['handoff.connecting', 'handoff.active', 'message.agent']);
    expect(all.at(-1)?.data).toMatchObject({ text: 'Hello Lea' });
    expect((await api.call('GET', `/v1/handoffs/${id}`)).json).toMatchObject({
      status: 'active',
      agent: { name: 'Nora' },
    });
  });

  it('answers a repeat as success and changes nothing, five times at once too', async () => {
    const id = await connected();
    const once = reply(id, 'only once');
    const answers = await Promise.all(Array.from({ length: 5 }, () => receive(once)));
    expect(answers.map((a) => a.json)).toEqual(Array.from({ length: 5 }, () => SUCCESS));
    const withId = (body: string) => receive({ conversation_id: id, timestamp: Date.now(), body, message_id: 'm-1' });
    await withId('first');
    await withId('another text, another time, the same id');
    await receive(reply(id, 'last'));
    await until(async () => (await texts(id)).includes('last'), { message: 'the last reply' });
    expect(await texts(id)).toEqual(['only once', 'first', 'last']);
    expect((await receive(once)).json).toEqual(SUCCESS);
  });

  it('keeps the order of a burst', async () => {
    const id = await connected();
    const sent = Array.from({ length: 60 }, (_, i) => `reply ${i}`);
    for (const text of sent) expect((await receive(reply(id, text))).status).toBe(200);
    await until(async () => (await texts(id)).length >= sent.length, { message: 'all replies', timeoutMs: 60_000 });
    expect(await texts(id)).toEqual(sent);
  });

  it('takes attachments without a text', async () => {
    const id = await connected();
    const attachments = [{ url: 'https://files.example.org/a.pdf', name: 'a.pdf' }];
    expect((await receive({ conversation_id: id, timestamp: 1, attachments })).status).toBe(200);
    await until(async () => (await events(id, 'message.agent')).length === 1, { message: 'the reply' });
    expect((await events(id, 'message.agent'))[0]?.data).toMatchObject({ attachments });
  });

  it('keeps a reply to a closed handoff as late and tells the desk so: 40356 [66] [107]', async () => {
    const id = await connected();
    const before = reply(id, 'in time');
    await receive(before);
    await close({ conversation_id: id, timestamp: Date.now() });
    await isClosed(id);
    const late = reply(id, 'too late');
    for (let i = 0; i < 2; i += 1) {
      const answer = await receive(late);
      expect([answer.status, answer.json.code]).toEqual([404, 40356]);
    }
    expect((await receive(before)).json).toEqual(SUCCESS);
    const kept = async () => (await api.call('GET', `/v1/handoffs/${id}`)).json.lateMessages;
    await soon(async () => expect(await kept()).toMatchObject([{ from: 'agent', text: 'too late' }]));
    expect(await texts(id)).toEqual(['in time']);
    expect((await events(id)).at(-1)?.type).toBe('handoff.closed');
  });
});

describe('POST /v1/human/close', () => {
  it('closes; again is success again [65] [66]', async () => {
    const id = await connected();
    for (let i = 0; i < 2; i += 1) {
      expect((await close({ conversation_id: id, timestamp: Date.now() })).json).toEqual(SUCCESS);
    }
    await isClosed(id);
    expect((await api.store.handoffs.get(id))?.closeReason).toBe('agent_closed');
    expect((await close({ conversation_id: id, timestamp: Date.now() })).json).toEqual(SUCCESS);
    expect(
      api.desk.calls.filter(
        (c) => c.endpoint === 'close' && (c.body as { conversation_id: string }).conversation_id === id,
      ),
    ).toEqual([]);
  });
});

describe('errors have GPTBots codes [67] [68]', () => {
  it.each([
    [{}, ['conversation_id', 'timestamp', 'body']],
    [{ conversation_id: 1, timestamp: 'now', body: 2 }, ['conversation_id', 'timestamp', 'body']],
    [{ conversation_id: 'x', timestamp: 1.5, body: 'b' }, ['timestamp']],
    [[], []],
    ['{"conversation_id":', []],
    [undefined, []],
  ])('40000: %j', async (body, names) => {
    const answer = await receive(body, { headers: { 'content-type': 'application/json' } });
    expect([answer.status, answer.json.code]).toEqual([400, 40000]);
    for (const name of names) expect(answer.json.message).toContain(name);
    expect(Object.keys(answer.json).toSorted()).toEqual(['code', 'message']);
  });

  it('40000 for a close without its fields', async () => {
    expect((await close({})).json.code).toBe(40000);
  });

  it.each(['/v1/human/message/receive', '/v1/human/close'])('40127, 20055, 40356, 40358 on %s', async (path) => {
    const id = await connected();
    const body = reply(id, 'hi');
    const codeOf = async (options: CallOptions, over: Record<string, unknown> = {}) => {
      const answer = await post(path, { ...body, ...over }, options);
      return [answer.status, answer.json.code];
    };
    expect(await codeOf({ key: null })).toEqual([401, 40127]);
    expect(await codeOf({ key: 'wrong' })).toEqual([401, 40127]);
    const other = await api.bot();
    expect(await codeOf({ key: other.key })).toEqual([403, 40358]);
    expect(await codeOf({}, { conversation_id: `ho_${randomUUID()}` })).toEqual([404, 40356]);
    const off = await api.bot({ apiEnabled: false });
    expect(await codeOf({ key: off.key })).toEqual([403, 20055]);
    expect(await texts(id)).toEqual([]);
    expect(await status(id)).toBe('connecting');
  });

  it('understands a desk that forgets the content type', async () => {
    const id = await connected();
    const answer = await receive(JSON.stringify(reply(id, 'plain')), { headers: { 'content-type': 'text/plain' } });
    expect(answer.json).toEqual(SUCCESS);
  });
});

describe('without Temporal', () => {
  it('a reply is kept in the inbox, answered as success, and forwarded with the next one', async () => {
    const id = await connected();
    const dead = await startApi({ temporalAddress: `127.0.0.1:${await freePort()}` });
    const cut = await api.another({ client: dead.temporal.client });
    const response = await fetch(`${cut.url}/v1/human/message/receive`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify(reply(id, 'kept')),
    });
    expect([response.status, await response.json()]).toEqual([200, SUCCESS]);
    expect(await texts(id)).toEqual([]);
    await receive(reply(id, 'next'));
    await until(async () => (await texts(id)).length === 2, { message: 'both' });
    expect(await texts(id)).toEqual(['kept', 'next']);
    const message = await fetch(`${cut.url}/v1/handoffs/${id}/messages`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ text: 'from the user' }),
    });
    expect(message.status).toBe(503);
    expect(message.headers.get('retry-after')).not.toBeNull();
    await cut.app.close();
    await dead.close();
  });
});
