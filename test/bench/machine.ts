import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { cpus, loadavg, totalmem, type } from 'node:os';
import { promisify } from 'node:util';
import { connectTemporal } from '../../activities/platform/temporal.ts';
import type { Context } from './context.ts';
import { sql } from './sql.ts';

const run = promisify(execFile);
const require = createRequire(import.meta.url);

/** What the machine was busy with before us, in processes. */
const LOAD_BEFORE = Number((loadavg()[0] ?? 0).toFixed(1));

/** The class of the machine, never its name. */
export const machine = () => ({
  cpu: cpus()[0]?.model ?? 'unknown',
  cores: cpus().length,
  memoryGiB: Math.round(totalmem() / 2 ** 30),
  system: type(),
  loadBefore: LOAD_BEFORE,
});

/** Servers and packages that the figures depend on; null: not there. */
export async function versions({ postgresUrl, temporalAddress, namespace, temporalKind }: Context) {
  const temporal = connectTemporal({ address: temporalAddress, namespace, env: {} });
  try {
    const [{ serverVersion }, [postgres]] = await Promise.all([
      temporal.connection.workflowService.getSystemInfo({}),
      sql<{ server_version: string }>(postgresUrl, 'show server_version'),
    ]);
    return {
      node: process.version,
      temporalServer: `${serverVersion ?? 'unknown'} (${temporalKind})`,
      temporalSdk: await packageVersion('@temporalio/worker'),
      postgres: postgres?.server_version ?? 'unknown',
      redis: await redisVersion(),
      bullmq: await packageVersion('bullmq'),
      ioredis: await packageVersion('ioredis'),
      pgBoss: await packageVersion('pg-boss'),
    };
  } finally {
    await temporal.close();
  }
}

async function packageVersion(name: string): Promise<string | null> {
  for (const folder of require.resolve.paths(name) ?? []) {
    const text = await readFile(`${folder}/${name}/package.json`, 'utf8').catch(() => undefined);
    if (text !== undefined) return (JSON.parse(text) as { version: string }).version;
  }
  return null;
}

async function redisVersion(): Promise<string | null> {
  const { stdout } = await run('redis-server', ['--version']).catch(() => ({ stdout: '' }));
  return /v=(\S+)/.exec(stdout)?.[1] ?? null;
}
