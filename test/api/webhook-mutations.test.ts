import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RawRequest } from '../../activities/desks/desk.ts';
import { desks } from '../../activities/desks/registry.ts';
import { changes, mutated } from '../support/mutate.ts';
import { jsonOf, type Recorded, recorded } from '../support/recorded.ts';
import { until } from '../support/poll.ts';
import { testSeed } from '../support/seed.ts';
import { hookPath } from './fake-desk.ts';
import { startApi, type Api } from './harness.ts';

let api: Api;
/** Where each of them calls us. */
const paths = new Map<Recorded, string>();

beforeAll(async () => {
  api = await startApi({ desks, logLevel: 'error' });
  for (const one of recorded) {
    const { botId } = await api.bot({ mode: one.mode, desk: { kind: one.desk.id, ...one.settings } });
    paths.set(one, await hookPath(api, botId));
  }
});
afterAll(() => api.close());

const bytesOf = (value: unknown): Buffer => Buffer.from(JSON.stringify(value) ?? 'null');

/** Through the real route, past the socket. */
async function call(one: Recorded, { method, url, headers, body }: RawRequest): Promise<number> {
  const [, query] = url.split('?');
  // 503: the machine is busy, or the database is; the desk comes again.
  return await until(
    async () => {
      const { statusCode } = await api.app.inject({
        method: method as 'POST',
        url: `${paths.get(one)}${query === undefined ? '' : `?${query}`}`,
        headers: { 'content-type': 'application/json', ...headers },
        payload: body,
      });
      return statusCode === 503 ? undefined : statusCode;
    },
    { message: `${one.name} is answered` },
  );
}

/** What was said with this has to wait for a bot, which takes seconds. */
const waits = ({ desk, config }: Recorded, raw: RawRequest): boolean => {
  try {
    return desk.webhook?.answer?.turn(raw, config) !== undefined;
  } catch {
    return false;
  }
};

/** How many things desks have reported so far, whatever became of them. */
async function reported(): Promise<number> {
  const { text } = await api.call('GET', '/metrics');
  const counts = [...text.matchAll(/^baton_(?:desk_events|foreign_events)_total\{[^}]*\} (\d+)$/gm)];
  return counts.reduce((sum, [, count]) => sum + Number(count), 0);
}

const ids = recorded.map((one) => [one.name, one] as const);

describe.each(ids)('the webhook route of %s', (name, one) => {
  const plain = one.requests.filter((request) => !waits(one, request));

  it('takes what the desk has signed, however odd it is, and never fails', async () => {
    const which = fc.nat(plain.length - 1);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(which, changes), { minLength: 1, maxLength: 6 }), async (all) => {
        const raws = all
          .map(([at, list]) => one.proved(plain[at]!, bytesOf(mutated(jsonOf(plain[at]!), list))))
          .filter((raw) => !waits(one, raw));
        const statuses = await Promise.all(raws.map((raw) => call(one, raw)));
        // 401: what it says about its robot or company is not what the settings say, or it is nothing of this desk.
        for (const [n, status] of statuses.entries()) {
          const isTooLarge = raws[n]!.body.length > api.config.limits.largeBodyBytes;
          expect(isTooLarge ? [413] : [200, 400, 401]).toContain(status);
        }
      }),
      { seed: testSeed(`route of ${name}`), numRuns: 4 },
    );
  });

  it('takes ids, texts and lists of any size', async () => {
    const long = (bytes: number): string => randomBytes(bytes / 2).toString('hex');
    const everywhere = (value: unknown, put: string): unknown => {
      if (typeof value === 'string' || typeof value === 'number') return value;
      if (Array.isArray(value)) return value.map((item) => everywhere(item, put));
      if (typeof value !== 'object' || value === null) return value;
      const entries = Object.entries(value).map(([key, item]) => [
        key,
        /(?:^|_)(?:id|ids|msgId|cid|ts|timems|msgid)$|Id$/.test(key) && ['string', 'number'].includes(typeof item)
          ? `${put}${String(item)}`
          : everywhere(item, put),
      ]);
      return Object.fromEntries(entries) as unknown;
    };
    for (const put of [long(4_000)]) {
      const raws = plain.map((request) => one.proved(request, bytesOf(everywhere(jsonOf(request), put))));
      const statuses = await Promise.all(raws.filter((raw) => !waits(one, raw)).map((raw) => call(one, raw)));
      for (const status of statuses) expect([200, 400, 401]).toContain(status);
    }
  });

  it('refuses what is no JSON, nests without an end or is no object, and goes on', async () => {
    const [request] = plain;
    const deep = '['.repeat(100_000);
    const bodies = ['', '\ufeff{}', 'null', '[]', '0', '"x"', '{"a":', deep, `${deep}${']'.repeat(100_000)}`].map(
      Buffer.from,
    );
    bodies.push(randomBytes(1_000), Buffer.from(request!.body.toString('utf8'), 'utf16le'));
    for (const body of bodies) expect([200, 400, 401]).toContain(await call(one, one.proved(request!, body)));
    expect(await call(one, one.proved(request!, request!.body))).toBe(200);
  });
});

