import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectTemporal, type Temporal } from '../../activities/platform/temporal.ts';
import { findBinary, TEMPORAL_CLI } from '../../worker/local/binaries.ts';
import { startPostgres } from '../../worker/local/postgres.ts';
import { stopProcess } from '../../worker/local/processes.ts';
import { startTemporal } from '../../worker/local/temporal-server.ts';
import { killAll, startRole, type RoleProcess } from '../support/role-process.ts';
import { startProxy, type Proxy } from './proxy.ts';

const OPERATOR_KEY = 'operator-key-of-the-tests';
const READY_MS = 120_000;

export const WAYS = ['clients-api', 'api-postgres', 'api-temporal', 'worker-postgres', 'worker-temporal'] as const;
export type Way = (typeof WAYS)[number];

export const SERVERS = ['api', 'worker', 'postgres', 'temporal'] as const;
export type ServerName = (typeof SERVERS)[number];

/** A whole Baton: each part a process of its own, each way between two of them a proxy. */
export interface Parts {
  url: string;
  operatorKey: string;
  temporal: Temporal;
  ways: Record<Way, Proxy>;
  /** SIGKILL, no grace. `which`: of several APIs or workers. Resolves when it is gone. */
  kill(name: ServerName, which: number): Promise<void>;
  /** Starts what `kill` took. An API or a worker may not be ready yet. */
  revive(name: ServerName, which: number): Promise<void>;
  /** Every API and worker says that it is ready. Fails when one has ended by itself. */
  allReady(): Promise<void>;
  /** The last lines of every process. */
  output(): string;
  stop(): Promise<void>;
}

interface Backend {
  port: number;
  down(): Promise<void>;
  up(): Promise<void>;
}

/** `each`: how many APIs, and how many workers. */
export async function startParts(each: number, env: Record<string, string> = {}): Promise<Parts> {
  const folder = await mkdtemp(join(tmpdir(), 'baton-chaos-'));
  const postgres = await servePostgres(folder);
  const temporal = await serveTemporal(folder);
  const [first, ...rest] = await Promise.all([
    startProxy(),
    startProxy([postgres.port]),
    startProxy([temporal.port]),
    startProxy([postgres.port]),
    startProxy([temporal.port]),
  ]);
  const ways = Object.fromEntries(WAYS.map((way, index) => [way, [first, ...rest][index]])) as Record<Way, Proxy>;
  const url = `http://127.0.0.1:${ways['clients-api'].port}`;
  const common = {
    BATON_SECRET_KEYS: `k1:${randomBytes(32).toString('base64')}`,
    BATON_PAYLOAD_KEYS: `p1:${randomBytes(32).toString('base64')}`,
    BATON_OPERATOR_KEY: OPERATOR_KEY,
    BATON_PUBLIC_URL: url,
    BATON_ALLOWED_NETWORKS: '127.0.0.0/8',
    BATON_RATE_LIMIT: '100000000',
    BATON_RECONCILE_MINUTES: '1',
    BATON_LOG_LEVEL: 'warn',
    TEMPORAL_NAMESPACE: 'default',
    ...env,
  };
  const roles: Record<'api' | 'worker', RoleProcess[]> = { api: [], worker: [] };
  const client = connectTemporal({ address: `127.0.0.1:${temporal.port}`, namespace: 'default', env: {} });

  const launch = async (role: 'api' | 'worker', which: number): Promise<void> => {
    roles[role][which] = await startRole(role, {
      ...common,
      DATABASE_URL: postgres.urlAt(ways[`${role}-postgres`].port),
      TEMPORAL_ADDRESS: `127.0.0.1:${ways[`${role}-temporal`].port}`,
    });
    ways['clients-api'].lead(roles.api.map((api) => Number(new URL(api.url).port)));
  };

  const stop = async (): Promise<void> => {
    await killAll([...roles.api, ...roles.worker]);
    await client.close();
    await Promise.all(Object.values(ways).map((way) => way.stop()));
    await Promise.all([postgres.down(), temporal.down()]);
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  };

  const backends: Partial<Record<ServerName, Backend>> = { postgres, temporal };
  const parts: Parts = {
    url,
    operatorKey: OPERATOR_KEY,
    temporal: client,
    ways,
    async kill(name, which) {
      if (name === 'postgres' || name === 'temporal') return await backends[name]!.down();
      const one = roles[name][which]!;
      if (!one.isAlive()) throw new Error(`The ${name} has ended by itself: ${one.output().slice(-3_000)}`);
      one.signal('SIGKILL');
      await one.exit();
    },
    async revive(name, which) {
      if (name === 'postgres' || name === 'temporal') await backends[name]!.up();
      else await launch(name, which);
    },
    async allReady() {
      await Promise.all([...roles.api, ...roles.worker].map((one) => one.answers('/readyz', 200, READY_MS)));
    },
    output: () =>
      [...roles.api, ...roles.worker].map((one) => `--- ${one.role}\n${one.output().slice(-2_000)}`).join('\n'),
    stop,
  };
  try {
    const numbers = Array.from({ length: each }, (_, index) => index);
    await Promise.all(numbers.flatMap((n) => [launch('api', n), launch('worker', n)]));
    await parts.allReady();
    return parts;
  } catch (error) {
    await stop();
    throw error;
  }
}

async function servePostgres(folder: string): Promise<Backend & { urlAt(port: number): string }> {
  // Only processes die here, never the machine: what PostgreSQL has written to the system is there afterwards.
  const settings = ['fsync=off', 'full_page_writes=off', 'max_connections=200'];
  const start = () => startPostgres({ folder, detached: false, settings });
  let server = await start();
  const { port } = server;
  return {
    port,
    urlAt(at) {
      const url = new URL(server.url);
      url.port = String(at);
      return url.href;
    },
    down: async () => void (await stopProcess(server.pid, ['SIGKILL'], 15_000)),
    async up() {
      server = await start();
      if (server.port !== port) throw new Error('the port of PostgreSQL was taken while it was down');
    },
  };
}

async function serveTemporal(folder: string): Promise<Backend> {
  const binary = () => findBinary(TEMPORAL_CLI, process.env, console.log);
  const start = () => startTemporal({ folder, binary, detached: false, ui: false });
  const portOf = ({ address }: { address: string }): number => Number(address.split(':')[1]);
  let server = await start();
  const port = portOf(server);
  return {
    port,
    down: async () => void (await stopProcess(server.pid, ['SIGKILL'], 15_000)),
    async up() {
      server = await start();
      if (portOf(server) !== port) throw new Error('the port of Temporal was taken while it was down');
    },
  };
}
