import { NativeConnection } from '@temporalio/worker';

import { desks } from '../activities/desks/registry.ts';
import type { HttpClient } from '../activities/http/client.ts';
import type { Config } from '../activities/platform/config.ts';
import type { Logger } from '../activities/platform/log.ts';
import type { Metrics } from '../activities/platform/metrics.ts';
import { dataConverter } from '../activities/platform/payload-codec.ts';
import { temporalTarget, type Temporal } from '../activities/platform/temporal.ts';
import type { Store } from '../activities/store/store.ts';
import { workflowBundle } from './bundle.ts';
import type { Shutdown } from './local/shutdown.ts';
import { persevere } from './persevere.ts';
import { createRuns, keepMaintenance } from './runs.ts';
import { createBatonWorker, type BatonWorker, type WorkerState } from './worker.ts';

export interface WorkOptions {
  config: Config;
  /** Where Temporal is; other settings come from the environment. */
  target: { address: string; namespace: string | undefined };
  publicUrl: string;
  store: Store;
  http: HttpClient;
  temporal: Temporal;
  metrics: Metrics;
  log: Logger;
  shutdown: Shutdown;
  /** Resolves when the database has its tables. */
  database: Promise<void>;
  /** How long Temporal may be away before the start fails, milliseconds; for ever without it. */
  patienceMs: number | undefined;
}

export interface Work {
  state(): WorkerState | 'starting';
  /** Resolves when it polls, or when the process is told to stop before. */
  started: Promise<void>;
}

interface Running {
  worker: BatonWorker;
  /** Resolves when it has ended. */
  ended: Promise<void>;
}

/** A worker that begins as soon as database and Temporal are there, and ends with the process. */
export function work(options: WorkOptions): Work {
  const { log, shutdown, temporal } = options;
  let running: Running | undefined;

  async function start(): Promise<void> {
    await options.database;
    const begin = () => connectAndCreate(options);
    const patience = { log, signal: shutdown.signal, forMs: options.patienceMs };
    const begun = await persevere('The Temporal server', begin, patience);
    if (begun === undefined) return;
    running = { worker: begun.worker, ended: run(begun, options) };
    void keepMaintenance(temporal.client, { log, signal: shutdown.signal });
  }

  const started = start();
  shutdown.allow(options.config.limits.workerForceSeconds * 1_000);
  shutdown.add('the worker', async () => {
    await started.catch(() => undefined);
    running?.worker.shutdown();
    await running?.ended;
  });
  return { state: () => running?.worker.state ?? 'starting', started };
}

interface Begun {
  worker: BatonWorker;
  connection: NativeConnection;
}

/** Fails while there is no server, or no namespace. */
async function connectAndCreate(options: WorkOptions): Promise<Begun> {
  const connection = await NativeConnection.connect(temporalTarget(options.target).connectionOptions);
  try {
    return { connection, worker: await createWorker(options, connection) };
  } catch (error) {
    await connection.close();
    throw error;
  }
}

async function run({ worker, connection }: Begun, { log, shutdown }: WorkOptions): Promise<void> {
  try {
    await worker.run();
  } catch (error) {
    if (shutdown.asked) return log.warn({ err: error }, 'the worker did not end well');
    log.fatal({ err: error }, 'the worker has died');
    // Whoever keeps the process starts it again.
    shutdown.fail('the worker has died');
  } finally {
    await connection.close().catch(() => undefined);
  }
}

async function createWorker(options: WorkOptions, connection: NativeConnection): Promise<BatonWorker> {
  const { config, temporal, store, http, publicUrl, log, metrics } = options;
  const { limits } = config;
  const converter = dataConverter(config.payloadKeys);
  const callsPerBot = { desk: limits.deskCallsPerBot, callback: limits.callbackCallsPerBot };
  const runs = createRuns(temporal.client);
  const { retentionDays } = config;
  const reconcileAfterMs = config.reconcileMinutes * 60_000;
  const clock = { now: () => Date.now() };
  return await createBatonWorker({
    connection,
    namespace: temporalTarget(options.target).namespace,
    deps: { store, desks, http, runs, publicUrl, clock, log, metrics, callsPerBot, retentionDays, reconcileAfterMs },
    bundle: await workflowBundle(converter?.failureConverterPath),
    limits,
    rollout: config.rollout,
    ...(converter ? { dataConverter: converter } : {}),
  });
}
