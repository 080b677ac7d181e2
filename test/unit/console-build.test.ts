import { spawnSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { sourcesHash } from '../../worker/local/console-sources.ts';
import { prepareConsole } from '../../worker/local/console.ts';

let folder: string;

const page = (script: string): string =>
  `<!doctype html><title>t</title><script type="module" src="./${script}"></script>`;
const built = async (): Promise<string> => {
  const names = await readdir(join(folder, 'dist', 'assets'));
  const scripts = names.filter((name) => name.endsWith('.js'));
  return (await Promise.all(scripts.map((name) => readFile(join(folder, 'dist', 'assets', name), 'utf8')))).join('\n');
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'baton-vite-'));
  await writeFile(join(folder, 'index.html'), page('main.ts'));
  await writeFile(join(folder, 'playground.html'), page('playground.ts'));
  await writeFile(join(folder, 'main.ts'), `console.log('the first ${'text '.repeat(400)}' as string);`);
  await writeFile(join(folder, 'playground.ts'), "document.title = 'play' satisfies string;");
});
afterAll(() => rm(folder, { recursive: true, force: true }));

it('is built once when two processes find nothing, whoever was killed at it before', { timeout: 60_000 }, async () => {
  const { pid } = spawnSync(process.execPath, ['--version']);
  await writeFile(join(folder, '.dist.lock'), String(pid));
  expect(await Promise.all([prepareConsole(folder), prepareConsole(folder)])).toEqual([{}, {}]);
  expect(await built()).toContain('the first text');
  expect((await readdir(folder)).toSorted()).toEqual([
    'dist',
    'index.html',
    'main.ts',
    'playground.html',
    'playground.ts',
  ]);
  const html = await readFile(join(folder, 'dist', 'index.html'), 'utf8');
  expect(html).toMatch(/<script type="module" crossorigin src="\/assets\/index-[\w-]+\.js"><\/script>/);
  expect(html).not.toMatch(/<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=/);
  const names = await readdir(join(folder, 'dist', 'assets'));
  expect(names.filter((name) => name.endsWith('.gz'))).toHaveLength(1);
  expect(names.filter((name) => name.endsWith('.map'))).toEqual([]);
});

it('is left alone as long as its sources are the same', async () => {
  const before = await stat(join(folder, 'dist'));
  expect(await prepareConsole(folder)).toEqual({});
  expect((await stat(join(folder, 'dist'))).ino).toBe(before.ino);
  expect(await sourcesHash(join(folder, 'dist', 'assets'))).toBeUndefined();
});

it('stays as it is, with the reason, when its sources cannot be built', { timeout: 60_000 }, async () => {
  await writeFile(join(folder, 'main.ts'), "import './nowhere.ts';");
  expect((await prepareConsole(folder)).problem).toContain('nowhere.ts');
  expect(await built()).toContain('the first text');
  expect((await readdir(folder)).filter((name) => name.startsWith('.dist'))).toEqual([]);
});

it('that is not there at all is a problem that can be told', async () => {
  expect((await prepareConsole(join(folder, 'nowhere'))).problem).toMatch(/ENOENT.*nowhere/);
});
