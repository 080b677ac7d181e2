import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OPERATOR_KEY, startApi, type Api } from './harness.ts';

let api: Api;
let own: { botId: string; key: string };
let foreign: { botId: string; key: string };
let foreignHandoff: string;
let foreignKeyId: string;

beforeAll(async () => {
  api = await startApi();
  [own, foreign] = [await api.bot(), await api.bot()];
  foreignHandoff = (await api.start(foreign.botId)).json.handoff.id;
  foreignKeyId = (await api.call('GET', `/v1/bots/${foreign.botId}/keys`)).json.keys[0].id;
});
afterAll(() => api.close());

const settings = { enabled: false };
const message = { id: 'm-1', text: 'hello' };

/** A good body of every route that takes one, so that nothing but the key can be refused. */
const BODIES: Record<string, (botId: string) => unknown> = {
  'PUT /v1/bots/:botId': () => settings,
  'PATCH /v1/bots/:botId': () => settings,
  'POST /v1/bots/:botId/verify': () => undefined,
  'POST /v1/bots/:botId/keys': () => ({ label: 'x' }),
  'POST /v1/bots/:botId/conversations/:conversationId/messages': () => message,
  'POST /v1/hours': () => ({ hours: null }),
  'POST /v1/handoffs': (botId) => ({ botId, conversationId: 'c', channel: 'api', question: 'q' }),
  'POST /v1/handoffs/:id/messages': () => message,
  'POST /v1/handoffs/:id/email': () => ({ email: 'a@example.org' }),
  'POST /v1/handoffs/:id/wait': () => ({ choice: 'wait' }),
  'POST /v1/handoffs/:id/close': () => ({ by: 'user' }),
  'POST /v1/bots/:botId/users/export': () => ({ id: 'u' }),
  'POST /v1/bots/:botId/users/erase': () => ({ id: 'u' }),
};

/** Addresses without an id of a bot or a handoff in them, or for the operator only, and why they show nothing foreign. */
const WITHOUT_IDS: Record<string, string> = {
  'GET /v1/desks': 'the same for everybody; forms.test.ts',
  'GET /v1/texts': 'the same for everybody; forms.test.ts',
  'POST /v1/hours': 'what it was given; forms.test.ts',
  'GET /v1/bots': 'lists the own bot; its own test',
  'GET /v1/handoffs': 'lists own handoffs; its own test',
  'POST /v1/human/message/receive': 'answers 40358; human.test.ts',
  'POST /v1/human/close': 'answers 40358; human.test.ts',
  'POST /v1/handoffs/:id/messages/:messageId/retry': 'operator only; deliveries.test.ts',
  'POST /v1/handoffs/:id/messages/:messageId/give-up': 'operator only; deliveries.test.ts',
  'GET /v1/overview': 'figures of the own bot; insight.test.ts',
  'GET /v1/service': 'operator only; service.test.ts',
  'POST /mcp': 'ids are in its arguments; mcp.test.ts',
  'GET /mcp': '405; mcp.test.ts',
  'DELETE /mcp': '405; mcp.test.ts',
  'POST /codec/encode': 'operator only; codec.test.ts',
  'POST /codec/decode': 'operator only; codec.test.ts',
};

const PUBLIC = [
  'GET /livez',
  'GET /readyz',
  'GET /metrics',
  'GET /openapi.json',
  'GET /',
  'GET /playground',
  'GET /assets/:file',
  'GET /v1/session',
  'POST /v1/session',
  'DELETE /v1/session',
  'OPTIONS /codec/encode',
  'OPTIONS /codec/decode',
  'GET /webhooks/:desk/:hookToken',
  'POST /webhooks/:desk/:hookToken',
  'PUT /webhooks/:desk/:hookToken',
];

function routes(): string[] {
  const names = api.app.routeTable.filter((r) => r.method !== 'HEAD').map((r) => `${r.method} ${r.url}`);
  return names.filter((name) => !PUBLIC.includes(name) && !/^(GET|HEAD) \/docs/.test(name));
}

