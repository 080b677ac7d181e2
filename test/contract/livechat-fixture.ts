import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pino } from 'pino';
import type { DeskContext, OpenRequest, OutboundMessage, RawRequest } from '../../activities/desks/desk.ts';
import { type LivechatConfig, livechatConfig } from '../../activities/desks/livechat/config.ts';
import { DeskError } from '../../activities/errors.ts';
import { createHttpClient } from '../../activities/http/client.ts';
import { createTestMemory } from '../support/desk-memory.ts';

export const ORGANIZATION = '0b6f2c1e-1111-4222-8333-944455556666';
export const CUSTOMER = '7d2c0f0e-52f1-4a5e-9a35-0d0a3b7e11aa';
export const SEAT = 'ai@customer.example';
export const ANA = 'ana@customer.example';
export const SECRET = 'whsec_local_test';

export interface Seen {
  /** For example `customer/send_event`, `accounts/token`. */
  action: string;
  method: string;
  path: string;
  headers: IncomingMessage['headers'];
  body: Record<string, unknown>;
}

export interface Reply {
  status?: number;
  headers?: Record<string, string | string[]>;
  /** JSON, or a text as it is. */
  body?: unknown;
  /** No answer: the connection is cut. */
  cut?: boolean;
}

/** By action: the answer to each call, a function of what came. */
type Script = Record<string, (seen: Seen, count: number) => Reply>;

export const refusal = (type: string, message = type, status = 422, data = {}): Reply => ({
  status,
  body: { error: { type, message, data } },
});

const cookies = (secret: string): string[] =>
  [`__lc_cid=${CUSTOMER}`, `__lc_cst=${secret}`].map(
    (pair) => `${pair}; Path=/v2/customer; Expires=Tue, 21 Nov 2028 10:00:00 GMT; Max-Age=63072000; HttpOnly; Secure`,
  );

/** Answers as LiveChat would to a customer without a chat; a test replaces what it is about. */
const DEFAULTS: Script = {
  'accounts/token': (_seen, count) => ({
    headers: { 'set-cookie': cookies(`cst${count}`) },
    body: {
      access_token: `dal:tok_${count}`,
      entity_id: CUSTOMER,
      expires_in: 28_800,
      token_type: 'Bearer',
      organization_id: ORGANIZATION,
    },
  }),
  'customer/update_customer': () => ({}),
  'customer/list_chats': () => ({ body: { chats_summary: [], total_chats: 0 } }),
  'customer/start_chat': () => ({ body: { chat_id: 'CHAT', thread_id: 'T1', event_ids: [] } }),
  'customer/resume_chat': () => ({ body: { thread_id: 'T2', event_ids: [] } }),
  'customer/send_event': (_seen, count) => ({ body: { event_id: `T1_${count}` } }),
  'customer/list_threads': () => ({ body: { threads: [], found_threads: 0 } }),
  'customer/deactivate_chat': () => ({}),
  'customer/get_dynamic_configuration': () => ({ body: { organization_id: ORGANIZATION, livechat_active: true } }),
  'customer/list_group_statuses': () => ({ body: { groups_status: { '0': 'online', '7': 'offline' } } }),
  'agent/send_event': (_seen, count) => ({ body: { event_id: `T1_a${count}` } }),
  'agent/get_chat': () => ({ body: agentChat() }),
  'agent/list_threads': () => ({ body: { threads: [], found_threads: 0 } }),
  'agent/transfer_chat': () => ({}),
  'agent/list_chats': () => ({ body: { chats_summary: [] } }),
  'configuration/list_agents': () => ({
    body: [
      { id: SEAT, account_id: 'account-1', name: 'AI seat', groups: [{ id: 0 }] },
      { id: ANA, account_id: 'account-2', name: 'Ana', groups: [{ id: 7 }] },
    ],
  }),
  'configuration/list_groups': () => ({ body: [{ id: 7, name: 'Support' }] }),
  'configuration/list_webhooks': () => ({ body: [] }),
  'configuration/register_webhook': (_seen, count) => ({ body: { id: `wh${count}` } }),
  'configuration/unregister_webhook': () => ({}),
  'configuration/enable_license_webhooks': () => ({}),
};

