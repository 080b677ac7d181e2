export const RANGES = ['24h', '7d', '30d', 'custom'] as const;
export type Range = (typeof RANGES)[number];

/** What the page is asked for, as it stands in the address. */
export interface Choice {
  range: Range;
  /** Local days `YYYY-MM-DD`, both included; for `custom`. */
  from: string;
  to: string;
  botId: string;
}

const DAYS = { '7d': 7, '30d': 30 };
const HOURS = 24;

export function choiceOf(query: URLSearchParams): Choice {
  const range = RANGES.find((one) => one === query.get('range')) ?? '24h';
  return { range, from: query.get('from') ?? '', to: query.get('to') ?? '', botId: query.get('botId') ?? '' };
}

/**
 * First and last instant of a choice, on whole hours or days, so that no bar stands for a part of one; undefined while
 * somebody is still typing the days.
 */
export function spanOf(choice: Choice, now: Date): { from: Date; to: Date } | undefined {
  if (choice.range === '24h') return { from: hourOf(now, 1 - HOURS), to: hourOf(now, 1) };
  if (choice.range !== 'custom') return { from: dayOf(now, 1 - DAYS[choice.range]), to: dayOf(now, 1) };
  const [from, to] = [localDay(choice.from), localDay(choice.to)];
  if (from === undefined || to === undefined || to < from) return undefined;
  return { from, to: dayOf(to, 1) };
}

/** `YYYY-MM-DD` of a local day. */
export function dayText(day: Date): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${day.getFullYear()}-${two(day.getMonth() + 1)}-${two(day.getDate())}`;
}

const dayOf = (at: Date, add: number): Date => new Date(at.getFullYear(), at.getMonth(), at.getDate() + add);
const hourOf = (at: Date, add: number): Date =>
  new Date(at.getFullYear(), at.getMonth(), at.getDate(), at.getHours() + add);

function localDay(text: string): Date | undefined {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return undefined;
  const day = new Date(`${text}T00:00`);
  return Number.isNaN(day.getTime()) ? undefined : day;
}
