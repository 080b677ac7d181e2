import { describe, expect, it } from 'vitest';
import { desks } from '../../activities/desks/registry.ts';
import { sandboxes } from '../../api/sandbox/sandboxes.ts';
import { importsOf, read, repositoryFiles, sourceFiles } from './sources.ts';

/** The desk of GPTBots' own contract: its human calls two addresses of ours, and the demo is made with it. */
const GENERIC = 'webhook';
const GENERIC_AT = ['api/routes/human.ts', 'api/sandbox/mount.ts', 'worker/local/demo.ts'];

/** Examples and descriptions for readers of the API may name a desk. */
const isProduct = (path: string): boolean => /^(workflows|activities|api|worker)\//.test(path) && !isForReaders(path);
const isForReaders = (path: string): boolean => path.startsWith('api/schemas/') || path.startsWith('api/console/');

const own = (desk: string): string[] => [`activities/desks/${desk}/`, `api/sandbox/${desk}/`];
const isOwn = (desk: string, path: string): boolean => own(desk).some((folder) => path.startsWith(folder));

/** Comments may say which desk a rule comes from. */
const codeOf = (path: string): string =>
  read(path)
    .replaceAll(/\/\*[\s\S]*?\*\//g, '')
    .replaceAll(/(^|\s)\/\/.*$/gm, '');

/** The words by which code can know a desk: as `zoho-salesiq`, `zohoSalesiq`, `ZohoSalesIQ` and the like. */
function namesOf(id: string, wireName: string): RegExp {
  const loose = (name: string): string => name.split(/[^a-z0-9]/i).join('[^a-z0-9]?');
  return new RegExp(`${loose(id)}|${loose(wireName)}`, 'i');
}

const linesWith = (path: string, name: RegExp): string[] =>
  codeOf(path)
    .split('\n')
    .filter((line) => name.test(line));

describe.each(desks.all().filter(({ id }) => id !== GENERIC))('adding the desk $id', ({ id, wireName }) => {
  const name = namesOf(id, wireName);
  const files = repositoryFiles();

  it('took its folder, its simulator and one line in each of two lists', () => {
    const named = sourceFiles().filter((path) => isProduct(path) && !isOwn(id, path) && name.test(codeOf(path)));
    expect(named.toSorted()).toEqual(['activities/desks/registry.ts', 'api/sandbox/sandboxes.ts']);
    // The import and the entry.
    for (const path of named) expect(linesWith(path, name)).toHaveLength(2);
    for (const folder of own(id)) expect(files.filter((path) => path.startsWith(folder)).length).toBeGreaterThan(1);
  });

  it('is imported by these two lists only', () => {
    const imports = sourceFiles()
      .filter((path) => isProduct(path) && !isOwn(id, path))
      .flatMap(importsOf)
      .filter(({ to }) => isOwn(id, to));
    expect(imports.map(({ from, to }) => `${from} ${to}`).toSorted()).toEqual([
      `activities/desks/registry.ts activities/desks/${id}/index.ts`,
      `api/sandbox/sandboxes.ts api/sandbox/${id}/index.ts`,
    ]);
  });

  it('has a simulator with its id that offers settings for each of its modes', async () => {
    const sandbox = sandboxes[id]?.();
    expect(sandbox?.id).toBe(id);
    const desk = desks.get(id);
    expect(sandbox?.modes).toEqual(desk?.capabilities.modes);
    for (const mode of desk?.capabilities.modes ?? []) {
      const settings = sandbox?.settings('http://127.0.0.1:1/sandbox', mode);
      expect(desk?.config.safeParse(settings).error, mode).toBeUndefined();
    }
    await sandbox?.stop();
  });
});

describe('every desk', () => {
  it('has a guide, and passes the conformance suite', () => {
    const files = new Set(repositoryFiles());
    for (const { id } of desks.all()) {
      expect(files).toContain(`activities/desks/${id}/README.md`);
      expect(read(`test/contract/${id}.test.ts`)).toMatch(/\btestDesk[(<]/);
    }
  });

  it('is in the registry when it has a folder, and in the list of sandboxes when it calls our webhooks', () => {
    const folders = repositoryFiles().flatMap((path) => /^activities\/desks\/([^/]+)\//.exec(path)?.[1] ?? []);
    const ids = desks.all().map(({ id }) => id);
    expect([...new Set(folders)].toSorted()).toEqual(ids.toSorted());
    const calling = desks.all().filter(({ webhook }) => webhook !== undefined);
    expect(Object.keys(sandboxes).toSorted()).toEqual(calling.map(({ id }) => id).toSorted());
  });

  it('is no other when it is the one of the two GPTBots addresses', () => {
    const quoted = new RegExp(`['"/]${GENERIC}['"/]`);
    const named = sourceFiles().filter(
      (path) => isProduct(path) && !isOwn(GENERIC, path) && path !== 'activities/desks/registry.ts',
    );
    expect(named.filter((path) => quoted.test(codeOf(path))).toSorted()).toEqual(GENERIC_AT);
  });
});
