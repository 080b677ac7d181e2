import { request as httpRequest } from 'node:http';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { testSeed } from '../support/seed.ts';
import { OPERATOR_KEY, startApi, type Api } from './harness.ts';

let api: Api;
let botId: string;
let key: string;

beforeAll(async () => {
  api = await startApi();
  ({ botId, key } = await api.bot());
});
afterAll(() => api.close());

describe('one envelope for every error', () => {
  it('names every field problem at once', async () => {
    const answer = await api.call('POST', '/v1/handoffs', {
      body: {
        botId,
        channel: 'NOT short',
        user: { email: 'nobody', extra: 1 },
        question: '',
        history: [{ role: 'x' }],
      },
    });
    expect(answer.status).toBe(400);
    const { error } = answer.json;
    expect(error.code).toBe('invalid_request');
    expect(error.requestId).toBe(answer.headers.get('x-request-id'));
    const paths = error.details.map((d: { path: string }) => d.path);
    expect(paths).toEqual(
      expect.arrayContaining([
        'conversationId',
        'channel',
        'user.email',
        'user',
        'question',
        'history.0.role',
        'history.0.text',
      ]),
    );
  });

  it('names every problem of the settings at once', async () => {
    const answer = await api.call('PUT', '/v1/bots/wrong', {
      body: { enabled: 'yes', waitTimeoutSeconds: 1, desk: { kind: 'webhook', url: 'ftp://x' }, colour: 'red' },
    });
    expect(answer.status).toBe(400);
    const paths = answer.json.error.details.map((d: { path: string }) => d.path);
    expect(paths).toEqual(expect.arrayContaining(['enabled', 'waitTimeoutSeconds', 'desk.url', 'colour']));
  });

  it.each([
    ['GET', '/nowhere', undefined, {}, 404, 'not_found'],
    ['DELETE', '/v1/handoffs', undefined, {}, 405, 'method_not_allowed'],
    ['POST', '/v1/handoffs/ho_x', {}, {}, 405, 'method_not_allowed'],
    ['POST', '/v1/handoffs', '{"botId":', { 'content-type': 'application/json' }, 400, 'invalid_request'],
    ['POST', '/v1/handoffs', '{"__proto__":{}}', { 'content-type': 'application/json' }, 400, 'invalid_request'],
    [
      'POST',
      '/v1/handoffs',
      'botId=1',
      { 'content-type': 'application/x-www-form-urlencoded' },
      415,
      'unsupported_media_type',
    ],
    ['POST', '/v1/handoffs', undefined, {}, 400, 'invalid_request'],
    ['GET', '/v1/handoffs?cursor=made-up', undefined, {}, 400, 'invalid_request'],
    ['GET', '/v1/handoffs?status=gone', undefined, {}, 400, 'invalid_request'],
    ['GET', '/v1/handoffs/%00', undefined, {}, 404, 'handoff_not_found'],
    ['GET', '/v1/handoffs/%ff', undefined, {}, 400, 'invalid_request'],
    ['GET', '/v1/bots/none', undefined, {}, 404, 'bot_not_found'],
    ['PATCH', '/v1/bots/none', {}, {}, 404, 'bot_not_found'],
    ['PUT', '/v1/bots/not%20good', {}, {}, 400, 'invalid_request'],
  ] as const)('%s %s answers in the envelope', async (method, path, body, headers, status, code) => {
    const answer = await api.call(method, path, { body, headers: { ...headers } });
    expect(answer.status, answer.text).toBe(status);
    expect(answer.json.error).toMatchObject({ code, message: expect.any(String), requestId: expect.any(String) });
  });

  it('says which methods an address takes', async () => {
    const answer = await api.call('DELETE', '/v1/handoffs');
    expect(answer.headers.get('allow')?.split(', ').toSorted()).toEqual(['GET', 'HEAD', 'POST']);
  });

  it('refuses bodies beyond the limit', async () => {
    const started = await api.start(botId);
    const path = `/v1/handoffs/${started.json.handoff.id}/messages`;
    const big = await api.call('POST', path, { body: { text: 'x'.repeat(300 * 1024) } });
    expect([big.status, big.json.error.code]).toEqual([413, 'too_large']);
    const long = await api.call('POST', path, { body: { text: 'é'.repeat(9 * 1024) } });
    expect([long.status, long.json.error.details[0].path]).toEqual([400, 'text']);
  });
});

