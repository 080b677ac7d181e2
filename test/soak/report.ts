import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { machine } from '../bench/machine.ts';
import type { Ledger } from './ledger.ts';
import type { Sample } from './sampler.ts';
import { judge, type Verdict } from './verdict.ts';

const RESULT = fileURLToPath(new URL('../bench/results/soak.json', import.meta.url));

export interface Facts {
  minutes: number;
  seed: number;
  /** Messages a second. */
  rate: number;
  /** What a burst reached; null: nobody measured. */
  maximum: number | null;
  open: number;
  versions: Record<string, string>;
  /** Why it did not go on to its end. */
  error: string | null;
}

/** Prints what was found and writes it. True: nothing is wrong. */
export async function report(facts: Facts, samples: Sample[], ledger: Ledger, out = RESULT): Promise<boolean> {
  const verdicts = judge(samples);
  const last = samples.at(-1);
  const perMessage = (megabytes: number): number | null =>
    last && last.delivered > 0 ? Math.round((megabytes * 2 ** 20) / last.delivered) : null;
  const stored = {
    databaseBytesPerMessage: perMessage((last?.databaseMb ?? 0) - (samples[0]?.databaseMb ?? 0)),
    temporalBytesPerMessage: perMessage((last?.temporalMb ?? 0) - (samples[0]?.temporalMb ?? 0)),
  };
  const { error, ...run } = facts;
  const flat = verdicts.length > 0 && verdicts.every((verdict) => verdict.flat);
  const ok = error === null && ledger.problems.length === 0 && flat;
  const head = {
    date: new Date().toISOString().slice(0, 10),
    machine: machine(),
    run: { ...run, error, deliveredPerSecond: last ? Math.round((last.delivered / last.atSeconds) * 10) / 10 : null },
    audit: { ...ledger.figures, repeats: ledger.repeats, problems: ledger.problems },
    stored,
    flat,
    verdicts,
  };
  printVerdicts(verdicts);
  console.log('\naudit:', JSON.stringify(head.audit));
  console.log('stored:', JSON.stringify(stored));
  if (error !== null) console.error(`\nIt did not go on to its end: ${error}`);
  await mkdir(dirname(out), { recursive: true });
  // One sample a line: half an hour of them stays readable.
  const lines = samples.map((sample) => `    ${JSON.stringify(sample)}`).join(',\n');
  await writeFile(out, `${JSON.stringify(head, null, 2).slice(0, -2)},\n  "samples": [\n${lines}\n  ]\n}\n`);
  console.log(`\n${ok ? 'FLAT, and nothing lost, doubled or out of order' : 'NOT WELL'}: ${out}`);
  return ok;
}

function printVerdicts(verdicts: Verdict[]): void {
  const rows = [
    ['', 'second quarter', 'last', 'limit', '% / hour'],
    ...verdicts.map(({ what, unit, before, after, limit, percentPerHour, flat }) => [
      `${flat ? 'flat  ' : 'GROWS '} ${what}${unit ? `, ${unit}` : ''}`,
      ...[before, after, limit, percentPerHour].map(String),
    ]),
  ];
  console.log();
  for (const [name = '', ...cells] of rows)
    console.log(name.padEnd(44) + cells.map((text) => text.padStart(15)).join(''));
}

/** One line while it runs. */
export function progress({ atSeconds, parts, connections, open, history, latency, delivered }: Sample): string {
  const { api, worker, temporal, postgres } = parts;
  const both = (key: 'memoryMb' | 'heapMb'): string => `${api[key] ?? '-'}/${worker[key] ?? '-'}`;
  return [
    `${Math.round(atSeconds)} s: ${delivered} messages, ${open} open`,
    `api/worker ${both('memoryMb')} MiB, heap ${both('heapMb')}`,
    `temporal ${temporal.memoryMb ?? '-'}, postgres ${postgres.memoryMb ?? '-'}, ${connections} connections`,
    `fds ${api.descriptors ?? '-'}/${worker.descriptors ?? '-'}, history ${history.events} (+${history.runs} runs)`,
    `ms to desk ${latency.toDesk.p50}/${latency.toDesk.p99}, to bot ${latency.toBot.p50}/${latency.toBot.p99}`,
  ].join(' | ');
}
