import type { Json } from './context.ts';
import type { Way } from './desk.ts';
import type { Samples } from './measure.ts';
import { percentile, rounded } from './percentile.ts';

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

/** Milliseconds in, milliseconds out. */
export const percentiles = (values: number[]) => ({
  count: values.length,
  p50: rounded(percentile(values, 0.5)),
  p90: rounded(percentile(values, 0.9)),
  p99: rounded(percentile(values, 0.99)),
  max: rounded(percentile(values, 1)),
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
    latencyRatio: rounded(percentile(latencies, 0.5) / percentile(base.latencies, 0.5), 2),
    burstPerSecond: rounded(burstRate(samples)),
    burstRatio: rounded(burstRate(samples) / burstRate(base), 2),
    burstMessages: burst.messages,
    eventsAlone: rounded(alone.events / alone.historyMessages),
    eventsInBurst: rounded(burst.events / burst.historyMessages),
    historyBytesAlone: rounded(alone.historyBytes / alone.historyMessages, 0),
    historyBytesInBurst: rounded(burst.historyBytes / burst.historyMessages, 0),
    storedBytesInBurst: rounded(burst.storedBytes / burst.messages, 0),
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