describe('security headers', () => {
  it.each(['/livez', '/nowhere', '/docs', '/docs/static/swagger-ui.css', '/v1/bots'])('are on %s', async (path) => {
    const { headers } = await api.call('GET', path);
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('x-frame-options')).toBe('DENY');
    expect(headers.get('referrer-policy')).toBe('no-referrer');
    const policy = headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("script-src 'self'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toContain('unsafe');
    expect(headers.get('x-powered-by')).toBeNull();
  });
});

describe('nonsense', () => {
  it('never gives a 5xx, whatever JSON comes to whatever address', async () => {
    const seed = testSeed('nonsense');
    // Here nobody has built the console, and its pages say so with a 503.
    const other = (url: string): boolean => url.includes('*') || /^\/(docs.*|playground)?$/.test(url);
    const routes = api.app.routeTable.filter((r) => r.method !== 'HEAD' && !other(r.url));
    const segment = fc.oneof(
      fc.constantFrom(botId, 'ho_1', '%00', '..', 'webhook'),
      fc.string({ unit: 'binary', maxLength: 20 }).map((s) => encodeURIComponent(Buffer.from(s).toString()) || 'x'),
    );
    // The last has a length, and no comparison of it is possible.
    const json = fc.oneof({ arbitrary: fc.jsonValue(), weight: 4 }, fc.constant({ length: { toString: 1 } }));
    const known = fc.record(
      {
        botId: fc.constantFrom(botId, 'x', '\u0000'),
        conversationId: fc.string({ unit: 'binary' }),
        conversation_id: fc.string(),
        timestamp: fc.oneof(fc.integer(), fc.double()),
        body: json,
        channel: fc.constantFrom('api', 'iframe', ''),
        user: fc.oneof(fc.constant({ email: 'a@b.cc', name: '\ud800' }), json),
        question: fc.string({ unit: 'binary' }),
        text: fc.string({ unit: 'binary' }),
        metadata: fc.dictionary(fc.string({ unit: 'binary' }), json),
        history: fc.oneof(fc.array(json), json),
        desk: json,
        hours: json,
        payloads: json,
      },
      { requiredKeys: [] },
    );
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...routes),
        fc.infiniteStream(segment),
        fc.oneof(known, json),
        fc.boolean(),
        async (route, segments, value, asBot) => {
          const path = route.url.replace(/:[A-Za-z]+/g, () => segments.next().value);
          const takesBody = !['GET', 'DELETE', 'OPTIONS'].includes(route.method);
          const status = await rawStatus(
            route.method,
            path,
            asBot ? key : OPERATOR_KEY,
            takesBody ? JSON.stringify(value) : undefined,
          );
          expect(status, `${route.method} ${path} ${JSON.stringify(value)}`).toBeLessThan(500);
        },
      ),
      { numRuns: 400, seed },
    );
  }, 120_000);

  it('refuses JSON that is nested without end', async () => {
    for (const path of ['/v1/handoffs', '/v1/human/close']) {
      const deep = `{"botId":"${botId}","metadata":${'{"\\u0041":'.repeat(10_000)}1${'}'.repeat(10_000)}}`;
      const answer = await api.call('POST', path, { key, body: deep, headers: { 'content-type': 'application/json' } });
      expect(answer.status, answer.text).toBe(400);
      expect(answer.text).toMatch(/nested|40000/);
    }
  });

  it('keeps what PostgreSQL cannot store out of the journal', async () => {
    const { botId: other } = await api.bot();
    const answer = await api.call('POST', '/v1/handoffs', {
      body:
        '{"botId":"' +
        other +
        '","conversationId":"c\\ud800","channel":"api","question":"a\\u0000b \\ud83d\\ude00","metadata":{"k\\u0000":"\\udc00"}}',
      headers: { 'content-type': 'application/json' },
    });
    expect(answer.status, answer.text).toBe(201);
    expect(answer.json.handoff).toMatchObject({
      conversationId: 'c\ufffd',
      question: 'a\ufffdb 😀',
      metadata: { 'k\ufffd': '\ufffd' },
    });
  });
});

/** `fetch` would tidy up the path. A stream is cut as soon as its status is known. */
function rawStatus(method: string, path: string, bearer: string, body: string | undefined): Promise<number> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(api.url);
    const call = httpRequest(
      {
        hostname,
        port,
        method,
        path,
        headers: {
          authorization: `Bearer ${bearer}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
      },
      (response) => {
        resolve(response.statusCode ?? 0);
        response.destroy();
      },
    );
    call.on('error', reject);
    call.end(body);
  });
}
