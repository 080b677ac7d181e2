import type { Config } from '../../activities/platform/config.ts';
import type { Logger } from 'pino';

import { findBinary, TEMPORAL_CLI } from './binaries.ts';
import { removeEndpoint } from './data-folder.ts';
import { StartError } from './failure.ts';
import { lockFolder } from './lock.ts';
import { startPostgres } from './postgres.ts';
import { probePort } from './processes.ts';
import type { Shutdown } from './shutdown.ts';
import { keepRunning } from './supervise.ts';
import { startTemporal } from './temporal-server.ts';

export interface Backends {
  databaseUrl: string;
  /** Absent: the server that the TEMPORAL_* variables name. */
  temporal: { address: string; namespace: string; ui: string } | undefined;
}

export interface BackendOptions {
  config: Config;
  folder: string;
  log: Logger;
  shutdown: Shutdown;
  say: (line: string) => void;
  /** Called while the slowest child gets ready: time to load the rest of the code. */
  onWaiting: () => void;
}

/**
 * Starts or adopts the children that the settings leave to us. Nothing is stopped or changed before the data folder is
 * ours, so a second start never disturbs the first.
 */
export async function startBackends(options: BackendOptions): Promise<Backends> {
  const { config } = options;
  const embedded = { postgres: config.databaseUrl === undefined, temporal: config.temporalAddress === undefined };
  const databaseUrl = config.databaseUrl ?? (await embeddedPostgres(options));
  if (!embedded.postgres && embedded.temporal) await holdFolder(options, databaseUrl);
  await refuseTakenPort(config);
  const temporal = embedded.temporal ? await embeddedTemporal(options) : undefined;
  return { databaseUrl, temporal };
}

async function holdFolder(options: BackendOptions, databaseUrl: string): Promise<void> {
  const lock = await lockFolder(options.folder, databaseUrl).catch((error: Error) => {
    if (error instanceof StartError) throw error;
    throw new StartError(`The database does not answer: ${error.message || (error as NodeJS.ErrnoException).code}.`);
  });
  // What a killed process wrote there is not true any more.
  await removeEndpoint(options.folder);
  options.shutdown.add('the lock of the data folder', () => lock.release());
}

async function embeddedPostgres(options: BackendOptions): Promise<string> {
  const { folder, log, shutdown, say } = options;
  const first = await startPostgres({ folder, say });
  let current = first;
  // When another process has the lock it needs this server, even if it was we who started it: leave it alone.
  await holdFolder(options, first.url);
  const unwatch = keepRunning(
    'postgres',
    first,
    async () => {
      current = await startPostgres({ folder });
      if (current.port !== first.port) throw new Error(`its port ${first.port} was taken meanwhile`);
      return current;
    },
    log,
  );
  shutdown.add('PostgreSQL', async () => {
    await unwatch();
    await current.stop();
  });
  return first.url;
}

async function embeddedTemporal(options: BackendOptions): Promise<{ address: string; namespace: string; ui: string }> {
  const { folder, log, shutdown, say } = options;
  // The wrong binary is named at once, even when an adopted server makes it unnecessary.
  const named = options.config.temporalCliPath ? await findBinary(TEMPORAL_CLI, process.env, say) : undefined;
  const binary = async (): Promise<string> => named ?? findBinary(TEMPORAL_CLI, process.env, say);
  const first = await startTemporal({ folder, binary, onSpawned: options.onWaiting });
  let current = first;
  const unwatch = keepRunning(
    'temporal',
    first,
    async () => {
      current = await startTemporal({ folder, binary });
      if (current.address !== first.address) throw new Error(`its address ${first.address} was taken meanwhile`);
      return current;
    },
    log,
  );
  shutdown.add('the Temporal server', async () => {
    await unwatch();
    await current.stop();
  });
  return { address: first.address, namespace: first.namespace, ui: first.ui };
}

async function refuseTakenPort({ host, port }: Config): Promise<void> {
  if (port === 0) return;
  const code = await probePort(host, port);
  if (code !== undefined) throw portError(host, port, code);
}

/** One sentence for an address that we cannot listen at. */
export function portError(host: string, port: number, code: string, variable = 'PORT'): StartError {
  if (code === 'EADDRINUSE')
    return new StartError(
      `Port ${port} on ${host} is taken by another program: stop it, or set ${variable} to another port (0 = any free one).`,
    );
  if (code === 'EACCES')
    return new StartError(`Port ${port} on ${host} needs more rights than we have: set ${variable} to another port.`);
  return new StartError(`HOST=${host} ${variable}=${port} is not an address that we can listen at (${code}).`);
}
