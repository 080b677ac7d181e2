import fastify, { type FastifyInstance } from 'fastify';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { mountSandboxes, type Mounted } from '../../api/sandbox/mount.ts';
import { standIn, type StandIn } from '../support/stand-in.ts';

/** Stands where Baton is, and takes everything. */
let baton: StandIn;
let arrivals: { authorization: string; body: Record<string, unknown> }[] = [];

let mounted: Mounted;
let app: FastifyInstance;

beforeAll(async () => {
  baton = await standIn<Record<string, unknown>>(({ headers }, body, response) => {
    arrivals.push({ authorization: headers.authorization ?? '', body });
    response.end(JSON.stringify({ code: 200, message: 'success' }));
  });
});
afterAll(() => baton.stop());
beforeEach(async () => {
  arrivals = [];
  mounted = mountSandboxes({ address: baton.address, controlToken: 'token-1', apiKey: 'bk_1' });
  app = fastify();
  for (const [name, plugin] of Object.entries(mounted.plugins))
    await app.register(plugin, { prefix: `/sandbox/${name}` });
});
afterEach(async () => {
  await mounted.stop();
  await app.close();
});

async function call(method: 'GET' | 'POST' | 'DELETE', path: string, body?: object) {
  const headers = { authorization: 'Bearer token-1' };
  const answer = await app.inject({ method, url: `/sandbox/${path}`, headers, ...(body && { payload: body }) });
  return { status: answer.statusCode, json: answer.body === '' ? undefined : answer.json() };
}
const desk = (path: string, body: object) =>
  app.inject({
    method: 'POST',
    url: `/sandbox/webhook/${path}`,
    payload: { conversation_id: 'c1', timestamp: 1, ...body },
  });
const establish = () =>
  desk('conversation/establish', {
    email: '',
    bot_id: 'bot-1',
    body: [
      { message_type: 'QUESTION', text: 'Do you deliver on Sundays?' },
      { message_type: 'ANSWER', text: 'No.' },
      { message_type: 'QUESTION', text: 'A human, please' },
      { message_type: 'ANSWER', text: '' },
    ],
    user_info: {},
  });
const control = (path: string, body: object = {}) => call('POST', `webhook/_control/${path}`, body);
const lines = async (): Promise<[string, string][]> =>
  (await call('GET', 'webhook/_control/conversations')).json.conversations[0].messages.map(
    ({ from, text }: { from: string; text: string }) => [from, text],
  );

describe('the sandboxes of the playground', () => {
  it('are there once for each desk, and once more for each that has a native mode', () => {
    expect(Object.keys(mounted.plugins).toSorted()).toEqual([
      'intercom',
      'intercom-native',
      'livechat',
      'livechat-native',
      'livedesk',
      'livedesk-native',
      'sobot',
      'webhook',
      'zoho-salesiq',
      'zoho-salesiq-native',
    ]);
  });

  it('are all programmed in the same way, and say what is switched on', async () => {
    for (const name of Object.keys(mounted.plugins)) {
      const at = `${name}/_control`;
      const mode = name.endsWith('-native') ? 'native' : 'external';
      const settings = (await call('GET', `${at}/settings?mode=${mode}`)).json;
      expect([settings.baseUrl, settings.url], name).toContain(`${baton.address}/sandbox/${name}`);
      expect((await call('GET', `${at}/state`)).json, name).toEqual({ script: 'agent', faults: [], webhooks: {} });
      expect((await call('POST', `${at}/script`, { script: 'silent' })).status, name).toBeLessThan(300);
      expect((await call('POST', `${at}/webhooks`, { copies: 2 })).status, name).toBe(204);
      const down = { kind: 'status', status: 503 };
      for (const operation of ['open', 'send']) {
        const fault = await call('POST', `${at}/faults`, { operation, ...down });
        expect([fault.status, fault.json], name).toEqual([200, { operation, ...down }]);
      }
      expect((await call('GET', `${at}/state`)).json, name).toEqual({
        script: 'silent',
        faults: [
          { operation: 'open', ...down },
          { operation: 'send', ...down },
        ],
        webhooks: { copies: 2 },
      });
      expect((await call('DELETE', `${at}/faults`)).status, name).toBe(204);
      expect((await call('GET', `${at}/state`)).json.faults, name).toEqual([]);
      expect((await call('GET', `${at}/conversations?limit=20`)).json, name).toEqual({
        since: expect.stringMatching(/^\d{4}-/),
        conversations: [],
      });
      const nobody = await call('POST', `${at}/human/reply`, { conversationId: 'unknown', text: 'hi' });
      expect(nobody.status, name).toBe(404);
      for (const [path, wrong] of [
        ['faults', { operation: 'dance', ...down }],
        ['script', { script: 'sleep' }],
        ['webhooks', { copies: 0 }],
      ] as const) {
        expect((await call('POST', `${at}/${path}`, wrong)).status, `${name} ${path}`).toBe(400);
      }
    }
  });

  it("of Zoho says where its consent page sends the administrator's browser", async () => {
    const { clientId } = (await call('GET', 'zoho-salesiq/_control/settings')).json;
    const query = new URLSearchParams({
      client_id: clientId,
      redirect_uri: 'https://baton.example/back',
      scope: 'SalesIQ.conversations.ALL',
      response_type: 'code',
      state: 'state-1',
    });
    const url = `${baton.address}/sandbox/zoho-salesiq/accounts/oauth/v2/org/auth?${query}`;
    const { json } = await call('POST', 'zoho-salesiq/_control/consent', { url });
    expect(json.location).toMatch(/^https:\/\/baton\.example\/back\?.*state=state-1/);
    expect((await call('POST', 'zoho-salesiq/_control/consent', { url: `${baton.address}/elsewhere` })).status).toBe(
      400,
    );
  });
});

