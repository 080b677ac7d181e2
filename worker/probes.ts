import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import type { Client } from '@temporalio/client';

import { renderMetrics } from '../activities/platform/gauges.ts';
import type { Lifecycle } from '../activities/platform/lifecycle.ts';
import type { Metrics } from '../activities/platform/metrics.ts';
import { answers, createTemporalPing } from '../activities/platform/reachable.ts';
import type { Store } from '../activities/store/store.ts';
import type { WorkerState } from './worker.ts';

export interface ProbeOptions {
  host: string;
  /** 0 = any free port. */
  port: number;
  /** `starting` until there is a worker. */
  state: () => WorkerState | 'starting';
  lifecycle: Lifecycle;
  store: Store;
  client: Client;
  metrics: Metrics;
}

/**
 * `/livez`, `/readyz` and `/metrics` of a worker that runs without an API. Alive: it is starting, polls, or ends as it
 * was told. Ready: it polls, and PostgreSQL and Temporal answer.
 */
export async function serveProbes(options: ProbeOptions): Promise<{ port: number; close(): Promise<void> }> {
  const { state, lifecycle, store, client, metrics } = options;
  const pingTemporal = createTemporalPing(client);

  async function readiness(): Promise<[number, unknown]> {
    const [postgresql, temporal] = await Promise.all([answers(store.ping()), answers(pingTemporal())]);
    const ok = (is: boolean) => (is ? ('ok' as const) : ('down' as const));
    const parts = { postgresql, migrations: ok(lifecycle.migrated), temporal, worker: ok(state() === 'polling') };
    const isReady = Object.values(parts).every((part) => part === 'ok') && !lifecycle.draining;
    return [isReady ? 200 : 503, { status: lifecycle.draining ? 'draining' : isReady ? 'ready' : 'not_ready', parts }];
  }

  async function answer(path: string): Promise<[number, unknown]> {
    if (path === '/readyz') return await readiness();
    if (path !== '/livez') return [404, { error: { code: 'not_found', message: 'There is nothing here.' } }];
    return state() === 'failed' ? [503, { status: 'failed' }] : [200, { status: 'ok' }];
  }

  const server = createServer((request, response) => {
    const path = (request.url ?? '/').split('?', 1)[0]!;
    const send = (status: number, type: string, text: string): void => {
      response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' }).end(text);
    };
    const done =
      path === '/metrics' ? renderMetrics({ metrics, store, pingTemporal, installation: false }) : answer(path);
    done.then(
      (found) =>
        typeof found === 'string'
          ? send(200, metrics.registry.contentType, found)
          : send(found[0], 'application/json; charset=utf-8', JSON.stringify(found[1])),
      () => send(500, 'text/plain', ''),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
