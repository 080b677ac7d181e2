import fastify, {
  type FastifyInstance,
  type FastifyPluginAsync,
  type FastifyReply,
  type FastifyRequest,
} from 'fastify';
import { setTimeout as delay } from 'node:timers/promises';
import type { DeskSandbox, SandboxFault, SandboxMount, SandboxOperation } from './desk-sandbox.ts';
import { registerControl } from './control.ts';
import { cut, type Faults, type RefusingFault } from './faults.ts';
import type { Outgoing, OutgoingWebhook } from './outgoing.ts';

/** A call as it arrived, whatever became of it. */
export interface SandboxCall {
  /** Order of arrival, from 1. */
  n: number;
  /** Epoch milliseconds. */
  at: number;
  method: string;
  /** With the query, without the prefix the sandbox is mounted under. */
  path: string;
  headers: Record<string, string | string[] | undefined>;
  /** JSON where it is JSON, else the text; undefined when there was none. */
  body: unknown;
  fault?: SandboxFault;
  /** Absent: there was no answer. */
  status?: number;
  answer?: unknown;
}

/** What the desk does with a call. A handler that refuses throws the desk's own error. */
export interface Served {
  /** Default 200. */
  status?: number;
  headers?: Record<string, string | string[]>;
  /** Sent as JSON; a text or bytes as they are. */
  body?: unknown;
  /** What the call causes. */
  webhooks?: OutgoingWebhook[];
}

export interface ShellOptions {
  faults: Faults;
  outgoing: Outgoing;
  /** Bearer token of the control calls; none = open. */
  controlToken?: string | undefined;
  /** Under which Baton reaches the desk, for `_control/settings`; default: as that call names our host. */
  baseUrl?: string | undefined;
  /** Calls that are remembered. Default 10,000. */
  keep?: number | undefined;
  /** The desk's own routes. `request.body` is the bytes (see `jsonOf`). */
  routes(app: FastifyInstance): void;
  /** The desk's own answer to a fault that refuses, and to `error_after` (given as status 500). */
  refuse(reply: FastifyReply, fault: RefusingFault): unknown;
  /** More routes under `/_control`. */
  control?(app: FastifyInstance): void;
}

export interface Shell extends Pick<DeskSandbox, 'plugin' | 'listen' | 'stop' | 'arrivals'> {
  readonly calls: SandboxCall[];
  /** Aborts when the sandbox stops. */
  readonly signal: AbortSignal;
  /** Answers one call of a desk route, with the fault that is due and the webhooks the call causes. */
  serve(
    request: FastifyRequest,
    reply: FastifyReply,
    operation: SandboxOperation | undefined,
    work: () => Served | Promise<Served>,
  ): Promise<unknown>;
  reset(): void;
}

/** What every sandbox needs around its desk: a server, recorded calls, faults on the way in and out, `/_control`. */
export function createShell(sandbox: () => DeskSandbox, options: ShellOptions): Shell {
  const { faults, outgoing, keep = 10_000 } = options;
  const calls: SandboxCall[] = [];
  const callOf = new WeakMap<FastifyRequest, SandboxCall>();
  const stopping = new AbortController();
  let server: FastifyInstance | undefined;
  let arrivals = 0;

  function record(request: FastifyRequest, prefix: string): void {
    arrivals += 1;
    const path = request.url.startsWith(prefix) ? request.url.slice(prefix.length) : request.url;
    const call = {
      n: arrivals,
      at: Date.now(),
      method: request.method,
      path,
      headers: request.headers,
      body: undefined,
    };
    calls.push(call);
    if (calls.length > keep) calls.shift();
    callOf.set(request, call);
  }

  async function serve(
    request: FastifyRequest,
    reply: FastifyReply,
    operation: SandboxOperation | undefined,
    work: () => Served | Promise<Served>,
  ): Promise<unknown> {
    const fault = faults.take(operation);
    const call = callOf.get(request);
    if (fault !== undefined && call !== undefined) call.fault = fault;
    if (fault?.kind === 'drop_before') return cut(reply);
    if (fault?.kind === 'status' || fault?.kind === 'rate_limit') return options.refuse(reply, fault);
    const { status = 200, headers = {}, body, webhooks = [] } = await work();
    await start(webhooks, reply, fault);
    if (fault?.kind === 'drop_after') return cut(reply);
    if (fault?.kind === 'error_after') return options.refuse(reply, { kind: 'status', status: 500 });
    if (fault?.kind === 'garbage') return reply.type('application/json').send('{"type": "conv');
    return reply.code(status).headers(headers).send(body);
  }

  /** Without `early` they go out when the answer is out, or when the connection was cut. */
  async function start(webhooks: OutgoingWebhook[], reply: FastifyReply, fault: SandboxFault | undefined) {
    const send = async (): Promise<unknown> => await Promise.all(webhooks.map((webhook) => outgoing.send(webhook)));
    if (outgoing.early) await send();
    else if (fault?.kind === 'slow') void send();
    else reply.raw.once('close', () => void send());
    if (fault?.kind === 'slow') await delay(fault.ms, undefined, { signal: stopping.signal }).catch(() => undefined);
  }

  const plugin = (): FastifyPluginAsync<SandboxMount> => async (app, mount) => {
    // Not part of the API that the server it is mounted in documents.
    app.addHook('onRoute', (route) => {
      route.schema = Object.assign({}, route.schema, { hide: true });
    });
    await app.register(async (desk) => {
      // A signature covers the bytes, so nothing may parse them before.
      desk.removeAllContentTypeParsers();
      desk.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
      desk.addHook('onRequest', async (request) => record(request, app.prefix));
      desk.addHook('preHandler', async (request) => {
        const call = callOf.get(request);
        if (call !== undefined && Buffer.isBuffer(request.body) && request.body.length > 0)
          call.body = readable(request.body.toString('utf8'));
      });
      desk.addHook('onSend', async (request, reply, payload) => {
        const call = callOf.get(request);
        if (call === undefined) return;
        call.status = reply.statusCode;
        if (typeof payload === 'string') call.answer = readable(payload);
      });
      options.routes(desk);
    });
    await app.register(
      async (control) => {
        const { controlToken: token, baseUrl } = options;
        registerControl(control, sandbox(), { token, mount, calls, baseUrl });
        options.control?.(control);
      },
      { prefix: '/_control' },
    );
  };

  return {
    calls,
    signal: stopping.signal,
    serve,
    plugin,
    arrivals: () => arrivals,
    async listen({ port = 0, prefix = '' } = {}) {
      server = fastify({ forceCloseConnections: true });
      await server.register(plugin(), { prefix });
      const address = await server.listen({ port, host: '127.0.0.1' });
      return `${address}${prefix}`;
    },
    async stop() {
      stopping.abort();
      await outgoing.stop();
      await server?.close();
    },
    reset() {
      calls.length = 0;
      faults.clear();
      outgoing.reset();
    },
  };
}

/** The JSON of a call's body; undefined when it is none. */
export function jsonOf(request: FastifyRequest): unknown {
  if (!Buffer.isBuffer(request.body)) return undefined;
  try {
    return JSON.parse(request.body.toString('utf8'));
  } catch {
    return undefined;
  }
}

function readable(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
