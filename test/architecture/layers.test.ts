import { describe, expect, it } from 'vitest';

import { importsOf, read, sourceFiles, type Import } from './sources.ts';

interface Layer {
  name: string;
  files: RegExp;
  /** Whether this import is allowed. */
  allows(found: Import): boolean;
}

const starts = (path: string, ...prefixes: string[]): boolean => prefixes.some((prefix) => path.startsWith(prefix));
const WORDS = ['workflows/contracts.ts', 'workflows/ids.ts'];

const LAYERS: Layer[] = [
  {
    name: 'workflows/',
    files: /^workflows\//,
    allows: ({ to, ours, typeOnly }) =>
      ours
        ? starts(to, 'workflows/') || (typeOnly && starts(to, 'activities/'))
        : ['@temporalio/workflow', '@temporalio/common'].includes(to),
  },
  {
    name: 'activities/',
    files: /^activities\//,
    allows: ({ to, ours }) =>
      ours
        ? starts(to, 'activities/') || WORDS.includes(to)
        : to !== 'fastify' && !starts(to, '@fastify/', '@temporalio/worker'),
  },
  {
    name: 'a desk',
    files: /^activities\/desks\/[^/]+\//,
    allows: ({ from, to, ours, typeOnly }) => {
      if (!ours) return !starts(to, '@temporalio/');
      const own = from.split('/').slice(0, 3).join('/') + '/';
      if (to === 'workflows/contracts.ts') return typeOnly;
      return (
        starts(to, own, 'activities/http/', 'activities/text/') ||
        ['activities/desks/desk.ts', 'activities/desks/mailbox.ts', 'activities/errors.ts'].includes(to)
      );
    },
  },
  {
    name: 'worker/',
    files: /^worker\//,
    allows: ({ from, to, ours }) =>
      !ours ||
      starts(to, 'worker/', 'activities/', 'workflows/') ||
      (from === 'worker/compose.ts' && starts(to, 'api/app.ts', 'api/sandbox/')),
  },
  {
    name: 'api/',
    files: /^api\//,
    allows: ({ to, ours }) => {
      if (!ours) return !/^@temporalio\/(worker|workflow|activity|testing)/.test(to);
      const activities = ['store/', 'desks/', 'platform/', 'http/', 'text/', 'hours.ts', 'settings', 'errors.ts'];
      return starts(to, 'api/', ...activities.map((part) => `activities/${part}`)) || WORDS.includes(to);
    },
  },
  {
    name: 'api/console/',
    files: /^api\/console\//,
    allows: ({ to, ours, typeOnly }) => {
      if (!ours) return to === 'preact' || starts(to, 'preact/') || to === '@preact/signals';
      const words = starts(to, 'api/schemas/') || to === 'workflows/contracts.ts';
      return starts(to, 'api/console/') || (typeOnly && words);
    },
  },
  {
    name: 'api/sandbox/',
    files: /^api\/sandbox\//,
    allows: ({ to, ours }) => (ours ? starts(to, 'api/sandbox/') : to === 'fastify' || starts(to, 'node:')),
  },
];

describe('the direction of imports', () => {
  const files = sourceFiles();

  it.each(LAYERS)('$name imports only what its layer may', (layer) => {
    const imports = files.filter((path) => layer.files.test(path)).flatMap(importsOf);
    expect(imports.length).toBeGreaterThan(0);
    expect(imports.filter((found) => !layer.allows(found)).map(({ from, to }) => `${from} imports ${to}`)).toEqual([]);
  });

  it('product code never imports tests', () => {
    const product = files.filter((path) => !path.startsWith('test/'));
    expect(product.flatMap(importsOf).filter(({ to, ours }) => ours && to.startsWith('test/'))).toEqual([]);
  });

  it('a desk is named by the registry and by nothing else', () => {
    const folders = new Set(files.flatMap((path) => /^activities\/desks\/([^/]+)\//.exec(path)?.[1] ?? []));
    expect(folders.size).toBeGreaterThan(0);
    for (const desk of folders) {
      const own = `activities/desks/${desk}/`;
      const outside = files.filter((path) => !starts(path, own, 'test/')).flatMap(importsOf);
      expect(outside.filter(({ to }) => to.startsWith(own)).map(({ from }) => from)).toEqual([
        'activities/desks/registry.ts',
      ]);
    }
  });

  it('the modules of workflows/ keep nothing of a run: all runs of a worker share them', () => {
    const kept = files
      .filter((path) => path.startsWith('workflows/'))
      .flatMap((path) =>
        read(path)
          .split('\n')
          .filter((line) => KEEPS.test(line))
          .map((line) => `${path}: ${line}`),
      );
    expect(kept).toEqual([]);
  });

  it('no source file outgrows what one can read at once', () => {
    const long = files.filter((path) => !path.startsWith('test/')).filter((path) => lines(path) > 300);
    expect(long).toEqual([]);
  });
});

/** A variable, or a collection that can grow, of a module or of a class. */
const KEEPS =
  /^(export )?(let|var) |^(export )?const \w+(: (?!Readonly)[^=]+)? = (new (Map|Set|WeakMap|Array)\b|\[\];)|^ +(private )?static (?!readonly)/;

const lines = (path: string): number => read(path).split('\n').length;
