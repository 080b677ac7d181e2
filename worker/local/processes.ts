import { randomInt } from 'node:crypto';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { promisify } from 'node:util';

const run = promisify(execFile);

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Polls until `probe` gives something other than undefined or false, or the time (milliseconds) is over. */
export async function waitFor<T>(
  probe: () => Promise<T | undefined | false>,
  timeoutMs: number,
  everyMs = 50,
): Promise<T | undefined> {
  const end = Date.now() + timeoutMs;
  for (;;) {
    const found = await probe();
    if (found !== undefined && found !== false) return found;
    if (Date.now() >= end) return undefined;
    await sleep(everyMs);
  }
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** The command line of a process, arguments separated by spaces; '' when it is gone or cannot be read. */
export async function commandLine(pid: number): Promise<string> {
  if (process.platform === 'linux') {
    const raw = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    return raw.replaceAll('\0', ' ').trim();
  }
  if (process.platform === 'win32') return '';
  const listed = await run('ps', ['-ww', '-o', 'command=', '-p', String(pid)]).catch(() => ({ stdout: '' }));
  return listed.stdout.trim();
}

/** Sends each signal in turn and waits up to `eachMs` for the process to go. True when it is gone. */
export async function stopProcess(pid: number, signals: NodeJS.Signals[], eachMs: number): Promise<boolean> {
  for (const signal of signals) {
    try {
      process.kill(pid, signal);
    } catch {
      return !isAlive(pid);
    }
    if (await waitFor(() => Promise.resolve(!isAlive(pid)), eachMs)) return true;
  }
  return !isAlive(pid);
}

/**
 * Below what operating systems give to outgoing connections: between our look and the listening, or while a server
 * restarts, one of those would take it.
 */
const QUIET_PORTS = { from: 20_000, to: 32_000 };
const TRIES = 20;

/** A port that is free on the loopback address now; `preferred` when it is free. */
export async function freePort(preferred?: number): Promise<number> {
  if (preferred !== undefined && (await probePort('127.0.0.1', preferred)) === undefined) return preferred;
  for (let tries = 0; tries < TRIES; tries += 1) {
    const port = randomInt(QUIET_PORTS.from, QUIET_PORTS.to);
    if ((await probePort('127.0.0.1', port)) === undefined) return port;
  }
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() =>
        typeof address === 'object' && address ? resolve(address.port) : reject(new Error('no port')),
      );
    });
  });
}

/** Why we could not listen there (an errno code such as EADDRINUSE), or undefined when we could. */
export async function probePort(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}
