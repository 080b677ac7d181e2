import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pino } from 'pino';
import type { DeskContext, OpenRequest, OutboundMessage, RawRequest } from '../../activities/desks/desk.ts';
import { type LivedeskConfig, livedeskConfig } from '../../activities/desks/livedesk/config.ts';
import { DeskError } from '../../activities/errors.ts';
import { createHttpClient } from '../../activities/http/client.ts';
import { createTestMemory } from '../support/desk-memory.ts';

export const TOKEN = 'a-long-token-of-the-customer';
export const SETTINGS = { apiKey: 'ak_demo', apiSecret: 'sk_demo', inboxId: '611', webhookToken: TOKEN };
export const CONTACT = 910001;
export const CONVERSATION = 4301;

type Json = Record<string, unknown>;

interface Seen {
  /** For example `POST contacts`, `POST messages`. */
  call: string;
  path: string;
  headers: IncomingMessage['headers'];
  body: Json;
}

interface Reply {
  status?: number;
  body?: unknown;
  /** No answer: the connection is cut. */
  cut?: boolean;
}

type Script = Record<string, (seen: Seen, count: number) => Reply>;

export const conversation = (more: Json = {}): Json => ({
  meta: { sender: { id: CONTACT, type: 'contact' }, channel: 'Channel::Api', assignee: null, team: null },
  id: CONVERSATION,
  messages: [],
  inbox_id: 611,
  status: 'open',
  created_at: 1_772_442_000,
  ...more,
});

/** As LiveDesk answers a message; the mark comes back as far as a test wants it. */
export const answered = (body: Json, id: number, more: Json = {}): Json => ({
  id: 77_000 + id,
  content: body['content'],
  inbox_id: 611,
  conversation_id: CONVERSATION,
  message_type: body['message_type'] === 'incoming' ? 0 : 1,
  content_type: 'text',
  status: 'sent',
  content_attributes: body['content_attributes'],
  created_at: 1_772_442_005,
  private: body['private'],
  source_id: null,
  sorting_id: id,
  echo_id: body['echo_id'],
  sender: { id: 12, name: 'Key' },
  ...more,
});

const DEFAULTS: Script = {
  'GET contacts': () => ({ body: { meta: { count: 0, current_page: '1' }, payload: [] } }),
  'POST contacts': () => ({ body: { payload: { contact: { id: CONTACT }, contact_inbox: { source_id: 's' } } } }),
  'POST conversations': () => ({ body: conversation() }),
  'GET conversations': () => ({ body: { payload: [] } }),
  'GET conversation': () => ({ body: conversation() }),
  'GET messages': () => ({ body: { meta: {}, payload: [] } }),
  'POST messages': ({ body }, count) => ({ body: answered(body, count) }),
  'POST toggle_status': ({ body }) => ({ body: { payload: { success: true, current_status: body['status'] } } }),
};

/** A server that answers by script and remembers every call, and a context that calls it. */
export async function startFake() {
  const seen: Seen[] = [];
  const counts = new Map<string, number>();
  let script: Script = {};
  let logged = '';
  let nowMs = Date.parse('2026-03-02T09:00:00Z');
  const server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const http = createHttpClient({ allowedNetworks: ['127.0.0.0/8'] });
  let memory = createTestMemory(() => nowMs);

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const path = request.url ?? '';
    const [, name = '', sub] = /^\/api\/v2\/accounts\/(\w+)(?:\/\d+(?:\/(\w+))?)?(?:\?.*)?$/.exec(path) ?? [];
    const isOne = name === 'conversations' && /\/conversations\/\d+$/.test(path);
    const call = `${request.method} ${sub ?? (isOne ? 'conversation' : name)}`;
    const text = Buffer.concat(chunks).toString('utf8');
    const one = { call, path, headers: request.headers, body: (text === '' ? {} : JSON.parse(text)) as Json };
    seen.push(one);
    const count = (counts.get(call) ?? 0) + 1;
    counts.set(call, count);
    const reply: Reply = (script[call] ?? DEFAULTS[call] ?? (() => ({ status: 404 })))(one, count);
    if (reply.cut) return void request.socket.destroy();
    response.writeHead(reply.status ?? 200, { 'content-type': 'application/json' });
    response.end(typeof reply.body === 'string' ? reply.body : JSON.stringify(reply.body ?? {}));
  }

  return {
    baseUrl,
    calls: () => seen.map(({ call }) => call),
    of: (call: string) => seen.filter((one) => one.call === call),
    logged: () => logged,
    set: (more: Script) => (script = { ...script, ...more }),
    pass: (ms: number) => (nowMs += ms),
    reset() {
      seen.length = 0;
      counts.clear();
      script = {};
      memory = createTestMemory(() => nowMs);
    },
    context: (more: Json = {}): DeskContext<LivedeskConfig> => ({
      config: livedeskConfig.parse({ ...SETTINGS, baseUrl, ...more }),
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

export function opening(more: Partial<OpenRequest> = {}): OpenRequest {
  const handoffId = `ho_${randomUUID()}`;
  return {
    key: `${handoffId}.d1`,
    handoffId,
    botId: 'bot-7',
    conversationId: 'c-1',
    channel: 'whatsapp',
    mode: 'external',
    timestamp: 1_772_442_000_123,
    user: { id: 'hh-user-8f2c', name: 'Dana Reyes', email: 'dana@example.test', phone: '+14155550100' },
    email: 'dana@example.test',
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
  deskConversationId: String(CONVERSATION),
  timestamp: 1_772_442_001_000,
  text: 'My order 1182 never arrived.',
  attachments: [],
  maybeSent: false,
  ...more,
});

export const rawRequest = (
  body: unknown,
  { token = TOKEN, headers = {} }: { token?: string; headers?: RawRequest['headers'] } = {},
): RawRequest => ({
  method: 'POST',
  url: `/webhooks/livedesk/hook?token=${token}`,
  headers,
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
