import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Hook {
  url: string;
  stop(): Promise<void>;
}

/**
 * The route that a desk calls at a relay that is not Baton: reads the message, hands it to `accept` and answers 200 when
 * that is done. Plain Node, no check of a signature: as cheap as such a route can be.
 */
export async function startHook(accept: (conversationId: string, id: string, text: string) => Promise<unknown>) {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const message = JSON.parse(Buffer.concat(chunks).toString('utf8')) as Record<string, string>;
      const { conversation_id: conversationId, message_id: id, body } = message;
      accept(conversationId!, id!, body!).then(
        () => response.end('{"code":200,"message":"success"}'),
        () => response.writeHead(500).end('{"code":50000,"message":"internal error"}'),
      );
    });
  });
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  } satisfies Hook;
}

/** The desk's call of such a route, the same that Baton's gets. */
export async function callHook(url: string, conversationId: string, id: string, text: string): Promise<void> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ conversation_id: conversationId, timestamp: Date.now(), message_id: id, body: text }),
  });
  const answer = await response.text();
  if (!response.ok) throw new Error(`${url}: ${response.status} ${answer}`);
}
