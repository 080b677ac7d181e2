import { inspect } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { DeskErrorKind } from '../../activities/errors.ts';
import { zohoConfig } from '../../activities/desks/zoho-salesiq/config.ts';
import { zohoSalesiq } from '../../activities/desks/zoho-salesiq/index.ts';
import {
  APP,
  config,
  DEPARTMENT,
  failure,
  message,
  opening,
  REDIRECT,
  refusal,
  startFake,
  TALK,
} from './zoho-salesiq-fixture.ts';

let fake: Awaited<ReturnType<typeof startFake>>;
beforeAll(async () => {
  fake = await startFake();
});
beforeEach(() => connect());
afterEach(() => fake.reset());
afterAll(() => fake.stop());

const TOKEN = 'POST /accounts/oauth/v2/token';
const OPEN = 'POST /api/visitor/v1/acme/conversations';
const SAY = `POST /api/visitor/v1/acme/conversations/${TALK}/messages`;
const READ = `GET /api/v2/acme/conversations/${TALK}/messages`;
const FIND = 'GET /api/v2/acme/conversations';
const CLOSE = `/api/v2/acme/conversations/${TALK}/close`;
const DEPARTMENTS = 'GET /api/v2/acme/departments';
const HOUR = 3_600_000;

const finish = (query: Record<string, string>, more = {}, mode: 'external' | 'native' = 'external') =>
  zohoSalesiq.consent!.finish(fake.context(more), { query, redirectUri: REDIRECT, mode });
async function connect(mode: 'external' | 'native' = 'external'): Promise<void> {
  await finish({ code: '1005.aa.bb', location: 'eu', 'accounts-server': 'https://accounts.zoho.eu' }, {}, mode);
  fake.seen.length = 0;
}
const verify = (more = {}, mode: 'external' | 'native' = 'external') => zohoSalesiq.verify(fake.context(more), mode);
const row = (text: string, n: number, from = '$1') => ({
  sequence_id: String(n),
  sender: { id: from, name: 'x' },
  message: { text },
  time: String(n),
});

describe('settings', () => {
  it.each([
    ['acme', 'acme'],
    [' acme ', 'acme'],
    ['https://salesiq.zoho.com/gptbos/onlinevisitors', 'gptbos'],
    ['https://salesiq.zoho.eu/acme-2', 'acme-2'],
  ])('[38] the screen name of %s is the first segment of the path', (given, screenName) => {
    expect(config(fake.baseUrl, { screenName: given }).screenName).toBe(screenName);
  });

  it.each(['', 'a/b', 'https://salesiq.zoho.com/', 'a b'])('[38] %j is no screen name', (screenName) => {
    expect(zohoConfig.safeParse({ ...config(fake.baseUrl), screenName }).success).toBe(false);
  });

  it('[37] cannot be without client, secret, screen name, region and group', () => {
    const all = config(fake.baseUrl) as Record<string, unknown>;
    for (const name of ['clientId', 'clientSecret', 'screenName', 'region', 'departmentId']) {
      expect(zohoConfig.safeParse({ ...all, [name]: undefined }).success, name).toBe(false);
    }
  });

  it('[39] every region has its own consent page', () => {
    const address = (region: string): string => {
      const { baseUrl: _, ...real } = config(fake.baseUrl, { region });
      return new URL(zohoSalesiq.consent!.url(real, { redirectUri: REDIRECT, state: 's', mode: 'external' })).host;
    };
    expect(['us', 'eu', 'in', 'au', 'cn', 'jp', 'ca'].map(address)).toEqual([
      'accounts.zoho.com',
      'accounts.zoho.eu',
      'accounts.zoho.in',
      'accounts.zoho.com.au',
      'accounts.zoho.com.cn',
      'accounts.zoho.jp',
      'accounts.zohocloud.ca',
    ]);
  });
});

