import { describe, expect, it } from 'vitest';

import { CONFIG_VARIABLES } from '../../activities/platform/config.ts';
import { read, repositoryFiles, sourceFiles } from './sources.ts';

/** Set by the system or by npm, not by whoever runs Baton. */
const SYSTEM_VARIABLES = new Set(['PATH', 'XDG_CACHE_HOME', 'TZ', 'CI', 'NODE_ENV']);

describe('the documentation of the settings', () => {
  it.each(['.env.example', 'README.md'])('%s names every variable that Baton reads', (path) => {
    const text = read(path);
    expect(CONFIG_VARIABLES.filter((name) => !new RegExp(`\\b${name}\\b`).test(text))).toEqual([]);
  });

  it('.env.example has no variable that Baton does not read', () => {
    const named = [...read('.env.example').matchAll(/^#?\s*([A-Z][A-Z_]+)=/gm)].map(([, name]) => name);
    expect(named.filter((name) => !CONFIG_VARIABLES.includes(name!))).toEqual([]);
  });

  it('no code reads a variable that is not a known setting', () => {
    const product = sourceFiles().filter((path) => !path.startsWith('test/'));
    const reads = product.flatMap((path) =>
      [...read(path).matchAll(/\benv\[['"]([A-Z][A-Z_]+)['"]\]|\benv\.([A-Z][A-Z_]+)\b/g)].map(([, a, b]) => a ?? b!),
    );
    expect(reads.length).toBeGreaterThan(0);
    expect(reads.filter((name) => !CONFIG_VARIABLES.includes(name) && !SYSTEM_VARIABLES.has(name))).toEqual([]);
  });
});

describe('the repository', () => {
  it('holds nothing of the machine it was written on', () => {
    const foreign =
      /\/(work|root|home|Users)\/[\w.-]+\/|(?<![:\w])\/tmp\/[\w.-]+|\bhttps?:\/\/[\w.-]*(artifactory|nexus|verdaccio|jfrog|codeartifact|\.(internal|corp|lan)\b)/i;
    const texts = repositoryFiles().filter(
      (path) => !path.startsWith('test/architecture/') && !/\.(png|ico|woff2)$/.test(path),
    );
    expect(texts.length).toBeGreaterThan(50);
    expect(
      texts.flatMap((path) =>
        read(path)
          .split('\n')
          .flatMap((line) => (foreign.test(line) ? [`${path}: ${line.trim().slice(0, 120)}`] : [])),
      ),
    ).toEqual([]);
  });

  it('locks packages to the public registry only', () => {
    const { packages } = JSON.parse(read('package-lock.json')) as {
      packages: Record<string, { resolved?: string; integrity?: string }>;
    };
    const entries = Object.entries(packages).filter(([path]) => path !== '');
    expect(
      entries.filter(([, entry]) => entry.resolved && !entry.resolved.startsWith('https://registry.npmjs.org/')),
    ).toEqual([]);
    expect(entries.filter(([, entry]) => !entry.integrity).map(([path]) => path)).toEqual([]);
  });
});