export const agentChat = (more: { active?: boolean; thread?: string; seat?: boolean } = {}) => ({
  id: 'CHAT',
  thread: { id: more.thread ?? 'T1', active: more.active ?? true, events: [] },
  users: [
    { id: CUSTOMER, type: 'customer', present: true },
    { id: SEAT, type: 'agent', present: more.seat ?? true },
  ],
});

/** A chat of the customer as `list_chats` tells it. */
export const chats = (active: boolean, thread = 'T1') => ({
  body: { chats_summary: [{ id: 'CHAT', last_thread_id: thread, active, users: [] }], total_chats: 1 },
});

/** Threads as `list_threads` tells them, with our ids of their events. */
export const threadList = (...list: { id: string; active: boolean; ids: string[] }[]) => ({
  body: {
    threads: list.map(({ id, active, ids }) => ({
      id,
      active,
      events: ids.map((custom_id, n) => ({ id: `${id}_${n + 1}`, custom_id, type: 'message', text: 'x' })),
    })),
    found_threads: list.length,
  },
});

/** A server that answers by script and remembers every call, and a context that calls it. */
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
    const path = request.url ?? '';
    const action = path.startsWith('/accounts/')
      ? 'accounts/token'
      : path.replace(/^\/api\/v3\.6\/(\w+)\/action\/(\w+).*$/, '$1/$2');
    const text = Buffer.concat(chunks).toString('utf8');
    const body = (text === '' ? {} : JSON.parse(text)) as Record<string, unknown>;
    const call = { action, method: request.method ?? '', path, headers: request.headers, body };
    seen.push(call);
    const count = (counts.get(action) ?? 0) + 1;
    counts.set(action, count);
    const reply: Reply = (script[action] ?? DEFAULTS[action] ?? (() => ({ status: 404 })))(call, count);
    if (reply.cut) return void request.socket.destroy();
    response.writeHead(reply.status ?? 200, { 'content-type': 'application/json', ...reply.headers });
    response.end(typeof reply.body === 'string' ? reply.body : JSON.stringify(reply.body ?? {}));
  }

  return {
    base,
    seen,
    actions: () => seen.map(({ action }) => action),
    of: (action: string) => seen.filter((call) => call.action === action),
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
    context: (more: Record<string, unknown> = {}): DeskContext<LivechatConfig> => ({
      config: config(base, more),
      http,
      log: pino({ level: 'trace' }, { write: (line: string) => void (logged += line) }),
      memory,
      publicUrl: 'https://handoff.example.com',
      now: () => nowMs,
      signal: new AbortController().signal,
    }),
    async stop() {
      await http.close();
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

export const NATIVE = { groupId: 7, accountId: 'account-1', token: 'pat', agentEmail: SEAT, clientSecret: 'cs' };

export const config = (baseUrl: string, more: Record<string, unknown> = {}): LivechatConfig =>
  livechatConfig.parse({
    organizationId: ORGANIZATION,
    clientId: '9f8e7d6c5b4a39281706f5e4d3c2b1a0',
    secretKey: SECRET,
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
    user: { id: 'cust-20871', name: 'Lee P.' },
    email: 'lee@user.example',
    history: [
      { role: 'user', text: 'my order is late' },
      { role: 'bot', text: 'let me get a colleague' },
    ],
    question: 'I want to talk to a person',
    ...more,
  };
}

export const message = (handoffId: string, more: Partial<OutboundMessage> = {}): OutboundMessage => ({
  key: `${handoffId}.d2`,
  handoffId,
  from: 'user',
  deskConversationId: 'CHAT.T1',
  timestamp: 1_760_947_261_990,
  text: 'order 1234',
  attachments: [],
  maybeSent: false,
  ...more,
});

export const rawRequest = (body: unknown): RawRequest => ({
  method: 'POST',
  url: '/webhooks/livechat/token',
  headers: { 'content-type': 'application/json' },
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
