import { createServer } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { HandoffEvent } from '../../workflows/contracts.ts';

export interface CallbackCall {
  event: HandoffEvent;
  headers: IncomingHttpHeaders;
  body: string;
  /** Whether it was answered with 2xx. */
  taken: boolean;
}

/** For the callbacks of test bots. */
export const CALLBACK_SECRET = `whsec_${Buffer.from('the secret of all test bots').toString('base64')}`;

/** Settings whose callback, where it has none, gets the test secret. */
export const withCallbackSecret = (settings: Record<string, unknown>): Record<string, unknown> =>
  typeof settings['callback'] === 'object' && settings['callback'] !== null
    ? { ...settings, callback: { secret: CALLBACK_SECRET, ...settings['callback'] } }
    : settings;

/** A bot's backend: records what it is called with, and fails as told. */
export interface CallbackReceiver {
  url: string;
  calls: CallbackCall[];
  /** What it took of one handoff, each `seq` once, in the order of arrival. */
  taken(handoffId: string): HandoffEvent[];
  /** `hang`: never answers; a number: answers with this status. */
  behave(how: 'well' | 'hang' | number): void;
  stop(): Promise<void>;
}

export async function startCallbackReceiver(): Promise<CallbackReceiver> {
  const calls: CallbackCall[] = [];
  let how: 'well' | 'hang' | number = 'well';
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString('utf8');
      calls.push({ event: JSON.parse(body) as HandoffEvent, headers: request.headers, body, taken: how === 'well' });
      if (how === 'hang') return;
      response.statusCode = how === 'well' ? 204 : how;
      response.end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/events`,
    calls,
    taken(handoffId) {
      const seen = new Map<number, HandoffEvent>();
      for (const { event, taken } of calls) if (taken && event.handoffId === handoffId) seen.set(event.seq, event);
      return [...seen.values()];
    },
    behave(next) {
      how = next;
    },
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
