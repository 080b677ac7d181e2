import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { NativeConnection } from '@temporalio/worker';

import { desks } from '../activities/desks/registry.ts';
import { createHttpClient, type HttpClient } from '../activities/http/client.ts';
import { playgroundIsOn, type Config } from '../activities/platform/config.ts';
import type { Logger } from '../activities/platform/log.ts';
import { createMetrics, type Metrics } from '../activities/platform/metrics.ts';
import { dataConverter } from '../activities/platform/payload-codec.ts';
import { connectTemporal, temporalTarget, type Temporal } from '../activities/platform/temporal.ts';
import { productVersion } from '../activities/platform/version.ts';
import { createStore, migrate, type Store } from '../activities/store/store.ts';
import { buildApp } from '../api/app.ts';
import { mountSandboxes, type Mounted } from '../api/sandbox/mount.ts';
import { workflowBundle } from './bundle.ts';
import { portError, type Backends } from './local/backends.ts';
import { banner } from './local/banner.ts';
import { CONSOLE, DIST } from './local/console-sources.ts';
import { removeEndpoint, writeEndpoint } from './local/data-folder.ts';
import { ensureDemo } from './local/demo.ts';
import { StartError } from './local/failure.ts';
import { freePort } from './local/processes.ts';
import { ensureSearchAttributes } from './local/search-attributes.ts';
import type { Shutdown } from './local/shutdown.ts';
import type { Keys, Role } from './main.ts';
import { createRuns, ensureMaintenance } from './runs.ts';
import { installRuntime } from './telemetry.ts';
import { createBatonWorker } from './worker.ts';

/** How long a database or a Temporal server of yours may take to answer at the start. */
const PATIENCE_MS = 30_000;
const RETRY_MS = 1_000;

export interface ComposeOptions {
  role: Role;
  config: Config;
  /** The data folder; only the role `all` has one. */
  folder: string | undefined;
  backends: Backends;
  keys: Keys;
  log: Logger;
  shutdown: Shutdown;
  /** When the start began, epoch milliseconds. */
  startedAt: number;
  /** Resolves when the console is built, or cannot be. */
  consoleReady: Promise<{ problem?: string }> | undefined;
}

/** What API and worker of one process share. */
interface Shared extends ComposeOptions {
  store: Store;
  http: HttpClient;
  metrics: Metrics;
  temporal: Temporal;
  /** Where this process's own API is reached from this machine. */
  address: string;
  port: number;
}

/** Puts the process together on backends that run, and has it stopped in the reverse order. */
export async function compose(options: ComposeOptions): Promise<void> {
  const shared = await share(options);
  const { folder, config } = options;
  const demo = playgroundIsOn(config) && folder ? await ensureDemo({ ...shared, desks, folder }) : undefined;
  if (options.role !== 'api') await startWorker(shared);
  if (options.role === 'worker') return options.log.info('the worker runs');
  await startApi(shared, playgroundIsOn(config) ? simulatedDesks(shared, demo?.apiKey) : undefined);
  const { problem } = (await options.consoleReady) ?? {};
  if (problem !== undefined) options.log.warn({ reason: problem }, 'the console was not built; all else works');
  await announce(shared, demo !== undefined);
}

/** Their control calls take the operator's key. */
function simulatedDesks({ address, keys, shutdown }: Shared, apiKey: string | undefined): Mounted['plugins'] {
  const controlToken = keys.operator.value;
  const { plugins, stop } = mountSandboxes({ address, controlToken, ...(apiKey === undefined ? {} : { apiKey }) });
  shutdown.add('the sandboxes', stop);
  return plugins;
}

async function share(options: ComposeOptions): Promise<Shared> {
  const { role, config, backends, keys, log, shutdown } = options;
  // A process without a worker has nothing to measure there, and may share its settings with one that has.
  installRuntime(log, role === 'api' ? undefined : config.temporalMetricsAddress);
  await patiently('The database', () => migrate(backends.databaseUrl));
  const target = {
    address: backends.temporal?.address ?? config.temporalAddress!,
    namespace: backends.temporal?.namespace,
  };
  const temporal = connectTemporal({ ...target, payloadKeys: config.payloadKeys });
  shutdown.add('the Temporal client', () => temporal.close());
  const store = createStore({ databaseUrl: backends.databaseUrl, secretKeys: keys.secrets, payloadKeys: config.payloadKeys, log });
  shutdown.add('the store', () => store.close());
  const port = config.port === 0 ? await freePort() : config.port;
  const address = `http://${urlHost(config.host)}:${port}`;
  // Those of the API process, which may be another one.
  const simulated = playgroundIsOn(config) ? [address, config.publicUrl ?? address].map((at) => `${at}/sandbox/`) : [];
  const http = createHttpClient({ allowedNetworks: config.allowedNetworks, allowedPrefixes: simulated });
  shutdown.add('the HTTP client', () => http.close());
  if (!backends.temporal) void prepareNamespace(temporal, log, shutdown);
  return {
    ...options,
    store,
    http,
    metrics: createMetrics({ role, version: productVersion() }),
    temporal,
    address,
    port,
  };
}