describe('consent', () => {
  it('[40] has one return address for each mode, and asks for a refresh token', () => {
    expect(zohoSalesiq.consent!.path('external')).toBe('/api/console/bot/zoho/salesiq/org/redirect');
    expect(zohoSalesiq.consent!.path('native')).toBe('/api/console/bot/zoho/salesiq/redirect');
    const request = { redirectUri: REDIRECT, state: 's1' };
    const url = new URL(zohoSalesiq.consent!.url(config(fake.baseUrl), { ...request, mode: 'external' }));
    expect(url.pathname).toBe('/accounts/oauth/v2/org/auth');
    expect(Object.fromEntries(url.searchParams)).toMatchObject({
      response_type: 'code',
      client_id: '1005.CLIENT',
      redirect_uri: REDIRECT,
      access_type: 'offline',
      prompt: 'consent',
      state: 's1',
      scope: expect.stringMatching(/^SalesIQ\.conversations\.ALL,(SalesIQ\.\w+\.\w+,?)+$/),
    });
    const native = new URL(zohoSalesiq.consent!.url(config(fake.baseUrl), { ...request, mode: 'native' }));
    expect(native.pathname).toBe('/accounts/oauth/v2/auth');
  });

  it('exchanges the code with the secret in the body of a form', async () => {
    fake.reset();
    expect((await finish({ code: '1005.aa.bb', location: 'eu' })).detail).toContain('eu');
    expect(fake.whats()).toEqual([TOKEN]);
    expect(fake.seen[0]?.body).toEqual({
      grant_type: 'authorization_code',
      client_id: '1005.CLIENT',
      client_secret: 'client-secret-value',
      redirect_uri: REDIRECT,
      code: '1005.aa.bb',
    });
    expect(fake.seen[0]?.query).toEqual({});
  });

  it.each([
    [{ code: 'c', location: 'us' }, 'us'],
    [{ code: 'c', location: 'us', 'accounts-server': 'https://accounts.zoho.com' }, 'us'],
    [{ code: 'c', 'accounts-server': 'https://accounts.zoho.in' }, 'in'],
    [{ code: 'c', location: 'eu', 'accounts-server': 'https://accounts.zoho.com' }, 'us'],
    [{ code: 'c', location: 'eu', 'accounts-server': 'https://accounts.zoho.eu.evil.example' }, 'another'],
    [{ code: 'c', location: 'mars' }, 'another'],
  ])('an account of another data centre is refused at the region, and nothing is called: %j', async (query, named) => {
    expect(await failure(finish(query as never))).toMatchObject({ kind: 'rejected', field: 'region' });
    expect((await failure(finish(query as never))).message).toContain(named);
    expect(fake.seen).toEqual([]);
  });

  it.each([[{ error: 'access_denied' }], [{ code: '' }], [{}]])(
    'without a code nothing is called: %j',
    async (query) => {
      expect(await failure(finish(query as never))).toMatchObject({ kind: 'rejected', operation: 'consent' });
      expect(fake.seen).toEqual([]);
    },
  );

  it('without a refresh token it is no consent', async () => {
    fake.reset();
    fake.set({ [TOKEN]: () => ({ body: { access_token: 'a', expires_in: 3600 } }) });
    expect(await failure(finish({ code: 'c' }))).toMatchObject({ kind: 'rejected' });
    expect(await failure(verify())).toMatchObject({ kind: 'auth' });
  });

  it.each([
    ['invalid_code', undefined],
    ['invalid_client', 'clientId'],
    ['invalid_client_secret', 'clientSecret'],
    ['invalid_redirect_uri', undefined],
  ])('a refusal with status 200 is no token: %s', async (error, field) => {
    fake.set({ [TOKEN]: () => ({ body: { error } }) });
    expect(await failure(finish({ code: 'c' }))).toMatchObject({ kind: 'auth', field });
  });

  it('of the other mode, of another client or of another region is none', async () => {
    await connect('native');
    expect(await failure(verify())).toMatchObject({ kind: 'auth' });
    expect((await verify({}, 'native')).detail).toContain('Support');
    for (const change of [{ clientId: 'other' }, { region: 'us' }]) {
      expect(await failure(verify(change, 'native'))).toMatchObject({ kind: 'auth' });
    }
  });
});

