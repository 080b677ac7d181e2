import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { HandoffEvent } from '../../workflows/contracts.ts';
import type { Ledger } from './ledger.ts';

/** A desk and a bot's backend that answer at once and keep nothing but their ledger. */
export interface Backend {
  deskUrl: string;
  callbackUrl: string;
  stop(): Promise<void>;
}

const ANSWER = JSON.stringify({ code: 0, message: 'OK' });

export async function startBackend(ledger: Ledger): Promise<Backend> {
  function take(request: IncomingMessage, body: string): void {
    const path = request.url ?? '';
    if (path === '/events') return ledger.atCallback(JSON.parse(body) as HandoffEvent);
    if (request.method !== 'POST') return;
    const { conversation_id: id, body: text } = JSON.parse(body) as { conversation_id: string; body: unknown };
    if (path === '/chat') ledger.atDesk(id, String(text), String(request.headers['idempotency-key']));
    if (path === '/conversation/close') ledger.deskClosed(id);
  }

  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      take(request, Buffer.concat(chunks).toString('utf8'));
      response.setHeader('content-type', 'application/json');
      response.end(ANSWER);
    });
  });
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    deskUrl: url,
    callbackUrl: `${url}/events`,
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
