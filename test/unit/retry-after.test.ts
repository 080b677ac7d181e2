import { describe, expect, it } from 'vitest';
import { retryAfterMs } from '../../activities/http/retry-after.ts';

const NOW = Date.parse('2026-02-01T12:00:00Z');

describe('Retry-After', () => {
  it.each([
    ['0', 0],
    ['2', 2_000],
    [' 120 ', 120_000],
    ['1.5', 1_500],
    ['86400', 3_600_000],
    ['99999999999999999999', 3_600_000],
    ['Sun, 01 Feb 2099 12:00:30 GMT', 3_600_000],
    ['Sun, 01 Feb 2026 12:00:30 GMT', 30_000],
    ['Sun, 01 Feb 2026 11:00:00 GMT', 0],
  ])('%s is %i ms', (value, expected) => {
    expect(retryAfterMs({ 'retry-after': value }, NOW)).toBe(expected);
  });

  it.each(['', 'soon', '-3', '12abc'])('%j says nothing', (value) => {
    expect(retryAfterMs({ 'retry-after': value }, NOW)).toBeUndefined();
  });

  it('is unknown without the header', () => {
    expect(retryAfterMs({}, NOW)).toBeUndefined();
  });
});
