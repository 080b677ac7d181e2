import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sessionSecret } from '../../api/session.ts';
import { until } from '../support/poll.ts';
import { OPERATOR_KEY, startApi, type Answer, type Api, type CallOptions } from './harness.ts';

let api: Api;
let own: { botId: string; key: string };

beforeAll(async () => {
  api = await startApi();
  own = await api.bot();
});
afterAll(() => api.close());

const signIn = (key = OPERATOR_KEY, options: CallOptions = {}): Promise<Answer> =>
  api.call('POST', '/v1/session', { key: null, body: { key }, ...options });

const setCookie = (answer: Answer): string => answer.headers.getSetCookie()[0] ?? '';
const cookieOf = (answer: Answer): string => setCookie(answer).split(';', 1)[0] ?? '';

/** A call as a browser makes it: with the cookie, without a key. */
const browse = (cookie: string, method: string, path: string, more: CallOptions = {}): Promise<Answer> =>
  api.call(method, path, { key: null, ...more, headers: { cookie, ...more.headers } });

/** A cookie that we would have signed, with this content. */
function signed(value: string, operatorKey = OPERATOR_KEY): string {
  const signature = createHmac('sha256', sessionSecret(operatorKey)).update(value).digest('base64').replace(/=/g, '');
  return `baton_session=${encodeURIComponent(`${value}.${signature}`)}`;
}

describe('a session', () => {
  it('begins with the operator key, in a cookie that no script reads and no other site sends', async () => {
    const answer = await signIn();
    expect([answer.status, answer.text]).toEqual([204, '']);
    const attributes = setCookie(answer).split('; ').slice(1);
    expect(attributes.toSorted()).toEqual(['HttpOnly', 'Max-Age=43200', 'Path=/', 'SameSite=Strict']);
    expect(setCookie(answer)).not.toContain(OPERATOR_KEY);
    const { expiresAt } = (await browse(cookieOf(answer), 'GET', '/v1/session')).json;
    expect(Math.abs(Date.parse(expiresAt) - Date.now() - 12 * 3_600_000)).toBeLessThan(60_000);
  });

  it('is only for https when the page is', async () => {
    const secure = await api.another({ config: { ...api.config, publicUrl: 'https://baton.example.com' } });
    const ask = async (headers: Record<string, string>) =>
      setCookie(
        await api.call('POST', `${secure.url}/v1/session`, { key: null, body: { key: OPERATOR_KEY }, headers }),
      );
    expect(await ask({ origin: 'https://baton.example.com' })).toContain('Secure');
    expect(await ask({})).toContain('Secure');
    expect(await ask({ origin: secure.url })).not.toContain('Secure');
    await secure.app.close();
  });

  it("begins neither with a bot's key nor with a wrong one", async () => {
    for (const key of [own.key, 'wrong', '']) {
      const answer = await signIn(key);
      expect([answer.status, answer.json.error.code, setCookie(answer)]).toEqual([401, 'unauthorized', '']);
    }
    expect((await api.call('POST', '/v1/session', { key: null, body: {} })).json.error.details).toMatchObject([
      { path: 'key' },
    ]);
  });

  it('ends with DELETE, and there is none without a cookie', async () => {
    const cookie = cookieOf(await signIn());
    const ended = await browse(cookie, 'DELETE', '/v1/session');
    expect(ended.status).toBe(204);
    expect(setCookie(ended)).toMatch(/^baton_session=;.*(Max-Age=0|Expires=Thu, 01 Jan 1970)/);
    expect(await api.call('GET', '/v1/session', { key: null })).toMatchObject({
      status: 200,
      json: { expiresAt: null },
    });
  });

  it('counts as the operator wherever a key is asked for', async () => {
    const cookie = cookieOf(await signIn());
    expect((await browse(cookie, 'GET', '/v1/bots')).json.bots.map(({ id }: { id: string }) => id)).toContain(
      own.botId,
    );
    expect((await browse(cookie, 'HEAD', '/v1/bots')).status).toBe(200);
    const made = await browse(cookie, 'POST', `/v1/bots/${own.botId}/keys`, { body: {}, headers: { origin: api.url } });
    expect(made.status).toBe(201);
  });

  it('is not looked at beside an Authorization header', async () => {
    const cookie = cookieOf(await signIn());
    const asked = await browse(cookie, 'GET', '/v1/bots', { key: own.key });
    expect(asked.json.bots.map(({ id }: { id: string }) => id)).toEqual([own.botId]);
    expect((await browse(cookie, 'GET', '/v1/bots', { key: 'wrong' })).status).toBe(401);
    expect((await browse(cookie, 'GET', '/v1/bots', { headers: { authorization: 'Basic eDp5' } })).status).toBe(401);
  });

  it.each([
    ['changed', (cookie: string) => cookie.replace('=1', '=2')],
    ['cut', (cookie: string) => cookie.slice(0, -2)],
    ['unsigned', () => `baton_session=${Date.now() + 60_000}~x`],
    ['over', () => signed(`${Date.now() - 1}~x`)],
    ['of no time', () => signed('soon~x')],
    ['of another operator key', () => signed(`${Date.now() + 60_000}~x`, 'another-operator-key')],
    ['empty', () => 'baton_session='],
  ])('that is %s is none', async (_, made) => {
    const cookie = made(cookieOf(await signIn()));
    expect((await browse(cookie, 'GET', '/v1/session')).json).toEqual({ expiresAt: null });
    expect((await browse(cookie, 'GET', '/v1/bots')).status).toBe(401);
  });

  it('is known to every process with the same operator key', async () => {
    const cookie = signed(`${Date.now() + 60_000}~x`);
    const other = await api.another();
    expect((await browse(cookie, 'GET', `${other.url}/v1/bots`)).status).toBe(200);
    await other.app.close();
  });
});

