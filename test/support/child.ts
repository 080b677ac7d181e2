import type { ChildProcess } from 'node:child_process';
import { until } from './poll.ts';

/** What a process of a test prints, and how it ends. */
export interface Watched {
  /** All that it has printed so far, on both outputs. */
  output(): string;
  /** Its exit code, or the name of the signal that ended it; undefined: it runs. */
  ended(): number | string | undefined;
  /** The same, waited for; fails with what it printed. */
  exit(timeoutMs: number): Promise<number | string>;
}

export function watchChild(child: ChildProcess): Watched {
  let output = '';
  let ended: number | string | undefined;
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.once('close', (code, signal) => (ended = code ?? signal ?? 'unknown'));
  return {
    output: () => output,
    ended: () => ended,
    async exit(timeoutMs) {
      await until(() => ended !== undefined, { timeoutMs, message: () => `it does not end: ${output.slice(-3_000)}` });
      return ended!;
    },
  };
}
