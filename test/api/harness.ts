import { randomBytes, randomUUID } from 'node:crypto';
import { NativeConnection } from '@temporalio/worker';
import type { FastifyInstance } from 'fastify';
import { createRegistry, type DeskRegistry } from '../../activities/desks/registry.ts';
import { webhook } from '../../activities/desks/webhook/index.ts';
import { createHttpClient } from '../../activities/http/client.ts';
import { loadConfig, type Config } from '../../activities/platform/config.ts';
import { createLogger } from '../../activities/platform/log.ts';
import { createMetrics } from '../../activities/platform/metrics.ts';
import { dataConverter } from '../../activities/platform/payload-codec.ts';
import { connectTemporal, type Temporal } from '../../activities/platform/temporal.ts';
import { createStore, type Store } from '../../activities/store/store.ts';
import { buildApp, type ApiDeps } from '../../api/app.ts';
import { createWebhookSandbox, type WebhookSandbox } from '../../api/sandbox/webhook/index.ts';
import { workflowBundle } from '../../worker/bundle.ts';
import { ensureSearchAttributes } from '../../worker/local/search-attributes.ts';
import { createRuns } from '../../worker/runs.ts';
import { createBatonWorker } from '../../worker/worker.ts';
import { NEVER_SHED } from '../support/baton-process.ts';
import { withCallbackSecret } from '../support/callback.ts';
import { createTestDatabase } from '../support/postgres.ts';
import { testTemporal } from '../support/temporal.ts';

export const OPERATOR_KEY = 'operator-key-of-the-tests';

export interface Answer {
  status: number;
  headers: Headers;
  text: string;
  // oxlint-disable-next-line typescript/no-explicit-any -- a JSON answer, looked at by the test
  json: any;
}

export interface CallOptions {
  key?: string | null;
  body?: unknown;
  headers?: Record<string, string>;
}

export interface Api {
  url: string;
  app: FastifyInstance;
  config: ApiDeps['config'];
  store: Store;
  temporal: Temporal;
  desk: WebhookSandbox;
  deskUrl: string;
  databaseUrl: string;
  secretKeys: string;
  /** What the app has logged, one JSON line each. */
  log: string[];
  call(method: string, path: string, options?: CallOptions): Promise<Answer>;
  /** A bot on the sandbox desk, with a key. */
  bot(settings?: Record<string, unknown>): Promise<{ botId: string; key: string }>;
  start(botId: string, more?: Record<string, unknown>, options?: CallOptions): Promise<Answer>;
  /** A second app, as another process has it: its own store and pool, the same database and Temporal. */
  another(over?: Partial<ApiDeps>): Promise<{ app: FastifyInstance; url: string; store: Store }>;
  /** Starts a worker, until `close`. */
  work(): Promise<void>;
  close(): Promise<void>;
}

export interface ApiOptions {
  config?: Partial<Config>;
  desks?: DeskRegistry;
  /** A Temporal that is not there. */
  temporalAddress?: string;
  temporalUiUrl?: string;
  /** `info` by default. */
  logLevel?: string;
}

