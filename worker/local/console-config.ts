import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, gzip } from 'node:zlib';
import type { Plugin, UserConfig } from 'vite';

import { DIST, sourcesHash, STAMP } from './console-sources.ts';

/** Below this a compressed copy saves nothing, bytes. */
const SMALL = 1_024;

/** Console and playground, for Vite. The API serves what comes out, under a policy without anything inline. */
export const consoleConfig = (folder: string): UserConfig => ({
  root: folder,
  base: '/',
  publicDir: false,
  logLevel: 'warn',
  plugins: [compressed(), stamped(folder)],
  build: {
    outDir: DIST,
    emptyOutDir: true,
    target: 'es2022',
    sourcemap: false,
    assetsInlineLimit: 0,
    reportCompressedSize: false,
    rolldownOptions: { input: ['index.html', 'playground.html'].map((name) => join(folder, name)) },
  },
});

/** Served to browsers that take it: the service does not compress by itself. */
function compressed(): Plugin {
  const forms = [
    { suffix: '.gz', make: promisify(gzip) },
    { suffix: '.br', make: promisify(brotliCompress) },
  ];
  return {
    name: 'baton-compressed',
    async writeBundle({ dir = '' }) {
      for (const name of await readdir(dir, { recursive: true })) {
        if (!/\.(js|css|svg)$/.test(name)) continue;
        const bytes = await readFile(join(dir, name));
        if (bytes.length < SMALL) continue;
        for (const { suffix, make } of forms) await writeFile(join(dir, name + suffix), await make(bytes));
      }
    },
  };
}

/** Says of what it was built, when all else is written: a start builds again when the sources have changed. */
function stamped(folder: string): Plugin {
  let hash: string | undefined;
  return {
    name: 'baton-stamped',
    async buildStart() {
      hash = await sourcesHash(folder);
    },
    writeBundle: {
      order: 'post',
      sequential: true,
      async handler({ dir = '' }) {
        if (hash !== undefined) await writeFile(join(dir, STAMP), hash);
      },
    },
  };
}
