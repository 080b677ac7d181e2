import { read } from './sources.ts';

/** Names of all tests of a file, as they are written: `it('…'`, `test("…"`, and `….each(…)('…'`. */
export function testNames(path: string): Set<string> {
  const calls = read(path).matchAll(/(?<!\bdescribe)\(\s*(?:'((?:[^'\\\n]|\\.)*)'|"((?:[^"\\\n]|\\.)*)"),/g);
  return new Set([...calls].map(([, single, double]) => (single ?? double ?? '').replaceAll(/\\(.)/g, '$1')));
}
