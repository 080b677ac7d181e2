import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';

/** Takes one line for people. */
export type Say = (line: string) => void;

/** How long a program may take to tell its version, milliseconds. */
export const VERSION_MS = 20_000;

/** Where programs that we had to get are kept. */
export function cacheFolder(env: NodeJS.ProcessEnv): string {
  return join(env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'baton');
}

/** The paths that a program of this name has in the folders of PATH, whether it is there or not. */
export function onPath(program: string, env: NodeJS.ProcessEnv): string[] {
  const folders = (env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  const suffix = process.platform === 'win32' ? '.exe' : '';
  return folders.map((folder) => join(folder, program + suffix));
}

/** Whether it is there and this user may run it. */
export const isExecutable = (path: string): Promise<boolean> =>
  access(path, constants.X_OK).then(
    () => true,
    () => false,
  );

/** Runs a program to its end, or kills it. Never fails: `ok` tells, and `output` has both of its outputs. */
export function runBounded(
  file: string,
  args: string[],
  timeoutMs: number,
  env: NodeJS.ProcessEnv = process.env,
): Promise<{ ok: boolean; output: string }> {
  const options = { timeout: timeoutMs, killSignal: 'SIGKILL' as const, maxBuffer: 8 << 20, env };
  return new Promise((resolve) => {
    execFile(file, args, options, (error, stdout, stderr) =>
      resolve({ ok: !error, output: `${stdout}\n${stderr}\n${error?.killed ? 'it took too long' : ''}`.trim() }),
    );
  });
}

/** The same, with a line every five seconds so that nobody thinks we hang. */
export async function runShown(
  title: string,
  file: string,
  args: string[],
  timeoutMs: number,
  say: Say,
  env: NodeJS.ProcessEnv = process.env,
): Promise<boolean> {
  const started = Date.now();
  const tick = setInterval(() => say(`  … ${Math.round((Date.now() - started) / 1000)} s`), 5_000);
  const { ok, output } = await runBounded(file, args, timeoutMs, env).finally(() => clearInterval(tick));
  if (!ok) say(`${title}: did not work (${shorten(output)})`);
  return ok;
}

const shorten = (output: string): string =>
  (output.split('\n').findLast((line) => /\w/.test(line)) ?? 'no answer').trim().slice(0, 160);
