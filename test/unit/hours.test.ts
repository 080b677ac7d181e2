import fc from 'fast-check';
import { DateTime } from 'luxon';
import { describe, expect, it } from 'vitest';
import { effectivePeriods, type Hours, isOpen, nextClosing, nextOpening, type Period } from '../../activities/hours.ts';
import { testSeed } from '../support/seed.ts';

const MINUTE = 60_000;
const THURSDAY = '2024-12-12';

const on = (date: string, ...ranges: string[]): Period[] =>
  ranges.map((range) => {
    const [from = '', to = ''] = range.split('-');
    return { kind: 'date', date, from, to };
  });
const weekly = (days: number[], from: string, to: string): Period => ({ kind: 'weekly', days, from, to });
const hours = (timezone: string, periods: Period[]): Hours => ({ timezone, periods });
const ms = (iso: string): number => Date.parse(iso);
const texts = (periods: Period[], date = THURSDAY): string[] =>
  effectivePeriods(hours('UTC', periods), date).map(({ from, to }) => `${from}-${to}`);

describe('effective periods of a day', () => {
  it('[95] merges the sample of the documentation to 09-12 and 13-18', () => {
    const sample = on(THURSDAY, '09:00-12:00', '10:00-12:00', '13:00-18:00', '15:00-17:00');
    expect(texts(sample)).toEqual(['09:00-12:00', '13:00-18:00']);
    expect(texts(sample.toReversed())).toEqual(['09:00-12:00', '13:00-18:00']);
  });

  it('[94] merges overlapping ranges to their union and keeps separate ones apart', () => {
    expect(texts(on(THURSDAY, '09:00-11:00', '10:00-12:00'))).toEqual(['09:00-12:00']);
    expect(texts(on(THURSDAY, '09:00-12:00', '12:01-18:00'))).toEqual(['09:00-12:00', '12:01-18:00']);
  });

  it('[98] merges touching ranges', () => {
    expect(texts(on(THURSDAY, '09:00-12:00', '12:00-18:00'))).toEqual(['09:00-18:00']);
  });

  it('[91] [92] adds a date to the weekly rules of that day, once', () => {
    const periods = [weekly([4], '09:00', '17:00'), ...on(THURSDAY, '16:00-20:00')];
    expect(texts(periods)).toEqual(['09:00-20:00']);
    expect(texts(periods, '2024-12-19')).toEqual(['09:00-17:00']);
  });

  it('[93] keeps only the rules of the natural day', () => {
    expect(texts([weekly([1, 2, 3, 5, 6, 7], '00:00', '24:00')])).toEqual([]);
  });

  it('is the whole day without hours and without periods', () => {
    expect(effectivePeriods(null, THURSDAY)).toEqual([{ from: '00:00', to: '24:00' }]);
    expect(texts([])).toEqual(['00:00-24:00']);
  });

  it('leaves its input as it was', () => {
    const given = hours('UTC', on(THURSDAY, '09:00-11:00', '10:00-12:00'));
    const copy = structuredClone(given);
    effectivePeriods(given, THURSDAY);
    expect(given).toEqual(copy);
  });
});

describe('open or not', () => {
  const day = hours('Europe/Paris', on(THURSDAY, '09:00-18:00'));

  it('[98] is half-open: the first minute is inside, the end minute outside', () => {
    expect(isOpen(day, ms('2024-12-12T07:59:59.999Z'))).toBe(false);
    expect(isOpen(day, ms('2024-12-12T08:00:00Z'))).toBe(true);
    expect(isOpen(day, ms('2024-12-12T16:59:59.999Z'))).toBe(true);
    expect(isOpen(day, ms('2024-12-12T17:00:00Z'))).toBe(false);
  });

  it('takes 24:00 as the end of the day', () => {
    const late = hours('Asia/Kathmandu', on(THURSDAY, '22:00-24:00'));
    expect(isOpen(late, ms('2024-12-12T18:14:59Z'))).toBe(true);
    expect(isOpen(late, ms('2024-12-12T18:15:00Z'))).toBe(false);
  });

  it('follows zones with offsets of 30 and 45 minutes', () => {
    expect(isOpen(hours('Asia/Kolkata', on(THURSDAY, '09:00-10:00')), ms('2024-12-12T03:30:00Z'))).toBe(true);
    expect(isOpen(hours('Asia/Kolkata', on(THURSDAY, '09:00-10:00')), ms('2024-12-12T03:29:59Z'))).toBe(false);
    expect(isOpen(hours('Asia/Kathmandu', on(THURSDAY, '09:00-10:00')), ms('2024-12-12T03:15:00Z'))).toBe(true);
    expect(isOpen(hours('Asia/Kathmandu', on(THURSDAY, '09:00-10:00')), ms('2024-12-12T03:14:59Z'))).toBe(false);
  });

  it('is always open without hours', () => {
    expect(isOpen(null, 0)).toBe(true);
    expect(nextOpening(null, 0)).toBeNull();
  });
});

