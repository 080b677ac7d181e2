import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

export interface StandIn {
  /** Without a slash at the end. */
  address: string;
  stop(): Promise<void>;
}

/** Stands on loopback where Baton is. `take` gets each call with its JSON body and answers it. */
export async function standIn<B>(
  take: (request: IncomingMessage, body: B, response: ServerResponse) => void,
): Promise<StandIn> {
  const server = createServer((request, response) => {
    void text(request).then((body) => take(request, JSON.parse(body) as B, response));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
