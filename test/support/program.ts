import { execFile } from 'node:child_process';
import { copyFile, mkdir, readdir, rm, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { failureConverterPath } from '../../activities/platform/payload-codec.ts';
import type * as Bundle from '../../worker/bundle.ts';
import { workflowBundle } from '../../worker/bundle.ts';
import { isAlive } from '../../worker/local/processes.ts';

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
/** Below the packages, so that it finds them and nobody's `dist/` is touched. */
const FOLDER = join(ROOT, 'node_modules', '.cache', 'baton');
const PREFIX = 'program-';

/** The file that a test runs as API, worker or command: what the set-up built, or `npm start` where there was none. */
export const program = (): string => process.env['BATON_TEST_PROGRAM'] ?? join(ROOT, 'worker/local/start.mjs');

/**
 * Baton as `npm run build` makes it, unchecked, and its main file. A process that compiles nothing begins with half the
 * CPU time, and tests start more than a hundred.
 */
export async function buildProgram(): Promise<{ path: string; remove(): Promise<void> }> {
  await removeLeftOver();
  const folder = join(FOLDER, `${PREFIX}${process.pid}`);
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true, maxRetries: 5 });
  await remove();
  await mkdir(join(folder, 'api/console'), { recursive: true });
  const tsc = join(ROOT, 'node_modules/.bin/tsc');
  await promisify(execFile)(tsc, ['-p', 'tsconfig.build.json', '--noCheck', '--outDir', folder], { cwd: ROOT });
  await copyFile(join(ROOT, 'package.json'), join(folder, 'package.json'));
  await symlink(join(ROOT, 'api/console/dist'), join(folder, 'api/console/dist'));
  // Those that the tests use in their own processes: they are built once for all.
  const built = (path: string): string => join(folder, path);
  const { shipBundles } = (await import(pathToFileURL(built('worker/bundle.js')).href)) as typeof Bundle;
  const ours = failureConverterPath();
  await shipBundles(built('activities/platform/failure-converter.js'), (converter) =>
    workflowBundle(converter && ours),
  );
  return { path: built('worker/main.js'), remove };
}

/** Of runs that were killed. */
async function removeLeftOver(): Promise<void> {
  for (const name of await readdir(FOLDER).catch(() => [])) {
    const pid = Number(name.startsWith(PREFIX) ? name.slice(PREFIX.length) : Number.NaN);
    if (pid > 0 && !isAlive(pid)) await rm(join(FOLDER, name), { recursive: true, force: true });
  }
}
