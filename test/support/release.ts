import { execFile, spawn } from 'node:child_process';
import { mkdtemp, realpath, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { freePort, stopProcess } from '../../worker/local/processes.ts';
import { cleanEnv } from './baton-process.ts';
import { watchChild } from './child.ts';
import { until } from './poll.ts';
import { program } from './program.ts';

const run = promisify(execFile);
const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** The sources of one version of Baton in a folder of their own. */
export interface Release {
  folder: string;
  /** What Node is given to run it. */
  main: string[];
  remove(): Promise<void>;
}

/** This version. */
export const thisRelease: Release = { folder: ROOT, main: [program()], remove: async () => undefined };

/** The version of a commit, on the packages of this one. Gives back why not when this clone does not have it. */
export async function releaseOf(commit: string): Promise<Release | string> {
  try {
    await run('git', ['cat-file', '-e', `${commit}^{commit}`], { cwd: ROOT });
  } catch {
    return `commit ${commit} is not in this clone (a shallow one?): git fetch --unshallow`;
  }
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'baton-release-')));
  const archive = join(folder, 'release.tar');
  await run('git', ['archive', '--output', archive, commit], { cwd: ROOT });
  await run('tar', ['-xf', archive, '-C', folder]);
  // Without the sources of its pages an API does not build them first.
  await rm(join(folder, 'api/console'), { recursive: true });
  await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  const main = ['--import', 'tsx', 'worker/main.ts'];
  return { folder, main, remove: () => rm(folder, { recursive: true, force: true, maxRetries: 5 }) };
}

/** An API, a worker or a command as a process of its own. */
export interface RoleProcess {
  /** Of an API. */
  url: string;
  output(): string;
  /** Waits until it ends by itself, then as `stop`. */
  exit(): Promise<number | string>;
  /** Sends the signal and waits until it is gone: its exit code, or the name of the signal that ended it. */
  stop(signal: NodeJS.Signals): Promise<number | string>;
}

/** Starts it, without waiting until it is ready. */
export async function startRole(
  { folder, main }: Release,
  role: 'api' | 'worker' | 'replay',
  env: Record<string, string>,
): Promise<RoleProcess> {
  const port = String(await freePort());
  const own = {
    HOST: '127.0.0.1',
    PORT: port,
    BATON_WORKER_PORT: '0',
    BATON_LOG_LEVEL: 'info',
    BATON_PLAYGROUND: 'false',
  };
  const child = spawn(process.execPath, [...main, role], {
    cwd: folder,
    env: cleanEnv({ ...own, ...env }),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const { output, ended, exit } = watchChild(child);
  return {
    url: `http://127.0.0.1:${port}`,
    output,
    exit: () => exit(120_000),
    async stop(signal) {
      if (ended() === undefined) await stopProcess(child.pid!, [signal, 'SIGKILL'], 60_000);
      return await exit(10_000);
    },
  };
}

/** Waits until an API serves. */
export async function serving(api: RoleProcess): Promise<void> {
  const ready = async (): Promise<boolean> => (await fetch(`${api.url}/readyz`)).ok;
  await until(ready, { timeoutMs: 180_000, everyMs: 100, message: () => `an API that is ready: ${api.output()}` });
}

/** Waits until a worker says that it works. */
export async function working(worker: RoleProcess): Promise<void> {
  const says = (): boolean => worker.output().includes('the worker runs');
  await until(says, { timeoutMs: 180_000, everyMs: 100, message: () => `a worker that runs: ${worker.output()}` });
}
