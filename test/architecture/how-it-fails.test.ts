import { describe, expect, it } from 'vitest';
import { read, repositoryFiles } from './sources.ts';
import { testNames } from './test-names.ts';

const PAGE = 'deploy/how-it-fails.md';
const COLUMNS = ['what fails', 'user', 'agent', 'bot’s backend', 'operator', 'how long', 'lost', 'shown by'];

const cellsOf = (line: string): string[] =>
  line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim());

/** Rows of the tables of the page: of the parts that fail, and of the tests that show it. */
function tables() {
  const [parts = '', list = ''] = read(PAGE).split('\n## The tests\n');
  const rows = (text: string): string[][] =>
    [...text.matchAll(/^\|.*\|$/gm)].map(([line]) => cellsOf(line)).filter(([first]) => !/^-+$/.test(first ?? ''));
  const tests = rows(list).slice(1);
  return {
    failures: rows(parts).filter(([first]) => first !== COLUMNS[0]),
    heads: rows(parts).filter(([first]) => first === COLUMNS[0]),
    tests: tests.map(([n, file, name]) => ({
      n: Number(n),
      file: `test/${file?.replaceAll('`', '')}`,
      name: name ?? '',
    })),
  };
}

const numbersOf = (row: string[]): number[] => (row.at(-1) ?? '').split(', ').map(Number);

describe('the page that says how Baton fails', () => {
  const { failures, heads, tests } = tables();

  it('says of every failure who sees what, how long, what is lost, and what shows it', () => {
    expect(failures.length).toBeGreaterThan(50);
    for (const head of heads) expect(head).toEqual(COLUMNS);
    for (const row of failures) {
      expect(row).toHaveLength(COLUMNS.length);
      expect([row[0], row.at(-1)]).toEqual([row[0], expect.stringMatching(/^\d+(, \d+)*$/)]);
    }
  });

  it('numbers its tests one after the other, each once, and uses all of them', () => {
    expect(tests.map(({ n }) => n)).toEqual(tests.map((_, index) => index + 1));
    expect(new Set(tests.map(({ file, name }) => `${file} ${name}`)).size).toBe(tests.length);
    const used = new Set(failures.flatMap(numbersOf));
    expect([...used].toSorted((a, b) => a - b)).toEqual(tests.map(({ n }) => n));
  });

  it('names tests that exist', () => {
    const files = new Set(repositoryFiles());
    const missing = tests.filter(({ file, name }) => !files.has(file) || !testNames(file).has(name));
    expect(missing).toEqual([]);
  });
});
