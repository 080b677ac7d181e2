import fastify, {
  type FastifyInstance,
  type FastifyPluginAsync,
  type FastifyReply,
  type FastifyRequest,
} from 'fastify';
import { setTimeout as delay } from 'node:timers/promises';
import type { SandboxMount } from '../desk-sandbox.ts';
import { refusal, type SandboxAuth } from './auth.ts';
import type { SandboxState, WebhookBehaviour } from '../desk-sandbox.ts';
import { registerControl } from './control.ts';
import { type CountedFault, createFaultSwitches, cut, isProcessed, type SandboxFault } from './faults.ts';
import { createHuman, type SandboxHuman } from './human.ts';
import {
  createRecords,
  type SandboxCall,
  type SandboxConversation,
  type SandboxEndpoint,
  type SandboxMessage,
  wrongFields,
} from './records.ts';
import { sharedFault } from './shared-control.ts';
import { onEstablished, onEstablishing, onMessage, type SandboxScript } from './scripts.ts';

interface SandboxOptions {
  /** Where Baton's `/v1/human/*` is; may be told later by `connect`. */
  batonUrl?: string;
  /** Key for bots that have none of their own. */
  apiKey?: string;
  auth?: SandboxAuth;
  script?: SandboxScript;
  /** Bearer token of the control calls; none = open. */
  controlToken?: string;
  /** Under which Baton reaches the desk; default: as the caller of `_control/settings` names our host. */
  baseUrl?: string;
  /** How many calls and conversations are remembered. */
  keep?: number;
  /** Go on with conversations from before our own restart. Default: they are answered 404. */
  takeUnknown?: boolean;
}

export interface WebhookSandbox extends SandboxHuman {
  /** Every call in the order of arrival, duplicates and failed ones too. */
  readonly calls: readonly SandboxCall[];
  readonly conversations: SandboxConversation[];
  /** All arrivals per endpoint. */
  readonly raw: Readonly<Record<SandboxEndpoint, number>>;
  conversation(id: string): SandboxConversation | undefined;
  /** The user's messages in the order of arrival, each once. */
  messages(conversationId: string): SandboxMessage[];
  /** Faults of one endpoint queue up. */
  fault(endpoint: SandboxEndpoint, fault: CountedFault): void;
  clearFaults(endpoint?: SandboxEndpoint): void;
  /** For conversations of this bot, or of all bots without a script of their own. */
  setScript(script: SandboxScript, botId?: string): void;
  setAuth(auth: SandboxAuth): void;
  /** How its calls go out from now on; `{}`: as a good desk does it. `early`: the script greets before establish is answered. */
  webhooks(behaviour: WebhookBehaviour): void;
  /** What is switched on now, in the words that all sandboxes share. */
  state(): SandboxState;
  /** `botId` given: the key is for conversations of this bot only. */
  connect(link: { batonUrl?: string; apiKey?: string; botId?: string }): void;
  /** Whether this bot has a key of its own here. */
  isConnected(botId: string): boolean;
  reset(): void;
  /** To be mounted by another server, for example with `{ prefix: '/sandbox/webhook' }`. */
  plugin(): FastifyPluginAsync<SandboxMount>;
  /** Starts a server of its own on loopback; returns the base address for the desk's settings. */
  listen(options?: { port?: number; prefix?: string }): Promise<string>;
  /** Stops the server and all scripts. */
  stop(): Promise<void>;
}

const PATHS: Record<SandboxEndpoint, string> = {
  establish: '/conversation/establish',
  chat: '/chat',
  close: '/conversation/close',
};

/**
 * A Webhook desk as a customer would write it: the three addresses of the contract, a memory, a scripted human, and
 * faults to switch on. It shares no code with the adapter.
 */
