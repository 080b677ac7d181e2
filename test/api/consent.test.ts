import { randomBytes } from 'node:crypto';
import { pino } from 'pino';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Consent, DeskContext } from '../../activities/desks/desk.ts';
import { createRegistry } from '../../activities/desks/registry.ts';
import { webhook } from '../../activities/desks/webhook/index.ts';
import { DeskError } from '../../activities/errors.ts';
import { createStore } from '../../activities/store/store.ts';
import { freePort } from '../../worker/local/processes.ts';
import type { Mode } from '../../workflows/contracts.ts';
import { fakeDesk, type FakeConfig, SECRET } from './fake-desk.ts';
import { startApi, type Answer, type Api } from './harness.ts';

const CODE = 'code-that-is-worth-a-token';
const TOKEN = 'token-of-the-test';
const EVIL = `<script>alert("x")</script><img src=x onerror='y'>&`;

let finished: { query: Record<string, string>; redirectUri: string; mode: Mode }[] = [];
let verifies: 'fine' | 'refused' = 'fine';

const failure = (kind: DeskError['kind'], reason: string): DeskError =>
  new DeskError({ desk: 'oauth', operation: 'consent', kind, field: 'clientSecret', reason });

async function finish(ctx: DeskContext<FakeConfig>, answer: (typeof finished)[number]) {
  finished.push(answer);
  if (answer.query['code'] === 'refused') throw failure('rejected', `invalid_client ${EVIL}`);
  if (answer.query['code'] === 'down') throw failure('unavailable', 'the token address does not answer');
  if (answer.query['code'] === 'broken') throw new Error(`a mistake with ${TOKEN}`);
  await ctx.memory.put(`token.${answer.mode}`, { token: TOKEN });
  return { detail: `Portal of ${ctx.config.account ?? EVIL}` };
}

const consentOf = (id: string): Consent<FakeConfig> => ({
  path: (mode) => (mode === 'native' ? `/api/console/${id}/redirect` : `/api/console/${id}/org/redirect`),
  url: (config, { redirectUri, state, mode }) =>
    `https://accounts.example.org/${mode}?${new URLSearchParams({ redirect_uri: redirectUri, state, client: config.account ?? '' })}`,
  finish,
});

const verify = async (): Promise<{ detail: string; warnings: string[] }> => {
  if (verifies === 'refused') throw failure('auth', 'the department does not exist');
  return { detail: 'Works', warnings: ['The plan ends soon.'] };
};
const oauth = fakeDesk({ id: 'oauth', title: 'Desk & Co', consent: consentOf('oauth'), verify });
const another = fakeDesk({ id: 'another', title: 'Another', consent: consentOf('another'), verify });

let api: Api;
let botId: string;
let key: string;

beforeAll(async () => {
  api = await startApi({ desks: createRegistry([webhook, oauth, another, fakeDesk()]) });
});
beforeEach(async () => {
  finished = [];
  verifies = 'fine';
  ({ botId, key } = await api.bot({ desk: { kind: 'oauth', secret: SECRET, account: 'shop' } }));
});
afterAll(() => api.close());

const begin = (bot = botId, as?: string) =>
  api.call('POST', `/v1/bots/${bot}/consent`, as === undefined ? {} : { key: as });
const stateOf = (answer: Answer): string => new URL(answer.json.url).searchParams.get('state') ?? '';
const back = (query: Record<string, string> | string, path = '/api/console/oauth/org/redirect') =>
  api.call('GET', `${path}?${typeof query === 'string' ? query : new URLSearchParams(query)}`, { key: null });
const serviceOf = async (bot = botId): Promise<{ state: string }> =>
  (await api.call('GET', `/v1/bots/${bot}`)).json.service;
