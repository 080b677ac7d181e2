import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { freePort, isAlive } from '../../worker/local/processes.ts';
import { cleanEnv } from './baton-process.ts';
import { watchChild } from './child.ts';
import { until } from './poll.ts';
import { program } from './program.ts';

/** One API or one worker, as a process of its own. */
export interface RoleProcess {
  role: 'api' | 'worker';
  pid: number;
  /** Where it answers: the API, or a worker's probes. */
  url: string;
  output(): string;
  isAlive(): boolean;
  /** What `/livez` or `/readyz` answers; status 0 without an answer. */
  probe(path: string): Promise<{ status: number; body: { status?: string; parts?: Record<string, string> } }>;
  /** Until that probe answers so; fails with what the process printed when it ends before. */
  answers(path: string, status: number, timeoutMs?: number): Promise<void>;
  signal(signal: NodeJS.Signals): void;
  /** Its exit code, or the name of the signal that ended it. */
  exit(timeoutMs?: number): Promise<number | string>;
}

export async function startRole(role: 'api' | 'worker', env: Record<string, string>): Promise<RoleProcess> {
  const port = await freePort();
  const ports = role === 'api' ? { PORT: String(port) } : { BATON_WORKER_PORT: String(port) };
  const child = spawn(process.execPath, [program(), role], {
    env: cleanEnv({ BATON_LOG_LEVEL: 'info', ...env, ...ports }),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const { output, ended, exit } = watchChild(child);
  const url = `http://127.0.0.1:${port}`;

  const probe: RoleProcess['probe'] = async (path) => {
    const answer = await fetch(`${url}${path}`, { signal: AbortSignal.timeout(5_000) }).catch(() => undefined);
    const body = (await answer?.json().catch(() => undefined)) ?? {};
    return { status: answer?.status ?? 0, body };
  };

  return {
    role,
    pid: child.pid!,
    url,
    output,
    isAlive: () => ended() === undefined && isAlive(child.pid!),
    probe,
    async answers(path, status, timeoutMs = 120_000) {
      await until(async () => ended() !== undefined || (await probe(path)).status === status, {
        timeoutMs,
        everyMs: 100,
        message: () => `${role} ${path} ${status}: ${output().slice(-3_000)}`,
      });
      if (ended() !== undefined) throw new Error(`The ${role} ended (${ended()}): ${output().slice(-3_000)}`);
    },
    signal: (signal) => void child.kill(signal),
    exit: (timeoutMs = 120_000) => exit(timeoutMs),
  };
}

/** Ends what is left of them, and waits until it is gone. */
export async function killAll(processes: readonly RoleProcess[]): Promise<void> {
  for (const one of processes) if (one.isAlive()) one.signal('SIGKILL');
  await Promise.all(processes.map((one) => one.exit()));
}

/** A command that ends, such as `migrate`, with what it printed. */
export async function runCommand(
  name: string,
  env: Record<string, string>,
): Promise<{ code: number | string; output: string }> {
  const child = spawn(process.execPath, [program(), name], { env: cleanEnv(env), stdio: ['ignore', 'pipe', 'pipe'] });
  const { output } = watchChild(child);
  // No limit but the test's own.
  await once(child, 'close');
  return { code: child.exitCode ?? child.signalCode ?? 'unknown', output: output() };
}
