import { spawn } from 'node:child_process';
import { stopProcess } from '../../worker/local/processes.ts';
import { cleanEnv } from './baton-process.ts';
import { watchChild } from './child.ts';
import { until } from './poll.ts';
import { program } from './program.ts';

export interface WorkerProcess {
  pid: number;
  /** SIGKILL: no grace, nothing is finished. Resolves when it is gone. */
  kill(): Promise<void>;
}

/** A worker as a process of its own, ready for work. `env` names its database, its Temporal and its keys. */
export async function spawnWorker(env: Record<string, string>): Promise<WorkerProcess> {
  const child = spawn(process.execPath, [program(), 'worker'], {
    env: cleanEnv({ BATON_WORKER_PORT: '0', ...env, BATON_LOG_LEVEL: 'info' }),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const { output, ended } = watchChild(child);
  const kill = async (): Promise<void> => {
    if (child.pid !== undefined && ended() === undefined) await stopProcess(child.pid, ['SIGKILL'], 10_000);
  };
  try {
    await until(() => ended() !== undefined || output().includes('the worker runs'), {
      timeoutMs: 60_000,
      message: output,
    });
    if (ended() !== undefined) throw new Error(`The worker ended instead of starting: ${output()}`);
  } catch (error) {
    await kill();
    throw error;
  }
  return { pid: child.pid!, kill };
}
