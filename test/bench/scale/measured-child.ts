import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { stopProcess } from '../../../worker/local/processes.ts';
import { cleanEnv } from '../../support/baton-process.ts';
import { watchChild } from '../../support/child.ts';
import { until } from '../../support/poll.ts';

/** For ten thousand handoffs in one process; Node's own limit depends on the machine. */
const HEAP = '--max-old-space-size=8192';
const PROBE = fileURLToPath(new URL('./memory-probe.mjs', import.meta.url));

/** Bytes of a whole process. */
export interface Memory {
  /** What the system has given it, a moment after all threads collected their garbage. */
  rss: number;
  /** What its heaps hold then. */
  live: number;
}

/** A process of the benchmark whose memory can be asked. */
export interface MeasuredChild {
  pid: number;
  output(): string;
  memory(): Promise<Memory>;
  /** Resolves when it is gone. */
  stop(signal?: 'SIGTERM' | 'SIGKILL'): Promise<void>;
}

export interface ChildOptions {
  /** Of Node: a file with its arguments. */
  args: string[];
  env: Record<string, string>;
  /** What it prints when it works. */
  ready: string;
}

/** Resolves when it has printed `ready`; fails with what it printed when it ends before. */
export async function startChild({ args, env, ready }: ChildOptions): Promise<MeasuredChild> {
  const child = spawn(process.execPath, [HEAP, '--import', PROBE, ...args], {
    env: cleanEnv(env),
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const { output, ended } = watchChild(child);
  const stop: MeasuredChild['stop'] = async (signal = 'SIGTERM') => {
    const signals = signal === 'SIGKILL' ? (['SIGKILL'] as const) : (['SIGTERM', 'SIGKILL'] as const);
    if (child.pid !== undefined && ended() === undefined) await stopProcess(child.pid, [...signals], 30_000);
  };
  try {
    await until(() => ended() !== undefined || output().includes(ready), { timeoutMs: 120_000, message: output });
    if (ended() !== undefined) throw new Error(`It ended instead of starting: ${output()}`);
  } catch (error) {
    await stop('SIGKILL');
    throw error;
  }
  return {
    pid: child.pid!,
    output,
    async memory() {
      const answer = once(child, 'message', { signal: AbortSignal.timeout(60_000) });
      child.send('measure');
      const [memory] = (await answer) as [Memory];
      return memory;
    },
    stop,
  };
}