async function startWorker(shared: Shared): Promise<void> {
  const { backends, config, address, log, shutdown, store, http, metrics, temporal } = shared;
  const target = temporalTarget({
    address: backends.temporal?.address ?? config.temporalAddress!,
    namespace: backends.temporal?.namespace,
  });
  const converter = dataConverter(config.payloadKeys);
  const [connection, bundle] = await Promise.all([
    patiently('The Temporal server', () => NativeConnection.connect(target.connectionOptions)),
    workflowBundle(converter?.failureConverterPath),
  ]);
  shutdown.add('the Temporal connection', () => connection.close());
  const runs = createRuns(temporal.client);
  const publicUrl = config.publicUrl ?? address;
  const worker = await createBatonWorker({
    connection,
    namespace: target.namespace,
    deps: {
      store,
      desks,
      http,
      runs,
      publicUrl,
      clock: { now: () => Date.now() },
      log,
      metrics,
      retentionDays: config.retentionDays,
    },
    bundle,
    ...(converter ? { dataConverter: converter } : {}),
  });
  let stopping = false;
  const running = worker.run().catch((error: unknown) => {
    if (!stopping) throw error; // Nobody catches it: the process stops, and whoever keeps it starts it again.
    log.warn({ err: error }, 'the worker did not end well');
  });
  shutdown.add('the worker', async () => {
    stopping = true;
    worker.shutdown();
    await running;
  });
  await patiently('The Temporal server', () => ensureMaintenance(temporal.client));
}

async function startApi(shared: Shared, mounted: Mounted['plugins'] | undefined): Promise<void> {
  const { config, keys, address, backends, port, shutdown, store, http, log, metrics, temporal } = shared;
  const temporalUiUrl = config.temporalUiUrl ?? backends.temporal?.ui;
  const app = await buildApp({
    config: { ...config, port, publicUrl: config.publicUrl ?? address, operatorKey: keys.operator.value },
    store,
    desks,
    http,
    client: temporal.client,
    log,
    metrics,
    playground: mounted !== undefined,
    consoleFolder: join(CONSOLE, DIST),
    ...(mounted ? { sandboxes: mounted } : {}),
    ...(temporalUiUrl === undefined ? {} : { temporalUiUrl }),
  });
  shutdown.add('the API', () => app.close());
  await app.listen({ host: config.host, port }).catch((error: NodeJS.ErrnoException) => {
    throw portError(config.host, port, error.code ?? error.message);
  });
}

async function announce(shared: Shared, demo: boolean): Promise<void> {
  const { folder, address, backends, config, keys, shutdown, startedAt } = shared;
  if (folder) {
    const temporalAddress = backends.temporal?.address ?? config.temporalAddress!;
    await writeEndpoint(folder, {
      address,
      pid: process.pid,
      temporalAddress,
      temporalUi: backends.temporal?.ui ?? null,
    });
    shutdown.add('endpoint.json', () => removeEndpoint(folder));
  }
  console.log(
    banner({
      address,
      temporalUi: backends.temporal?.ui,
      operator: keys.operator,
      playground: playgroundIsOn(config),
      demo,
      startedInMs: Date.now() - startedAt,
    }),
  );
}

/** A server of yours may be away when we come: the search attributes are made as soon as it answers. */
async function prepareNamespace({ connection, namespace }: Temporal, log: Logger, shutdown: Shutdown): Promise<void> {
  for (let told = false; !shutdown.asked; await delay(RETRY_MS * 5, undefined, { ref: false })) {
    try {
      return await ensureSearchAttributes(connection, namespace);
    } catch (error) {
      if (!told)
        log.warn(
          { err: error, namespace },
          'the search attributes are not there yet; create them yourself when this goes on',
        );
      told = true;
    }
  }
}

async function patiently<T>(who: string, attempt: () => Promise<T>): Promise<T> {
  for (const end = Date.now() + PATIENCE_MS; ; await delay(RETRY_MS)) {
    try {
      return await attempt();
    } catch (error) {
      if (isPermanent(error)) throw error;
      if (Date.now() > end)
        throw new StartError(`${who} does not answer as it should: ${reason(error)}.`, 1, { cause: error });
    }
  }
}

const isPermanent = (error: unknown): boolean => error instanceof Error && error.name === 'MigrationError';

function reason(error: unknown): string {
  const { message, code } = error as { message?: string; code?: string };
  return (message || code || String(error)).split('\n')[0]!.replace(/\.$/, '');
}

/** A host to listen at is not always one to call. */
function urlHost(host: string): string {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1';
  return host.includes(':') ? `[${host}]` : host;
}