function pathOf(url: string, ids: { botId: string; handoffId: string; keyId: string }): string {
  return url
    .replace(':botId', ids.botId)
    .replace(':keyId', ids.keyId)
    .replace(':conversationId', 'conv-1')
    .replace(':id', ids.handoffId);
}

describe('every route of the app', () => {
  it.each(['no', 'a wrong'])('answers 401 with %s key', async (what) => {
    const ids = { botId: foreign.botId, handoffId: foreignHandoff, keyId: foreignKeyId };
    const wrong = own.key.slice(0, -1) + (own.key.endsWith('A') ? 'B' : 'A');
    // One app each: wrong keys are counted, and the other tests call from here as well.
    const { url: base, app } = await api.another();
    expect(routes().length).toBeGreaterThan(20);
    for (const name of routes()) {
      const [method = '', url = ''] = name.split(' ');
      const body = BODIES[name]?.(foreign.botId);
      const answer = await api.call(method, base + pathOf(url, ids), { key: what === 'no' ? null : wrong, body });
      expect(answer.status, `${name}: ${answer.text}`).toBe(401);
    }
    await app.close();
  });

  it('answers a foreign id exactly as an unknown one', async () => {
    const unknown = { botId: `bot-${randomUUID()}`, handoffId: `ho_${randomUUID()}`, keyId: 'none' };
    const known = { botId: foreign.botId, handoffId: foreignHandoff, keyId: foreignKeyId };
    for (const name of routes().filter((one) => WITHOUT_IDS[one] === undefined)) {
      const [method = '', url = ''] = name.split(' ');
      const ask = async (ids: typeof known) => {
        const answer = await api.call(method, pathOf(url, ids), { key: own.key, body: BODIES[name]?.(ids.botId) });
        const { requestId: _, ...error } = answer.json.error;
        return { status: answer.status, error };
      };
      const [toForeign, toUnknown] = [await ask(known), await ask(unknown)];
      expect(toForeign, name).toEqual(toUnknown);
      expect(toForeign.status, name).toBe(404);
    }
    const untouched = await api.call('GET', `/v1/handoffs/${foreignHandoff}`);
    expect(untouched.json).toMatchObject({ status: 'opening', lateMessages: [] });
    expect((await api.call('GET', `/v1/bots/${foreign.botId}`)).json.settings.enabled).toBe(true);
  });

  it("lists only what is the own bot's", async () => {
    await api.start(own.botId);
    const bots = await api.call('GET', '/v1/bots', { key: own.key });
    expect(bots.json.bots.map((b: { id: string }) => b.id)).toEqual([own.botId]);
    const handoffs = await api.call('GET', '/v1/handoffs', { key: own.key });
    expect(new Set(handoffs.json.handoffs.map((h: { botId: string }) => h.botId))).toEqual(new Set([own.botId]));
    const [asked, unknown] = await Promise.all(
      [foreign.botId, 'no-such-bot'].map((botId) => api.call('GET', `/v1/handoffs?botId=${botId}`, { key: own.key })),
    );
    expect([asked?.status, asked?.json.error.code]).toEqual([unknown?.status, unknown?.json.error.code]);
    expect(asked?.status).toBe(404);
  });
});

