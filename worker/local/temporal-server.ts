import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { Connection } from '@temporalio/client';

import { SEARCH_ATTRIBUTES } from '../../workflows/ids.ts';
import { StartError } from './failure.ts';
import { commandLine, freePort, isAlive, stopProcess, waitFor } from './processes.ts';
import { ensureSearchAttributes } from './search-attributes.ts';

const NAMESPACE = 'default';
const READY_MS = 60_000;
const STOP_MS = 10_000;

export interface TemporalOptions {
  /** The data folder; everything of Temporal in it has a name that starts with `temporal`. */
  folder: string;
  /** The `temporal` program; asked for only when no server runs on this folder yet. */
  binary: () => Promise<string>;
  /** Keep the data in a file of the folder (default) or in memory only. */
  persistent?: boolean;
  detached?: boolean;
  /** Also serve the web UI. Default true. */
  ui?: boolean;
  extraArgs?: string[];
  /** Called as soon as the server's process exists or was found, while it still gets ready. */
  onSpawned?: () => void;
}

export interface EmbeddedTemporal {
  /** host:port of the gRPC frontend. */
  address: string;
  /** Address of the web UI, for a browser. */
  ui: string;
  namespace: string;
  pid: number;
  adopted: boolean;
  stop(): Promise<void>;
}

interface ServerRecord {
  pid: number;
  port: number;
  uiPort: number;
}

/** Starts the Temporal dev server of a data folder, or finds the one that already serves it. Loopback only. */
export async function startTemporal(options: TemporalOptions): Promise<EmbeddedTemporal> {
  const last = await readRecord(options.folder);
  const adopted = last && (await adopt(last, options.folder));
  if (adopted) {
    options.onSpawned?.();
    return adopted;
  }
  const binary = await options.binary();
  for (let attempt = 1; ; attempt += 1) {
    const started = await launch(binary, last, options);
    if (typeof started !== 'string') return started;
    if (attempt === 3)
      throw new StartError(`The Temporal server did not start: ${started} (log: ${logOf(options.folder)})`);
  }
}

const logOf = (folder: string): string => join(folder, 'temporal.log');
const databaseOf = (folder: string): string => join(folder, 'temporal.db');
const recordOf = (folder: string): string => join(folder, 'temporal.json');

async function readRecord(folder: string): Promise<ServerRecord | undefined> {
  try {
    return JSON.parse(await readFile(recordOf(folder), 'utf8')) as ServerRecord;
  } catch {
    return undefined;
  }
}

/** The server that a start before us left on this folder, once it answers. */
async function adopt(record: ServerRecord, folder: string): Promise<EmbeddedTemporal | undefined> {
  if (!isAlive(record.pid) || !(await commandLine(record.pid)).includes(databaseOf(folder))) return undefined;
  const ready = await waitFor(async () => (await isReady(record.port)) || !isAlive(record.pid), READY_MS / 4, 100);
  if (ready && isAlive(record.pid)) return handle(record, true);
  // Two servers on one database file would spoil it: it must be gone before another one starts.
  if (!(await stopProcess(record.pid, ['SIGTERM', 'SIGKILL'], STOP_MS)))
    throw new StartError(`The Temporal server of this data folder (process ${record.pid}) neither answers nor stops.`);
  return undefined;
}

async function launch(
  binary: string,
  last: ServerRecord | undefined,
  options: TemporalOptions,
): Promise<EmbeddedTemporal | string> {
  const port = await freePort(last?.port);
  const uiPort = await freePort(last?.uiPort);
  const ui = options.ui ?? true;
  const args = ['server', 'start-dev', '--ip', '127.0.0.1', '--port', String(port), '--log-level', 'warn'];
  args.push(...(ui ? ['--ui-ip', '127.0.0.1', '--ui-port', String(uiPort)] : ['--headless']));
  if (options.persistent ?? true) args.push('--db-filename', databaseOf(options.folder));
  for (const name of Object.values(SEARCH_ATTRIBUTES)) args.push('--search-attribute', `${name}=Keyword`);
  const log = openSync(logOf(options.folder), 'a', 0o600);
  const child = spawn(binary, [...args, ...(options.extraArgs ?? [])], {
    cwd: options.folder,
    stdio: ['ignore', log, log],
    detached: options.detached ?? true,
  });
  closeSync(log);
  let gone: string | undefined;
  child.once('error', (error) => (gone = error.message));
  child.once('exit', (code, signal) => (gone ??= `it ended with ${signal ?? `code ${code}`}`));
  child.unref();
  options.onSpawned?.();
  const record = { pid: child.pid ?? 0, port, uiPort };
  // Written before it is ready: if we are killed now, the next start still finds the process.
  await writeFile(recordOf(options.folder), JSON.stringify(record), { mode: 0o600 });
  const ready = await waitFor(async () => gone ?? ((await isReady(port)) && 'ready'), READY_MS, 100);
  if (ready === 'ready') return handle(record, false);
  if (child.pid) await stopProcess(child.pid, ['SIGTERM', 'SIGKILL'], STOP_MS);
  return ready ?? `it did not answer within ${READY_MS / 1000} s`;
}

function handle(record: ServerRecord, adopted: boolean): EmbeddedTemporal {
  const stop = async (): Promise<void> => {
    if (!(await stopProcess(record.pid, ['SIGTERM', 'SIGKILL'], STOP_MS)))
      throw new StartError(`The Temporal server (process ${record.pid}) does not stop.`);
  };
  return {
    address: `127.0.0.1:${record.port}`,
    ui: `http://127.0.0.1:${record.uiPort}`,
    namespace: NAMESPACE,
    pid: record.pid,
    adopted,
    stop,
  };
}

/** Answers, has its namespace, and knows our search attributes. */
async function isReady(port: number): Promise<boolean> {
  let connection: Connection | undefined;
  try {
    const client = await import('@temporalio/client'); // Not at the top: it takes longer to load than to spawn the server.
    connection = await client.Connection.connect({ address: `127.0.0.1:${port}`, connectTimeout: 3_000 });
    await connection.workflowService.describeNamespace({ namespace: NAMESPACE });
    await ensureSearchAttributes(connection, NAMESPACE);
    return true;
  } catch {
    return false;
  } finally {
    await connection?.close();
  }
}
