import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { temporalCliPath } from '../support/temporal.ts';
import { OPERATOR_KEY, startApi, type Api } from './harness.ts';

const UI = 'http://localhost:8233';
const QUESTION = 'a question that only an operator reads';

let api: Api;
let id: string;

beforeAll(async () => {
  const payloadKeys = `p1:${randomBytes(32).toString('base64')}`;
  api = await startApi({ config: { payloadKeys }, temporalUiUrl: `${UI}/namespaces` });
  const { botId } = await api.bot();
  id = (await api.start(botId, { question: QUESTION })).json.handoff.id;
});
afterAll(() => api.close());

const uses = (): Record<string, unknown>[] =>
  api.log.map((line) => JSON.parse(line) as Record<string, unknown>).filter(({ msg }) => msg === 'codec used');

/** The Temporal CLI as an operator calls it. */
async function show(...args: string[]): Promise<string> {
  const { connection, namespace } = api.temporal;
  const address = connection.options.address;
  const where = ['--address', address, '--namespace', namespace, '--workflow-id', id, '--output', 'json'];
  const { stdout } = await promisify(execFile)(temporalCliPath(), ['workflow', 'show', ...where, ...args]);
  // Payloads as they are, in base64.
  return [...stdout.matchAll(/"data": "([^"]+)"/g)].map(([, data]) => atob(data ?? '')).join('\n');
}

it('lets the Temporal CLI show a run to whoever has the operator key', async () => {
  expect(await show()).not.toContain(QUESTION);
  const endpoint = ['--codec-endpoint', `${api.url}/codec`];
  expect(await show(...endpoint, '--codec-auth', `Bearer ${OPERATOR_KEY}`)).toContain(QUESTION);
  expect(uses().at(-1)).toMatchObject({ operation: 'decode', by: 'key', namespace: api.temporal.namespace });
});

it('lets pages of the Temporal UI use a session, and those of nobody else', async () => {
  const signedIn = await api.call('POST', '/v1/session', { key: null, body: { key: OPERATOR_KEY } });
  const cookie = signedIn.headers.getSetCookie()[0]?.split(';', 1)[0] ?? '';
  const decode = (origin: string, path = '/codec/decode') =>
    api.call('POST', path, { key: null, body: { payloads: [] }, headers: { cookie, origin } });
  const ours = await decode(UI);
  expect(ours.status, ours.text).toBe(200);
  expect(ours.headers.get('access-control-allow-origin')).toBe(UI);
  expect(ours.headers.get('access-control-allow-credentials')).toBe('true');
  expect(uses().at(-1)).toMatchObject({ operation: 'decode', by: 'session', origin: UI });
  for (const origin of ['https://evil.example', 'http://localhost:8234', 'null']) {
    const foreign = await decode(origin);
    expect([foreign.status, foreign.json.error.code]).toEqual([403, 'cross_origin']);
    expect(foreign.headers.get('access-control-allow-origin')).toBeNull();
  }
  // Nothing else of ours is open to the UI's pages.
  expect((await decode(UI, '/v1/hours')).status).toBe(403);
  expect((await decode(UI, '/v1/handoffs')).status).toBe(403);
});

it('counts as any other call against the limit of a key, and wrong keys are counted', async () => {
  const { app, url } = await api.another({ config: { ...api.config, rateLimit: 2 } });
  const call = (key: string) =>
    fetch(`${url}/codec/decode`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ payloads: [] }),
    });
  const statuses: number[] = [];
  for (let n = 0; n < 3; n += 1) statuses.push((await call(OPERATOR_KEY)).status);
  expect(statuses).toEqual([200, 200, 429]);
  const guesses: number[] = [];
  for (let n = 0; n < 61; n += 1) guesses.push((await call(`guess-${n}`)).status);
  expect([guesses[0], guesses.at(-1)]).toEqual([401, 429]);
  await app.close();
});
