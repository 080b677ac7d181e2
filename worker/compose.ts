import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { desks } from '../activities/desks/registry.ts';
import { createHttpClient, type HttpClient } from '../activities/http/client.ts';
import { playgroundIsOn, type Config } from '../activities/platform/config.ts';
import type { Lifecycle } from '../activities/platform/lifecycle.ts';
import type { Logger } from '../activities/platform/log.ts';
import { createMetrics, type Metrics } from '../activities/platform/metrics.ts';
import { connectTemporal, type Temporal } from '../activities/platform/temporal.ts';
import { productVersion } from '../activities/platform/version.ts';
import { createStore, type Store } from '../activities/store/store.ts';
import type { Mounted } from '../api/sandbox/mount.ts';
import { prepareDatabase } from './database.ts';
import { portError, type Backends } from './local/backends.ts';
import { banner } from './local/banner.ts';
import { CONSOLE, DIST } from './local/console-sources.ts';
import { removeEndpoint, writeEndpoint } from './local/data-folder.ts';
import { ensureDemo } from './local/demo.ts';
import { freePort } from './local/processes.ts';
import { ensureSearchAttributes } from './local/search-attributes.ts';
import type { Shutdown } from './local/shutdown.ts';
import type { Keys, Role } from './main.ts';
import { serveProbes } from './probes.ts';
import { installRuntime } from './telemetry.ts';
import { work } from './work.ts';

/** How long a server of yours may take to answer when somebody at a terminal waits for the start. */
const PATIENCE_MS = 30_000;
/** For load balancers to notice that an API is about to stop. */
const API_DRAIN_SECONDS = 5;

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
  lifecycle: { -readonly [K in keyof Lifecycle]: Lifecycle[K] };
  target: { address: string; namespace: string | undefined };
  /** Milliseconds; undefined: whatever is away is waited for. */
  patienceMs: number | undefined;
}

/** The code of the API and of the simulated desks, a third of the whole: a worker alone works sooner without it. */
export async function loadApi() {
  const [{ buildApp }, { mountSandboxes }] = await Promise.all([
    import('../api/app.ts'),
    import('../api/sandbox/mount.ts'),
  ]);
  return { buildApp, mountSandboxes };
}

/**
 * Puts the process together, and has it stopped in the reverse order. API and worker alone are up at once, whatever is
 * away, and their probes say what; the role `all` waits until everything works.
 */
export async function compose(options: ComposeOptions): Promise<void> {
  const { config, role } = options;
  const shared = share(options, config.port === 0 && role !== 'worker' ? await freePort() : config.port);
  const database = bringUpDatabase(shared);
  if (role === 'worker') return await startWorkerAlone(shared, database);
  const demo = role === 'all' ? await startWorkerAndDemo(shared, database) : undefined;
  if (options.shutdown.asked) return;
  await startApi(shared, playgroundIsOn(config) ? await simulatedDesks(shared, demo?.apiKey) : undefined);
  const { problem } = (await options.consoleReady) ?? {};
  if (problem !== undefined) options.log.warn({ reason: problem }, 'the console was not built; all else works');
  await announce(shared, demo !== undefined);
}

/** The demo bot's key, where there is one. */
async function startWorkerAndDemo(shared: Shared, database: Promise<void>): Promise<{ apiKey: string } | undefined> {
  const { config, folder, lifecycle } = shared;
  await database;
  const demo = playgroundIsOn(config) && folder !== undefined && lifecycle.migrated;
  const made = demo ? await ensureDemo({ ...shared, desks, folder }) : undefined;
  await startWorker(shared, database).started;
  return made;
}

const startWorker = (shared: Shared, database: Promise<void>) =>
  work({ ...shared, publicUrl: shared.config.publicUrl ?? shared.address, database });

async function startWorkerAlone(shared: Shared, database: Promise<void>): Promise<void> {
  const { config, lifecycle, log, shutdown, store, metrics, temporal } = shared;
  let state: ReturnType<typeof work>['state'] = () => 'starting';
  const { host, workerPort: port } = config;
  const probes = await serveProbes({
    host,
    port,
    lifecycle,
    store,
    metrics,
    client: temporal.client,
    state: () => state(),
  }).catch((error: NodeJS.ErrnoException) => {
    throw portError(host, port, error.code ?? error.message, 'BATON_WORKER_PORT');
  });
  shutdown.add('the probes', () => probes.close());
  log.info({ port: probes.port }, 'the worker answers probes');
  const running = startWorker(shared, database);
  ({ state } = running);
  running.started.then(
    () => shutdown.asked || log.info('the worker runs'),
    (error: Error) => shutdown.fail(error.message),
  );
  drainFirst(shared, 0);
}

