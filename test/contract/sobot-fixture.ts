import { createHash, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pino } from 'pino';
import type { DeskContext, OpenRequest, OutboundMessage, RawRequest } from '../../activities/desks/desk.ts';
import { type SobotConfig, sobotConfig } from '../../activities/desks/sobot/config.ts';
import { DeskError } from '../../activities/errors.ts';
import { createHttpClient } from '../../activities/http/client.ts';
import { createTestMemory } from '../support/desk-memory.ts';

export const APP = { appId: 'demo-appid', appKey: 'demo-appkey' };

export interface Seen {
  /** For example `chat_send`, `get_token`. */
  action: string;
  method: string;
  /** Before the action. */
  prefix: string;
  query: URLSearchParams;
  headers: IncomingMessage['headers'];
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

export const item = (fields: unknown): Reply => ({ body: { ret_code: '000000', ret_msg: '操作成功', item: fields } });
export const items = (list: unknown[]): Reply => ({ body: { ret_code: '000000', ret_msg: '操作成功', items: list } });
export const refusal = (ret_code: string): Reply => ({ body: { ret_code, ret_msg: 'a text that may quote a user' } });

const connected = (status: number, more = {}): Reply =>
  item({ status, agent_name: '', agentid: '', visitorid: 'v-77', cid: 'c-9001', count: 0, ...more });
export { connected };

/** One line of `get_detail_by_cid`, said by the user unless told otherwise. */
export const line = (msg: string, t: number, sender_type = 0) => ({ sender_type, msg, msg_type: 0, t: String(t) });

/** Answers as Sobot would to a user whom an agent takes at once; a test replaces what it is about. */
const DEFAULTS: Script = {
  get_token: (_seen, count) => item({ token: `token${count}`, expires_in: '86400' }),
  chat_connect: () => connected(1),
  chat_send: () => item({ status: 1 }),
  out: () => item({ status: 1 }),
  get_detail_by_cid: () => items([]),
  query_session_status: () => item({ status: 1, cid: 'c-9001' }),
  admin_is_work: () => item({ is_work: 'true' }),
  get_once_data: () => item({ admin_size: 2, admin_list: [] }),
  query_group: () => items([{ groupid: 'g-100', group_name: 'After-sales' }]),
};

/** A server that answers by script and remembers every call, and a context that calls it. */
export async function startFake() {
  const seen: Seen[] = [];
  const counts = new Map<string, number>();
  let script: Script = {};
  let nowMs = 1_700_000_000_000;
  let memory = createTestMemory(() => nowMs);
  const http = createHttpClient({ allowedNetworks: ['127.0.0.0/8'] });
  const server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const url = new URL(request.url ?? '', baseUrl);
    const [, prefix = '', action = ''] = /^(.*)\/(\w+)$/.exec(url.pathname) ?? [];
    const text = Buffer.concat(chunks).toString('utf8');
    const call: Seen = {
      action,
      prefix,
      method: request.method ?? '',
      query: url.searchParams,
      headers: request.headers,
      body: (text === '' ? {} : JSON.parse(text)) as Record<string, unknown>,
    };
    seen.push(call);
    const count = (counts.get(action) ?? 0) + 1;
    counts.set(action, count);
    const reply: Reply = (script[action] ?? DEFAULTS[action] ?? (() => ({ status: 404 })))(call, count);
    if (reply.cut) return void request.socket.destroy();
    const body = typeof reply.body === 'string' ? reply.body : JSON.stringify(reply.body ?? {});
    response.writeHead(reply.status ?? 200, { 'content-type': 'application/json', ...reply.headers }).end(body);
  }

  return {
    seen,
    baseUrl,
    /** Calls of one action, in order. */
    of: (action: string): Seen[] => seen.filter((call) => call.action === action),
    answers(replaced: Script) {
      script = { ...script, ...replaced };
    },
    /** Begins anew. */
    clear() {
      seen.length = 0;
      counts.clear();
      script = {};
      memory = createTestMemory(() => nowMs);
    },
    passes: (ms: number) => void (nowMs += ms),
    context(change: Partial<SobotConfig> = {}, signal = new AbortController().signal): DeskContext<SobotConfig> {
      const config = sobotConfig.parse({ way: 'openapi', ...APP, baseUrl, ...change });
      const log = pino({ level: 'silent' });
      return { config, http, log, memory, publicUrl: 'https://baton.example.org', now: () => nowMs, signal };
    },
    async stop() {
      await http.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export type Fake = Awaited<ReturnType<typeof startFake>>;

export const opening = (change: Partial<OpenRequest> = {}): OpenRequest => {
  const handoffId = change.handoffId ?? `ho_${randomUUID()}`;
  return {
    key: `${handoffId}.d1`,
    handoffId,
    botId: 'bot-1',
    conversationId: 'conversation-1',
    channel: 'sobot',
    mode: 'external',
    timestamp: 1_700_000_000_000,
    user: { id: 'user-1', name: 'Dana' },
    email: 'dana@example.test',
    history: [
      { role: 'user', text: 'Where is my parcel?' },
      { role: 'bot', text: 'I do not know.' },
    ],
    question: 'I want to talk to a person',
    ...change,
  };
};

export const outbound = (to: { handoffId: string }, n: number, change: Partial<OutboundMessage> = {}) => ({
  key: `${to.handoffId}.d${n}`,
  handoffId: to.handoffId,
  from: 'user' as const,
  deskConversationId: 'is not needed',
  timestamp: 1_700_000_000_000 + n,
  text: 'Hello',
  attachments: [],
  maybeSent: false,
  ...change,
});

export const closing = (to: { handoffId: string; deskConversationId?: string }) => ({
  key: `${to.handoffId}.d9`,
  mode: 'external' as const,
  handoffId: to.handoffId,
  deskConversationId: to.deskConversationId ?? to.handoffId,
  timestamp: 1_700_000_000_009,
  reason: 'user_closed' as const,
});

/** The error of a call that has to fail. */
export async function failure(work: Promise<unknown>): Promise<DeskError> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof DeskError) return error;
  throw new Error('a DeskError was expected', { cause: error });
}

export const request = (body: unknown, headers: RawRequest['headers'] = {}): RawRequest => ({
  method: 'POST',
  url: '/webhooks/sobot/hook',
  headers: { 'content-type': 'application/json', ...headers },
  body: Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body)),
});

/** What a visitor asks the robot. */
export const question = (change: Record<string, unknown> = {}) => ({
  question: 'I want to talk to a person',
  show_question: 'I want to talk to a person',
  ai_agent_cid: 'cid-1',
  uid: 'visitor-001',
  user_name: 'Dana',
  robotid: '12',
  msg_type: 'TEXT',
  req_stream: false,
  copilot: false,
  robot_model: 'THIRD_STANDARD',
  input_type_enum: 'INPUT',
  params: { vip: '1' },
  multi_params: [],
  runtimeid: 'rt-1',
  ...change,
});

export const COMPANY = 'demo-company';
export const FORWARD_KEY = 'demo-fwd-key';

/** Headers of a forwarded batch. */
export function forwardHeaders(change: { time?: string; code?: string; key?: string; company?: string } = {}) {
  const { time = '1700000000000', code = 'a1b2c3', key = FORWARD_KEY, company = COMPANY } = change;
  const sign = createHash('md5').update(`${company}${time}${code}${key}`).digest('hex');
  return { 'x-log-timestamp': time, 'x-log-randomcode': code, 'x-log-sign': sign };
}
