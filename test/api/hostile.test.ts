import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRegistry } from '../../activities/desks/registry.ts';
import { webhook } from '../../activities/desks/webhook/index.ts';
import { until } from '../support/poll.ts';
import { rawConnection, refusedRaw } from '../support/raw-http.ts';
import { fakeDesk, hookPath, SECRET, sign } from './fake-desk.ts';
import { OPERATOR_KEY, startApi, type Answer, type Api } from './harness.ts';

let api: Api;
let botId: string;
let hook: string;

beforeAll(async () => {
  api = await startApi({ desks: createRegistry([webhook, fakeDesk()]) });
  ({ botId } = await api.bot({ desk: { kind: 'signed', secret: SECRET } }));
  hook = await hookPath(api, botId);
});
afterAll(() => api.close());

const KB = 1_024;
const AUTH = `authorization: Bearer ${OPERATOR_KEY}\r\n`;
const start = (more: string): string => `{"botId":"none","conversationId":"c","channel":"api","question":"q"${more}}`;
const filled = (bytes: number): string => start(`,"x":"${'x'.repeat(bytes - start(',"x":""').length)}"`);
const nested = (depth: number, open: string, close: string): string =>
  start(`,"metadata":{"a":${open.repeat(depth)}${close.repeat(depth)}}`);

type Body = [name: string, body: string | Buffer, status: number | number[], headers?: Record<string, string>];

/** `POST /v1/handoffs`, and what is wrong with its body. 404: readable, and the bot is unknown. */
const BODIES: Body[] = [
  ['none', '', 400],
  ['of one byte', '{', 400],
  ['of one space', ' ', 400],
  ['that is no object', '7', 400],
  ['that is null', 'null', 400],
  ['of NUL bytes', Buffer.alloc(64), 400],
  ['with a NUL', start(',"metadata":{"k":"a\u0000b"}'), 400],
  ['with an escaped NUL', start(',"metadata":{"k\\u0000":"a\\u0000b"}'), 404],
  ['with halves of surrogate pairs', start(',"metadata":{"\\ud800":"\\udc00"}'), 404],
  ['of bytes that are no UTF-8', Buffer.from([0x22, 0xff, 0xfe, 0xc0, 0xaf, 0x22]), 400],
  ['with bytes that are no UTF-8', Buffer.from(start(',"metadata":{"k":"\u00ff\u00fe"}'), 'latin1'), 404],
  ['with a byte order mark', `\ufeff${start('')}`, 404],
  ['in UTF-16', Buffer.from(start(''), 'utf16le'), 400, { 'content-type': 'application/json; charset=utf-16' }],
  ['with a charset that does not exist', start(''), 404, { 'content-type': 'application/json; charset=none' }],
  ['with an array instead of an object', `[${start('')}]`, 400],
  ['with a key twice', start(',"botId":"none"'), 404],
  ['with __proto__', start(',"__proto__":{"botId":"x"}'), 400],
  ['with __proto__ inside', start(',"metadata":{"__proto__":{"a":1}}'), 400],
  ['with a constructor', start(',"metadata":{"constructor":{"prototype":{"a":1}}}'), 400],
  ['with a length that is no number', start(',"history":{"length":{"toString":1}}'), 400],
  ['with what cannot be a text', start(',"metadata":{"k":{"to\\u0053tring":1}}'), 400],
  ['with numbers out of range', start(',"metadata":{"k":1e999,"l":-1e999,"m":1e-999}'), 404],
  ['with a number of ten thousand digits', start(`,"metadata":{"k":${'9'.repeat(10_000)}}`), 404],
  ['with objects without end', nested(50_000, '{"a":', '}'), 400],
  ['with arrays without end', nested(50_000, '[', ']'), 400],
  ['that only begins arrays', '['.repeat(200_000), 400],
  ['with a hundred thousand fields', `{${Array.from({ length: 50_000 }, (_, i) => `"f${i}":0`).join()}}`, 400],
  ['at the limit', filled(KB * KB), 400],
  ['one byte over the limit', filled(KB * KB + 1), 413],
  ['in gzip', gzipSync(start('')), 415, { 'content-encoding': 'gzip' }],
  ['in deflate', deflateSync(start('')), 415, { 'content-encoding': 'deflate' }],
  ['in brotli', brotliCompressSync(start('')), 415, { 'content-encoding': 'br' }],
  ['in two encodings', gzipSync(start('')), 415, { 'content-encoding': 'identity, gzip' }],
  ['that says it is in gzip and is not', start(''), 415, { 'content-encoding': 'gzip' }],
  ['in no encoding, said aloud', start(''), 404, { 'content-encoding': 'identity' }],
  ['of another type', '<a/>', 415, { 'content-type': 'application/xml' }],
  ['of a type that is none', start(''), 415, { 'content-type': 'json' }],
  ['of an empty type', start(''), 415, { 'content-type': '' }],
  ['of two types', start(''), 415, { 'content-type': 'application/json, text/plain' }],
];

