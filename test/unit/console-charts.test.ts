import { describe, expect, it } from 'vitest';

import { choiceOf, dayText, spanOf } from '../../api/console/pages/overview/range.ts';
import { countTicks, labelEvery, secondTicks } from '../../api/console/ui/chart-scale.ts';

describe('the axis of a chart', () => {
  it('counts in whole numbers, from 0 to at least the highest value', () => {
    expect(countTicks(0)).toEqual([0, 1]);
    expect(countTicks(3)).toEqual([0, 1, 2, 3]);
    expect(countTicks(9)).toEqual([0, 5, 10]);
    expect(countTicks(73)).toEqual([0, 20, 40, 60, 80]);
    expect(countTicks(4_100)).toEqual([0, 2_000, 4_000, 6_000]);
  });

  it('has between one and five steps for every highest value', () => {
    for (let max = 0; max < 3_000; max += 1) {
      for (const ticks of [countTicks(max), secondTicks(max * 97)]) {
        expect(ticks.length - 1, String(max)).toBeGreaterThanOrEqual(1);
        expect(ticks.length - 1, String(max)).toBeLessThanOrEqual(5);
      }
      expect(countTicks(max).at(-1)).toBeGreaterThanOrEqual(max);
      expect(secondTicks(max * 97).at(-1)).toBeGreaterThanOrEqual(max * 97);
    }
  });

  it('has the seconds, minutes and hours of a clock', () => {
    expect(secondTicks(45)).toEqual([0, 15, 30, 45]);
    expect(secondTicks(200)).toEqual([0, 60, 120, 180, 240]);
    expect(secondTicks(3 * 86_400)).toEqual([0, 86_400, 2 * 86_400, 3 * 86_400]);
  });

  it('labels as many points as there is room for', () => {
    expect(labelEvery(7, 600, 58)).toBe(1);
    expect(labelEvery(30, 600, 58)).toBe(3);
    expect(labelEvery(24, 0, 58)).toBeGreaterThan(24);
  });
});

describe('the time of the overview', () => {
  const now = new Date('2026-11-22T20:15:30.000Z');
  const span = (query: string) => {
    const found = spanOf(choiceOf(new URLSearchParams(query)), now);
    return found && [found.from.toISOString(), found.to.toISOString()];
  };

  it('begins and ends on whole hours or days, and has this one', () => {
    expect(span('')).toEqual(['2026-11-21T21:00:00.000Z', '2026-11-22T21:00:00.000Z']);
    expect(span('range=7d')).toEqual(['2026-11-16T00:00:00.000Z', '2026-11-23T00:00:00.000Z']);
    expect(span('range=30d')).toEqual(['2026-10-24T00:00:00.000Z', '2026-11-23T00:00:00.000Z']);
  });

  it('takes days of one’s own with both ends, and nothing while they are being typed', () => {
    expect(span('range=custom&from=2026-01-30&to=2026-02-01')).toEqual([
      '2026-01-30T00:00:00.000Z',
      '2026-02-02T00:00:00.000Z',
    ]);
    expect(span('range=custom&from=2026-01-30&to=')).toBeUndefined();
    expect(span('range=custom&from=2026-01-30&to=2026-01-29')).toBeUndefined();
    expect(span('range=never')).toEqual(span(''));
    expect(dayText(new Date('2026-02-03T10:00:00.000Z'))).toBe('2026-02-03');
  });
});