/** A page that a browser shows without running anything of it. */
const expectPage = (answer: Answer, status: number, ...words: string[]): void => {
  expect([answer.status, answer.headers.get('content-type')]).toEqual([status, 'text/html; charset=utf-8']);
  expect(answer.headers.get('cache-control')).toBe('no-store');
  expect(answer.headers.get('content-security-policy')).toContain("default-src 'none'");
  expect(answer.headers.get('referrer-policy')).toBe('no-referrer');
  expect(answer.text).not.toMatch(/<(script|img|style)|\son\w+=['"]/);
  for (const word of words) expect(answer.text).toContain(word);
};

describe('a consent in the browser', () => {
  it.each(['external', 'native'] as const)('connects the desk in %s mode, with all that it sends', async (mode) => {
    await api.call('PATCH', `/v1/bots/${botId}`, { body: { mode } });
    const path = oauth.consent?.path(mode) ?? '';
    const begun = await begin(botId, key);
    expect([begun.status, begun.json]).toEqual([
      200,
      { url: expect.any(String), redirectUri: `http://baton.test${path}`, expiresAt: expect.any(String) },
    ]);
    const minutes = (Date.parse(begun.json.expiresAt) - Date.now()) / 60_000;
    expect(minutes).toBeGreaterThan(9);
    expect(minutes).toBeLessThanOrEqual(10);
    const url = new URL(begun.json.url);
    expect([url.pathname, url.searchParams.get('redirect_uri')]).toEqual([`/${mode}`, begun.json.redirectUri]);
    const state = stateOf(begun);
    expect(state).toMatch(new RegExp(`^${botId}\\.[\\w-]{43}$`));

    const query = { state, code: CODE, location: 'eu', 'accounts-server': 'https://accounts.example.eu' };
    const page = await back(query, path);
    expectPage(page, 200, 'Desk &amp; Co is connected', 'Portal of shop', 'Works', 'The plan ends soon.', botId);
    expect(finished).toEqual([{ query, redirectUri: begun.json.redirectUri, mode }]);
    expect(await api.store.memory(botId, 'oauth').get(`token.${mode}`)).toEqual({ token: TOKEN });
    expect(await serviceOf()).toMatchObject({ state: 'available' });
  });

  it('makes an unavailable desk available', async () => {
    verifies = 'refused';
    await api.call('POST', `/v1/bots/${botId}/verify`);
    expect(await serviceOf()).toMatchObject({ state: 'unavailable' });
    verifies = 'fine';
    expectPage(await back({ state: stateOf(await begin()), code: CODE }), 200);
    expect(await serviceOf()).toMatchObject({ state: 'available' });
  });

  it('says what is wrong when access was given but the desk does not work', async () => {
    const state = stateOf(await begin());
    verifies = 'refused';
    const page = await back({ state, code: CODE });
    expectPage(page, 502, 'does not work yet', 'the department does not exist', 'clientSecret', 'verify the desk');
    expect(await serviceOf()).toMatchObject({ state: 'unavailable' });
  });

  it.each([
    ['refused', 400, 'invalid_client'],
    ['down', 502, 'the token address does not answer'],
    ['broken', 502, 'could not be used'],
  ])('that ends with a code that is %s says so, and the state is used up', async (code, status, words) => {
    const state = stateOf(await begin());
    const page = await back({ state, code });
    expectPage(page, status, 'is not connected', words, 'Begin again');
    expect(page.text).not.toContain(TOKEN);
    expectPage(await back({ state, code: CODE }), 400, 'used already');
    expect(finished).toHaveLength(1);
  });

  it.each([
    [{ error: 'access_denied' }, 'have said no'],
    [{ error: 'invalid_scope', error_description: 'no such scope' }, 'has refused: invalid_scope (no such scope)'],
  ])('that is refused at the desk says so in words: %j', async (query, words) => {
    const state = stateOf(await begin());
    expectPage(await back({ state, ...query }), 400, words, 'Begin again');
    expectPage(await back({ state, code: CODE }), 400, 'used already');
    expect(finished).toEqual([]);
  });

  it('shows nothing as markup, wherever it comes from', async () => {
    const shown = '&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;&lt;img src=x onerror=&#39;y&#39;&gt;&amp;';
    expectPage(await back({ state: stateOf(await begin()), error: EVIL, error_description: EVIL }), 400, shown);
    expectPage(await back({ state: stateOf(await begin()), code: 'refused' }), 400, shown);
    expectPage(await back({ state: EVIL, code: EVIL }), 400);
    const bot = await api.bot({ desk: { kind: 'oauth', secret: SECRET } });
    expectPage(await back({ state: stateOf(await begin(bot.botId)), code: CODE }), 200, shown);
  });
});

describe('a state', () => {
  it('that is absent, made up, of another bot or repeated in the address is unknown', async () => {
    const good = stateOf(await begin());
    const other = await api.bot({ desk: { kind: 'oauth', secret: SECRET } });
    const nonce = good.split('.').at(-1) ?? '';
    const made = randomBytes(32).toString('base64url');
    for (const state of ['', 'x', `${botId}.`, `${botId}.${made}`, `${other.botId}.${nonce}`, `nobody.${nonce}`]) {
      expectPage(await back({ state, code: CODE }), 400, 'is not connected', 'not one that Baton has sent you to');
    }
    expectPage(await back(`code=${CODE}`), 400);
    expectPage(await back(`state=${good}&state=${good}&code=${CODE}`), 400);
    expectPage(await back(`state=${botId}%00.${nonce}&code=${CODE}`), 400);
    expect(finished).toEqual([]);
    expectPage(await back({ state: good, code: CODE }), 200);
  });

  it('that is over is unknown', async () => {
    const state = stateOf(await begin());
    const memoryKey = `consent.${state.split('.').at(-1)}`;
    const memory = api.store.memory(botId, 'oauth');
    await memory.put(memoryKey, await memory.get(memoryKey), { ttlMs: 1 });
    expectPage(await back({ state, code: CODE }), 400, 'its 10 minutes are over');
    expect(finished).toEqual([]);
  });

  it('is good for one time, also for two browsers at once', async () => {
    const state = stateOf(await begin());
    const pages = await Promise.all([1, 2, 3].map(() => back({ state, code: CODE })));
    expect(pages.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 400, 400]);
    expectPage(await back({ state, code: CODE }), 400, 'used already');
    expect(finished).toHaveLength(1);
  });

  it('is of its desk and of its mode only', async () => {
    const state = stateOf(await begin());
    expectPage(await back({ state, code: CODE }, '/api/console/another/org/redirect'), 400, 'not one that Baton');
    expectPage(await back({ state, code: CODE }, '/api/console/oauth/redirect'), 400, 'another kind of connection');
    const next = stateOf(await begin());
    await api.call('PATCH', `/v1/bots/${botId}`, { body: { mode: 'native' } });
    expectPage(await back({ state: next, code: CODE }), 400, 'another mode by now');
    expect(finished).toEqual([]);
  });

  it('of a desk that the bot has left is good for nothing', async () => {
    const state = stateOf(await begin());
    await api.call('PATCH', `/v1/bots/${botId}`, { body: { desk: { kind: 'another', secret: SECRET } } });
    expectPage(await back({ state, code: CODE }), 400);
    expectPage(await back({ state, code: CODE }, '/api/console/another/org/redirect'), 400);
    expect(finished).toEqual([]);
  });
});

describe('the addresses', () => {
  it('are refused without a desk, for a desk that has no consent, and for the bot of somebody else', async () => {
    const code = async (answer: Promise<Answer>) => {
      const { status, json } = await answer;
      return [status, json.error.code];
    };
    const none = await api.bot({ desk: null });
    const typed = await api.bot({ desk: { kind: 'signed', secret: SECRET } });
    expect(await code(begin(none.botId))).toEqual([409, 'not_configured']);
    expect(await code(begin(typed.botId))).toEqual([409, 'no_consent']);
    expect(await code(begin(none.botId, key))).toEqual([404, 'bot_not_found']);
  });

  it('are those of the registry, and only a GET uses a state up', async () => {
    const state = stateOf(await begin());
    const path = `/api/console/oauth/org/redirect?${new URLSearchParams({ state, code: CODE })}`;
    for (const method of ['HEAD', 'POST']) expect((await api.call(method, path, { key: null })).status).toBe(405);
    expect((await back({ state, code: CODE }, '/api/console/signed/redirect')).status).toBe(404);
    expectPage(await back({ state, code: CODE }), 200);
  });

  it('never appear in the log with what they carry', async () => {
    const state = stateOf(await begin());
    for (const code of [CODE, 'broken', 'refused']) await back({ state: stateOf(await begin()), code });
    await back({ state, code: CODE });
    const lines = api.log.join('\n');
    expect(lines).toContain('"route":"/api/console/oauth/org/redirect"');
    for (const secret of [CODE, state, state.split('.').at(-1) ?? '', 'code=', 'state=']) {
      expect(lines).not.toContain(secret);
    }
  });

  it('say it on a page when the database is away', async () => {
    const databaseUrl = `postgres://nobody:none@127.0.0.1:${await freePort()}/none`;
    const store = createStore({ databaseUrl, secretKeys: api.secretKeys, log: pino({ level: 'silent' }) });
    const { url } = await api.another({ store });
    const state = stateOf(await begin());
    const address = `${url}/api/console/oauth/org/redirect?${new URLSearchParams({ state, code: CODE })}`;
    const page = await api.call('GET', address, { key: null });
    expectPage(page, 503, 'PostgreSQL cannot be reached', 'Begin again');
    expect(page.headers.get('retry-after')).toBe('2');
    await store.close();
  });
});
