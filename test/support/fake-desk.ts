import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pino } from 'pino';
import type { DeskContext } from '../../activities/desks/desk.ts';
import { createHttpClient } from '../../activities/http/client.ts';
import { createTestMemory } from './desk-memory.ts';

/** A call as it came. */
export interface Seen {
  /** What the script calls it. */
  what: string;
  method: string;
  /** With its query. */
  path: string;
  query: Record<string, string>;
  headers: IncomingMessage['headers'];
  /** JSON, or the fields of a form. */
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

/** The answer to each call, a function of what came and how often. */
export type Script = Record<string, (seen: Seen, count: number) => Reply>;

interface FakeDeskOptions<C> {
  whatIs(method: string, url: URL): string;
  /** Answers until a test replaces them. */
  defaults: Script;
  /** The answer to everything else. Default 404. */
  unknown?: Reply;
  /** Epoch milliseconds of the clock at the start. */
  startsAtMs?: number;
  config(baseUrl: string, more: Record<string, unknown>): C;
}

/** A server that answers by script and remembers every call, and contexts that call it. */
export async function startFakeDesk<C>(options: FakeDeskOptions<C>) {
  const { whatIs, defaults, unknown = { status: 404 }, config } = options;
  const seen: Seen[] = [];
  const counts = new Map<string, number>();
  let script: Script = {};
  let logged = '';
  let nowMs = options.startsAtMs ?? Date.parse('2026-03-02T09:00:00Z');
  let memory = createTestMemory(() => nowMs);
  const http = createHttpClient({ allowedNetworks: ['127.0.0.0/8'] });
  const server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { method = '', url: path = '/', headers } = request;
    const url = new URL(path, baseUrl);
    const what = whatIs(method, url);
    const text = Buffer.concat(chunks).toString('utf8');
    const isForm = headers['content-type'] === 'application/x-www-form-urlencoded';
    const body = isForm ? Object.fromEntries(new URLSearchParams(text)) : (JSON.parse(text || '{}') as Seen['body']);
    const call = { what, method, path, query: Object.fromEntries(url.searchParams), headers, body };
    seen.push(call);
    const count = (counts.get(what) ?? 0) + 1;
    counts.set(what, count);
    const reply = (script[what] ?? defaults[what])?.(call, count) ?? unknown;
    if (reply.cut) return void request.socket.destroy();
    response.writeHead(reply.status ?? 200, { 'content-type': 'application/json', ...reply.headers });
    response.end(typeof reply.body === 'string' ? reply.body : JSON.stringify(reply.body ?? {}));
  }

  return {
    baseUrl,
    seen,
    whats: () => seen.map(({ what }) => what),
    of: (what: string) => seen.filter((call) => call.what === what),
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
    context: (more: Record<string, unknown> = {}, signal = new AbortController().signal): DeskContext<C> => ({
      config: config(baseUrl, more),
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
