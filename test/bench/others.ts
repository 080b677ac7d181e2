import { spawn } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { freePort, stopProcess } from '../../worker/local/processes.ts';
import { until } from '../support/poll.ts';
import type { Context } from './context.ts';
import type { BenchDesk } from './desk.ts';
import { createDatabase } from './sql.ts';
import type { System } from './system.ts';

/** What each file of `others/` exports as `start`. Those files import packages that only the benchmark installs. */
export type StartOther = (options: {
  desk: BenchDesk;
  /** A PostgreSQL database for pg-boss, a Redis for BullMQ. */
  url: string;
}) => Promise<System>;

interface Others {
  systems: { name: string; system: System }[];
  /** What is left out and why. */
  notes: string[];
}

/** The relays that a team would build on a queue: one persistent job per message, in order per conversation. */
export async function startOthers(context: Context, desk: BenchDesk): Promise<Others> {
  const { postgresUrl, later } = context;
  const systems: Others['systems'] = [];
  const notes: string[] = [];
  const add = async (name: string, file: string, url: string): Promise<void> => {
    // By its address: the root's TypeScript does not know the packages behind it.
    const { start } = (await import(new URL(`./others/${file}`, import.meta.url).href)) as { start: StartOther };
    const system = await start({ desk, url });
    later(() => system.stop());
    systems.push({ name, system });
  };
  await add('pg-boss, PostgreSQL', 'pg-boss.ts', await createDatabase(postgresUrl, 'relay_pg_boss'));
  if (process.env['REDIS_URL']) {
    await add('BullMQ, given Redis', 'bullmq.ts', process.env['REDIS_URL']);
    return { systems, notes };
  }
  try {
    await add('BullMQ, Redis (everysec)', 'bullmq.ts', await startRedis(context, 'everysec'));
    await add('BullMQ, Redis (always)', 'bullmq.ts', await startRedis(context, 'always'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    notes.push('THE ROWS OF BULLMQ ARE LEFT OUT: there is no redis-server on the PATH and no REDIS_URL.');
  }
  return { systems, notes };
}

/**
 * A Redis with an append-only file. `everysec`, its default: what was accepted in the last second may be lost with the
 * machine. `always`: written to the disk before the answer, as PostgreSQL does.
 */
async function startRedis({ folder, later }: Context, fsync: 'everysec' | 'always'): Promise<string> {
  const dir = join(folder, `redis-${fsync}`);
  await mkdir(dir);
  const port = await freePort();
  const files = ['--dir', dir, '--appendonly', 'yes', '--appendfsync', fsync, '--save', ''];
  const args = ['--port', String(port), '--bind', '127.0.0.1', ...files];
  const child = spawn('redis-server', args, { stdio: 'ignore' });
  const failed = new Promise<never>((_, reject) => child.once('error', reject));
  const ready = until(() => answers(port), { timeoutMs: 20_000, message: 'a Redis that answers' });
  await Promise.race([failed, ready]);
  later(async () => void (await stopProcess(child.pid!, ['SIGTERM', 'SIGKILL'], 5_000)));
  return `redis://127.0.0.1:${port}`;
}

const answers = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(!socket.destroy().connecting));
    socket.once('error', () => resolve(false));
  });
