import { createHash, type Hash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode } from '@temporalio/worker';

const WORKFLOWS = fileURLToPath(new URL('../workflows/', import.meta.url));

const require = createRequire(import.meta.url);
const SDK = require.resolve('@temporalio/worker/package.json');
const PACKAGES = dirname(dirname(dirname(SDK)));
const CACHE = join(PACKAGES, '.cache', 'baton');
/** In `dist/`: what `npm run build` made, so that an image needs no bundler and no folder that can be written. */
const SHIPPED = fileURLToPath(new URL('../workflow-bundles/', import.meta.url));

/**
 * The workflow code as the worker's sandbox loads it. It is built once per version of the sources and of the packages,
 * and kept beside the packages: that saves two seconds at every start, also of a worker that has no folder of its own.
 * With encrypted payloads the sandbox needs the same `failureConverterPath` as the worker.
 */
export async function workflowBundle(failureConverterPath?: string): Promise<{ code: string }> {
  const kind = failureConverterPath ? 'workflows-encrypted-' : 'workflows-';
  const shipped = await readFile(await shippedAs(failureConverterPath), 'utf8').catch(() => undefined);
  if (shipped !== undefined) return { code: shipped };
  const name = `${kind}${await version(failureConverterPath)}.js`;
  const cached = await readFile(join(CACHE, name), 'utf8').catch(() => undefined);
  if (cached !== undefined) return { code: cached };
  const { code } = await build(failureConverterPath);
  // Whose packages cannot be written builds it at every start.
  await keep(kind, name, code).catch(() => undefined);
  return { code };
}

/** Makes what a built product carries with it, with and without the converter of encrypted failures. */
export async function shipBundles(failureConverterPath: string, make: typeof build = build): Promise<string[]> {
  await rm(SHIPPED, { recursive: true, force: true });
  await mkdir(SHIPPED, { recursive: true });
  const paths = [];
  for (const converter of [undefined, failureConverterPath]) {
    const { code } = await make(converter);
    const path = await shippedAs(converter);
    await writeFile(path, code);
    paths.push(path);
  }
  return paths;
}

/** Named by what it was built of: one that is left from other sources or another SDK is not found. */
async function shippedAs(failureConverterPath: string | undefined): Promise<string> {
  const hash = await sources(failureConverterPath);
  return join(SHIPPED, `${failureConverterPath ? 'encrypted-' : ''}${hash.digest('hex').slice(0, 16)}.js`);
}

/** Older ones go: whoever runs on one has it in memory. */
async function keep(kind: string, name: string, code: string): Promise<void> {
  await mkdir(CACHE, { recursive: true });
  // Renamed into place, so that a kill in the middle leaves no half bundle.
  const unfinished = join(CACHE, `${name}.${process.pid}`);
  await writeFile(unfinished, code);
  await rename(unfinished, join(CACHE, name));
  const older = (await readdir(CACHE)).filter((other) => other.replace(/[0-9a-f]{16}\.js.*$/, '') === kind);
  for (const other of older) if (!other.startsWith(name)) await rm(join(CACHE, other), { force: true });
}

async function build(failureConverterPath?: string): Promise<{ code: string }> {
  const silent = { log() {}, trace() {}, debug() {}, info() {}, warn() {}, error() {} };
  const extension = (await readdir(WORKFLOWS)).includes('index.ts') ? 'ts' : 'js';
  return await bundleWorkflowCode({
    workflowsPath: join(WORKFLOWS, `index.${extension}`),
    preloadModules: [join(WORKFLOWS, `preload.${extension}`)],
    logger: silent,
    ...(failureConverterPath ? { failureConverterPath } : {}),
  });
}

async function version(failureConverterPath: string | undefined): Promise<string> {
  const hash = await sources(failureConverterPath);
  hash.update(await readFile(join(PACKAGES, '.package-lock.json')).catch(() => ''));
  hash.update(failureConverterPath ?? '');
  return hash.digest('hex').slice(0, 16);
}

/** Of the workflows, the SDK and the converter. */
async function sources(failureConverterPath: string | undefined): Promise<Hash> {
  const hash = createHash('sha256');
  hash.update(await readFile(SDK));
  if (failureConverterPath) hash.update(await readFile(failureConverterPath));
  for (const name of (await readdir(WORKFLOWS)).toSorted()) {
    if (!/\.[jt]s$/.test(name)) continue;
    hash.update(name);
    hash.update(await readFile(join(WORKFLOWS, name)));
  }
  return hash;
}
