import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type {
  AuthResult,
  Desk,
  DeskEvent,
  DeskMemory,
  RawRequest,
  RawResponse,
} from '../../../activities/desks/desk.ts';
import { takeTurn } from '../../../activities/desks/mailbox.ts';
import type { Mode } from '../../../workflows/contracts.ts';
import { until } from '../../support/poll.ts';

/** A webhook as it came, and what the desk made of it. */
export interface Notice {
  raw: RawRequest;
  auth: AuthResult;
  /** Empty when it was refused. */
  events: DeskEvent[];
}

/** Our end of a desk's webhooks: does with the exact bytes what the route for webhooks does, and stores nothing. */
export interface Receiver {
  url: string;
  /** What came since the last `clear`, in the order of arrival. */
  readonly notices: readonly Notice[];
  clear(): void;
  /** From now on all topics are taken, or only those of the desk's guide. */
  takeAll(all: boolean): void;
  /** Waits until a webhook tells of this text. */
  heard(text: string): Promise<void>;
  stop(): Promise<void>;
}

interface ReceiverOptions<C> {
  config(): C;
  mode: Mode;
  /** With it, only what the desk's guide tells the operator to choose is taken. */
  topicOf?(body: unknown): string;
  /** Where a desk that waits for the bot finds what the bot has said. */
  memory?: DeskMemory;
}

export async function createReceiver<C>(desk: Desk<C>, options: ReceiverOptions<C>): Promise<Receiver> {
  const { config, mode, topicOf, memory } = options;
  const notices: Notice[] = [];
  let takesAll = false;

  function isChosen(raw: RawRequest): boolean {
    const { body } = raw;
    if (topicOf === undefined || takesAll || desk.webhook?.answer?.turn(raw, config())) return true;
    const topics = desk.webhook?.guide(mode).topics ?? [];
    return topics.includes(topicOf(JSON.parse(body.toString('utf8'))));
  }

  function take(raw: RawRequest): number {
    if (raw.method === 'HEAD' || raw.method === 'GET') return 200;
    const { webhook } = desk;
    if (webhook === undefined) return 404;
    if (!isChosen(raw)) return 200;
    const auth = webhook.authenticate(raw, config());
    const notice: Notice = { raw, auth, events: [] };
    notices.push(notice);
    if (!auth.ok) return 401;
    notice.events = webhook.parse(raw, config());
    return 200;
  }

  /** What a desk waits for that asks the bot in its call. */
  async function answer(raw: RawRequest): Promise<RawResponse | undefined> {
    const waits = desk.webhook?.answer;
    const turn = waits?.turn(raw, config());
    if (!waits || !turn || !memory) return undefined;
    const said = await takeTurn(memory, turn, { waitMs: waits.waitMs, signal: new AbortController().signal });
    return waits.render(raw, config(), said);
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { method = 'POST', url = '/', headers } = request;
    const raw = { method, url, headers, body: Buffer.concat(chunks) };
    let status = 400;
    let said: RawResponse | undefined;
    try {
      status = take(raw);
      if (status === 200 && method === 'POST') said = await answer(raw);
    } finally {
      response.writeHead(said?.status ?? status, said?.headers ?? { 'content-type': 'application/json' });
      response.end(said?.body ?? '{}');
    }
  }

  const server = createServer((request, response) => {
    serve(request, response).catch((error: unknown) => notices.push(broken(error)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/webhooks/${desk.id}/hook`,
    notices,
    clear: () => void (notices.length = 0),
    takeAll(all) {
      takesAll = all;
    },
    async heard(text) {
      const words = JSON.stringify(text).slice(1, -1);
      await until(() => notices.some(({ raw }) => raw.body.includes(words)), {
        message: `no webhook tells of ${text.slice(0, 60)}`,
      });
    },
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A parser that throws is seen by the test that looks at the events. */
function broken(error: unknown): Notice {
  const raw: RawRequest = { method: 'POST', url: '/', headers: {}, body: Buffer.from(String(error)) };
  return { raw, auth: { ok: false, reason: `the desk threw: ${String(error)}` }, events: [] };
}
