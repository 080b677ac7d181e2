import type { Json } from './context.ts';
import type { Way } from './desk.ts';
import type { Samples } from './measure.ts';

export interface Row {
  name: string;
  /** `base`: what the others are compared with; `subject`: what the aims are for. */
  role: 'base' | 'subject' | 'extra';
  toDesk: Samples;
  toBot?: Samples;
}

/** A type, not an interface: it goes into JSON as it is. */
export type Aim = {
  aim: string;
  got: number | null;
  met: boolean;
};

/** JSON has no NaN: what was not measured is null. */
export const round = (value: number, digits = 1): number | null =>
  Number.isFinite(value) ? Number(value.toFixed(digits)) : null;

/** `share` from 0 to 1, by the nearest rank; NaN without values. */
export function percentile(values: number[], share: number): number {
  const sorted = values.toSorted((x, y) => x - y);
  return sorted[Math.max(0, Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1))] ?? NaN;
}

/** Milliseconds in, milliseconds out. */
export const percentiles = (values: number[]) => ({
  count: values.length,
  p50: round(percentile(values, 0.5)),
  p90: round(percentile(values, 0.9)),
  p99: round(percentile(values, 0.99)),
  max: round(percentile(values, 1)),
});

/** `atLeast`: more is better. */
export function aim(what: string, got: number | null, limit: number, atLeast = false): Aim {
  const met = got !== null && (atLeast ? got >= limit : got <= limit);
  return { aim: `${what} ${atLeast ? '>=' : '<='} ${limit}`, got, met };
}

/** Aims in words, for the terminal. */
export function printAims(aims: Aim[], say: (line: string) => void): void {
  for (const { aim: what, got, met } of aims) say(`${met ? 'met   ' : 'MISSED'} ${what}: ${got}`);
}

/** Messages per second over all bursts. */
const burstRate = ({ burst, bursts }: Samples): number => burst.messages / bursts.reduce((sum, s) => sum + s, 0);

function ofWay(samples: Samples, base: Samples) {
  const { alone, burst, latencies } = samples;
  return {
    latencyMs: percentiles(latencies),
    latencyRatio: round(percentile(latencies, 0.5) / percentile(base.latencies, 0.5), 2),
    burstPerSecond: round(burstRate(samples)),
    burstRatio: round(burstRate(samples) / burstRate(base), 2),
    burstMessages: burst.messages,
    eventsAlone: round(alone.events / alone.historyMessages),
    eventsInBurst: round(burst.events / burst.historyMessages),
    historyBytesAlone: round(alone.historyBytes / alone.historyMessages, 0),
    historyBytesInBurst: round(burst.historyBytes / burst.historyMessages, 0),
    storedBytesInBurst: round(burst.storedBytes / burst.messages, 0),
  };
}

/** The rows as JSON, each way beside the base. */
export function summary(rows: Row[]) {
  const base = rows.find((row) => row.role === 'base')!;
  return rows.map((row) => ({
    name: row.name,
    role: row.role,
    toDesk: ofWay(row.toDesk, base.toDesk),
    ...(row.toBot ? { toBot: ofWay(row.toBot, base.toBot!) } : {}),
  })) satisfies Json[];
}

const COLUMNS = ['p50 ms', 'p99 ms', 'ratio', 'burst/s', 'ratio', 'events', 'in bursts', 'hist. B', 'stored B'];
const TITLES: Record<Way, string> = { toDesk: 'user -> desk', toBot: 'agent -> bot' };

export function printRows(rows: ReturnType<typeof summary>, say: (line: string) => void): void {
  const line = (name: string, cells: string[]): void =>
    say(name.padEnd(34) + cells.map((cell) => cell.padStart(10)).join(''));
  for (const way of ['toDesk', 'toBot'] as const) {
    line(TITLES[way], COLUMNS);
    for (const row of rows) {
      const of = row[way];
      if (of === undefined) continue;
      const cells = [of.latencyMs.p50, of.latencyMs.p99, of.latencyRatio, of.burstPerSecond, of.burstRatio];
      const kept = [of.eventsAlone, of.eventsInBurst, of.historyBytesInBurst, of.storedBytesInBurst];
      line(
        `  ${row.name}`,
        [...cells, ...kept].map((value) => (value === null ? '-' : String(value))),
      );
    }
  }
}
