import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

const NOT_OURS = new Set(['node_modules', '.git', 'dist', '.data', '.env', 'coverage']);

/** Paths of all files of the repository, relative to its root, with forward slashes. */
export function repositoryFiles(folder = ROOT): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    // A console that is being built is there for a moment only.
    if (NOT_OURS.has(entry.name) || entry.name.startsWith('.dist')) return [];
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return repositoryFiles(path);
    return entry.isFile() ? [relative(ROOT, path).split(sep).join('/')] : [];
  });
}

export const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

export interface Import {
  from: string;
  /** A path from the root when it is ours, else the name of the package. */
  to: string;
  typeOnly: boolean;
  ours: boolean;
}

const STATEMENT =
  /(?:^|\n)\s*(?:import|export)\s+(type\s)?(?:[^'";]*?\sfrom\s+)?['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]\s*\)/g;

/** Every import and re-export of a source file, dynamic ones too. */
export function importsOf(path: string): Import[] {
  return [...read(path).matchAll(STATEMENT)].map(([, type, fixed, dynamic]) => {
    const specifier = fixed ?? dynamic ?? '';
    const ours = specifier.startsWith('.');
    const to = ours ? posix.normalize(posix.join(posix.dirname(path), specifier)) : specifier;
    return { from: path, to, typeOnly: type !== undefined, ours };
  });
}

export const sourceFiles = (): string[] =>
  repositoryFiles().filter((path) => /\.(tsx?|mjs)$/.test(path) && path.includes('/'));
