import { describe, expect, it } from 'vitest';
import { bucketsOf } from '../../api/buckets.ts';

const HOUR_MS = 3_600_000;
const at = (text: string): number => Date.parse(text);
const startsOf = (from: string, to: string, zone: string): string[] =>
  (bucketsOf(at(from), at(to), zone)?.starts ?? []).map((ms) => new Date(ms).toISOString());

describe('the hours and days of a range', () => {
  it('are hours up to three days, days beyond', () => {
    expect(bucketsOf(at('2026-05-01T00:00Z'), at('2026-05-04T00:00Z'), 'UTC')).toMatchObject({ interval: 'hour' });
    expect(bucketsOf(at('2026-05-01T00:00Z'), at('2026-05-04T00:00:00.001Z'), 'UTC')).toMatchObject({
      interval: 'day',
    });
    // Three days with a clock change have 73 hours.
    const autumn = bucketsOf(at('2026-10-23T22:00Z'), at('2026-10-26T23:00Z'), 'Europe/Paris');
    expect(autumn).toMatchObject({ interval: 'hour' });
    expect(autumn?.starts).toHaveLength(73);
  });

  it('begin at local midnight, also on the days with 23 and 25 hours', () => {
    expect(startsOf('2026-03-26T23:00:00Z', '2026-03-31T22:00:00Z', 'Europe/Paris')).toEqual([
      '2026-03-26T23:00:00.000Z',
      '2026-03-27T23:00:00.000Z',
      '2026-03-28T23:00:00.000Z',
      '2026-03-29T22:00:00.000Z',
      '2026-03-30T22:00:00.000Z',
    ]);
    expect(startsOf('2026-10-23T22:00:00Z', '2026-10-27T23:00:00Z', 'Europe/Paris')).toEqual([
      '2026-10-23T22:00:00.000Z',
      '2026-10-24T22:00:00.000Z',
      '2026-10-25T23:00:00.000Z',
      '2026-10-26T23:00:00.000Z',
    ]);
  });

  it('begin later where a clock change swallows midnight', () => {
    // Beirut goes from 24:00 to 01:00.
    expect(startsOf('2025-03-28T22:00:00Z', '2025-04-01T21:00:00Z', 'Asia/Beirut')).toEqual([
      '2025-03-28T22:00:00.000Z',
      '2025-03-29T22:00:00.000Z',
      '2025-03-30T21:00:00.000Z',
      '2025-03-31T21:00:00.000Z',
    ]);
  });

  it('are full hours of a zone that is half an hour off, the first from the beginning of the range', () => {
    expect(startsOf('2026-05-01T00:10:00Z', '2026-05-01T02:31:00Z', 'Asia/Kolkata')).toEqual([
      '2026-05-01T00:10:00.000Z',
      '2026-05-01T00:30:00.000Z',
      '2026-05-01T01:30:00.000Z',
      '2026-05-01T02:30:00.000Z',
    ]);
  });

  it('go on through every clock change of a year, never longer than an hour', () => {
    for (const zone of [
      'Europe/Paris',
      'Australia/Lord_Howe',
      'America/St_Johns',
      'Asia/Tehran',
      'Africa/Casablanca',
    ]) {
      for (let from = at('2026-01-01T00:00Z'); from < at('2027-01-01T00:00Z'); from += 60 * HOUR_MS) {
        const starts = bucketsOf(from, from + 60 * HOUR_MS, zone)?.starts ?? [];
        const lengths = [...starts.slice(1), from + 60 * HOUR_MS].map((next, index) => next - starts[index]!);
        expect(Math.min(...lengths), zone).toBeGreaterThan(0);
        expect(Math.max(...lengths), zone).toBeLessThanOrEqual(HOUR_MS);
      }
    }
  });

  it('are at most 400', () => {
    expect(bucketsOf(at('2025-01-01T00:00Z'), at('2026-02-05T00:00Z'), 'UTC')?.starts).toHaveLength(400);
    expect(bucketsOf(at('2025-01-01T00:00Z'), at('2026-02-05T00:00:01Z'), 'UTC')).toBeUndefined();
    expect(bucketsOf(at('2025-01-01T00:00Z'), at('2025-01-01T00:00Z'), 'UTC')?.starts).toEqual([]);
  });
});
