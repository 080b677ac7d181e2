import { once } from 'node:events';
import { connect } from 'node:net';
import { readFile } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pino } from 'pino';
import { createStore } from '../../activities/store/store.ts';
import { createWebhookSandbox } from '../../api/sandbox/webhook/index.ts';
import { OPENAPI_FILE, openApiDocument } from '../../api/openapi.ts';
import { freePort } from '../../worker/local/processes.ts';
import { startApi, type Api } from './harness.ts';

let api: Api;
const UI = 'http://localhost:8233';

beforeAll(async () => {
  const payloadKeys = `p1:${randomBytes(32).toString('base64')}`;
  api = await startApi({ config: { payloadKeys }, temporalUiUrl: `${UI}/namespaces` });
});
afterAll(() => api.close());

describe('the document', () => {
  it('openapi.json is what the app says now (npm run openapi writes it)', async () => {
    expect(await openApiDocument()).toBe(await readFile(OPENAPI_FILE, 'utf8'));
  });

  it('is served, is OpenAPI 3.1, and describes every route under /v1 with a summary', async () => {
    const { json } = await api.call('GET', '/openapi.json', { key: null });
    expect(json.openapi).toBe('3.1.0');
    for (const { method, url } of api.app.routeTable) {
      if (!url.startsWith('/v1') || method === 'HEAD') continue;
      const path = url.replace(/:([A-Za-z]+)/g, '{$1}');
      expect(json.paths[path]?.[method.toLowerCase()]?.summary, `${method} ${path}`).toEqual(expect.any(String));
    }
    for (const name of ['StartHandoffInput', 'Handoff', 'HandoffEvent', 'Error']) {
      expect(json.components.schemas, name).toHaveProperty(name);
    }
    expect(json.components.schemas.StartHandoffInput.examples).toHaveLength(1);
  });

  it('has a page that loads nothing but our own files', async () => {
    const page = await api.call('GET', '/docs', { key: null });
    expect(page.headers.get('content-type')).toContain('text/html');
    expect(page.text).not.toMatch(/<script(?![^>]*\ssrc=)[^>]*>/);
    expect(page.text).not.toMatch(/<style|\son\w+=/);
    const links = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map((m) => m[1] ?? '');
    expect(links.length).toBeGreaterThan(4);
    for (const link of links) {
      expect(link).not.toMatch(/^(https?:)?\/\//);
      const file = await api.call('GET', new URL(link, `${api.url}/docs/`).pathname, { key: null });
      expect(file.status, link).toBe(200);
    }
    const script = await api.call('GET', '/docs/static/swagger-initializer.js', { key: null });
    expect(script.text).toContain('"validatorUrl":null');
  });
});

describe('probes', () => {
  it('say that process, PostgreSQL and Temporal answer', async () => {
    expect((await api.call('GET', '/livez', { key: null })).json).toEqual({ status: 'ok' });
    const ready = await api.call('GET', '/readyz', { key: null });
    expect([ready.status, ready.json]).toEqual([
      200,
      { status: 'ready', parts: { postgresql: 'ok', migrations: 'ok', temporal: 'ok', load: 'ok' } },
    ]);
  });

  it('say that PostgreSQL is down, and requests answer 503 with Retry-After', async () => {
    const databaseUrl = `postgres://nobody:none@127.0.0.1:${await freePort()}/none`;
    const store = createStore({ databaseUrl, secretKeys: api.secretKeys, log: pino({ level: 'silent' }) });
    const lost = await api.another({ store });
    const ready = await fetch(`${lost.url}/readyz`);
    expect([ready.status, ((await ready.json()) as { parts: unknown }).parts]).toMatchObject([
      503,
      { postgresql: 'down', temporal: 'ok' },
    ]);
    const answer = await fetch(`${lost.url}/v1/bots`, {
      headers: { authorization: 'Bearer operator-key-of-the-tests' },
    });
    expect(answer.status).toBe(503);
    expect(answer.headers.get('retry-after')).not.toBeNull();
    expect(((await answer.json()) as { error: { code: string } }).error.code).toBe('postgresql_unavailable');
    await lost.app.close();
    await store.close();
  });
});

describe('metrics', () => {
  it('are open on loopback, and not through a proxy', async () => {
    const open = await api.call('GET', '/metrics', { key: null });
    expect(open.status).toBe(200);
    expect(open.text).toContain('baton_http_request_duration_seconds_bucket');
    const headers = { 'x-forwarded-for': '203.0.113.9' };
    expect((await api.call('GET', '/metrics', { key: null, headers })).status).toBe(401);
    expect((await api.call('GET', '/metrics', { headers })).status).toBe(200);
    const { key } = await api.bot();
    expect((await api.call('GET', '/metrics', { key, headers })).status).toBe(403);
  });

  it('need the operator key from another machine', async () => {
    const { app } = await api.another();
    const ask = (remoteAddress: string) => app.inject({ url: '/metrics', remoteAddress });
    expect((await ask('192.0.2.1')).statusCode).toBe(401);
    expect((await ask('::ffff:192.0.2.1')).statusCode).toBe(401);
    expect((await ask('::ffff:127.0.0.1')).statusCode).toBe(200);
    await app.close();
  });
});

describe('the payload codec', () => {
  const payload = { metadata: { encoding: btoa('json/plain') }, data: btoa('{"text":"hello"}') };

  it('encodes and decodes for the operator only', async () => {
    const encoded = await api.call('POST', '/codec/encode', { body: { payloads: [payload] } });
    expect(encoded.status, encoded.text).toBe(200);
    expect(atob(encoded.json.payloads[0].metadata.encoding)).toBe('binary/encrypted');
    expect(atob(encoded.json.payloads[0].data)).not.toContain('hello');
    const decoded = await api.call('POST', '/codec/decode', {
      body: encoded.json,
      headers: { 'x-namespace': 'default' },
    });
    expect(decoded.json.payloads).toEqual([payload]);
    const { key } = await api.bot();
    for (const path of ['/codec/encode', '/codec/decode']) {
      expect((await api.call('POST', path, { key, body: { payloads: [] } })).status).toBe(403);
      expect((await api.call('POST', path, { key: null, body: { payloads: [] } })).status).toBe(401);
    }
    expect(api.log.join('')).toContain('codec used');
  });

  it('answers 400 to payloads of a key that is not there', async () => {
    const foreign = {
      metadata: { encoding: btoa('binary/encrypted'), 'encryption-key-id': btoa('gone') },
      data: btoa('x'),
    };
    expect((await api.call('POST', '/codec/decode', { body: { payloads: [foreign] } })).status).toBe(400);
  });

  it('lets the origin of the UI in, and no other', async () => {
    const preflight = (origin: string) => api.call('OPTIONS', '/codec/decode', { key: null, headers: { origin } });
    const ours = await preflight(UI);
    expect(ours.status).toBe(204);
    expect(ours.headers.get('access-control-allow-origin')).toBe(UI);
    expect(ours.headers.get('access-control-allow-headers')).toContain('x-namespace');
    expect((await preflight('https://evil.example')).headers.get('access-control-allow-origin')).toBeNull();
  });

  it('is not there without keys', async () => {
    const { url, app } = await api.another({ config: { ...api.config, payloadKeys: undefined } });
    const answer = await fetch(`${url}/codec/decode`, {
      method: 'POST',
      headers: { authorization: 'Bearer operator-key-of-the-tests', 'content-type': 'application/json' },
      body: JSON.stringify({ payloads: [] }),
    });
    expect(answer.status).toBe(404);
    await app.close();
  });
});

it('the sandbox desk answers below its prefix and is no part of the document', async () => {
  const { url, app } = await api.another({ sandboxes: { webhook: createWebhookSandbox().plugin() } });
  const answer = await fetch(`${url}/sandbox/webhook/conversation/establish`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{}',
  });
  expect([answer.status, await answer.json()]).toMatchObject([400, { code: 400 }]);
  expect(JSON.stringify(app.swagger())).not.toContain('/sandbox');
  await app.close();
});

it('closes at once although a browser has connected in advance and asked nothing', async () => {
  const { url, app } = await api.another();
  const spare = connect(Number(new URL(url).port), '127.0.0.1').on('error', () => undefined);
  await once(spare, 'connect');
  // Behind this one in the queue of connections: the spare one is accepted by now.
  expect((await fetch(`${url}/livez`)).status).toBe(200);
  const [from] = [Date.now(), await app.close()];
  expect(Date.now() - from).toBeLessThan(15_000);
  expect(spare.destroyed || (await once(spare, 'close'))).toBeTruthy();
});
