import { DateTime } from 'luxon';

const DATE = 'yyyy-MM-dd';

/** A period of one natural day in the zone of the hours: `HH:MM`, half-open, `24:00` allowed as `to`. */
export type Period =
  | { kind: 'weekly'; /** ISO weekdays, 1 = Monday. */ days: number[]; from: string; to: string }
  | { kind: 'date'; /** `YYYY-MM-DD`. */ date: string; from: string; to: string };

export interface Hours {
  /** IANA name. */
  timezone: string;
  periods: Period[];
}

export interface EffectivePeriod {
  from: string;
  to: string;
}

/**
 * The effective periods of one natural day, in order: all rules that apply to the day, overlapping and touching ones
 * merged to their union (gptbots-handoff section 9, readings A7 and A8). `null` hours = always open.
 */
export function effectivePeriods(hours: Hours | null, dateISO: string): EffectivePeriod[] {
  if (hours === null || hours.periods.length === 0) return [{ from: '00:00', to: '24:00' }];
  const weekday = DateTime.fromISO(dateISO, { zone: 'utc' }).weekday;
  const ranges = hours.periods
    .filter((period) => (period.kind === 'weekly' ? period.days.includes(weekday) : period.date === dateISO))
    .map(({ from, to }) => ({ from, to }))
    // Two digits each: text order is time order.
    .toSorted((a, b) => (a.from < b.from ? -1 : a.from > b.from ? 1 : 0));
  const merged: EffectivePeriod[] = [];
  for (const range of ranges) {
    const last = merged.at(-1);
    if (last === undefined || range.from > last.to) merged.push(range);
    else if (range.to > last.to) last.to = range.to;
  }
  return merged;
}

/** Whether the local wall clock is inside an effective period. The end minute is outside. */
export function isOpen(hours: Hours | null, nowMs: number): boolean {
  if (hours === null) return true;
  const local = DateTime.fromMillis(nowMs, { zone: hours.timezone });
  const minute = local.toFormat('HH:mm');
  return effectivePeriods(hours, local.toFormat(DATE)).some(({ from, to }) => from <= minute && minute < to);
}

/** Two weeks and a day: a clock change can swallow one occurrence of a weekly period. */
const WEEKLY_SEARCH_DAYS = 15;

/**
 * When the hours open next, ISO 8601 UTC; `null` when they are open now or never open again. A period that begins in
 * the gap of a clock change opens at the end of the gap; one in the repeated hour opens twice.
 */
export function nextOpening(hours: Hours | null, nowMs: number): string | null {
  if (hours === null || isOpen(hours, nowMs)) return null;
  const today = DateTime.fromMillis(nowMs, { zone: hours.timezone }).startOf('day');
  for (const date of candidateDates(hours, today)) {
    const opening = possibleOpenings(hours, date).find((at) => at > nowMs && isOpen(hours, at));
    if (opening !== undefined) return new Date(opening).toISOString();
  }
  return null;
}

/** Longer than a week: a weekly gap is at most that far behind the last date that fills it. */
const GAP_SEARCH_DAYS = 8;

/**
 * When the hours close next, ISO 8601 UTC; `null` when they are closed now or never close. A period that ends in the gap
 * of a clock change closes at its beginning.
 */
export function nextClosing(hours: Hours | null, nowMs: number): string | null {
  if (hours === null || !isOpen(hours, nowMs)) return null;
  const zone = hours.timezone;
  const today = DateTime.fromMillis(nowMs, { zone }).startOf('day');
  const dates = new Set(candidateDates(hours, today));
  for (const period of hours.periods) {
    if (period.kind !== 'date') continue;
    const date = DateTime.fromISO(period.date, { zone });
    for (let day = 0; day <= GAP_SEARCH_DAYS; day += 1) dates.add(date.plus({ days: day }).toFormat(DATE));
  }
  for (const date of [...dates].toSorted()) {
    const closing = possibleClosings(hours, date).find((at) => at > nowMs && !isOpen(hours, at));
    if (closing !== undefined) return new Date(closing).toISOString();
  }
  return null;
}

/** The instants of a day at which open can become closed, in order: where a period ends and where the clock jumps. */
function possibleClosings(hours: Hours, date: string): number[] {
  const zone = hours.timezone;
  const dayStart = DateTime.fromISO(date, { zone }).startOf('day');
  const ends = effectivePeriods(hours, date).flatMap(({ to }) =>
    to === '24:00' ? [] : instantsOf(DateTime.fromISO(`${date}T${to}`, { zone })),
  );
  const dayEnd = dayStart.plus({ days: 1 }).startOf('day').toMillis();
  return [...ends, ...clockChange(dayStart), dayEnd].toSorted((a, b) => a - b);
}

function candidateDates(hours: Hours, today: DateTime): string[] {
  const first = today.toFormat(DATE);
  const dates = new Set<string>();
  for (let day = 0; day < WEEKLY_SEARCH_DAYS; day += 1) dates.add(today.plus({ days: day }).toFormat(DATE));
  for (const period of hours.periods) {
    if (period.kind === 'date' && period.date >= first) dates.add(period.date);
  }
  return [...dates].toSorted();
}

/** The instants of a day at which closed can become open, in order: where a period begins and where the clock jumps. */
function possibleOpenings(hours: Hours, date: string): number[] {
  const zone = hours.timezone;
  const dayStart = DateTime.fromISO(date, { zone }).startOf('day');
  const starts = effectivePeriods(hours, date).flatMap(({ from }) =>
    instantsOf(DateTime.fromISO(`${date}T${from}`, { zone })),
  );
  return [dayStart.toMillis(), ...starts, ...clockChange(dayStart)].toSorted((a, b) => a - b);
}

/** In the repeated hour of a clock change, a wall clock time is two instants. */
const instantsOf = (local: DateTime): number[] => {
  const possible: DateTime[] = local.getPossibleOffsets();
  return possible.map((at) => at.toMillis());
};

/** The instant at which the offset changes within the day, when it does. */
function clockChange(dayStart: DateTime): number[] {
  const offsetAt = (ms: number): number => DateTime.fromMillis(ms, { zone: dayStart.zone }).offset;
  let before = dayStart.toMillis();
  let after = dayStart.plus({ days: 1 }).startOf('day').toMillis();
  const offset = offsetAt(before);
  if (offsetAt(after) === offset) return [];
  while (after - before > 1) {
    const middle = Math.floor((before + after) / 2);
    if (offsetAt(middle) === offset) before = middle;
    else after = middle;
  }
  return [after];
}
