import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { createLogger } from '../../activities/platform/log.ts';
import { createStore } from '../../activities/store/store.ts';
import { startApi, type Api } from './harness.ts';

const newKey = (id: string): string => `${id}:${randomBytes(32).toString('base64')}`;
const payloadKeys = newKey('p1');

const DESK_PASSWORD = 'secret-of-the-desk';

let api: Api;
let bot: { botId: string; key: string };
let handoffId: string;

beforeAll(async () => {
  api = await startApi({ config: { payloadKeys } });
  bot = await api.bot({ desk: { kind: 'webhook', url: api.deskUrl, username: 'baton', password: DESK_PASSWORD } });
  handoffId = (await api.start(bot.botId)).json.handoff.id;
});
afterAll(() => api.close());

/** A process that was given these keys; what it answers, by call. */
async function answersWith(keys: { secretKeys: string; payloadKeys?: string }) {
  const lines: string[] = [];
  const log = createLogger('info', { write: (line) => void lines.push(line) });
  const store = createStore({ databaseUrl: api.databaseUrl, log, ...keys });
  const { url, app } = await api.another({ store, log });
  onTestFinished(async () => {
    await app.close();
    await store.close();
  });
  const ask = async (method: string, path: string, body?: unknown): Promise<number> => {
    const headers = { authorization: `Bearer ${bot.key}`, 'content-type': 'application/json' };
    const answer = await fetch(`${url}${path}`, { method, headers, ...(body ? { body: JSON.stringify(body) } : {}) });
    await answer.text();
    return answer.status;
  };
  const request = {
    botId: bot.botId,
    conversationId: randomBytes(6).toString('hex'),
    channel: 'api',
    user: {},
    question: 'Hi',
  };
  return {
    start: await ask('POST', '/v1/handoffs', request),
    message: await ask('POST', `/v1/handoffs/${handoffId}/messages`, { text: 'hi' }),
    handoff: await ask('GET', `/v1/handoffs/${handoffId}`),
    bot: await ask('GET', `/v1/bots/${bot.botId}`),
    reply: await ask('POST', '/v1/human/message/receive', { conversation_id: handoffId, timestamp: 1, body: 'hello' }),
    log: lines.join(''),
  };
}

it('a process that lacks a secret key carries open handoffs on, and names the key in its log', async () => {
  const { log, ...answers } = await answersWith({ secretKeys: newKey('k2'), payloadKeys });
  expect(answers).toEqual({ start: 500, message: 202, handoff: 200, bot: 500, reply: 200 });
  expect(log).toContain('was sealed with key k1, which is not configured');
  expect(log).not.toContain(DESK_PASSWORD);
});

it('a process that lacks a payload key refuses what it cannot read, and names the key in its log', async () => {
  const { log, ...answers } = await answersWith({ secretKeys: api.secretKeys });
  expect(answers).toEqual({ start: 201, message: 202, handoff: 500, bot: 200, reply: 500 });
  expect(log).toContain('was sealed with key p1, which is not in BATON_PAYLOAD_KEYS');
});

it('a process that has all keys again goes on where the others could not', async () => {
  const { log: _, ...answers } = await answersWith({ secretKeys: api.secretKeys, payloadKeys });
  expect(answers).toEqual({ start: 201, message: 202, handoff: 200, bot: 200, reply: 200 });
});
