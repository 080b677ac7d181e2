import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NativeConnection } from '@temporalio/worker';
import { desks } from '../../activities/desks/registry.ts';
import { createHttpClient } from '../../activities/http/client.ts';
import { loadConfig } from '../../activities/platform/config.ts';
import { createLogger } from '../../activities/platform/log.ts';
import { createMetrics, type Metrics } from '../../activities/platform/metrics.ts';
import { connectTemporal, type Temporal } from '../../activities/platform/temporal.ts';
import { createStore, migrate, type Store } from '../../activities/store/store.ts';
import { buildApp } from '../../api/app.ts';
import { createWebhookSandbox, type WebhookSandbox } from '../../api/sandbox/webhook/index.ts';
import { workflowBundle } from '../../worker/bundle.ts';
import { startPostgres } from '../../worker/local/postgres.ts';
import { stopProcess } from '../../worker/local/processes.ts';
import { ensureSearchAttributes } from '../../worker/local/search-attributes.ts';
import { startTemporal } from '../../worker/local/temporal-server.ts';
import { createRuns, ensureMaintenance } from '../../worker/runs.ts';
import { createBatonWorker } from '../../worker/worker.ts';
import { NEVER_SHED } from './baton-process.ts';
import { call, createBots, type Bot } from './bots.ts';
import { until } from './poll.ts';
import { administer, createTestDatabase } from './postgres.ts';
import { quietRuntime } from './runtime.ts';
import { temporalCliPath, testTemporal } from './temporal.ts';

quietRuntime();

const OPERATOR_KEY = 'operator-key-of-the-tests';

/** A server of our own that a test may take away; the port stays. */
export interface Backend {
  /** Ends it with this signal and waits until it is gone. */
  down(signal: NodeJS.Signals): Promise<void>;
  up(): Promise<void>;
}

export interface Cluster {
  url: string;
  operatorKey: string;
  desk: WebhookSandbox;
  deskUrl: string;
  store: Store;
  temporal: Temporal;
  /** Of API and worker. */
  metrics: Metrics;
  /** What a worker in a process of its own needs to join. */
  env: Record<string, string>;
  /** Only with `own: 'postgres'`. */
  postgres?: Backend;
  /** Only with `own: 'temporal'`. */
  temporalServer?: Backend;
  bot(settings?: Record<string, unknown>): Promise<Bot>;
  /** Takes back the marks that say which of the desk's events of a handoff were forwarded. */
  forgetForwarded(handoffId: string): Promise<void>;
  stop(): Promise<void>;
}

/**
 * The real API app, a real worker (unless `worker: false`) and a desk, on the suite's servers; `own` names the one that
 * the test wants to take away.
 */
