import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode } from '@temporalio/worker';

const WORKFLOWS = fileURLToPath(new URL('../workflows/', import.meta.url));

/**
 * The workflow code as the worker's sandbox loads it. With a `cacheDir` it is built once per version of the sources and
 * of the SDK, which saves a second at every start. With encrypted payloads the sandbox needs the same
 * `failureConverterPath` as the worker.
 */
export async function workflowBundle(cacheDir?: string, failureConverterPath?: string): Promise<{ code: string }> {
  if (!cacheDir) return await build(failureConverterPath);
  const path = join(cacheDir, `workflow-bundle-${await version(failureConverterPath)}.js`);
  const cached = await readFile(path, 'utf8').catch(() => undefined);
  if (cached !== undefined) return { code: cached };
  const bundle = await build(failureConverterPath);
  await mkdir(cacheDir, { recursive: true });
  // Renamed into place, so that a kill in the middle leaves no half bundle.
  await writeFile(`${path}.${process.pid}`, bundle.code);
  await rename(`${path}.${process.pid}`, path);
  return bundle;
}

async function build(failureConverterPath?: string): Promise<{ code: string }> {
  const silent = { log() {}, trace() {}, debug() {}, info() {}, warn() {}, error() {} };
  const index = (await readdir(WORKFLOWS)).find((name) => name === 'index.ts' || name === 'index.js');
  return await bundleWorkflowCode({
    workflowsPath: join(WORKFLOWS, index ?? 'index.ts'),
    logger: silent,
    ...(failureConverterPath ? { failureConverterPath } : {}),
  });
}

async function version(failureConverterPath: string | undefined): Promise<string> {
  const hash = createHash('sha256');
  const require = createRequire(import.meta.url);
  hash.update(await readFile(require.resolve('@temporalio/worker/package.json')));
  if (failureConverterPath) hash.update(failureConverterPath).update(await readFile(failureConverterPath));
  for (const name of (await readdir(WORKFLOWS)).toSorted()) {
    if (!/\.[jt]s$/.test(name)) continue;
    hash.update(name);
    hash.update(await readFile(join(WORKFLOWS, name)));
  }
  return hash.digest('hex').slice(0, 16);
}