export function createWebhookSandbox(options: SandboxOptions = {}): WebhookSandbox {
  const records = createRecords(options.keep ?? 100_000, options.takeUnknown);
  const faults = createFaultSwitches();
  const keys = new Map<string, string>();
  const scripts = new Map<string, SandboxScript>();
  const stopping = new AbortController();
  const turns = new Map<string, Promise<void>>();
  let { batonUrl, apiKey, auth = {}, script = { name: 'silent' } } = options;
  let behaviour: WebhookBehaviour = {};
  let server: FastifyInstance | undefined;

  const human = createHuman({
    batons(botId) {
      const own = botId === undefined ? undefined : keys.get(botId);
      // From before our own restart: what came with establish is forgotten.
      const isForgotten = botId === '';
      const usable = own === undefined ? [apiKey, ...(isForgotten ? keys.values() : [])] : [own];
      const url = batonUrl;
      return url === undefined ? [] : usable.flatMap((key) => (key === undefined ? [] : [{ url, key }]));
    },
    conversation: (id) => records.conversations.get(id),
    behaviour: () => behaviour,
    signal: () => stopping.signal,
  });

  const runOf = (conversation: SandboxConversation) => ({
    script: scripts.get(conversation.botId) ?? script,
    human,
    conversation,
    early: behaviour.early === true,
    signal: stopping.signal,
  });

  /** A human does one thing after the other; a failure ends only this thing. */
  function inTurn(conversationId: string, work: () => Promise<void>): void {
    const before = turns.get(conversationId) ?? Promise.resolve();
    const after = before.then(work).catch(() => undefined);
    turns.set(conversationId, after);
    void after.then(() => turns.get(conversationId) === after && turns.delete(conversationId));
  }

  async function receive(endpoint: SandboxEndpoint, request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
    const bytes = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
    const fault = faults.take(endpoint);
    const call = records.arrived({
      at: Date.now(),
      endpoint,
      method: request.method,
      path: request.url,
      headers: request.headers,
      rawBody: bytes.toString('utf8'),
      body: parsed(bytes),
      ...(fault !== undefined && { fault }),
    });
    if (fault !== undefined && !isProcessed(fault)) return refuse(fault, reply);
    const refused = refusal(auth, request.headers, bytes);
    if (refused !== undefined) return reply.code(401).send({ code: 401, message: refused });
    const wrong = wrongFields(endpoint, call.body);
    if (wrong !== undefined) return reply.code(400).send({ code: 400, message: wrong });
    if (!records.process(call)) return reply.code(404).send({ code: 404, message: 'unknown conversation' });
    if (call.processed) await react(endpoint, call, reply);
    return await answer(fault, reply);
  }

  async function react(endpoint: SandboxEndpoint, call: SandboxCall, reply: FastifyReply): Promise<void> {
    const { conversation_id: id, body } = call.body as { conversation_id: string; body: unknown };
    const conversation = records.conversations.get(id);
    if (conversation === undefined) return;
    if (endpoint === 'establish') {
      const run = runOf(conversation);
      await onEstablishing(run);
      // `close` comes when the answer is out, or when the connection was cut.
      reply.raw.once('close', () => inTurn(id, () => onEstablished(run)));
    } else if (endpoint === 'chat') {
      inTurn(id, () => onMessage(runOf(conversation), String(body)));
    }
  }

  async function answer(fault: SandboxFault | undefined, reply: FastifyReply): Promise<unknown> {
    if (fault?.kind === 'slow') await delay(fault.ms, undefined, { signal: stopping.signal }).catch(() => undefined);
    if (fault?.kind === 'drop_after') return cut(reply);
    if (fault?.kind === 'error_after') return reply.code(500).send({ code: 500, message: 'a fault of the sandbox' });
    if (fault?.kind === 'garbage') return reply.type('application/json').send('{"code": 20');
    return reply.send({ code: 200, message: 'success' });
  }

  const sandbox: WebhookSandbox = {
    ...human,
    calls: records.calls,
    raw: records.raw,
    get conversations() {
      return [...records.conversations.values()];
    },
    conversation: (id) => records.conversations.get(id),
    messages: (id) => records.conversations.get(id)?.messages ?? [],
    fault: (endpoint, fault) => faults.set(endpoint, fault),
    clearFaults: (endpoint) => faults.clear(endpoint),
    setScript(next, botId) {
      if (botId === undefined) script = next;
      else scripts.set(botId, next);
    },
    setAuth(next) {
      auth = next;
    },
    connect(link) {
      batonUrl = link.batonUrl ?? batonUrl;
      if (link.botId !== undefined && link.apiKey !== undefined) keys.set(link.botId, link.apiKey);
      else apiKey = link.apiKey ?? apiKey;
    },
    isConnected: (botId) => keys.has(botId),
    webhooks(next) {
      behaviour = next;
    },
    state: () => ({
      script: script.name === 'agent' ? 'agent' : 'silent',
      faults: faults.list().flatMap(sharedFault),
      webhooks: behaviour,
    }),
    reset() {
      records.reset();
      faults.clear();
      behaviour = {};
    },
    plugin: () => async (app, mount) => {
      // Not part of the API that the server it is mounted in documents.
      app.addHook('onRoute', (route) => {
        route.schema = Object.assign({}, route.schema, { hide: true });
      });
      await app.register(async (desk) => {
        // The signature covers the bytes, so nothing may parse them before.
        desk.removeAllContentTypeParsers();
        desk.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
        for (const [endpoint, path] of Object.entries(PATHS) as [SandboxEndpoint, string][]) {
          desk.post(path, async (request, reply) => await receive(endpoint, request, reply));
        }
        desk.get('/', async (request, reply) => {
          const refused = refusal(auth, request.headers, Buffer.alloc(0));
          return refused === undefined ? { desk: 'sandbox' } : reply.code(401).send({ code: 401, message: refused });
        });
      });
      await app.register(async (control) => registerControl(control, sandbox, { ...options, mount }), {
        prefix: '/_control',
      });
    },
    async listen({ port = 0, prefix = '' } = {}) {
      server = fastify({ forceCloseConnections: true });
      await server.register(sandbox.plugin(), { prefix });
      const address = await server.listen({ port, host: '127.0.0.1' });
      return `${address}${prefix}`;
    },
    async stop() {
      stopping.abort();
      await server?.close();
      await Promise.all(turns.values());
    },
  };
  return sandbox;
}

/** A fault that comes before the desk has acted. */
function refuse(fault: SandboxFault, reply: FastifyReply): unknown {
  if (fault.kind === 'status') {
    if (fault.retryAfter !== undefined) reply.header('retry-after', fault.retryAfter);
    return reply.code(fault.status).send({ code: fault.status, message: 'a fault of the sandbox' });
  }
  if (fault.kind === 'code') return reply.send({ code: fault.code, message: 'a fault of the sandbox' });
  return cut(reply);
}

function parsed(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
}
