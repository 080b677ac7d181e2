import { describe, expect, it } from 'vitest';
import { CHECKLIST } from './checklist.ts';
import { checklistTable, TABLE } from './checklist-table.ts';
import { read, repositoryFiles } from './sources.ts';
import { testNames } from './test-names.ts';

const LAST = 113;

describe('the feature checklist', () => {
  it('has every line once, in order, with tests or with a reason', () => {
    expect(CHECKLIST.map(({ n }) => n)).toEqual(Array.from({ length: LAST }, (_, index) => index + 1));
    const unclear = CHECKLIST.filter(({ shown, elsewhere }) => (shown === undefined) === (elsewhere === undefined));
    expect(unclear).toEqual([]);
    expect(CHECKLIST.filter(({ shown }) => shown?.length === 0)).toEqual([]);
  });

  it('names tests that exist', () => {
    const files = new Set(repositoryFiles());
    const missing = CHECKLIST.flatMap(({ n, shown = [] }) =>
      shown
        .filter(([file, name]) => !files.has(`test/${file}`) || !testNames(`test/${file}`).has(name))
        .map(([file, name]) => `${n}: test/${file} has no test "${name}"`),
    );
    expect(missing).toEqual([]);
  });

  it('is the table that people read', () => {
    expect(read(TABLE)).toBe(checklistTable());
  });

  it('shows every line of the desks but the two for which LiveDesk has published nothing', () => {
    const desks = CHECKLIST.filter(({ n }) => n >= 11 && n <= 68);
    expect(desks.filter(({ shown }) => shown === undefined).map(({ n }) => n)).toEqual([29, 30]);
  });
});
