import { createServer } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';
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

type Behaviour = 'well' | 'strict' | 'hang' | number;

/** A bot's backend: records what it is called with, and fails as told. */
export interface CallbackReceiver {
  url: string;
  calls: CallbackCall[];
  /** What it took of one handoff, each `seq` once, in the order of arrival. */
  taken(handoffId: string): HandoffEvent[];
  /** `hang`: never answers; a number: answers with this status; `strict`: 401 for a wrong signature, or one too old or new. */
  behave(how: Behaviour): void;
  stop(): Promise<void>;
}

/** Undefined: none. */
function answerTo(how: Behaviour, body: string, headers: IncomingHttpHeaders): number | undefined {
  if (typeof how === 'number') return how;
  if (how === 'hang') return undefined;
  return how === 'well' || isGenuine(body, headers) ? 204 : 401;
}

/** Throws on a body that was not signed with the test secret, or not in these five minutes. */
export const signature = new Webhook(CALLBACK_SECRET);

/** As the library of the standard decides: five minutes at most between the two clocks. */
function isGenuine(body: string, headers: IncomingHttpHeaders): boolean {
  try {
    signature.verify(body, headers as Record<string, string>);
    return true;
  } catch {
    return false;
  }
}

export async function startCallbackReceiver(): Promise<CallbackReceiver> {
  const calls: CallbackCall[] = [];
  let how: Behaviour = 'well';
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString('utf8');
      const status = answerTo(how, body, request.headers);
      const taken = status === 204;
      calls.push({ event: JSON.parse(body) as HandoffEvent, headers: request.headers, body, taken });
      if (status === undefined) return;
      response.statusCode = status;
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
