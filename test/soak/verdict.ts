import type { Part } from './servers.ts';
import type { Sample } from './sampler.ts';

/** One thing that must not grow, and whether it did. */
export interface Verdict {
  what: string;
  unit: string;
  /** Of the second and of the last quarter: the median of its values, or of their lows where garbage comes and goes. */
  before: number;
  after: number;
  /** Of the second half, a robust fit: percent of `before` per hour. */
  percentPerHour: number;
  /** What `after` may be at most. */
  limit: number;
  flat: boolean;
}

interface Series {
  what: string;
  unit: string;
  of: (sample: Sample) => number | null | undefined;
  /** Growth that is none: a share of `before`, or so much, whichever is more. */
  share: number;
  least: number;
  /** Garbage comes and goes: the lows of short stretches count. */
  lows?: boolean;
  /** A number that it may not pass, whatever it was before. */
  bound?: number;
}

/** A run goes on in a new one from 1,500 events on, as soon as the talk rests for a moment. */
const HISTORY_BOUND = 3_000;
/** Samples of one low. */
const STRETCH = 5;

const memory = (part: Part, least = 10): Series => ({
  what: `memory of ${part}`,
  unit: 'MiB',
  of: ({ parts }) => parts[part].memoryMb,
  share: 0.1,
  least,
  lows: true,
});
const heap = (part: 'api' | 'worker'): Series => ({
  what: `heap of ${part}`,
  unit: 'MiB',
  of: ({ parts }) => parts[part].heapMb,
  share: 0.1,
  least: 8,
  lows: true,
});
const descriptors = (part: Part): Series => ({
  what: `descriptors of ${part}`,
  unit: '',
  of: ({ parts }) => parts[part].descriptors,
  share: 0.1,
  least: 8,
});
const handles = (part: 'api' | 'worker'): Series => ({
  what: `handles of ${part}`,
  unit: '',
  of: ({ parts }) => parts[part].handles,
  share: 0.15,
  least: 10,
});
const latency = (way: 'toDesk' | 'toBot', of: 'p50' | 'p99', least: number): Series => ({
  what: `latency ${way} ${of}`,
  unit: 'ms',
  of: ({ latency: found }) => found[way][of],
  share: 0.5,
  least,
});

const PARTS = ['api', 'worker', 'temporal', 'postgres'] as const;

export const SERIES: readonly Series[] = [
  ...PARTS.map((part) => memory(part, part === 'temporal' ? 60 : 15)),
  heap('api'),
  heap('worker'),
  ...PARTS.map(descriptors),
  handles('api'),
  handles('worker'),
  { what: 'database connections', unit: '', of: ({ connections }) => connections, share: 0.1, least: 3 },
  {
    what: 'history of a long handoff',
    unit: 'events',
    of: ({ history }) => history.events,
    share: 0,
    least: 0,
    bound: HISTORY_BOUND,
  },
  latency('toDesk', 'p50', 20),
  latency('toBot', 'p50', 20),
  latency('toDesk', 'p99', 150),
  latency('toBot', 'p99', 150),
];

/**
 * The first quarter is for warming up. Flat: the median of the last quarter is at most the one of the second quarter plus
 * what the series may grow; or, with a bound, no value is above it.
 */
export function judge(samples: Sample[]): Verdict[] {
  return SERIES.flatMap((series) => {
    const points = samples.flatMap((sample) => {
      const value = series.of(sample);
      return value === null || value === undefined || Number.isNaN(value) ? [] : [{ x: sample.atSeconds, y: value }];
    });
    return points.length < 8 ? [] : [judgeOne(series, points)];
  });
}

interface Point {
  x: number;
  y: number;
}

function judgeOne(series: Series, points: Point[]): Verdict {
  const end = points.at(-1)!.x;
  const quarter = (from: number, to: number): Point[] =>
    points.filter(({ x }) => x >= (end * from) / 4 && x <= (end * to) / 4);
  const level = (part: Point[]): number => median((series.lows ? lows(part) : part).map(({ y }) => y));
  const before = level(quarter(1, 2));
  const after = level(quarter(3, 4));
  const half = quarter(2, 4);
  const slope = theilSen(series.lows ? lows(half) : half) * 3_600;
  const limit = series.bound ?? before + Math.max(before * series.share, series.least);
  const highest = Math.max(...points.map(({ y }) => y));
  return {
    what: series.what,
    unit: series.unit,
    before: tidy(before),
    after: tidy(series.bound === undefined ? after : highest),
    percentPerHour: tidy(before === 0 ? 0 : (slope / before) * 100),
    limit: tidy(limit),
    flat: (series.bound === undefined ? after : highest) <= limit,
  };
}

/** The lowest point of each stretch. */
function lows(points: Point[]): Point[] {
  const found: Point[] = [];
  for (let at = 0; at < points.length; at += STRETCH)
    found.push(points.slice(at, at + STRETCH).reduce((low, point) => (point.y < low.y ? point : low)));
  return found;
}

/** The median of the slopes between all pairs: some wild values change nothing. */
function theilSen(points: Point[]): number {
  const slopes = points.flatMap((a, index) =>
    points.slice(index + 1).flatMap((b) => (b.x > a.x ? [(b.y - a.y) / (b.x - a.x)] : [])),
  );
  return slopes.length === 0 ? 0 : median(slopes);
}

function median(values: number[]): number {
  const sorted = values.toSorted((x, y) => x - y);
  const middle = sorted.length / 2;
  return sorted.length % 2 === 1
    ? sorted[Math.floor(middle)]!
    : ((sorted[middle - 1] ?? NaN) + (sorted[middle] ?? NaN)) / 2;
}

const tidy = (value: number): number => Math.round(value * 10) / 10;