export async function startCluster(
  options: { own?: 'postgres' | 'temporal'; worker?: boolean; reconcileAfterMs?: number } = {},
): Promise<Cluster> {
  const closers: (() => Promise<unknown>)[] = [];
  const later = (close: () => Promise<unknown>): void => void closers.unshift(close);
  const stop = async (): Promise<void> => {
    for (const close of closers.splice(0)) await close();
  };
  try {
    return await compose();
  } catch (error) {
    await stop();
    throw error;
  }

  async function compose(): Promise<Cluster> {
    const folder = await mkdtemp(join(tmpdir(), 'baton-cluster-'));
    later(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
    const database = options.own === 'postgres' ? await ownPostgres(folder, later) : await suitePostgres(later);
    const server: { address: string; namespace: string; backend?: Backend } =
      options.own === 'temporal' ? await ownTemporal(folder, later) : await testTemporal();
    const { address, namespace } = server;
    const temporal = connectTemporal({ address, namespace, env: {} });
    later(() => temporal.close());
    await ensureSearchAttributes(temporal.connection, namespace);
    const secretKeys = `k1:${randomBytes(32).toString('base64')}`;
    const log = createLogger('silent');
    const store = createStore({ databaseUrl: database.url, secretKeys, log, desks });
    later(() => store.close());
    const http = createHttpClient({ allowedNetworks: ['127.0.0.0/8'] });
    later(() => http.close());
    const metrics = createMetrics();
    const desk = createWebhookSandbox();
    const deskUrl = await desk.listen();

    if (options.worker !== false) {
      const connection = await NativeConnection.connect({ address });
      const runs = createRuns(temporal.client);
      const deps = {
        store,
        desks,
        http,
        runs,
        publicUrl: 'http://baton.test',
        clock: { now: () => Date.now() },
        log,
        metrics,
        reconcileAfterMs: options.reconcileAfterMs ?? 0,
      };
      const worker = await createBatonWorker({ connection, namespace, deps, bundle: await workflowBundle() });
      const running = worker.run();
      running.catch(() => undefined);
      later(async () => {
        worker.shutdown();
        await running;
        await connection.close();
      });
      await ensureMaintenance(temporal.client);
    }
    const config = {
      ...loadConfig(NEVER_SHED),
      rateLimit: 10_000_000,
      publicUrl: 'http://baton.test',
      operatorKey: OPERATOR_KEY,
    };
    const app = await buildApp({ config, store, desks, http, client: temporal.client, log, metrics });
    later(() => app.close());
    const url = await app.listen({ host: '127.0.0.1', port: 0 });
    later(() => desk.stop());
    desk.connect({ batonUrl: url });
    // To bundle the workflows holds up the process, and the API sheds load meanwhile.
    const isCalm = async () => (await call(() => ({ url, key: OPERATOR_KEY }), 'GET', '/v1/bots')).status === 200;
    await until(isCalm, { timeoutMs: 30_000, message: 'an API that takes calls' });

    return {
      url,
      operatorKey: OPERATOR_KEY,
      desk,
      deskUrl,
      store,
      temporal,
      metrics,
      env: {
        DATABASE_URL: database.url,
        TEMPORAL_ADDRESS: address,
        TEMPORAL_NAMESPACE: namespace,
        BATON_SECRET_KEYS: secretKeys,
        BATON_PUBLIC_URL: 'http://baton.test',
        BATON_ALLOWED_NETWORKS: '127.0.0.0/8',
      },
      ...(database.backend ? { postgres: database.backend } : {}),
      ...(server.backend ? { temporalServer: server.backend } : {}),
      bot: createBots({ desk, deskUrl, link: () => ({ url, key: OPERATOR_KEY }) }),
      async forgetForwarded(handoffId) {
        const sql = `update inbox set outcome = null, outcome_at = null where handoff_id = '${handoffId}' returning id`;
        if ((await administer(database.url, sql)).length === 0) throw new Error(`no inbox row of ${handoffId}`);
      },
      stop,
    };
  }
}

type Later = (close: () => Promise<unknown>) => void;

async function suitePostgres(later: Later): Promise<{ url: string; backend?: Backend }> {
  const database = await createTestDatabase();
  later(() => database.drop());
  return database;
}

async function ownPostgres(folder: string, later: Later) {
  const start = () => startPostgres({ folder, detached: false, settings: ['fsync=off', 'full_page_writes=off'] });
  let server = await start();
  const first = server;
  later(() => server.stop());
  await migrate(server.url);
  const backend: Backend = {
    down: async (signal) => void (await stopProcess(server.pid, [signal], 15_000)),
    async up() {
      server = await start();
      if (server.url !== first.url) throw new Error('the port of PostgreSQL was taken while it was down');
    },
  };
  return { url: server.url, backend };
}

async function ownTemporal(folder: string, later: Later) {
  const binary = () => Promise.resolve(temporalCliPath());
  const start = () => startTemporal({ folder, binary, detached: false, ui: false });
  let server = await start();
  const first = server;
  later(() => server.stop());
  const backend: Backend = {
    down: async (signal) => void (await stopProcess(server.pid, [signal], 15_000)),
    async up() {
      server = await start();
      if (server.address !== first.address) throw new Error('the port of Temporal was taken while it was down');
    },
  };
  return { address: server.address, namespace: server.namespace, backend };
}
