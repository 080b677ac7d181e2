import { readdir, readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { NEW_PATCHES } from '../../workflows/patches.ts';

const FOLDER = new URL('../../workflows/', import.meta.url);

async function patchesOfTheWorkflows(): Promise<string[]> {
  const files = (await readdir(FOLDER)).filter((name) => name.endsWith('.ts'));
  const sources = await Promise.all(files.map((name) => readFile(new URL(name, FOLDER), 'utf8')));
  return sources.flatMap((source) =>
    [...source.matchAll(/\bpatched\((?:'([\w-]+)'|([A-Z_]+))\)/g)].map(([, name, constant]) => {
      return name ?? new RegExp(`const ${constant} = '([\\w-]+)'`).exec(source)?.[1] ?? `${constant}?`;
    }),
  );
}

it('what is held while old workers run are ways that the workflows have', async () => {
  const known = await patchesOfTheWorkflows();
  expect(known.length).toBeGreaterThan(0);
  expect([...NEW_PATCHES].filter((name) => !known.includes(name))).toEqual([]);
});