describe('the Webhook desk in the words of all sandboxes', () => {
  it('shows the talk before, the question, and what both say, with notes that stay inside', async () => {
    await control('script', { script: 'silent' });
    expect((await call('GET', 'webhook/_control/connect?botId=bot-1')).json).toEqual({ connected: false });
    await control('connect', { botId: 'bot-1', apiKey: 'bk_2' });
    expect((await call('GET', 'webhook/_control/connect?botId=bot-1')).json).toEqual({ connected: true });
    await establish();
    await desk('chat', { body: 'hello?', timestamp: 2 });
    expect((await control('human/note', { conversationId: 'c1', text: 'a VIP' })).json).toEqual({ status: 0 });
    expect((await control('human/transfer', { conversationId: 'c1', agent: 'Sam' })).json).toEqual({ status: 0 });
    expect((await control('human/reply', { conversationId: 'c1', text: 'Hi!' })).json).toEqual({ status: 200 });
    expect(arrivals.map(({ body }) => [body['body'], body['agent']])).toEqual([
      ['Hi!', { id: 'sandbox-sam', name: 'Sam' }],
    ]);
    expect(await lines()).toEqual([
      ['user', 'Do you deliver on Sundays?'],
      ['bot', 'No.'],
      ['user', 'A human, please'],
      ['user', 'hello?'],
      ['note', 'a VIP'],
      ['system', 'The conversation is with Sam.'],
      ['agent', 'Hi!'],
    ]);
    const talk = async () => (await call('GET', 'webhook/_control/conversations')).json.conversations[0];
    expect(await talk()).toMatchObject({ closed: false, assignee: 'Sam' });
    expect((await control('human/close', { conversationId: 'c1' })).json).toEqual({ status: 200 });
    expect((await talk()).closed).toBe(true);
  });

  it('answers twice, never, or as somebody else', async () => {
    await control('script', { script: 'silent' });
    await establish();
    const reply = async (text: string) => (await control('human/reply', { conversationId: 'c1', text })).json.status;
    await control('webhooks', { copies: 2 });
    expect(await reply('twice')).toBe(200);
    await control('webhooks', { drop: true });
    expect(await reply('never')).toBe(0);
    await control('webhooks', { wrongSecret: true });
    await reply('a stranger');
    expect(arrivals.map(({ body, authorization }) => [body['body'], authorization])).toEqual([
      ['twice', 'Bearer bk_1'],
      ['twice', 'Bearer bk_1'],
      ['a stranger', 'Bearer nobody'],
    ]);
    expect(arrivals[0]?.body).toEqual(arrivals[1]?.body);
    expect((await control('webhooks', { reverse: 2 })).status).toBe(400);
    expect((await control('user/writes', { text: 'hello' })).status).toBe(400);
  });

  it('replies early: before it has answered', async () => {
    await control('webhooks', { early: true });
    await establish();
    expect(arrivals.map(({ body }) => body['body'])).toEqual([
      'Hello, this is Alex. You asked: “A human, please”. How can I help you?',
    ]);
  });
});