/** Without those that are only large. */
const CHEAP_BODIES = BODIES.filter(([, body]) => body.length < 300_000);

const JSON_TYPE = { 'content-type': 'application/json' };

function expectEnvelope(answer: Answer, name: string): void {
  const { code, message, requestId } = answer.json?.error ?? answer.json ?? {};
  expect([typeof code, typeof message], `${name}: ${answer.text.slice(0, 300)}`).toEqual([
    expect.stringMatching(/string|number/),
    'string',
  ]);
  if (answer.json.error?.requestId !== undefined) expect(requestId, name).toBe(answer.headers.get('x-request-id'));
}

describe('a body', () => {
  it.each(BODIES)('%s has its answer', async (name, body, status, headers = {}) => {
    const answer = await api.call('POST', '/v1/handoffs', { body, headers: { ...JSON_TYPE, ...headers } });
    expect([status].flat(), answer.text.slice(0, 300)).toContain(answer.status);
    expectEnvelope(answer, name);
  });

  it('of any kind is an error of the caller at every address that takes one', async () => {
    const paths = ['/v1/human/message/receive', '/v1/human/close', '/mcp', '/codec/decode', '/v1/session', '/v1/hours'];
    for (const [name, body, , headers = {}] of CHEAP_BODIES) {
      const ask = (path: string) => api.call('POST', path, { body, headers: { ...JSON_TYPE, ...headers } });
      for (const answer of await Promise.all(paths.map(ask))) {
        expect(answer.status, `${name}: ${answer.text.slice(0, 300)}`).toBeGreaterThanOrEqual(400);
        expect(answer.status, `${name}: ${answer.text.slice(0, 300)}`).toBeLessThan(500);
        expectEnvelope(answer, name);
      }
    }
  });

  it('of any kind at the address of a webhook is refused without its signature, and nothing of it is kept', async () => {
    const refused = new Set<number>();
    const events = '[{"id":"e","conversation":"c","text":"never said"}]';
    const all: Body[] = [...CHEAP_BODIES, ['of events', events, 401], ['of events, in gzip', gzipSync(events), 401]];
    for (const [name, body, , headers = {}] of all) {
      const proofs = [undefined, '', sign('another secret', body), sign(SECRET, `${String(body)} `)];
      const ask = async (signature: string | undefined, index: number) => {
        const proof: Record<string, string> = signature === undefined ? {} : { 'x-signature': signature };
        const method = index % 2 === 0 ? 'POST' : 'PUT';
        return await api.call(method, hook, { key: null, body, headers: { ...headers, ...proof } });
      };
      for (const answer of await Promise.all(proofs.map(ask))) {
        refused.add(answer.status);
        expectEnvelope(answer, name);
      }
    }
    expect([...refused]).toEqual([401]);
    for (const known of [true, false]) {
      expect(await api.store.inbox.unforwarded({ known, olderThanSeconds: 0, limit: 10 })).toEqual([]);
    }
  });

  it('of any kind and any type with the right signature is read, and nonsense is a 400', async () => {
    const events = '[{"id":"typed","conversation":"typed","text":"said"}]';
    for (const [name, body, , headers = {}] of [...CHEAP_BODIES, ['of events', events, 200] as const]) {
      if (name === 'with an array instead of an object') continue;
      const signed = { ...headers, 'x-signature': sign(SECRET, body) };
      const answer = await api.call('POST', hook, { key: null, body, headers: signed });
      expect([name, answer.status]).toEqual([name, name === 'of events' ? 200 : 400]);
    }
    for (const type of [
      '',
      'json',
      'text',
      '*/*',
      'application/json; charset=none',
      'application/x-www-form-urlencoded',
    ]) {
      const headers = { 'content-type': type, 'x-signature': sign(SECRET, events) };
      expect([type, (await api.call('POST', hook, { key: null, body: events, headers })).status]).toEqual([type, 200]);
    }
  });

  it('without a length comes in chunks, and is measured as it comes', async () => {
    const send = (path: string, chunks: string[]): string =>
      `POST ${path} HTTP/1.1\r\nhost: x\r\n${AUTH}content-type: application/json\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n${[
        ...chunks,
        '',
      ]
        .map((chunk) => `${Buffer.byteLength(chunk).toString(16)}\r\n${chunk}\r\n`)
        .join('')}`;
    const whole = await refusedRaw(api.url, send('/v1/handoffs', start('').split('')));
    expect(whole.statuses()).toEqual([404]);
    const large = await refusedRaw(
      api.url,
      send('/v1/handoffs/none/messages', ['"', ...Array(300).fill('x'.repeat(KB))]),
    );
    expect(large.statuses()).toEqual([413]);
  });

  it('that ends too early is no request, and one that is too long is no second one', async () => {
    const head = `POST /v1/handoffs HTTP/1.1\r\nhost: x\r\n${AUTH}content-type: application/json\r\n`;
    const early = rawConnection(api.url, `${head}content-length: 500\r\n\r\n${start('')}`);
    early.socket.end();
    await until(() => early.closed(), { timeoutMs: 60_000, message: 'the end of the early one' });
    expect(early.statuses().filter((status) => status < 400)).toEqual([]);
    const long = await refusedRaw(api.url, `${head}content-length: ${start('').length}\r\n\r\n${start('')}x\r\n\r\n`);
    // The bytes behind it are refused, maybe before the first one has its answer.
    expect([[404, 400], [400]]).toContainEqual(long.statuses());
  });
});