export async function startApi(options: ApiOptions = {}): Promise<Api> {
  const database = await createTestDatabase();
  const { address, namespace } =
    options.temporalAddress === undefined
      ? await testTemporal()
      : { address: options.temporalAddress, namespace: 'default' };
  const payloadKeys = options.config?.payloadKeys;
  const temporal = connectTemporal({ address, namespace, payloadKeys, env: {} });
  if (options.temporalAddress === undefined) await ensureSearchAttributes(temporal.connection, namespace);
  const secretKeys = `k1:${randomBytes(32).toString('base64')}`;
  const log: string[] = [];
  const logger = createLogger(options.logLevel ?? 'info', { write: (line) => void log.push(line) });
  const desks = options.desks ?? createRegistry([webhook]);
  const http = createHttpClient({ allowedNetworks: ['127.0.0.0/8'] });
  const desk = createWebhookSandbox({});
  const deskUrl = await desk.listen();
  const closers: (() => Promise<unknown>)[] = [];
  // Of the app and of the worker, as one process with both parts has it.
  const metrics = createMetrics();

  const newStore = (): Store => {
    const store = createStore({ databaseUrl: database.url, secretKeys, payloadKeys, log: logger, desks });
    closers.unshift(() => store.close());
    return store;
  };

  const config = {
    ...loadConfig(NEVER_SHED),
    rateLimit: 1_000_000,
    publicUrl: 'http://baton.test',
    operatorKey: OPERATOR_KEY,
    ...options.config,
  } as ApiDeps['config'];

  async function listen(store: Store, over: Partial<ApiDeps> = {}) {
    const app = await buildApp({
      config,
      store,
      desks,
      http,
      client: temporal.client,
      log: logger,
      metrics: createMetrics(),
      ...(options.temporalUiUrl === undefined ? {} : { temporalUiUrl: options.temporalUiUrl }),
      ...over,
    });
    const url = await app.listen({ host: '127.0.0.1', port: 0 });
    closers.unshift(() => app.close());
    return { app, url, store };
  }

  const { app, url, store } = await listen(newStore(), { metrics });
  desk.connect({ batonUrl: url });

  const call: Api['call'] = async (method, path, { key = OPERATOR_KEY, body, headers = {} } = {}) => {
    const raw = typeof body === 'string' || Buffer.isBuffer(body);
    const response = await fetch(new URL(path, url), {
      method,
      headers: {
        ...(key === null ? {} : { authorization: `Bearer ${key}` }),
        ...(body === undefined || raw ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: raw ? (body as string) : JSON.stringify(body) }),
      signal: AbortSignal.timeout(25_000),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, text, json: parsed(text) };
  };

  return {
    url,
    app,
    config,
    store,
    temporal,
    desk,
    deskUrl,
    databaseUrl: database.url,
    secretKeys,
    log,
    call,
    async bot(settings = {}) {
      const botId = `bot-${randomUUID().slice(0, 8)}`;
      const body = { enabled: true, desk: { kind: 'webhook', url: deskUrl }, ...withCallbackSecret(settings) };
      const saved = await call('PUT', `/v1/bots/${botId}`, { body });
      if (saved.status !== 201) throw new Error(`PUT bot: ${saved.status} ${saved.text}`);
      const made = await call('POST', `/v1/bots/${botId}/keys`, { body: {} });
      desk.connect({ botId, apiKey: made.json.key });
      return { botId, key: made.json.key };
    },
    async start(botId, more = {}, callOptions = {}) {
      const body = {
        botId,
        conversationId: `conv-${randomUUID()}`,
        channel: 'api',
        user: { id: 'u-1' },
        question: 'I want a person',
        ...more,
      };
      return await call('POST', '/v1/handoffs', { body, ...callOptions });
    },
    another: (over) => listen(newStore(), over),
    async work() {
      const connection = await NativeConnection.connect({ address });
      const converter = dataConverter(payloadKeys);
      const worker = await createBatonWorker({
        connection,
        namespace,
        deps: {
          store: newStore(),
          desks,
          http,
          runs: createRuns(temporal.client),
          publicUrl: config.publicUrl,
          clock: { now: () => Date.now() },
          log: logger,
          metrics,
        },
        bundle: await workflowBundle(converter?.failureConverterPath),
        ...(converter ? { dataConverter: converter } : {}),
      });
      const running = worker.run();
      closers.unshift(async () => {
        worker.shutdown();
        await running;
        await connection.close();
      });
    },
    async close() {
      await desk.stop();
      for (const close of closers) await close();
      await http.close();
      await temporal.close();
      await database.drop();
    },
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export interface SseMessage {
  id?: string;
  event?: string;
  data?: string;
}

/** Reads a live stream as it comes. */
export async function openStream(url: string, key: string, headers: Record<string, string> = {}) {
  const controller = new AbortController();
  const response = await fetch(url, {
    headers: { authorization: `Bearer ${key}`, accept: 'text/event-stream', ...headers },
    signal: controller.signal,
  });
  const messages: SseMessage[] = [];
  const read = async (): Promise<void> => {
    let rest = '';
    const decoder = new TextDecoder();
    for await (const chunk of response.body ?? []) {
      const parts = (rest + decoder.decode(chunk as Uint8Array, { stream: true })).split('\n\n');
      rest = parts.pop() ?? '';
      for (const part of parts) messages.push(messageOf(part));
    }
  };
  const ended = response.ok ? read().catch(() => undefined) : Promise.resolve();
  return {
    response,
    messages,
    /** Only those with data. */
    events: () => messages.filter((m) => m.data !== undefined).map((m) => JSON.parse(m.data ?? '')),
    ended,
    stop: async () => {
      controller.abort();
      await ended;
    },
  };
}

function messageOf(part: string): SseMessage {
  const message: Record<string, string> = {};
  for (const line of part.split('\n')) {
    const [, field, value] = /^(id|event|data): (.*)$/.exec(line) ?? [];
    if (field !== undefined) message[field] = value ?? '';
  }
  return message;
}