describe('the next opening', () => {
  it('is null while open, when nothing is left, and for a date that has passed', () => {
    expect(nextOpening(hours('UTC', on(THURSDAY, '09:00-18:00')), ms('2024-12-12T10:00:00Z'))).toBeNull();
    expect(nextOpening(hours('UTC', on(THURSDAY, '09:00-18:00')), ms('2024-12-12T18:00:00Z'))).toBeNull();
    expect(nextOpening(hours('UTC', on('2023-01-01', '09:00-18:00')), ms('2024-12-12T18:00:00Z'))).toBeNull();
  });

  it('finds a date years ahead', () => {
    const far = hours('America/New_York', on('2031-07-04', '10:00-12:00'));
    expect(nextOpening(far, ms('2024-12-12T18:00:00Z'))).toBe('2031-07-04T14:00:00.000Z');
  });

  it('goes over the weekend', () => {
    const office = hours('Europe/Paris', [weekly([1, 2, 3, 4, 5], '09:00', '18:00')]);
    expect(nextOpening(office, ms('2024-12-13T17:00:00Z'))).toBe('2024-12-16T08:00:00.000Z');
  });

  it('is the end of the gap when the clock jumps into a period', () => {
    const paris = hours('Europe/Paris', on('2026-03-29', '02:15-03:30'));
    expect(nextOpening(paris, ms('2026-03-29T00:00:00Z'))).toBe('2026-03-29T01:00:00.000Z');
    const newYork = hours('America/New_York', on('2026-03-08', '02:15-03:30'));
    expect(nextOpening(newYork, ms('2026-03-08T05:00:00Z'))).toBe('2026-03-08T07:00:00.000Z');
  });

  it('leaves out a period that the gap swallows, and finds the one of the next week', () => {
    const swallowed = hours('Europe/Paris', [weekly([7], '02:15', '02:45')]);
    expect(nextOpening(swallowed, ms('2026-03-23T12:00:00Z'))).toBe('2026-04-05T00:15:00.000Z');
    expect(nextOpening(hours('Europe/Paris', on('2026-03-29', '02:15-02:45')), ms('2026-03-28T12:00:00Z'))).toBeNull();
  });

  it('opens twice in the repeated hour', () => {
    const paris = hours('Europe/Paris', on('2026-10-25', '02:15-02:30'));
    expect(nextOpening(paris, ms('2026-10-24T22:00:00Z'))).toBe('2026-10-25T00:15:00.000Z');
    expect(nextOpening(paris, ms('2026-10-25T00:30:00Z'))).toBe('2026-10-25T01:15:00.000Z');
    const newYork = hours('America/New_York', on('2026-11-01', '00:30-01:30'));
    expect(nextOpening(newYork, ms('2026-11-01T05:30:00Z'))).toBe('2026-11-01T06:00:00.000Z');
  });
});

describe('the next closing', () => {
  const closing = (given: Hours | null, at: string) => nextClosing(given, ms(at));
  const ALL = [1, 2, 3, 4, 5, 6, 7];

  it('is the end of the merged period, in the zone of the hours', () => {
    const day = hours('Europe/Paris', on(THURSDAY, '09:00-12:00', '12:00-18:00', '17:00-17:30'));
    expect(closing(day, '2024-12-12T10:00:00Z')).toBe('2024-12-12T17:00:00.000Z');
    expect(closing(day, '2024-12-12T07:00:00Z')).toBeNull();
    expect(closing(day, '2024-12-12T17:00:00Z')).toBeNull();
  });

  it('is none for hours that never close', () => {
    expect(closing(null, '2024-12-12T10:00:00Z')).toBeNull();
    expect(closing(hours('UTC', []), '2024-12-12T10:00:00Z')).toBeNull();
    expect(closing(hours('Europe/Paris', [weekly(ALL, '00:00', '24:00')]), '2024-12-12T10:00:00Z')).toBeNull();
  });

  it('goes over midnight and over weekly gaps that dates fill', () => {
    const night = hours('UTC', [weekly([4], '20:00', '24:00'), weekly([5], '00:00', '06:00')]);
    expect(closing(night, '2024-12-12T23:00:00Z')).toBe('2024-12-13T06:00:00.000Z');
    const sundays = ['15', '22', '29'].flatMap((day) => on(`2024-12-${day}`, '00:00-24:00'));
    const filled = hours('UTC', [weekly([1, 2, 3, 4, 5, 6], '00:00', '24:00'), ...sundays]);
    expect(closing(filled, '2024-12-12T10:00:00Z')).toBe('2025-01-05T00:00:00.000Z');
  });

  it('follows clock changes', () => {
    const spring = hours('Europe/Paris', on('2024-03-31', '01:00-02:30'));
    expect(closing(spring, '2024-03-31T00:30:00Z')).toBe('2024-03-31T01:00:00.000Z');
    const autumn = hours('Europe/Paris', on('2024-10-27', '01:00-02:30'));
    expect(closing(autumn, '2024-10-27T00:00:00Z')).toBe('2024-10-27T00:30:00.000Z');
    expect(closing(autumn, '2024-10-27T01:10:00Z')).toBe('2024-10-27T01:30:00.000Z');
  });
});

