import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Sources of the console; in a built tree only what was built of them. */
export const CONSOLE = fileURLToPath(new URL('../../api/console/', import.meta.url));
/** What is served, in the folder of the sources. */
export const DIST = 'dist';
/** What a build has beside it while it runs; no source begins like this. */
export const UNFINISHED = '.dist';
/** In the built folder: the hash of the sources that it was built of. */
export const STAMP = '.sources';

/** A build takes about a second; this is for a machine that is very busy, milliseconds. */
export const BUILD_LIMIT_MS = 60_000;

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
/** What the result depends on besides the folder itself. */
const BESIDE = ['worker/local/console-config.ts', 'package-lock.json'].map((name) => join(ROOT, name));

/** Changes with the sources in `folder`, with how they are built, and with the packages; undefined without sources. */
export async function sourcesHash(folder: string): Promise<string | undefined> {
  const names = (await readdir(folder, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .filter((name) => !name.startsWith(UNFINISHED) && name.split(/[/\\]/, 1)[0] !== DIST);
  if (!names.includes('index.html')) return undefined;
  const files = [...names.toSorted().map((name) => join(folder, name)), ...BESIDE];
  const texts = await Promise.all(files.map((path) => readFile(path).catch(() => Buffer.alloc(0))));
  const hash = createHash('sha256');
  for (const [index, text] of texts.entries()) {
    hash.update(`${relative(folder, files[index]!)} ${text.length}\n`).update(text);
  }
  return hash.digest('hex').slice(0, 32);
}

/** The hash of the sources that `folder`/dist was built of; undefined when nothing whole is there. */
export async function builtHash(folder: string): Promise<string | undefined> {
  return await readFile(join(folder, DIST, STAMP), 'utf8').catch(() => undefined);
}