describe('keys', () => {
  it("are the operator's to make and to delete", async () => {
    for (const [method, path] of [
      ['POST', `/v1/bots/${own.botId}/keys`],
      ['DELETE', `/v1/bots/${own.botId}/keys/some`],
      ['DELETE', `/v1/bots/${own.botId}`],
    ] as const) {
      const answer = await api.call(method, path, { key: own.key, ...(method === 'POST' && { body: {} }) });
      expect([answer.status, answer.json.error.code]).toEqual([403, 'operator_only']);
    }
  });

  it('are shown once, and refused once deleted', async () => {
    const made = await api.call('POST', `/v1/bots/${own.botId}/keys`, { body: { label: 'second' } });
    expect(made.status).toBe(201);
    const { id, key } = made.json;
    expect((await api.call('GET', `/v1/bots/${own.botId}`, { key })).status).toBe(200);
    const listed = await api.call('GET', `/v1/bots/${own.botId}/keys`);
    expect(listed.json.keys.find((k: { id: string }) => k.id === id)).toMatchObject({ label: 'second' });
    expect(listed.text).not.toContain(key);
    expect((await api.call('DELETE', `/v1/bots/${own.botId}/keys/${id}`)).status).toBe(204);
    expect((await api.call('GET', `/v1/bots/${own.botId}`, { key })).status).toBe(401);
    expect((await api.call('DELETE', `/v1/bots/${own.botId}/keys/${id}`)).status).toBe(404);
  });

  it('are made without a body, and not with one that is null', async () => {
    const path = `/v1/bots/${own.botId}/keys`;
    expect((await api.call('POST', path)).status).toBe(201);
    const refused = await api.call('POST', path, { body: 'null', headers: { 'content-type': 'application/json' } });
    expect([refused.status, refused.json.error.code]).toEqual([400, 'invalid_request']);
  });

  it("of a bot whose API is off are refused everywhere, the operator's is not [61]", async () => {
    const { botId, key } = await api.bot();
    await api.call('PATCH', `/v1/bots/${botId}`, { body: { apiEnabled: false } });
    for (const name of routes().filter((one) => !one.includes('/human/'))) {
      const [method = '', url = ''] = name.split(' ');
      const path = pathOf(url, { botId, handoffId: 'ho_x', keyId: 'k' });
      const answer = await api.call(method, path, { key, body: BODIES[name]?.(botId) });
      expect([answer.status, answer.json.error.code], name).toEqual([403, 'api_disabled']);
    }
    expect((await api.call('GET', `/v1/bots/${botId}`)).status).toBe(200);
  });
});

describe('rate limits', () => {
  it('count per key, with Retry-After, and 404s count too', async () => {
    const { url, app } = await api.another({ config: { ...limited(5) } });
    const ask = (path: string, key: string) => fetch(`${url}${path}`, { headers: { authorization: `Bearer ${key}` } });
    const statuses: number[] = [];
    for (let i = 0; i < 7; i += 1) statuses.push((await ask(i % 2 ? '/nowhere' : '/v1/bots', own.key)).status);
    expect(statuses).toEqual([200, 404, 200, 404, 200, 429, 429]);
    const refused = await ask('/v1/bots', own.key);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(((await refused.json()) as { error: { code: string } }).error.code).toBe('rate_limited');
    expect((await ask('/v1/bots', foreign.key)).status).toBe(200);
    await app.close();
  });

  it('are stricter for wrong keys, and spare keys that have worked', async () => {
    const { url, app } = await api.another();
    const ask = async (key: string) =>
      (await fetch(`${url}/v1/bots`, { headers: { authorization: `Bearer ${key}` } })).status;
    expect(await ask(OPERATOR_KEY)).toBe(200);
    const statuses = [];
    for (let i = 0; i < 65; i += 1) statuses.push(await ask(`guess-${i}`));
    expect(statuses.slice(0, 60)).toEqual(Array.from({ length: 60 }, () => 401));
    expect(statuses.slice(60)).toEqual([429, 429, 429, 429, 429]);
    const hook = await fetch(`${url}/webhooks/webhook/guess`, { method: 'POST' });
    expect(hook.status).toBe(429);
    expect(await ask(OPERATOR_KEY)).toBe(200);
    await app.close();
  });
});

const limited = (rateLimit: number) => ({ ...api.config, rateLimit });

describe('logs', () => {
  it('carry no key, no token, no address with an id and no text of anybody', async () => {
    const secret = `secret-${randomUUID()}`;
    const { json } = await api.start(own.botId, { question: secret, user: { email: 'who@example.org', name: secret } });
    await api.call('POST', `/v1/handoffs/${json.handoff.id}/messages`, { body: { text: secret } });
    await api.call('POST', `/webhooks/webhook/${secret}`, { body: {} });
    const written = api.log.join('');
    expect(written).toContain('answered');
    for (const word of [secret, 'who@example.org', own.key, OPERATOR_KEY]) expect(written).not.toContain(word);
  });
});