describe('tokens', () => {
  const send = (n = 2, more = {}) =>
    zohoSalesiq.send(fake.context(more), message('ho_1', { key: `ho_1.d${n}`, text: `text ${n}` }));
  const expired = (): void => void fake.pass(HOUR);

  it('of 50 calls that find an old one, one makes the new one', async () => {
    expired();
    await Promise.all(Array.from({ length: 50 }, (_, n) => send(n)));
    expect(fake.of(TOKEN).map(({ body }) => body['grant_type'])).toEqual(['refresh_token']);
    expect(fake.of(SAY)).toHaveLength(50);
    expect(new Set(fake.of(SAY).map(({ headers }) => headers.authorization))).toEqual(
      new Set(['Zoho-oauthtoken 1005.acc.2']),
    );
  });

  it('of 20 calls whose token is refused, one makes the new one', async () => {
    fake.set({ [SAY]: ({ headers }) => (headers.authorization?.endsWith('.1') ? refusal(1008) : {}) });
    await Promise.all(Array.from({ length: 20 }, (_, n) => send(n)));
    expect(fake.of(TOKEN)).toHaveLength(1);
  });

  it('are renewed before their end, and kept until then', async () => {
    fake.pass(54 * 60_000);
    await send();
    expect(fake.of(TOKEN)).toEqual([]);
    fake.pass(2 * 60_000);
    await send(3);
    expect(fake.of(TOKEN)).toHaveLength(1);
  });

  it('live an hour, also when a server says it in milliseconds', async () => {
    fake.set({ [TOKEN]: (_seen, n) => ({ body: { access_token: `t${n}`, expires_in: 3_600_000 } }) });
    expired();
    await send();
    fake.pass(56 * 60_000);
    await send(3);
    expect(fake.of(TOKEN)).toHaveLength(2);
  });

  it('that stay refused end in one repeat', async () => {
    fake.set({ [SAY]: () => refusal(1008, 401) });
    expect(await failure(send())).toMatchObject({ kind: 'auth', operation: 'send', status: 401 });
    expect([fake.of(SAY).length, fake.of(TOKEN).length]).toEqual([2, 1]);
  });

  it('withdrawn consent is asked for once, and the reason stays until there is a new one', async () => {
    fake.set({ [TOKEN]: () => ({ body: { error: 'invalid_code' } }) });
    expired();
    const errors = await Promise.all(Array.from({ length: 10 }, () => failure(send())));
    fake.pass(HOUR);
    errors.push(await failure(send()));
    for (const error of errors) expect(error).toMatchObject({ kind: 'auth', operation: 'send' });
    expect(errors[0]?.message).toContain('withdrawn');
    expect(fake.of(TOKEN)).toHaveLength(1);
    expect(fake.of(SAY)).toEqual([]);
    fake.set({ [TOKEN]: (_seen, n) => ({ body: { access_token: `t${n}`, refresh_token: 'r', expires_in: 3600 } }) });
    await connect();
    await send();
  });

  it('a wrong secret is asked for once a minute, at once by a check, and not any more when it is right', async () => {
    fake.set({
      [TOKEN]: ({ body }, n) =>
        body['client_secret'] === 'client-secret-value'
          ? { body: { access_token: `t${n}`, expires_in: 3600 } }
          : { body: { error: 'invalid_client_secret' } },
    });
    const wrong = { clientSecret: 'wrong' };
    for (let n = 0; n < 5; n += 1) {
      expect(await failure(send(n, wrong))).toMatchObject({ kind: 'auth', field: 'clientSecret' });
    }
    expect(fake.of(TOKEN)).toHaveLength(1);
    expect(await failure(verify(wrong))).toMatchObject({ kind: 'auth', field: 'clientSecret', operation: 'verify' });
    expect(fake.of(TOKEN)).toHaveLength(2);
    fake.pass(61_000);
    await failure(send(6, wrong));
    expect(fake.of(TOKEN)).toHaveLength(3);
    await send(7);
    expect(fake.of(TOKEN)).toHaveLength(3);
  });

  it('throttled: nobody asks for ten minutes, and the caller knows how long', async () => {
    fake.set({
      [TOKEN]: () => ({
        status: 400,
        body: { error: 'Access Denied', error_description: 'too many requests', status: 'failure' },
      }),
    });
    expired();
    expect(await failure(send())).toMatchObject({ kind: 'rate_limited', retryAfterMs: 600_000 });
    fake.pass(60_000);
    expect(await failure(send(3))).toMatchObject({ kind: 'rate_limited', retryAfterMs: 540_000 });
    expect(await failure(verify())).toMatchObject({ kind: 'rate_limited' });
    expect(fake.of(TOKEN)).toHaveLength(1);
  });

  it.each([[{ cut: true }], [{ status: 502, body: '<h1>' }], [{ body: '<h1>' }]])(
    'no answer about a token is unavailable, never unclear: %j',
    async (reply) => {
      fake.set({ [TOKEN]: () => reply });
      expired();
      expect(await failure(send())).toMatchObject({ kind: 'unavailable', unclear: false });
    },
  );
});

