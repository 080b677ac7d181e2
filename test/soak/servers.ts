import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findBinary, TEMPORAL_CLI } from '../../worker/local/binaries.ts';
import { startPostgres } from '../../worker/local/postgres.ts';
import { startTemporal } from '../../worker/local/temporal-server.ts';
import { startRole, type RoleProcess } from '../support/role-process.ts';

/**
 * The servers keep what they have seen in caches that take hours to fill: PostgreSQL 128 MB, Temporal each run for an hour.
 * With smaller ones, full in the first minutes, what grows later is something else.
 */
const CACHES = { postgres: 'shared_buffers=32MB', temporal: 'history.hostLevelCacheMaxSize=500' };

/** Baton as two processes on servers of its own, with the settings that it has by itself. */
export interface Servers {
  folder: string;
  databaseUrl: string;
  temporal: { address: string; namespace: string };
  operatorKey: string;
  api: RoleProcess;
  worker: RoleProcess;
  /** Process ids, by part. */
  pids: Record<Part, number>;
  stop(): Promise<void>;
}

export type Part = 'api' | 'worker' | 'temporal' | 'postgres';

export async function startServers(): Promise<Servers> {
  const closers: (() => Promise<unknown>)[] = [];
  const stop = async (): Promise<void> => {
    for (const close of closers.splice(0).toReversed()) await close().catch((error: unknown) => console.error(error));
  };
  try {
    const folder = await mkdtemp(join(tmpdir(), 'baton-soak-'));
    closers.push(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
    const binary = (): Promise<string> => findBinary(TEMPORAL_CLI, process.env, console.log);
    const postgres = await startPostgres({ folder, settings: [CACHES.postgres] });
    closers.push(() => postgres.stop());
    const temporal = await startTemporal({
      folder,
      binary,
      ui: false,
      extraArgs: ['--dynamic-config-value', CACHES.temporal],
    });
    closers.push(() => temporal.stop());
    const operatorKey = randomBytes(24).toString('base64url');
    const env = {
      DATABASE_URL: postgres.url,
      TEMPORAL_ADDRESS: temporal.address,
      TEMPORAL_NAMESPACE: temporal.namespace,
      BATON_SECRET_KEYS: `k1:${randomBytes(32).toString('base64')}`,
      BATON_PAYLOAD_KEYS: `p1:${randomBytes(32).toString('base64')}`,
      BATON_OPERATOR_KEY: operatorKey,
      BATON_PUBLIC_URL: 'http://baton.test',
      BATON_ALLOWED_NETWORKS: '127.0.0.0/8',
      BATON_RATE_LIMIT: '100000000',
      BATON_LOG_LEVEL: 'warn',
      HOST: '127.0.0.1',
    };
    const begin = async (role: RoleProcess['role']): Promise<RoleProcess> => {
      const one = await startRole(role, env);
      closers.push(async () => {
        if (one.isAlive()) one.signal('SIGTERM');
        await one.exit(60_000).catch(() => one.signal('SIGKILL'));
      });
      await one.answers('/readyz', 200);
      return one;
    };
    const api = await begin('api');
    const worker = await begin('worker');
    const pids = { api: api.pid, worker: worker.pid, temporal: temporal.pid, postgres: postgres.pid };
    return { folder, databaseUrl: postgres.url, temporal, operatorKey, api, worker, pids, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
