import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { startPostgres } from '../../worker/local/postgres.ts';
import { isAlive, stopProcess } from '../../worker/local/processes.ts';
import { watchChild } from './child.ts';
import { until } from './poll.ts';

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** One `npm start`, as a process of its own. */
export interface BatonProcess {
  pid: number;
  /** All it has printed so far. */
  output(): string;
  /** Resolves when it serves; fails with what it printed when it ends before. */
  ready(): Promise<{ address: string; key: string }>;
  /** From now on nobody reads what it prints. */
  closeOutput(): void;
  signal(signal: NodeJS.Signals): void;
  /** Its exit code; a signal's name when it was killed. */
  exit(): Promise<number | string>;
}

/** So that nothing is shed because other tests keep this machine busy. */
export const NEVER_SHED = { BATON_LOAD_DELAY_MS: '60000' };

/** Environment without what the surrounding run set for its own servers. */
export function cleanEnv(extra: Record<string, string>): NodeJS.ProcessEnv {
  const ours = Object.entries(process.env).filter(
    ([name]) => !/^(BATON_|DATABASE_URL|TEMPORAL_ADDRESS|TEMPORAL_NAMESPACE|HOST$|PORT$)/.test(name),
  );
  return { ...Object.fromEntries(ours), ...NEVER_SHED, ...extra };
}

export function startBaton(dataDir: string, env: Record<string, string> = {}, args: string[] = []): BatonProcess {
  const child: ChildProcess = spawn(process.execPath, [join(ROOT, 'worker/local/start.mjs'), ...args], {
    cwd: ROOT,
    env: cleanEnv({ BATON_DATA_DIR: dataDir, PORT: '0', ...env }),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const { output, ended, exit } = watchChild(child);
  return {
    pid: child.pid!,
    output,
    async ready() {
      await until(() => ended() !== undefined || output().includes('Ctrl-C stops everything'), {
        timeoutMs: 120_000,
        message: () => `no start: ${output()}`,
      });
      if (ended() !== undefined) throw new Error(`It ended (${ended()}) instead of starting: ${output()}`);
      const endpoint = JSON.parse(await readFile(join(dataDir, 'endpoint.json'), 'utf8')) as { address: string };
      return { address: endpoint.address, key: (await readFile(join(dataDir, 'operator.key'), 'utf8')).trim() };
    },
    closeOutput() {
      child.stdout!.destroy();
      child.stderr!.destroy();
    },
    signal: (signal) => void child.kill(signal),
    exit: () => exit(60_000),
  };
}

export const newDataDir = (): Promise<string> => mkdtemp(join(tmpdir(), 'baton-start-'));

/** The processes of a data folder that are alive now. */
export async function childrenOf(dataDir: string): Promise<{ postgres?: number; temporal?: number }> {
  const read = async (name: string): Promise<number | undefined> => {
    const text = await readFile(join(dataDir, name), 'utf8').catch(() => '{}');
    const { pid } = JSON.parse(text) as { pid?: number };
    return pid !== undefined && isAlive(pid) ? pid : undefined;
  };
  const [postgres, temporal] = await Promise.all([read('postgres.json'), read('temporal.json')]);
  return { ...(postgres === undefined ? {} : { postgres }), ...(temporal === undefined ? {} : { temporal }) };
}

/** Leaves nothing behind, whatever the test did. */
export async function removeDataDir(dataDir: string): Promise<void> {
  const { temporal, postgres } = await childrenOf(dataDir);
  if (temporal !== undefined) await stopProcess(temporal, ['SIGKILL'], 5_000);
  if (postgres !== undefined) await startPostgres({ folder: dataDir }).then((server) => server.stop());
  await rm(dataDir, { recursive: true, force: true, maxRetries: 5 });
}