describe('a page of another origin', () => {
  const write = async (headers: Record<string, string>, cookie?: string) => {
    const answer = await browse(cookie ?? cookieOf(await signIn()), 'PATCH', `/v1/bots/${own.botId}`, {
      body: { contextRounds: 7 },
      headers,
    });
    return answer.status === 200 ? 'done' : answer.json.error.code;
  };

  it('cannot use the cookie to change anything', async () => {
    const host = new URL(api.url).host;
    const foreign: Record<string, string>[] = [
      {},
      { origin: 'null' },
      { origin: '' },
      { origin: 'https://evil.example' },
      { origin: `${api.url}.evil.example` },
      { origin: `https://${host}` },
      { origin: 'http://127.0.0.1:1' },
      { origin: 'null', 'sec-fetch-site': 'same-origin' },
      { 'sec-fetch-site': 'same-site' },
      { 'sec-fetch-site': 'none' },
      { referer: `${api.url}/` },
      { origin: 'http://evil.example', 'x-forwarded-host': 'evil.example' },
    ];
    for (const headers of foreign) expect(await write(headers), JSON.stringify(headers)).toBe('cross_origin');
    expect((await api.call('GET', `/v1/bots/${own.botId}`)).json.settings.contextRounds).toBe(10);
  });

  it('is told so at sign-in', async () => {
    const answer = await signIn(OPERATOR_KEY, { headers: { origin: 'https://evil.example' } });
    expect([answer.status, answer.json.error.code, setCookie(answer)]).toEqual([403, 'cross_origin', '']);
    expect(answer.json.error.message).toContain('BATON_PUBLIC_URL');
    const out = await browse('', 'DELETE', '/v1/session', { headers: { origin: 'null' } });
    expect([out.status, setCookie(out)]).toEqual([403, '']);
  });

  it('is none when it is the called address, the public address or said by the browser to be the same', async () => {
    const ours: Record<string, string>[] = [
      { origin: api.url },
      { origin: api.config.publicUrl },
      { 'sec-fetch-site': 'same-origin' },
    ];
    for (const headers of ours) expect(await write(headers), JSON.stringify(headers)).toBe('done');
  });

  it('reads nothing: no answer allows it', async () => {
    const cookie = cookieOf(await signIn());
    const { status, headers } = await browse(cookie, 'GET', '/v1/bots', {
      headers: { origin: 'https://evil.example' },
    });
    expect([status, headers.get('access-control-allow-origin')]).toEqual([200, null]);
    expect(headers.get('cross-origin-resource-policy')).toBe('same-origin');
  });
});