describe('verify', () => {
  it('names what answered, and warns of what cannot be checked', async () => {
    const { detail, warnings } = await verify();
    expect(detail).toBe('acme in eu, department Support, brand Acme site');
    expect(warnings?.join()).toContain('No public key is set');
    expect((await verify({}, 'native')).warnings?.join()).toContain('GPT-4o-mini');
    expect((await verify({ region: 'eu', publicKey: KEY })).warnings?.join()).not.toContain('No public key');
  });

  it.each([['99'], ['510000000004023']])('[43] department %s is refused with the list', async (departmentId) => {
    const error = await failure(verify({ departmentId }));
    expect(error).toMatchObject({ kind: 'rejected', field: 'departmentId' });
    expect(error.message).toContain(`there are: Support (${DEPARTMENT})`);
    expect(error.message).not.toContain('Billing (');
  });

  it('[43] departments are read to the last page', async () => {
    const page = Array.from({ length: 20 }, (_, n) => ({ id: `${n}`, name: `d${n}`, is_enabled: true }));
    fake.set({
      [DEPARTMENTS]: ({ query }) => ({ body: { data: query['index'] === '1' ? page : [{ id: '77', name: 'Last' }] } }),
    });
    expect((await verify({ departmentId: '77' })).detail).toContain('Last');
  });

  it('a brand that is not there or switched off is refused', async () => {
    expect(await failure(verify({ appId: '1' }))).toMatchObject({ kind: 'rejected', field: 'appId' });
    fake.set({ 'GET /api/v2/acme/apps': () => ({ body: { data: [] } }) });
    expect(await failure(verify())).toMatchObject({ kind: 'rejected', field: 'appId' });
  });

  it.each([
    [1005, 'auth', 'screenName'],
    [1009, 'auth', undefined],
    [1021, 'auth', undefined],
  ])('code %i is %s at %s', async (code, kind, field) => {
    fake.set({ [DEPARTMENTS]: () => refusal(code) });
    expect(await failure(verify())).toMatchObject({ kind, field });
  });
});

