import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** `toDesk`: what the user says. `toBot`: what the agent says. */
export type Way = 'toDesk' | 'toBot';

/** A desk and a bot's backend on loopback that answer at once and remember what came, in order. */
export interface BenchDesk {
  url: string;
  callbackUrl: string;
  /** Texts of a conversation, in order of arrival. */
  texts(way: Way, conversationId: string): string[];
  /** `seq` of the events of a handoff, in order of arrival. */
  events(handoffId: string): number[];
  /** When the conversation's message arrives, by `performance.now()`. */
  arrival(way: Way, conversationId: string, text: string): Promise<number>;
  /** Calls with a key that had come before: a sender who was not sure sends again, and a desk tells by the key. */
  repeats(): number;
  stop(): Promise<void>;
}

const ANSWER = JSON.stringify({ code: 0, message: 'OK' });

/** What Baton's callback carries, and what the others post. */
interface BotMessage {
  type: string;
  seq: number;
  handoffId: string;
  data?: { text?: string };
}

export async function startDesk(): Promise<BenchDesk> {
  const texts = { toDesk: new Map<string, string[]>(), toBot: new Map<string, string[]>() };
  const events = new Map<string, number[]>();
  const awaited = new Map<string, (atMs: number) => void>();
  const keys = new Set<string>();
  let repeats = 0;

  function arrived(way: Way, conversationId: string, text: string): void {
    append(texts[way], conversationId, text);
    awaited.get(`${way}/${conversationId}/${text}`)?.(performance.now());
  }

  function take(path: string, key: string, body: string): void {
    if (keys.has(`${path} ${key}`)) return void (repeats += 1);
    keys.add(`${path} ${key}`);
    if (path === '/events') {
      const event = JSON.parse(body) as BotMessage;
      append(events, event.handoffId, event.seq);
      if (event.type === 'message.agent') arrived('toBot', event.handoffId, event.data?.text ?? '');
    }
    if (path === '/chat') {
      const message = JSON.parse(body) as { conversation_id: string; body: string };
      arrived('toDesk', message.conversation_id, message.body);
    }
  }

  const server = createServer((request, response) => {
    const { 'idempotency-key': messageKey, 'webhook-id': eventKey } = request.headers;
    const key = String(messageKey ?? eventKey);
    read(request, response, (body) => take(request.url ?? '', key, body));
  });
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    callbackUrl: `${url}/events`,
    texts: (way, conversationId) => texts[way].get(conversationId) ?? [],
    events: (handoffId) => events.get(handoffId) ?? [],
    arrival: (way, conversationId, text) =>
      new Promise((resolve) => {
        const key = `${way}/${conversationId}/${text}`;
        awaited.set(key, (atMs) => {
          awaited.delete(key);
          resolve(atMs);
        });
      }),
    repeats: () => repeats,
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

function read(request: IncomingMessage, response: ServerResponse, take: (body: string) => void): void {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    take(Buffer.concat(chunks).toString('utf8'));
    response.setHeader('content-type', 'application/json');
    response.end(ANSWER);
  });
}
