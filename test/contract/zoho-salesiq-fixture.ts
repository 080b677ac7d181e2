import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pino } from 'pino';
import type { DeskContext, OpenRequest, OutboundMessage, RawRequest } from '../../activities/desks/desk.ts';
import { type ZohoConfig, zohoConfig } from '../../activities/desks/zoho-salesiq/config.ts';
import { DeskError } from '../../activities/errors.ts';
import { createHttpClient } from '../../activities/http/client.ts';
import { createTestMemory } from '../support/desk-memory.ts';

export const TALK = '510000000777001';
export const DEPARTMENT = '510000000002013';
export const APP = '510000000002043';
export const REDIRECT = 'https://handoff.example.com/api/console/bot/zoho/salesiq/org/redirect';

/** What came, and as what: for example `POST /accounts/oauth/v2/token`. */
export interface Seen {
  what: string;
  query: Record<string, string>;
  headers: IncomingMessage['headers'];
  /** JSON, or the fields of a form. */
  body: Record<string, unknown>;
}

export interface Reply {
  status?: number;
  headers?: Record<string, string>;
  /** JSON, or a text as it is. */
  body?: unknown;
  /** No answer: the connection is cut. */
  cut?: boolean;
}

type Script = Record<string, (seen: Seen, count: number) => Reply>;

export const refusal = (code: number, status = 200): Reply => ({
  status,
  body: { error: { code, message: 'words of the vendor' } },
});
const data = (value: unknown): Reply => ({ body: { url: '/', object: 'list', data: value } });

const TOKEN = 'POST /accounts/oauth/v2/token';
const department = (id: string, name: string, is_enabled = 'true') => ({ id, name, display_name: name, is_enabled });

const DEFAULTS: Script = {
  [TOKEN]: ({ body }, count) => ({
    body: {
      access_token: `1005.acc.${count}`,
      ...(body['grant_type'] === 'authorization_code' && { refresh_token: `1005.ref.${count}` }),
      expires_in_sec: 3600,
      api_domain: 'https://www.zohoapis.eu',
      token_type: 'Bearer',
      expires_in: 3600,
    },
  }),
  'GET /api/v2/acme/departments': () =>
    data([department(DEPARTMENT, 'Support'), department('510000000004023', 'Billing', 'false')]),
  'GET /api/v2/acme/apps': () =>
    data([
      { id: '1', name: 'Old', enabled: false },
      { id: APP, name: 'Acme site', enabled: true },
    ]),
  'GET /api/v2/acme/conversations': () => data([]),
  'POST /api/visitor/v1/acme/conversations': () => data({ id: 'a41f09bd', conversation_id: TALK }),
  [`POST /api/visitor/v1/acme/conversations/${TALK}/messages`]: (_seen, count) =>
    count % 2 === 0 ? { status: 204, body: '' } : data({}),
  [`GET /api/v2/acme/conversations/${TALK}/messages`]: () => data([]),
  [`PUT /api/v2/acme/conversations/${TALK}/close`]: () => data({ id: TALK }),
};

/** A server that answers by script and remembers every call, and contexts that call it. */
export async function startFake() {
  const seen: Seen[] = [];
  const counts = new Map<string, number>();
  let script: Script = {};
  let logged = '';
  let nowMs = Date.parse('2026-03-02T09:00:00Z');
  const server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const http = createHttpClient({ allowedNetworks: ['127.0.0.0/8'] });
  let memory = createTestMemory(() => nowMs);

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const url = new URL(request.url ?? '/', base);
    const what = `${request.method} ${url.pathname}`;
    const text = Buffer.concat(chunks).toString('utf8');
    const isForm = request.headers['content-type'] === 'application/x-www-form-urlencoded';
    const body = isForm ? Object.fromEntries(new URLSearchParams(text)) : (JSON.parse(text || '{}') as object);
    const call = { what, query: Object.fromEntries(url.searchParams), headers: request.headers, body: { ...body } };
    seen.push(call);
    const count = (counts.get(what) ?? 0) + 1;
    counts.set(what, count);
    const reply: Reply = (script[what] ?? DEFAULTS[what] ?? (() => refusal(1006)))(call, count);
    if (reply.cut) return void request.socket.destroy();
    response.writeHead(reply.status ?? 200, { 'content-type': 'application/json', ...reply.headers });
    response.end(typeof reply.body === 'string' ? reply.body : JSON.stringify(reply.body ?? {}));
  }

  return {
    base,
    seen,
    whats: () => seen.map(({ what }) => what),
    of: (what: string) => seen.filter((call) => call.what === what),
    tokens: () => seen.filter(({ what }) => what === TOKEN),
    logged: () => logged,
    set: (more: Script) => (script = { ...script, ...more }),
    pass: (ms: number) => (nowMs += ms),
    get memory() {
      return memory;
    },
    reset() {
      seen.length = 0;
      counts.clear();
      script = {};
      memory = createTestMemory(() => nowMs);
    },
    context: (more: Record<string, unknown> = {}, signal = new AbortController().signal): DeskContext<ZohoConfig> => ({
      config: config(base, more),
      http,
      log: pino({ level: 'trace' }, { write: (line: string) => void (logged += line) }),
      memory,
      publicUrl: 'https://handoff.example.com',
      now: () => nowMs,
      signal,
    }),
    async stop() {
      await http.close();
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

export const config = (baseUrl: string, more: Record<string, unknown> = {}): ZohoConfig =>
  zohoConfig.parse({
    clientId: '1005.CLIENT',
    clientSecret: 'client-secret-value',
    screenName: 'acme',
    region: 'eu',
    departmentId: DEPARTMENT,
    baseUrl,
    ...more,
  });

export function opening(more: Partial<OpenRequest> = {}): OpenRequest {
  const handoffId = `ho_${randomUUID()}`;
  return {
    key: `${handoffId}.d1`,
    handoffId,
    botId: 'bot-7',
    conversationId: `c-${randomUUID()}`,
    channel: 'whatsapp',
    mode: 'external',
    timestamp: 1_760_947_200_123,
    user: { id: 'cust-20871', name: 'Lena Voss', phone: '+49228000' },
    email: 'lena@example.org',
    history: [
      { role: 'user', text: 'my order is late' },
      { role: 'bot', text: 'let me get a colleague' },
    ],
    question: 'I want to change my order 1182',
    ...more,
  };
}

export const message = (handoffId: string, more: Partial<OutboundMessage> = {}): OutboundMessage => ({
  key: `${handoffId}.d2`,
  handoffId,
  from: 'user',
  deskConversationId: TALK,
  timestamp: 1_760_947_261_990,
  text: 'order 1234',
  attachments: [],
  maybeSent: false,
  ...more,
});

export const rawRequest = (body: unknown, headers: RawRequest['headers'] = {}): RawRequest => ({
  method: 'POST',
  url: '/webhooks/zoho-salesiq/token',
  headers: { 'content-type': 'application/json', ...headers },
  body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
});

export async function failure(work: Promise<unknown>): Promise<DeskError> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof DeskError) return error;
  throw new Error('a DeskError was expected', { cause: error });
}
