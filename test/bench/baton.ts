import { randomBytes } from 'node:crypto';
import { NativeConnection } from '@temporalio/worker';
import type { Deps } from '../../activities/deps.ts';
import { desks } from '../../activities/desks/registry.ts';
import { createHttpClient } from '../../activities/http/client.ts';
import { loadConfig } from '../../activities/platform/config.ts';
import { createLogger } from '../../activities/platform/log.ts';
import { createMetrics } from '../../activities/platform/metrics.ts';
import { dataConverter, failureConverterPath } from '../../activities/platform/payload-codec.ts';
import { connectTemporal } from '../../activities/platform/temporal.ts';
import { parseSettings } from '../../activities/settings.ts';
import { createStore, migrate } from '../../activities/store/store.ts';
import { buildApp } from '../../api/app.ts';
import { createIntake } from '../../api/intake.ts';
import { workflowBundle } from '../../worker/bundle.ts';
import { createRuns } from '../../worker/runs.ts';
import { createBatonWorker } from '../../worker/worker.ts';
import { until } from '../support/poll.ts';
import type { BenchDesk } from './desk.ts';
import { databaseBytes } from './sql.ts';
import { checkArrived, type System } from './system.ts';

const BOT = 'bench';
/** Before the first message: `handoff.connecting`, `handoff.active`, `message.agent`. */
const OPENING_EVENTS = 3;
const OPERATOR_KEY = randomBytes(24).toString('base64url');
const DAY_S = 86_400;

export interface Baton {
  /** Users' messages straight into the intake that every address of the API uses; the desk's over its webhook address. */
  intake: System;
  /** Users' messages over `POST /v1/handoffs/{id}/messages`. */
  http: System;
  /** Of the API; no slash at the end. */
  url: string;
  operatorKey: string;
}

export interface BatonOptions {
  address: string;
  namespace: string;
  databaseUrl: string;
  desk: BenchDesk;
  /** As `BATON_PAYLOAD_KEYS`: payloads are encrypted. */
  payloadKeys?: string;
  /** False: the bot has no callback. */
  callback?: boolean;
  /** False: nothing is in the journal, because `adapt` took it out. */
  journal?: boolean;
  cachedHandoffs?: number;
  /** What the worker gets instead. */
  adapt?: (deps: Deps) => Deps;
}

