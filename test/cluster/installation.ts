import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectTemporal } from '../../activities/platform/temporal.ts';
import { startPostgres } from '../../worker/local/postgres.ts';
import { freePort, stopProcess } from '../../worker/local/processes.ts';
import { until } from '../support/poll.ts';
import { makeNamespace } from '../support/temporal.ts';

/**
 * A program that runs a real Temporal server on a PostgreSQL: `<it> schema HOST PORT USER PASSWORD` makes the tables,
 * `<it> run HOST PORT USER PASSWORD FOLDER PORT` serves in the foreground with its frontend on the last port.
 */
const PROGRAM = process.env['TEMPORAL_ON_POSTGRES'];
/** Or servers that run already; nothing of them is stopped. */
const ADDRESS = process.env['CLUSTER_TEMPORAL_ADDRESS'];
const DATABASE_URL = process.env['CLUSTER_DATABASE_URL'];

/** Why the cluster tests cannot run, in words; undefined when they can. */
export const missing: string | undefined =
  PROGRAM || (ADDRESS && DATABASE_URL)
    ? undefined
    : 'no Temporal cluster: set TEMPORAL_ON_POSTGRES, or CLUSTER_TEMPORAL_ADDRESS and CLUSTER_DATABASE_URL (CONTRIBUTING.md)';

export interface Installation {
  /** For API and worker processes. */
  env: Record<string, string>;
  operatorKey: string;
  /** Absent: the server is somebody else's. */
  temporal?: { up(): Promise<void>; kill(): Promise<void>; output(): string };
  /** Makes the namespace and waits until it can be used. */
  prepareNamespace(): Promise<void>;
  stop(): Promise<void>;
}

/** Servers of our own lose nothing that a test could see without fsync; a benchmark has it on. */
export async function install({ fsync = false } = {}): Promise<Installation> {
  const closers: (() => Promise<unknown>)[] = [];
  const stop = async (): Promise<void> => {
    for (const close of closers.splice(0).toReversed()) await close();
  };
  try {
    const operatorKey = `operator-${randomBytes(12).toString('hex')}`;
    const own = PROGRAM ? await ownServers(PROGRAM, fsync, closers) : undefined;
    const address = own?.address ?? ADDRESS!;
    const namespace = `baton-${randomBytes(4).toString('hex')}`;
    return {
      operatorKey,
      env: {
        DATABASE_URL: own?.databaseUrl ?? DATABASE_URL!,
        TEMPORAL_ADDRESS: address,
        TEMPORAL_NAMESPACE: namespace,
        BATON_SECRET_KEYS: `k1:${randomBytes(32).toString('base64')}`,
        BATON_PAYLOAD_KEYS: `p1:${randomBytes(32).toString('base64')}`,
        BATON_OPERATOR_KEY: operatorKey,
        BATON_PUBLIC_URL: 'http://baton.test',
        BATON_ALLOWED_NETWORKS: '127.0.0.0/8',
        BATON_RATE_LIMIT: '1000000',
      },
      ...(own ? { temporal: own.temporal } : {}),
      prepareNamespace: () => prepareNamespace(address, namespace),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function ownServers(program: string, fsync: boolean, closers: (() => Promise<unknown>)[]) {
  const folder = await mkdtemp(join(tmpdir(), 'baton-production-'));
  closers.push(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  const settings = ['max_connections=300', ...(fsync ? [] : ['fsync=off', 'full_page_writes=off'])];
  const postgres = await startPostgres({ folder, settings, detached: false });
  closers.push(() => postgres.stop());
  const { hostname, port, username, password } = new URL(postgres.url);
  const login = [hostname, port, username, password];
  await ended(run(program, ['schema', ...login]));
  const frontend = await freePort();
  let server: Running | undefined;
  const kill = async (): Promise<void> => {
    if (server?.child.pid !== undefined && server.code === undefined)
      await stopProcess(server.child.pid, ['SIGKILL'], 20_000);
    server = undefined;
  };
  closers.push(kill);
  const temporal = {
    kill,
    async up() {
      server = run(program, ['run', ...login, join(folder, 'temporal'), String(frontend)]);
    },
    output: () => server?.output().slice(-3_000) ?? '',
  };
  return { address: `127.0.0.1:${frontend}`, databaseUrl: postgres.url, temporal };
}

interface Running {
  child: ChildProcess;
  code: number | string | undefined;
  output(): string;
}

function run(program: string, args: string[]): Running {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  // Its log is long: the end of it says what is wrong.
  const take = (chunk: Buffer): void => void (output = (output + chunk.toString()).slice(-20_000));
  child.stdout.on('data', take);
  child.stderr.on('data', take);
  const running: Running = { child, code: undefined, output: () => output };
  child.once('error', (error) => (running.code ??= error.message));
  child.once('close', (code, signal) => (running.code ??= code ?? signal ?? 'unknown'));
  return running;
}

async function ended(running: Running): Promise<void> {
  await until(() => running.code !== undefined, { timeoutMs: 180_000, message: running.output });
  if (running.code !== 0) throw new Error(`It ended with ${running.code}: ${running.output()}`);
}

async function prepareNamespace(address: string, namespace: string): Promise<void> {
  const { connection, close } = connectTemporal({ address, namespace, env: {} });
  try {
    await makeNamespace(connection, namespace);
  } finally {
    await close();
  }
}