describe('limits', () => {
  it('wrong keys at sign-in are counted with all other wrong keys', async () => {
    const { app, url } = await api.another();
    const ask = async (key: string) =>
      (await api.call('POST', `${url}/v1/session`, { key: null, body: { key } })).status;
    const statuses: number[] = [];
    for (let i = 0; i < 62; i += 1) statuses.push(await ask(`guess-${i}`));
    expect(new Set(statuses.slice(0, 60))).toEqual(new Set([401]));
    expect(statuses.slice(60)).toEqual([429, 429]);
    expect((await api.call('GET', `${url}/v1/bots`, { key: 'guess' })).status).toBe(429);
    await app.close();
  });

  it('an old cookie is no wrong key: its page does not shut the operator out', async () => {
    const { app, url } = await api.another();
    const old = signed(`${Date.now() - 1}~x`);
    for (let i = 0; i < 65; i += 1) expect((await browse(old, 'GET', `${url}/v1/bots`)).status).toBe(401);
    expect((await api.call('GET', `${url}/v1/bots`, { key: 'guess' })).status).toBe(401);
    await app.close();
  });

  it('each session has its own count, and cookies that are made up share that of their address', async () => {
    const { app, url } = await api.another({ config: { ...api.config, rateLimit: 3 } });
    const ask = async (cookie: string) => (await browse(cookie, 'GET', `${url}/v1/bots`)).status;
    const [one, two] = [signed(`${Date.now() + 60_000}~one`), signed(`${Date.now() + 60_000}~two`)];
    expect([await ask(one), await ask(one), await ask(one), await ask(one)]).toEqual([200, 200, 200, 429]);
    expect(await ask(two)).toBe(200);
    const made = [];
    for (let i = 0; i < 4; i += 1) made.push((await browse(`baton_session=${i}`, 'GET', `${url}/v1/session`)).status);
    expect(made).toEqual([200, 200, 200, 429]);
    await app.close();
  });
});

describe('a stream', () => {
  const open = async (cookie: string, url = api.url) => {
    const response = await fetch(`${url}/v1/bots/${own.botId}/events`, {
      headers: { cookie, accept: 'text/event-stream' },
    });
    let ended = false;
    const read = async (): Promise<void> => {
      for await (const _ of response.body ?? []);
    };
    void read()
      .catch(() => undefined)
      .finally(() => (ended = true));
    return { status: response.status, ended: () => ended };
  };

  it('takes the cookie, and ends with the session', async () => {
    const { app, url } = await api.another({ heartbeatMs: 50 });
    const long = await open(signed(`${Date.now() + 60_000}~long`), url);
    const short = await open(signed(`${Date.now() + 400}~short`), url);
    expect([long.status, short.status]).toEqual([200, 200]);
    await until(() => short.ended(), { message: 'the stream ends with its session' });
    expect(long.ended()).toBe(false);
    await app.close();
  });
});

it('the secret of the cookies is not the operator key, and follows it', () => {
  const secret = sessionSecret(OPERATOR_KEY);
  expect(secret).toHaveLength(32);
  expect(secret.includes(OPERATOR_KEY)).toBe(false);
  expect(sessionSecret(`${OPERATOR_KEY}x`).equals(secret)).toBe(false);
});