/** API and worker as `npm start` composes them, with journal, dedupe, ledger and callbacks. */
export async function startBaton(options: BatonOptions): Promise<Baton> {
  const { address, namespace, databaseUrl, desk, payloadKeys, callback = true, journal = true } = options;
  await migrate(databaseUrl);
  const log = createLogger('info', { write: () => undefined });
  const temporal = connectTemporal({ address, namespace, payloadKeys, env: {} });
  const store = createStore({ databaseUrl, secretKeys: `k1:${randomBytes(32).toString('base64')}`, log, desks });
  const http = createHttpClient({ allowedNetworks: ['127.0.0.0/8'] });
  const metrics = createMetrics();
  const connection = await NativeConnection.connect({ address });
  const runs = createRuns(temporal.client);
  const publicUrl = 'http://baton.test';
  const deps: Deps = { store, desks, http, runs, publicUrl, clock: { now: () => Date.now() }, log, metrics };
  const converter = dataConverter(payloadKeys);
  const bundle = await workflowBundle(converter ? failureConverterPath() : undefined);
  const worker = await createBatonWorker({
    connection,
    namespace,
    deps: options.adapt?.(deps) ?? deps,
    bundle,
    ...(converter ? { dataConverter: converter } : {}),
    ...(options.cachedHandoffs === undefined ? {} : { maxCachedWorkflows: options.cachedHandoffs }),
  });
  const running = worker.run();
  const config = { ...loadConfig({}), publicUrl, operatorKey: OPERATOR_KEY, rateLimit: 10_000_000 };
  const app = await buildApp({ config, store, desks, http, client: temporal.client, log, metrics });
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  const intake = createIntake(temporal.client);

  const secret = `whsec_${randomBytes(24).toString('base64')}`;
  const settings = {
    enabled: true,
    desk: { kind: 'webhook', url: desk.url },
    // A conversation waits while the others are measured.
    inactivityTimeoutSeconds: DAY_S,
    waitTimeoutSeconds: DAY_S,
    ...(callback ? { callback: { url: desk.callbackUrl, secret } } : {}),
  };
  await store.bots.put(BOT, parseSettings(settings, undefined, desks));

  async function post(path: string, body: unknown): Promise<unknown> {
    const response = await fetch(`${url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${OPERATOR_KEY}` },
      body: JSON.stringify(body),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`POST ${path}: ${response.status} ${text}`);
    return JSON.parse(text) as unknown;
  }

  /** A handoff in which a human has answered. */
  async function openOne(): Promise<string> {
    const user = { id: 'u-1', name: 'Ada' };
    const conversationId = `conversation-${randomBytes(8).toString('hex')}`;
    const request = { botId: BOT, conversationId, channel: 'api', user, question: 'A person?' };
    const started = (await post('/v1/handoffs', request)) as { handoff: { id: string } };
    const { id } = started.handoff;
    const status = async () => (await store.handoffs.get(id))?.status;
    const connected = async () => !journal || (await status()) === 'connecting';
    await until(connected, { timeoutMs: 60_000, message: `${id} at the desk` });
    await intake.send(id, { kind: 'agentReply', id: 'hello', text: 'Hello, how can I help?' });
    await settled(id, OPENING_EVENTS);
    return id;
  }

  /** Every event is in the journal and at the callback, each once and in order. */
  async function settled(id: string, atLeast: number): Promise<void> {
    const lastSeq = await until(
      async () => {
        const seq = journal ? ((await store.handoffs.get(id))?.lastSeq ?? 0) : atLeast;
        return seq >= atLeast && (!callback || desk.events(id).length >= seq) && seq;
      },
      { timeoutMs: 60_000, message: `${atLeast} events of ${id} at the callback` },
    );
    const inOrder = (seqs: number[]): boolean => seqs.length === lastSeq && seqs.every((seq, at) => seq === at + 1);
    const kept = journal ? await store.journal.read(id, 0, 100_000) : [];
    if (journal && !inOrder(kept.map((event) => event.seq))) throw new Error(`the journal of ${id} has a gap`);
    if (callback && !inOrder(desk.events(id))) throw new Error(`the callback got ${desk.events(id).join()} of ${id}`);
  }

  const reply = (id: string, messageId: string, text: string): Promise<unknown> => {
    const message = { conversation_id: id, timestamp: Date.now(), message_id: messageId, body: text };
    return post('/v1/human/message/receive', message);
  };
  const system = (say: (id: string, messageId: string, text: string) => Promise<unknown>): System => ({
    temporal: true,
    storedBytes: () => databaseBytes(databaseUrl),
    open: (count) => Promise.all(Array.from({ length: count }, openOne)),
    async send(way, id, text) {
      const messageId = randomBytes(12).toString('hex');
      await patiently(() => (way === 'toDesk' ? say : reply)(id, messageId, text));
    },
    async settle(id, sent) {
      await settled(id, OPENING_EVENTS + sent.toDesk + sent.toBot);
      await checkArrived(desk, id, callback ? sent : { ...sent, toBot: 0 });
    },
    stop: () => Promise.resolve(),
  });
  return {
    url,
    operatorKey: OPERATOR_KEY,
    http: system((id, messageId, text) => post(`/v1/handoffs/${id}/messages`, { id: messageId, text })),
    intake: {
      ...system(async (id, messageId, text) => {
        const outcome = await intake.send(id, { kind: 'userMessage', id: messageId, text });
        if (outcome !== 'accepted') throw new Error(`${id} is closed`);
      }),
      async stop() {
        await app.close();
        worker.shutdown();
        await running;
        await connection.close();
        await http.close();
        await store.close();
        await temporal.close();
      },
    },
  };
}

/** As every sender should: what is not accepted is repeated with the same id. */
async function patiently<T>(send: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await send();
    } catch (error) {
      if (tries === 5) throw error;
      console.log(`not accepted, sending again: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}