/** The first step of a stop: probes say that nothing more should come, and whoever sends it gets time to notice. */
function drainFirst({ config, lifecycle, log, shutdown }: Shared, defaultSeconds: number): void {
  const seconds = config.limits.drainSeconds ?? defaultSeconds;
  shutdown.allow(seconds * 1_000);
  shutdown.add('draining', async () => {
    lifecycle.draining = true;
    if (seconds === 0) return;
    log.info({ seconds }, 'not ready any more; calls are still taken for a while');
    await delay(seconds * 1_000);
  });
}

/** A process that waits for nobody says what is wrong and ends; the role `all` fails its start. */
function bringUpDatabase({ role, backends, config, lifecycle, log, shutdown, patienceMs }: Shared): Promise<void> {
  const patience = { log, signal: shutdown.signal, forMs: patienceMs };
  const done = prepareDatabase(backends.databaseUrl, { migrate: config.limits.migrate, lifecycle, patience });
  if (role !== 'all') done.catch((error: Error) => shutdown.fail(error.message));
  return done;
}

/** Their control calls take the operator's key. */
async function simulatedDesks(
  { address, keys, shutdown }: Shared,
  apiKey: string | undefined,
): Promise<Mounted['plugins']> {
  const { mountSandboxes } = await loadApi();
  const controlToken = keys.operator.value;
  const { plugins, stop } = mountSandboxes({ address, controlToken, ...(apiKey === undefined ? {} : { apiKey }) });
  shutdown.add('the sandboxes', stop);
  return plugins;
}

function share(options: ComposeOptions, port: number): Shared {
  const { role, config, backends, keys, log, shutdown } = options;
  // A process without a worker has nothing to measure there, and may share its settings with one that has.
  installRuntime(log, role === 'api' ? undefined : config.temporalMetricsAddress);
  const target = {
    address: backends.temporal?.address ?? config.temporalAddress!,
    namespace: backends.temporal?.namespace,
  };
  const temporal = connectTemporal({ ...target, payloadKeys: config.payloadKeys });
  shutdown.add('the Temporal client', () => temporal.close());
  const store = createStore({
    databaseUrl: backends.databaseUrl,
    secretKeys: keys.secrets,
    payloadKeys: config.payloadKeys,
    log,
    poolSize: config.limits.databaseConnections,
    statementSeconds: config.limits.databaseTimeoutSeconds,
  });
  shutdown.add('the store', () => store.close());
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
    target,
    lifecycle: { migrated: false, draining: false },
    patienceMs: role === 'all' ? PATIENCE_MS : undefined,
  };
}

async function startApi(shared: Shared, mounted: Mounted['plugins'] | undefined): Promise<void> {
  const { config, keys, address, backends, port, shutdown, store, http, log, metrics, temporal, lifecycle } = shared;
  const temporalUiUrl = config.temporalUiUrl ?? backends.temporal?.ui;
  const { buildApp } = await loadApi();
  const app = await buildApp({
    config: { ...config, port, publicUrl: config.publicUrl ?? address, operatorKey: keys.operator.value },
    store,
    desks,
    http,
    client: temporal.client,
    log,
    metrics,
    lifecycle,
    playground: mounted !== undefined,
    consoleFolder: join(CONSOLE, DIST),
    ...(mounted ? { sandboxes: mounted } : {}),
    ...(temporalUiUrl === undefined ? {} : { temporalUiUrl }),
  });
  shutdown.add('the API', () => app.close());
  await app.listen({ host: config.host, port }).catch((error: NodeJS.ErrnoException) => {
    throw portError(config.host, port, error.code ?? error.message);
  });
  drainFirst(shared, shared.role === 'api' ? API_DRAIN_SECONDS : 0);
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
  for (let told = false; !shutdown.asked; await delay(5_000, undefined, { ref: false })) {
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

/** A host to listen at is not always one to call. */
function urlHost(host: string): string {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1';
  return host.includes(':') ? `[${host}]` : host;
}
