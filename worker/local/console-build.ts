// Run in a process of its own, so that the service does not keep the bundler in memory: console-build.ts FOLDER
import { readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { consoleConfig } from './console-config.ts';
import { BUILD_LIMIT_MS, builtHash, DIST, sourcesHash, UNFINISHED } from './console-sources.ts';
import { isAlive, sleep } from './processes.ts';

const LOOK_MS = 100;

/** Builds the console of `folder` unless another process has just done so. Readers see the old or the new one, whole. */
async function buildConsole(folder: string): Promise<void> {
  await alone(join(folder, `${UNFINISHED}.lock`), async () => {
    const wanted = await sourcesHash(folder);
    if ((await builtHash(folder)) === wanted) return;
    const fresh = join(folder, `${UNFINISHED}-${process.pid}`);
    const old = join(folder, `${UNFINISHED}-${process.pid}-old`);
    try {
      const { build } = await import('vite');
      const config = consoleConfig(folder);
      await build({ ...config, configFile: false, logLevel: 'silent', build: { ...config.build, outDir: fresh } });
      await rename(join(folder, DIST), old).catch(() => undefined);
      await rename(fresh, join(folder, DIST));
    } finally {
      for (const path of [fresh, old]) await rm(path, { recursive: true, force: true });
    }
  });
}

/** One process at a time; the lock of one that is gone counts for nothing. */
async function alone(lock: string, work: () => Promise<void>): Promise<void> {
  while (!(await taken(lock))) {
    if (await isLeft(lock)) await rm(lock, { force: true });
    else await sleep(LOOK_MS);
  }
  try {
    await work();
  } finally {
    await rm(lock, { force: true });
  }
}

/** Its process is gone, or has had more time than any build gets. */
async function isLeft(lock: string): Promise<boolean> {
  const owner = Number(await readFile(lock, 'utf8').catch(() => ''));
  const { mtimeMs } = await stat(lock).catch(() => ({ mtimeMs: Date.now() }));
  return (owner > 0 && !isAlive(owner)) || Date.now() - mtimeMs > BUILD_LIMIT_MS;
}

async function taken(lock: string): Promise<boolean> {
  try {
    await writeFile(lock, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

try {
  await buildConsole(process.argv[2]!);
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