describe('a call', () => {
  const KINDS: [number, DeskErrorKind][] = [
    [1001, 'unavailable'],
    [1002, 'rejected'],
    [1004, 'rejected'],
    [1005, 'auth'],
    [1006, 'rejected'],
    [1007, 'rejected'],
    [1008, 'auth'],
    [1009, 'auth'],
    [1010, 'rejected'],
    [1011, 'rejected'],
    [1014, 'conflict'],
    [1015, 'rejected'],
    [1016, 'rejected'],
    [1017, 'rejected'],
    [1018, 'rejected'],
    [1019, 'not_found'],
    [1020, 'rejected'],
    [1021, 'auth'],
    [1023, 'rate_limited'],
    [1024, 'rejected'],
    [1025, 'rejected'],
    [1027, 'rejected'],
    [1028, 'rejected'],
    [1029, 'rejected'],
    [1031, 'rejected'],
    [1054, 'rejected'],
    [9999, 'rejected'],
  ];

  it.each(KINDS)('code %i is %s, with status 200 as with 400', async (code, kind) => {
    for (const status of [200, 400]) {
      fake.set({ [SAY]: () => refusal(code, status) });
      const error = await failure(zohoSalesiq.send(fake.context(), message('ho_1')));
      expect(error).toMatchObject({ kind, status, operation: 'send' });
      expect(error.retryAfterMs).toBe(code === 1023 ? 60_000 : undefined);
      expect(inspect(error, { depth: 9 }) + JSON.stringify(error)).not.toContain('words of the vendor');
    }
  });

  it('sends ids as text and nothing that the page does not know', async () => {
    const request = opening();
    expect(await zohoSalesiq.open(fake.context(), request)).toEqual({ deskConversationId: TALK });
    const [open] = fake.of(OPEN);
    expect(open?.headers).toMatchObject({
      'content-type': 'application/json',
      authorization: 'Zoho-oauthtoken 1005.acc.1',
    });
    expect(open?.body).toEqual({
      app_id: APP,
      department_id: DEPARTMENT,
      question: 'Conversation with the bot:\nUser: my order is late\nBot: let me get a colleague',
      visitor: { user_id: request.handoffId, name: 'Lena Voss', email: 'lena@example.org', phone: '+49228000' },
      customer_info: {
        handoff_id: request.handoffId,
        channel: 'whatsapp',
        conversation: request.conversationId,
        user: 'cust-20871',
      },
      custom_wait_time: 999,
    });
    expect(fake.of(SAY).map(({ body }) => body)).toEqual([{ text: 'I want to change my order 1182' }]);
  });

  it('takes the long id where SalesIQ gives no other', async () => {
    fake.set({ [OPEN]: () => ({ body: { data: { id: 'a41f09bd' } } }) });
    const opened = await zohoSalesiq.open(fake.context(), opening({ history: [] }));
    expect(opened).toEqual({ deskConversationId: 'a41f09bd' });
  });

  it('looks for a lost opening by our ids, else by person, time and first words', async () => {
    const request = opening({ history: [] });
    fake.set({ [OPEN]: () => ({ cut: true }) });
    expect(await failure(zohoSalesiq.open(fake.context(), request))).toMatchObject({ unclear: true });
    const found = (id: string, more = {}) => ({
      id,
      question: request.question,
      start_time: String(fake.context().now()),
      visitor: { email_id: 'LENA@example.org' },
      ...more,
    });
    const rows = [
      found('1', { customer_info: { handoff_id: 'another' } }),
      found('2', { question: 'something else' }),
      found('3', { start_time: '5' }),
      found('4', { visitor: { email_id: 'else@example.org' } }),
      found(TALK),
    ];
    fake.set({ [FIND]: () => ({ body: { data: rows } }) });
    expect(await zohoSalesiq.open(fake.context(), request)).toEqual({ deskConversationId: TALK });
    expect(fake.of(FIND)[0]?.query).toMatchObject({ email: 'lena@example.org', limit: '99' });
    expect(fake.of(OPEN)).toHaveLength(1);
    // The same words of the same person, in another handoff: that one is taken.
    const twin = { ...request, handoffId: 'ho_twin', key: 'ho_twin.d1' };
    await failure(zohoSalesiq.open(fake.context(), twin));
    fake.set({ [OPEN]: () => ({ body: { data: { conversation_id: '9' } } }) });
    expect(await zohoSalesiq.open(fake.context(), twin)).toEqual({ deskConversationId: '9' });
  });

  it('that may not look opens again', async () => {
    const request = opening({ history: [] });
    fake.set({
      [OPEN]: (_seen, n) => (n === 1 ? { cut: true } : { body: { data: { conversation_id: TALK } } }),
      [FIND]: () => refusal(1009),
    });
    await failure(zohoSalesiq.open(fake.context(), request));
    expect(await zohoSalesiq.open(fake.context(), request)).toEqual({ deskConversationId: TALK });
  });

  it('compares an unclear message with what we know of the talk', async () => {
    const request = opening({ history: [], question: 'ok' });
    const { handoffId } = request;
    await zohoSalesiq.open(fake.context(), request);
    const say = (n: number, more = {}) =>
      zohoSalesiq.send(fake.context(), message(handoffId, { key: `${handoffId}.d${n}`, text: 'ok', ...more }));
    await say(2);
    const known = [row('ok', 1), row('hello', 2, '510'), row('ok', 3)];
    fake.set({ [READ]: () => ({ body: { data: known } }) });
    await say(3, { maybeSent: true });
    expect(fake.of(SAY)).toHaveLength(2);
    fake.set({ [READ]: () => ({ body: { data: [row('ok', 5), row('ok', 4), ...known] } }) });
    await say(4, { maybeSent: true });
    expect(fake.of(SAY)).toHaveLength(2);
    await say(4, { maybeSent: true });
    expect(fake.of(SAY)).toHaveLength(2);
  });
});

describe('close', () => {
  const close = (handoffId: string) =>
    zohoSalesiq.close(fake.context(), {
      key: `${handoffId}.d9`,
      mode: 'external',
      handoffId,
      deskConversationId: TALK,
      timestamp: 1,
      reason: 'user_closed',
    });

  it('tries the other method when SalesIQ does not know ours, and remembers it', async () => {
    fake.set({ [`PUT ${CLOSE}`]: () => refusal(1004), [`POST ${CLOSE}`]: () => ({ body: { data: {} } }) });
    await close('ho_1');
    await close('ho_2');
    expect(fake.whats()).toEqual([`PUT ${CLOSE}`, `POST ${CLOSE}`, `POST ${CLOSE}`]);
  });

  it.each([1009, 1016])('says that the user has left where closing is refused with %i', async (code) => {
    fake.set({ [`PUT ${CLOSE}`]: () => refusal(code) });
    await close('ho_1');
    await close('ho_1');
    expect(fake.of(SAY).map(({ body }) => body)).toEqual([{ text: 'The user has left the chat.' }]);
  });
});

const KEY =
  'MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAKj34GkxFhD90vcNLYLInFEX6Ppy1tPf9Cnzj4p4WGeKLs1Pt8QuKUpRKfFLfRYC9AIKjbJTWit+CqvjWYzvQwECAwEAAQ==';
