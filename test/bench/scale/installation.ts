import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import type { Client } from '@temporalio/client';
import { connectTemporal } from '../../../activities/platform/temporal.ts';
import { startRole } from '../../support/role-process.ts';
import { administer, databaseUrl } from '../../support/postgres.ts';
import { makeNamespace } from '../../support/temporal.ts';
import type { Context } from '../context.ts';
import { startChild, type MeasuredChild } from './measured-child.ts';

const START = fileURLToPath(new URL('../../../worker/local/start.mjs', import.meta.url));
const MAX_TRIES = 5;
const NO_JOURNAL = fileURLToPath(new URL('./no-journal.ts', import.meta.url));

/** Where an installation gets its database and its namespace. */
export type Servers = Pick<Context, 'postgresUrl' | 'temporalAddress'>;

/** An API and workers as processes of their own, with a database and a namespace that nobody else has. */
export interface Installation {
  url: string;
  operatorKey: string;
  databaseUrl: string;
  namespace: string;
  client: Client;
  /** One more worker process: the product's, or the one of this benchmark that journals no messages. */
  startWorker(env?: Record<string, string>, kind?: 'product' | 'noJournal'): Promise<MeasuredChild>;
  /** With the operator's key; fails unless the answer is 2xx. */
  post(path: string, body: unknown): Promise<unknown>;
  put(path: string, body: unknown): Promise<unknown>;
  get(path: string): Promise<unknown>;
  stop(): Promise<void>;
}

/** `env` is for API and workers. */
export async function install(context: Servers, env: Record<string, string> = {}): Promise<Installation> {
  const name = `bench_${randomBytes(5).toString('hex')}`;
  await administer(context.postgresUrl, `create database ${name}`);
  const temporal = connectTemporal({ address: context.temporalAddress, namespace: name, env: {} });
  await makeNamespace(temporal.connection, name);
  const operatorKey = randomBytes(24).toString('base64url');
  const shared = {
    DATABASE_URL: databaseUrl(context.postgresUrl, name),
    TEMPORAL_ADDRESS: context.temporalAddress,
    TEMPORAL_NAMESPACE: name,
    BATON_SECRET_KEYS: `k1:${randomBytes(32).toString('base64')}`,
    BATON_OPERATOR_KEY: operatorKey,
    BATON_PUBLIC_URL: 'http://baton.test',
    BATON_ALLOWED_NETWORKS: '127.0.0.0/8',
    BATON_RATE_LIMIT: '10000000',
    BATON_DRAIN_SECONDS: '0',
    ...env,
  };
  const api = await startRole('api', { ...shared, BATON_LOG_LEVEL: 'warn' });
  await api.answers('/readyz', 200);
  const workers: MeasuredChild[] = [];

  async function once(method: string, path: string, body?: unknown): Promise<Response> {
    return await fetch(`${api.url}${path}`, {
      method,
      headers: { 'content-type': 'application/json', authorization: `Bearer ${operatorKey}` },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  }

  async function call(method: string, path: string, body?: unknown): Promise<unknown> {
    let response = await once(method, path, body);
    // As every sender should: what a busy server has not taken is sent again, with the ids that it had.
    for (let tries = 1; response.status === 503 && tries < MAX_TRIES; tries += 1) {
      await response.arrayBuffer();
      response = await once(method, path, body);
    }
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return JSON.parse(text) as unknown;
  }

  return {
    url: api.url,
    operatorKey,
    databaseUrl: shared.DATABASE_URL,
    namespace: name,
    client: temporal.client,
    async startWorker(more = {}, kind = 'product') {
      const child = await startChild({
        args: kind === 'product' ? [START, 'worker'] : ['--import', 'tsx', NO_JOURNAL],
        env: { ...shared, BATON_WORKER_PORT: '0', BATON_LOG_LEVEL: 'info', ...more },
        ready: 'the worker runs',
      });
      workers.push(child);
      return child;
    },
    post: (path, body) => call('POST', path, body),
    put: (path, body) => call('PUT', path, body),
    get: (path) => call('GET', path),
    async stop() {
      await Promise.all(workers.map((worker) => worker.stop('SIGKILL')));
      api.signal('SIGKILL');
      await api.exit();
      await temporal.close();
      await administer(context.postgresUrl, `drop database if exists ${name} with (force)`);
    },
  };
}