describe('properties', () => {
  const seed = testSeed('hours');
  // Around clock changes, and days without one.
  const DAYS = {
    'Europe/Paris': ['2026-03-29', '2026-10-25', '2026-06-10'],
    'America/New_York': ['2026-03-08', '2026-11-01', '2026-06-10'],
    'Asia/Kathmandu': ['2026-06-10'],
    'Australia/Lord_Howe': ['2026-04-05', '2026-10-04'],
    'America/Havana': ['2026-03-08', '2026-11-01'],
  };
  const clock = (minute: number): string =>
    `${String(Math.floor(minute / 60)).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}`;
  const place = fc
    .constantFrom(...(Object.keys(DAYS) as (keyof typeof DAYS)[]))
    .chain((zone) => fc.record({ zone: fc.constant(zone), date: fc.constantFrom(...DAYS[zone]) }));
  const range = fc
    .uniqueArray(fc.integer({ min: 0, max: 1440 }), { minLength: 2, maxLength: 2 })
    .map((minutes) => minutes.toSorted((a, b) => a - b).map(clock));
  const scene = place.chain(({ zone, date }) =>
    fc.record({
      zone: fc.constant(zone),
      date: fc.constant(date),
      periods: fc.array(
        fc
          .tuple(range, fc.boolean(), fc.subarray([1, 2, 3, 4, 5, 6, 7], { minLength: 1 }))
          .map(([[from = '', to = ''], isWeekly, days]): Period =>
            isWeekly ? { kind: 'weekly', days, from, to } : { kind: 'date', date, from, to },
          ),
        { minLength: 1, maxLength: 10 },
      ),
    }),
  );

  /** Independent of the merge: is any single rule true at this minute of the wall clock? */
  const openByRule = (periods: Period[], zone: string, at: number): boolean => {
    const local = DateTime.fromMillis(at, { zone });
    const minute = local.hour * 60 + local.minute;
    const minutes = (text: string): number => Number(text.slice(0, 2)) * 60 + Number(text.slice(3));
    return periods.some(
      (period) =>
        (period.kind === 'weekly' ? period.days.includes(local.weekday) : period.date === local.toISODate()) &&
        minutes(period.from) <= minute &&
        minute < minutes(period.to),
    );
  };

  it('at any minute, also around clock changes, open is what one of the rules says', () => {
    fc.assert(
      fc.property(scene, ({ zone, date, periods }) => {
        const start = DateTime.fromISO(date, { zone }).startOf('day').toMillis();
        for (let at = start; at < start + 26 * 60 * MINUTE; at += 7 * MINUTE) {
          expect(isOpen({ timezone: zone, periods }, at)).toBe(openByRule(periods, zone, at));
        }
      }),
      { seed, numRuns: 40 },
    );
  });

  it('the next opening is the first open minute, no earlier and no later', () => {
    fc.assert(
      fc.property(scene, fc.integer({ min: 0, max: 1600 }), ({ zone, date, periods }, offset) => {
        const now = DateTime.fromISO(date, { zone }).startOf('day').toMillis() + offset * MINUTE;
        const next = nextOpening({ timezone: zone, periods }, now);
        if (openByRule(periods, zone, now)) {
          expect(next).toBeNull();
          return;
        }
        // Two days by brute force are enough to tell a wrong minute; what is further away is at least not earlier.
        const horizon = now + 2 * 1440 * MINUTE;
        let first: number | undefined;
        for (let at = now; at < horizon && first === undefined; at += MINUTE) {
          if (openByRule(periods, zone, at)) first = at;
        }
        if (first === undefined) expect(next === null || ms(next) >= horizon).toBe(true);
        else expect(next).toBe(new Date(first).toISOString());
      }),
      { seed, numRuns: 60 },
    );
  });

  it('the next closing is the first closed minute, no earlier and no later', () => {
    fc.assert(
      fc.property(scene, fc.integer({ min: 0, max: 1600 }), ({ zone, date, periods }, offset) => {
        const now = DateTime.fromISO(date, { zone }).startOf('day').toMillis() + offset * MINUTE;
        const next = nextClosing({ timezone: zone, periods }, now);
        if (!openByRule(periods, zone, now)) {
          expect(next).toBeNull();
          return;
        }
        const horizon = now + 2 * 1440 * MINUTE;
        let first: number | undefined;
        for (let at = now; at < horizon && first === undefined; at += MINUTE) {
          if (!openByRule(periods, zone, at)) first = at;
        }
        if (first === undefined) expect(next === null || ms(next) >= horizon).toBe(true);
        else expect(next).toBe(new Date(first).toISOString());
      }),
      { seed, numRuns: 60 },
    );
  });

  it('effective periods are in order and apart', () => {
    fc.assert(
      fc.property(scene, ({ zone, date, periods }) => {
        const merged = effectivePeriods({ timezone: zone, periods }, date);
        merged.forEach(({ from, to }, index) => {
          expect(from < to).toBe(true);
          expect((merged[index - 1]?.to ?? '') < from).toBe(true);
        });
      }),
      { seed },
    );
  });
});