it('nothing is heard of a desk whose proof is missing, altered, of another body or of another desk', async () => {
  const before = await reported();
  const genuine = await Promise.all(
    recorded.map(async (one) => {
      const request = one.requests.findLast(
        (raw) => !waits(one, raw) && one.desk.webhook?.parse(raw, one.config).length,
      );
      return { one, raw: one.proved(request!, request!.body) };
    }),
  );
  const altered = (text: string): string[] => [
    '',
    text.slice(1),
    `${text}0`,
    (text.startsWith('a') ? 'b' : 'a') + text.slice(1),
    text.slice(0, -1),
    text.toUpperCase() === text ? text.toLowerCase() : `${text} ${text}`,
  ];
  for (const { one, raw } of genuine) {
    // The open API and the widget of Sobot have no proof but the address; its forwarded batches have one.
    const isUnsigned = one.desk.id === 'sobot' && !raw.body.includes('"content":[');
    if (isUnsigned) continue;
    const proofs = Object.keys(raw.headers).filter((header) =>
      /^x-(?:hub-signature|siqsignature|log-sign)$/.test(header),
    );
    const forged: RawRequest[] = [];
    for (const header of proofs) {
      const { [header]: proof, ...headers } = raw.headers;
      forged.push({ ...raw, headers });
      for (const text of altered(String(proof))) forged.push({ ...raw, headers: { ...headers, [header]: text } });
      if (one.desk.id !== 'sobot') forged.push({ ...raw, body: Buffer.concat([raw.body, Buffer.from(' ')]) });
    }
    const token = new URL(raw.url, 'http://localhost').searchParams.get('token');
    for (const text of token === null ? [] : altered(token)) {
      forged.push({ ...raw, url: `/x?token=${encodeURIComponent(text)}` }, { ...raw, url: `${raw.url}&token=${text}` });
    }
    if (one.desk.id === 'livechat') {
      const body = jsonOf(raw) as Record<string, unknown>;
      for (const secret_key of [undefined, null, [body['secret_key']], ...altered(String(body['secret_key']))]) {
        forged.push({ ...raw, body: bytesOf({ ...body, secret_key }) });
      }
      forged.push({ ...raw, body: bytesOf({ ...body, organization_id: 'another' }) });
    }
    expect(forged.length, one.name).toBeGreaterThan(5);
    for (const request of forged) expect(await call(one, request), one.name).toBe(401);
  }
  expect(await reported()).toBe(before);
});

it('what a Webhook desk sends is taken or refused in its own words, whatever is changed in it', async () => {
  const { botId, key } = await api.bot();
  const { id } = (await api.start(botId)).json.handoff;
  const genuine = {
    conversation_id: id as string,
    timestamp: 1_760_947_275_400,
    body: 'Hello Lea',
    message_id: 'm-1',
    agent: { id: 'a-1', name: 'Nora', avatar: 'https://files.example/1.png' },
    attachments: [{ url: 'https://files.example/a.png', name: 'a.png', contentType: 'image/png' }],
  };
  await fc.assert(
    fc.asyncProperty(changes, fc.constantFrom('message/receive', 'close'), async (list, path) => {
      const body = bytesOf(mutated(genuine, list)).toString('utf8');
      const { status, json } = await api.call('POST', `/v1/human/${path}`, {
        key,
        body,
        headers: { 'content-type': 'application/json' },
      });
      // 503: not stored, the desk sends it again.
      expect(['200 200', '400 40000', '404 40356', '503 50000']).toContain(`${status} ${json.code}`);
    }),
    { seed: testSeed('human routes'), numRuns: 40 },
  );
});

it('what came too late is told, whatever its bounds were when it came', async () => {
  const { botId } = await api.bot();
  const { id } = (await api.start(botId)).json.handoff;
  const url = `javascript:${'x'.repeat(5_000)}`;
  const late = {
    id: 'late-1',
    at: new Date(0).toISOString(),
    from: 'agent' as const,
    text: 'late',
    attachments: Array.from({ length: 30 }, () => ({ url, name: 'n'.repeat(400) })),
  };
  await api.store.journal.append({ handoffId: id, botId, events: [], late: [late] });
  const { status, json } = await api.call('GET', `/v1/handoffs/${id}`);
  expect([status, json.lateMessages]).toEqual([200, [late]]);
});
