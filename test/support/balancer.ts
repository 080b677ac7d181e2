import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

const CHECK_EVERY_MS = 250;

/** A load balancer as there is one in front of any two APIs: it asks each whether it is ready, and shares calls out. */
export interface Balancer {
  url: string;
  add(url: string): void;
  remove(url: string): void;
  /** Calls that broke off without an answer. */
  broken(): number;
  stop(): Promise<void>;
}

export async function startBalancer(): Promise<Balancer> {
  const ready = new Map<string, boolean>();
  let turn = 0;
  let broken = 0;

  const check = async (url: string): Promise<void> => {
    const answer = await fetch(`${url}/readyz?without=temporal`, { signal: AbortSignal.timeout(3_000) }).catch(
      () => undefined,
    );
    if (ready.has(url)) ready.set(url, answer?.status === 200);
  };
  const checking = setInterval(() => void Promise.all([...ready.keys()].map(check)), CHECK_EVERY_MS);

  const server = createServer((request, response) => {
    const usable = [...ready].filter(([, is]) => is).map(([url]) => url);
    turn += 1;
    const order = usable.map((_, index) => usable[(turn + index) % usable.length]!);
    void collect(request).then((body) => pass(request, body, response, order));
  });

  /** Where nobody listens the next one is asked; what an API has begun to take is not sent again. */
  function pass(request: IncomingMessage, body: Buffer, response: ServerResponse, [url, ...others]: string[]): void {
    if (url === undefined) {
      response.writeHead(503, { 'retry-after': '1' }).end();
      return;
    }
    const { method, headers } = request;
    const upstream = httpRequest(new URL(request.url ?? '/', url), { method: method ?? 'GET', headers, agent: false });
    upstream.on('response', (answer) => {
      const { connection: _, ...rest } = answer.headers;
      response.writeHead(answer.statusCode ?? 502, rest);
      answer.pipe(response);
      answer.on('error', () => response.destroy());
      answer.on('close', () => answer.complete || response.destroy());
    });
    upstream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED') return pass(request, body, response, others);
      if (!response.writableEnded && !response.destroyed) broken += 1;
      response.destroy();
    });
    response.on('close', () => upstream.destroy());
    upstream.end(body);
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    add: (url) => void ready.set(url, false),
    remove: (url) => void ready.delete(url),
    broken: () => broken,
    async stop() {
      clearInterval(checking);
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function collect(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
