import { DateTime } from 'luxon';

/** Up to so many days the figures are by hour. */
const DAYS_BY_HOUR = 3;
const MAX_BUCKETS = 400;
const HOUR_MS = 3_600_000;

export interface Buckets {
  interval: 'hour' | 'day';
  /** Where each begins, epoch milliseconds: the first at `fromMs`, the others on a full local hour or at local midnight. */
  starts: number[];
}

/** Hours or days of a range as they are in a time zone, clock changes included; undefined when they are too many. */
export function bucketsOf(fromMs: number, toMs: number, zone: string): Buckets | undefined {
  const local = (ms: number): DateTime => DateTime.fromMillis(ms, { zone });
  const byHour = toMs <= local(fromMs).plus({ days: DAYS_BY_HOUR }).toMillis();
  const next = (ms: number): number => {
    const at = local(ms);
    if (!byHour) return at.startOf('day').plus({ days: 1 }).startOf('day').toMillis();
    // Where clocks change by half an hour, the full hour may be behind us.
    const full = at.startOf('hour').toMillis() + HOUR_MS;
    return full > ms ? full : ms + HOUR_MS;
  };
  const starts: number[] = [];
  for (let ms = fromMs; ms < toMs; ms = next(ms)) {
    if (starts.length === MAX_BUCKETS) return undefined;
    starts.push(ms);
  }
  return { interval: byHour ? 'hour' : 'day', starts };
}
