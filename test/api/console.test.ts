import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createIntercomSandbox } from '../../api/sandbox/intercom/index.ts';
import { createWebhookSandbox } from '../../api/sandbox/webhook/index.ts';
import { OPERATOR_KEY, startApi, type Answer, type Api } from './harness.ts';

const SCRIPT = 'console.log("a script that is long enough to be compressed");\n'.repeat(40);

let api: Api;
let folder: string;
let url: string;
let app: FastifyInstance;

beforeAll(async () => {
  api = await startApi();
  folder = await mkdtemp(join(tmpdir(), 'baton-console-'));
  await mkdir(join(folder, 'assets'));
  await writeFile(join(folder, 'index.html'), '<!doctype html><title>console</title>');
  await writeFile(join(folder, 'playground.html'), '<!doctype html><title>playground</title>');
  await writeFile(join(folder, '.sources'), 'secret');
  await writeFile(join(folder, 'assets', 'index-CGMTOBIQ.js'), SCRIPT);
  await writeFile(join(folder, 'assets', 'index-CGMTOBIQ.js.gz'), gzipSync(SCRIPT));
  const sandboxes = { intercom: createIntercomSandbox().plugin(), webhook: createWebhookSandbox().plugin() };
  const served = await api.another({ consoleFolder: folder, playground: true, sandboxes });
  ({ url, app } = served);
});
afterAll(async () => {
  await app.close();
  await api.close();
  await rm(folder, { recursive: true, force: true });
});

const open = (path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Answer> =>
  api.call(method, url + path, { key: null, headers });

describe('the pages', () => {
  it.each([
    ['/', 'console'],
    ['/playground', 'playground'],
    ['/playground?email=ann%40example.org', 'playground'],
  ])('%s needs no key, is asked for again each time and is in no search engine', async (path, title) => {
    const answer = await open(path);
    expect([answer.status, answer.text]).toEqual([200, `<!doctype html><title>${title}</title>`]);
    expect(answer.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(answer.headers.get('cache-control')).toBe('no-cache');
    expect(answer.headers.get('x-robots-tag')).toBe('noindex');
    const etag = answer.headers.get('etag') ?? '';
    const again = await app.inject({ url: path, headers: { 'if-none-match': etag } });
    expect([again.statusCode, again.body]).toEqual([304, '']);
  });

  it('run only scripts and styles of our own, and are in no frame', async () => {
    const policy = (await open('/')).headers.get('content-security-policy') ?? '';
    expect(policy.split(';').toSorted()).toEqual([
      "base-uri 'none'",
      "connect-src 'self'",
      "default-src 'none'",
      "font-src 'self'",
      "form-action 'none'",
      "frame-ancestors 'none'",
      "img-src 'self' data:",
      "script-src 'self'",
      expect.stringMatching(/^style-src 'self'( 'sha256-[^']+')?$/),
    ]);
  });

  it('answer HEAD as GET, without the body, and 405 to the rest', async () => {
    for (const path of ['/', '/playground', '/assets/index-CGMTOBIQ.js']) {
      const [head, get] = [await open(path, {}, 'HEAD'), await open(path)];
      expect([head.status, head.text], path).toEqual([200, '']);
      expect(head.headers.get('content-type')).toBe(get.headers.get('content-type'));
    }
    expect((await open('/', {}, 'POST')).status).toBe(405);
  });

  it('have assets that are kept for ever, compressed where the browser takes it', async () => {
    const path = '/assets/index-CGMTOBIQ.js';
    const plain = await open(path, { 'accept-encoding': 'identity' });
    expect([plain.status, plain.text]).toEqual([200, SCRIPT]);
    expect(plain.headers.get('content-type')).toMatch(/^(text|application)\/javascript/);
    expect(plain.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
    expect(plain.headers.get('vary')).toMatch(/accept-encoding/i);
    const zipped = await fetch(url + path, { headers: { 'accept-encoding': 'gzip' } });
    expect(zipped.headers.get('content-encoding')).toBe('gzip');
    expect(await zipped.text()).toBe(SCRIPT);
  });

  it.each([
    '/assets/unknown-1.js',
    '/assets/',
    '/assets/.sources',
    '/assets/..%2f.sources',
    '/assets/..%2findex.html',
    '/assets/%2e%2e/.sources',
    '/assets/index-CGMTOBIQ.js/x',
    '/.sources',
    '/index.html',
    '/playground/',
  ])('%s is nothing', async (path) => {
    const answer = await open(path);
    expect([answer.status, answer.json.error.code]).toEqual([404, 'not_found']);
  });

  it('are not in the description of the API', async () => {
    const { paths } = (await open('/openapi.json')).json;
    expect(
      Object.keys(paths).filter((path) => !/^\/(v1|codec|webhooks|livez|readyz|metrics|api|mcp)/.test(path)),
    ).toEqual([]);
  });
});

describe('without', () => {
  it('a build, the page says what to do', async () => {
    const missing = await api.another({ consoleFolder: join(folder, 'nowhere'), playground: true });
    for (const path of ['/', '/playground']) {
      const answer = await api.call('GET', missing.url + path, { key: null });
      expect([answer.status, answer.headers.get('content-type')]).toEqual([503, 'text/html; charset=utf-8']);
      expect(answer.text).toContain('npx vite build');
    }
    expect((await api.call('GET', `${missing.url}/assets/index-CGMTOBIQ.js`, { key: null })).status).toBe(404);
    await mkdir(join(folder, 'nowhere'));
    await writeFile(join(folder, 'nowhere', 'index.html'), 'built meanwhile');
    expect((await api.call('GET', missing.url, { key: null })).text).toBe('built meanwhile');
    await missing.app.close();
  });

  it('the playground, its page is not there and says how to get it', async () => {
    const off = await api.another({ consoleFolder: folder });
    const answer = await api.call('GET', `${off.url}/playground`, { key: null });
    expect([answer.status, answer.json.error.code]).toEqual([404, 'not_found']);
    expect(answer.json.error.message).toContain('BATON_PLAYGROUND');
    await off.app.close();
  });
});

describe('the simulated desks', () => {
  const cookie = async (): Promise<string> => {
    const answer = await api.call('POST', '/v1/session', { key: null, body: { key: OPERATOR_KEY } });
    return answer.headers.getSetCookie()[0]?.split(';', 1)[0] ?? '';
  };

  it.each(['intercom', 'webhook'])("%s is programmed with the operator's key or cookie", async (desk) => {
    const ask = async (headers: Record<string, string>, method = 'GET') => {
      const answer = await open(`/sandbox/${desk}/_control/${method === 'GET' ? 'calls' : 'reset'}`, headers, method);
      return [answer.status, typeof answer.json?.error];
    };
    const signedIn = await cookie();
    expect(await ask({ authorization: `Bearer ${OPERATOR_KEY}` })).toEqual([200, 'undefined']);
    expect(await ask({ cookie: signedIn })).toEqual([200, 'undefined']);
    expect(await ask({ cookie: signedIn, origin: url }, 'POST')).toEqual([204, 'undefined']);
    expect(await ask({ cookie: signedIn }, 'POST')).toEqual([403, 'string']);
    expect(await ask({ cookie: signedIn, origin: 'https://evil.example' }, 'POST')).toEqual([403, 'string']);
    expect(await ask({ cookie: `${signedIn}x` })).toEqual([401, 'string']);
    expect(await ask({})).toEqual([401, 'string']);
    expect(await ask({ authorization: 'Bearer wrong' })).toEqual([401, 'string']);
    const { key } = await api.bot();
    expect(await ask({ authorization: `Bearer ${key}` })).toEqual([401, 'string']);
  });
});