describe('bytes that are no single request', () => {
  /** What an attacker hides in the body of the first one. */
  const hidden = (): string =>
    `PUT /v1/bots/smuggled HTTP/1.1\r\nhost: x\r\n${AUTH}content-type: application/json\r\ncontent-length: 2\r\n\r\n{}`;
  const post = (headers: string, body: string): string =>
    `POST /v1/handoffs HTTP/1.1\r\nhost: x\r\n${AUTH}content-type: application/json\r\n${headers}\r\n${body}`;

  it.each<[name: string, bytes: () => string]>([
    [
      'with a length and chunks',
      () => post(`content-length: 4\r\ntransfer-encoding: chunked\r\n`, `0\r\n\r\n${hidden()}`),
    ],
    [
      'with chunks and a length',
      () => post(`transfer-encoding: chunked\r\ncontent-length: 4\r\n`, `0\r\n\r\n${hidden()}`),
    ],
    ['with two lengths', () => post(`content-length: 0\r\ncontent-length: 44\r\n`, hidden())],
    ['with a list of lengths', () => post(`content-length: 0, 44\r\n`, hidden())],
    ['with a length that has a sign', () => post(`content-length: +0\r\n`, hidden())],
    ['with a length that is negative', () => post(`content-length: -1\r\n`, hidden())],
    ['with a length in hex', () => post(`content-length: 0x4\r\n`, hidden())],
    ['with a length beyond all numbers', () => post(`content-length: ${'9'.repeat(30)}\r\n`, hidden())],
    ['with a space before the colon', () => post(`transfer-encoding : chunked\r\n`, `0\r\n\r\n${hidden()}`)],
    ['with a folded header', () => post(`transfer-encoding:\r\n chunked\r\ncontent-length: 0\r\n`, hidden())],
    ['with chunks that are not the last encoding', () => post(`transfer-encoding: chunked, gzip\r\n`, hidden())],
    ['with an encoding that does not exist', () => post(`transfer-encoding: xchunked\r\n`, hidden())],
    ['with chunks of a size that is no number', () => post(`transfer-encoding: chunked\r\n`, `zz\r\n${hidden()}`)],
    [
      'with chunks of a size beyond all numbers',
      () => post(`transfer-encoding: chunked\r\n`, `${'f'.repeat(20)}\r\n${hidden()}`),
    ],
    [
      'with chunks that are longer than they say',
      () => post(`transfer-encoding: chunked\r\n`, `1\r\nxxxx\r\n${hidden()}`),
    ],
    ['with a NUL in a header', () => post(`x-a: \u0000\r\n`, hidden())],
    ['with a bare carriage return in a header', () => post(`x-a: a\rcontent-length: 0\r\n`, hidden())],
    ['of HTTP/2', () => `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${hidden()}`],
    ['of HTTP/0.9', () => `GET /livez\r\n\r\n${hidden()}`],
    ['of TLS', () => `\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001\u00fc\u0003\u0003${hidden()}`],
    ['with an address with a line break', () => `GET /livez\nhost: x HTTP/1.1\r\n\r\n${hidden()}`],
    ['with headers that are too large', () => post(`x-a: ${'a'.repeat(20 * KB)}\r\n`, hidden())],
    ['with too long an address', () => `GET /${'a'.repeat(20 * KB)} HTTP/1.1\r\nhost: x\r\n\r\n${hidden()}`],
  ])('%s get one refusal and the end of their connection', async (name, bytes) => {
    const { statuses, received } = await refusedRaw(api.url, Buffer.from(bytes(), 'latin1'));
    expect(statuses(), received()).toEqual([expect.toSatisfy((status: number) => [400, 413, 431].includes(status))]);
    const body = JSON.parse(received().slice(received().indexOf('\r\n\r\n') + 4));
    expect(body.error, name).toMatchObject({ code: expect.any(String), requestId: expect.any(String) });
    expect((await api.call('GET', '/v1/bots/smuggled')).status).toBe(404);
  });

  it('are answered in their order when they are several, and each only once', async () => {
    const calls: [request: string, status: number][] = [
      [`GET /v1/bots/none HTTP/1.1\r\nhost: x\r\n${AUTH}\r\n`, 404],
      ['GET /livez HTTP/1.1\r\nhost: x\r\n\r\n', 200],
      ['GET /v1/bots HTTP/1.1\r\nhost: x\r\n\r\n', 401],
      [post(`content-length: ${start('').length}\r\n`, start('')), 404],
      ['DELETE /v1/handoffs HTTP/1.1\r\nhost: x\r\n\r\n', 405],
      ['QUERY /livez HTTP/1.1\r\nhost: x\r\n\r\n', 405],
      // A body where none is expected is read past.
      ['GET /livez HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nhello', 200],
    ];
    const many = Array.from({ length: 20 }, () => calls).flat();
    // What cannot be parsed is the last one of its connection.
    many.push([post('content-length: 1\r\n', '{'), 400], ['GET /livez HTTP/1.1\r\nhost: x\r\n\r\n', 0]);
    const connection = rawConnection(api.url, many.map(([request]) => request).join(''));
    await until(() => connection.closed(), {
      timeoutMs: 60_000,
      message: () => `answers: ${connection.statuses().length}`,
    });
    expect(connection.statuses()).toEqual(many.map(([, status]) => status).slice(0, -1));
  });
});
