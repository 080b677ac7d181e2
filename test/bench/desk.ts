import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A desk and a bot's backend on loopback that answer at once and remember what came, in order. */
export interface BenchDesk {
  url: string;
  callbackUrl: string;
  /** Texts of a conversation, in order of arrival. */
  texts(conversationId: string): string[];
  /** `seq` of the events of a handoff, in order of arrival. */
  events(handoffId: string): number[];
  /** When the conversation's message arrives, by `performance.now()`. */
  arrival(conversationId: string, text: string): Promise<number>;
  stop(): Promise<void>;
}

const ANSWER = JSON.stringify({ code: 0, message: 'OK' });

export async function startDesk(): Promise<BenchDesk> {
  const texts = new Map<string, string[]>();
  const events = new Map<string, number[]>();
  const awaited = new Map<string, (atMs: number) => void>();

  function take(path: string, body: string): void {
    const parsed = JSON.parse(body) as Record<string, unknown>;
    if (path === '/events') return append(events, String(parsed.handoffId), Number(parsed.seq));
    if (path !== '/chat') return;
    const conversationId = String(parsed.conversation_id);
    const text = String(parsed.body);
    append(texts, conversationId, text);
    awaited.get(`${conversationId}/${text}`)?.(performance.now());
  }

  const server = createServer((request, response) => read(request, response, take));
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    callbackUrl: `${url}/events`,
    texts: (conversationId) => texts.get(conversationId) ?? [],
    events: (handoffId) => events.get(handoffId) ?? [],
    arrival: (conversationId, text) =>
      new Promise((resolve) => {
        const key = `${conversationId}/${text}`;
        awaited.set(key, (atMs) => {
          awaited.delete(key);
          resolve(atMs);
        });
      }),
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function append<V>(map: Map<string, V[]>, key: string, value: V): void {
  const known = map.get(key);
  if (known) known.push(value);
  else map.set(key, [value]);
}

function read(request: IncomingMessage, response: ServerResponse, take: (path: string, body: string) => void): void {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    take(request.url ?? '', Buffer.concat(chunks).toString('utf8'));
    response.setHeader('content-type', 'application/json');
    response.end(ANSWER);
  });
}
