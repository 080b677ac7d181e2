import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { connectTemporal } from '../../activities/platform/temporal.ts';
import { percentile, rounded } from '../bench/percentile.ts';
import type { Ledger } from './ledger.ts';
import { processUse } from './proc.ts';
import type { Part, Servers } from './servers.ts';
import type { Traffic } from './traffic.ts';

/** Of one process of Baton, or of a server. Absent: this machine does not tell. */
export interface PartSample {
  memoryMb?: number | undefined;
  descriptors?: number | undefined;
  processes?: number | undefined;
  /** Of Node: what its heap holds, garbage that is not yet collected included. */
  heapMb?: number | undefined;
  handles?: number | undefined;
}

export interface Sample {
  /** Seconds since the first one. */
  atSeconds: number;
  parts: Record<Part, PartSample>;
  connections: number;
  open: number;
  /** The longest of the handoffs that stay open, and how often one of them has begun a new run. */
  history: { events: number; kilobytes: number; runs: number };
  latency: { toDesk: Percentiles; toBot: Percentiles };
  /** Since the first sample. */
  delivered: number;
  databaseMb: number;
  temporalMb: number;
}

export interface Percentiles {
  p50: number | null;
  p99: number | null;
  count: number;
}

export interface Sampler {
  samples: Sample[];
  /** Looks at everything once. */
  take(): Promise<Sample>;
  /** `Temporal …`, `PostgreSQL …`. */
  versions(): Promise<Record<string, string>>;
  stop(): Promise<void>;
}

const TABLES = `select sum(pg_total_relation_size(relid))::float8 as bytes from pg_stat_user_tables`;
const CONNECTIONS = `select count(*)::int as count from pg_stat_activity
  where backend_type = 'client backend' and pid <> pg_backend_pid()`;

export async function createSampler(servers: Servers, traffic: Traffic, ledger: Ledger): Promise<Sampler> {
  const database = new pg.Client({ connectionString: servers.databaseUrl });
  database.on('error', () => undefined);
  await database.connect();
  const temporal = connectTemporal({ ...servers.temporal, env: {}, payloadKeys: undefined });
  const samples: Sample[] = [];
  const runs = new Map<string, Set<string>>();
  let startedAt: number | undefined;
  let deliveredBefore = 0;

  const number = async (sql: string): Promise<number> =>
    Number(Object.values((await database.query<Record<string, number>>(sql)).rows[0] ?? {})[0]);

  async function part(name: Part): Promise<PartSample> {
    const use = await processUse(servers.pids[name], name === 'postgres');
    const base = use && { ...use, memoryMb: round(use.memoryMb) };
    if (name !== 'api' && name !== 'worker') return { ...base };
    const text = await metricsOf(servers, name);
    return {
      ...base,
      heapMb: round(value(text, 'nodejs_heap_size_used_bytes') / 2 ** 20),
      handles: value(text, 'nodejs_active_resources_total'),
    };
  }

  async function history(): Promise<Sample['history']> {
    const each = await Promise.all(
      traffic.longTalks.map(async ({ id }) => {
        const { historyLength, historySize = 0, runId } = await temporal.client.workflow.getHandle(id).describe();
        const seen = runs.get(id) ?? new Set();
        runs.set(id, seen.add(runId));
        return { events: historyLength, kilobytes: Math.round(historySize / 1_024), runs: seen.size - 1 };
      }),
    );
    const most = (key: 'events' | 'kilobytes' | 'runs'): number => Math.max(0, ...each.map((one) => one[key]));
    return { events: most('events'), kilobytes: most('kilobytes'), runs: most('runs') };
  }

  return {
    samples,
    async take() {
      if (startedAt === undefined) {
        startedAt = performance.now();
        deliveredBefore = ledger.delivered;
        ledger.takeLatencies();
      }
      const atSeconds = round((performance.now() - startedAt) / 1_000);
      const { toDesk, toBot } = ledger.takeLatencies();
      const delivered = ledger.delivered - deliveredBefore;
      const [api, worker, temporalUse, postgres] = await Promise.all([
        part('api'),
        part('worker'),
        part('temporal'),
        part('postgres'),
      ]);
      const sample: Sample = {
        atSeconds,
        parts: { api, worker, temporal: temporalUse, postgres },
        connections: await number(CONNECTIONS),
        open: traffic.open(),
        history: await history(),
        latency: { toDesk: percentiles(toDesk), toBot: percentiles(toBot) },
        delivered,
        databaseMb: round((await number(TABLES)) / 2 ** 20),
        temporalMb: round((await stat(join(servers.folder, 'temporal.db'))).size / 2 ** 20),
      };
      samples.push(sample);
      return sample;
    },
    async versions() {
      const info = await temporal.connection.workflowService.getSystemInfo({});
      const server = await database.query<{ server_version: string }>('show server_version');
      return {
        temporalServer: info.serverVersion ?? 'unknown',
        postgresql: server.rows[0]?.server_version ?? 'unknown',
      };
    },
    async stop() {
      await database.end();
      await temporal.close();
    },
  };
}

async function metricsOf({ api, worker, operatorKey }: Servers, name: 'api' | 'worker'): Promise<string> {
  const { url } = name === 'api' ? api : worker;
  const response = await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${operatorKey}` } });
  if (!response.ok) throw new Error(`/metrics of the ${name}: ${response.status}`);
  return await response.text();
}

/** Of a metric without labels. */
const value = (text: string, name: string): number => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);

const percentiles = (latencies: number[]): Percentiles => ({
  p50: rounded(percentile(latencies, 0.5)),
  p99: rounded(percentile(latencies, 0.99)),
  count: latencies.length,
});

const round = (number: number): number => Math.round(number * 10) / 10;
