import { mkdir, writeFile } from 'node:fs/promises';
import { cpus, loadavg, totalmem, type } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { Samples } from './measure.ts';

export interface Row extends Samples {
  name: string;
  /** `base`: what the others are compared with; `subject`: what the aims are for. */
  role: 'base' | 'subject' | 'extra';
}

export const AIMS = { latency: 0.8, burst: 2.5, eventsAlone: 7, eventsInBurst: 2.5 } as const;

/** What the machine was busy with before us, in processes. */
const LOAD_BEFORE = loadavg()[0] ?? 0;

const RESULT = fileURLToPath(new URL('./results/relay.json', import.meta.url));

/** JSON has no NaN: what was not measured is null. */
const round = (value: number, digits = 1): number | null =>
  Number.isFinite(value) ? Number(value.toFixed(digits)) : null;

function percentile(values: number[], share: number): number {
  const sorted = values.toSorted((x, y) => x - y);
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)] ?? NaN;
}

/** Messages per second over all bursts. */
const burstRate = (row: Row): number => row.burst.messages / row.bursts.reduce((sum, seconds) => sum + seconds, 0);

function summary(row: Row, base: Row) {
  const p50 = percentile(row.latencies, 0.5);
  const rate = burstRate(row);
  return {
    name: row.name,
    latencyP50Ms: round(p50),
    latencyP99Ms: round(percentile(row.latencies, 0.99)),
    latencyRatio: round(p50 / percentile(base.latencies, 0.5), 2),
    burstPerSecond: round(rate),
    burstRatio: round(rate / burstRate(base), 2),
    eventsAlone: round(row.alone.events / row.alone.messages),
    eventsInBurst: round(row.burst.events / row.burst.messages),
    messagesAlone: row.alone.messages,
    messagesInBursts: row.burst.messages,
  };
}

/** Prints the table and keeps it in `results/relay.json`. */
export async function report(
  rows: Row[],
  run: { conversations: number; messages: number; seconds: number; rounds: number },
) {
  const base = rows.find((row) => row.role === 'base')!;
  const table = rows.map((row) => summary(row, base));
  const subject = table[rows.findIndex((row) => row.role === 'subject')]!;
  const aim = (what: string, got: number | null, limit: number, atLeast = false) => ({
    aim: `${what} ${atLeast ? '>=' : '<='} ${limit}`,
    got,
    met: got !== null && (atLeast ? got >= limit : got <= limit),
  });
  const aims = [
    aim('latency beside the minimal relay', subject.latencyRatio, AIMS.latency),
    aim('burst rate beside it', subject.burstRatio, AIMS.burst, true),
    aim('events per message alone', subject.eventsAlone, AIMS.eventsAlone),
    aim('events per message in bursts', subject.eventsInBurst, AIMS.eventsInBurst),
  ];
  const machine = {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: type(),
    node: process.version,
    loadBefore: round(LOAD_BEFORE),
  };
  console.log(
    `\n${machine.cores} × ${machine.cpu}, ${machine.memoryGiB} GiB, ${machine.system}, Node ${machine.node}, load ${machine.loadBefore}`,
  );
  console.log(
    `${run.rounds} rounds in ${run.seconds} s; bursts: ${run.conversations} handoffs × ${run.messages} messages`,
  );
  console.log('nothing lost, doubled or out of order: at the desk, in the journal, at the callback\n');
  printTable(table);
  for (const { aim: what, got, met } of aims) console.log(`${met ? 'met   ' : 'MISSED'} ${what}: ${got}`);
  await mkdir(new URL('./results/', import.meta.url), { recursive: true });
  await writeFile(RESULT, `${JSON.stringify({ machine, run, rows: table, aims }, null, 2)}\n`);
}

function printTable(table: ReturnType<typeof summary>[]): void {
  const cell = (value: number | null): string => (value === null ? '-' : String(value));
  const lines = [
    ['', 'latency p50', 'p99 ms', 'ratio', 'burst msg/s', 'ratio', 'events alone', 'in bursts'],
    ...table.map((row) => [
      row.name,
      ...[row.latencyP50Ms, row.latencyP99Ms, row.latencyRatio, row.burstPerSecond, row.burstRatio].map(cell),
      ...[row.eventsAlone, row.eventsInBurst].map(cell),
    ]),
  ];
  for (const [name = '', ...cells] of lines)
    console.log(name.padEnd(28) + cells.map((text) => text.padStart(13)).join(''));
  console.log();
}
