import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { BUILD_LIMIT_MS, builtHash, CONSOLE, sourcesHash } from './console-sources.ts';

/**
 * Builds the console when what is there is not of these sources. Resolves when it is there, or with the reason why not:
 * the service works without it, and an older one is still served.
 */
export async function prepareConsole(folder = CONSOLE): Promise<{ problem?: string }> {
  try {
    const wanted = await sourcesHash(folder);
    if (wanted === undefined || (await builtHash(folder)) === wanted) return {};
    await runBuild(folder);
    return {};
  } catch (error) {
    return { problem: reason(error) };
  }
}

async function runBuild(folder: string): Promise<void> {
  const script = fileURLToPath(new URL('./console-build.ts', import.meta.url));
  const args = ['--import', import.meta.resolve('tsx'), script, folder];
  // Whatever surrounds us is developing or testing something: this is for its users.
  const env = { ...process.env, NODE_ENV: 'production' };
  await promisify(execFile)(process.execPath, args, { env, timeout: BUILD_LIMIT_MS, killSignal: 'SIGKILL' });
}

function reason(error: unknown): string {
  const { stderr, killed, message } = error as { stderr?: string; killed?: boolean; message: string };
  if (killed === true) return `it took longer than ${BUILD_LIMIT_MS / 1_000} s`;
  return stderr?.trim().slice(0, 1_000) || message;
}
