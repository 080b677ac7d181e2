import { readdir, readFile, writeFile } from 'node:fs/promises';
import type { summary } from '../report.ts';

interface Result {
  stage: string;
  at: string;
  machine: { cpu: string; cores: number; memoryGiB: number; system: string };
  versions: Record<string, string | null>;
  rows?: ReturnType<typeof summary>;
  plots?: { name: string; title: string }[];
  aims?: { aim: string; got: number | null; met: boolean }[];
}

const README = new URL('../../../README.md', import.meta.url);
const RESULTS = new URL('../results/', import.meta.url);
const SHOWN = ['relay-latency', 'relay-burst'];
const MARKS = ['<!-- figures: npm run bench:plots -->', '<!-- end of figures -->'] as const;

/** Replaces what stands between the marks of the README; nobody types a figure. */
export async function writeFigures(): Promise<void> {
  const readme = await readFile(README, 'utf8');
  const [before, , after] = split(readme);
  await writeFile(README, `${before}${MARKS[0]}\n\n${await figures()}\n\n${MARKS[1]}${after}`);
  console.log('written the figures of README.md');
}

/** What stands between the marks now. */
export const figuresIn = (readme: string): string => split(readme)[1].trim();

function split(readme: string): [string, string, string] {
  const [from, to] = [readme.indexOf(MARKS[0]), readme.indexOf(MARKS[1])];
  if (from === -1 || to < from) throw new Error(`README.md has no place for the figures: ${MARKS.join(' ')}`);
  return [readme.slice(0, from), readme.slice(from + MARKS[0].length, to), readme.slice(to + MARKS[1].length)];
}

/** Markdown of all results: where they were measured, pictures, the relays beside each other, the aims. */
export async function figures(): Promise<string> {
  const results = await readResults();
  const relay = results.find(({ stage }) => stage === 'relay');
  if (relay === undefined) return 'Nothing is measured yet: `npm run bench`.';
  const cluster = results.find(({ stage }) => stage === 'cluster');
  const rows = [...relayTable(relay.rows ?? [], ''), ...relayTable(cluster?.rows ?? [], ' on a cluster').slice(2)];
  return [measuredOn(relay), ...(await pictures(results)), rows.join('\n'), aimTable(results).join('\n')].join('\n\n');
}

/** Two to see, the others to find. */
async function pictures(results: Result[]): Promise<string[]> {
  const plots = results.flatMap((result) => result.plots ?? []);
  const drawn = new Set((await readdir(RESULTS)).filter((file) => file.endsWith('.svg')));
  const there = [...plots, { name: 'soak', title: 'Soak' }].filter(({ name }) => drawn.has(`${name}.svg`));
  const shown = there.filter(({ name }) => SHOWN.includes(name));
  const others = there.filter(({ name }) => !SHOWN.includes(name));
  const path = (name: string): string => `test/bench/results/${name}.svg`;
  return [
    ...shown.map(({ name, title }) => `![${title}](${path(name)})`),
    ...(others.length === 0
      ? []
      : [`More: ${others.map(({ name, title }) => `[${title}](${path(name)})`).join(', ')}.`]),
  ];
}

async function readResults(): Promise<Result[]> {
  const files = (await readdir(RESULTS).catch(() => [])).filter(
    (file) => file.endsWith('.json') && !file.endsWith('.short.json'),
  );
  return await Promise.all(
    files.toSorted().map(async (file) => {
      // Not every program that writes here is a stage.
      const result = JSON.parse(await readFile(new URL(file, RESULTS), 'utf8')) as Result;
      return { ...result, stage: result.stage ?? file.replace(/\.json$/, '') };
    }),
  );
}

function measuredOn({ at, machine, versions }: Result): string {
  const { cpu, cores, memoryGiB, system } = machine;
  const parts = [
    `Node ${versions['node']}`,
    `Temporal ${versions['temporalServer']}`,
    `PostgreSQL ${versions['postgres']}`,
    versions['redis'] && `Redis ${versions['redis']}`,
  ];
  const where = `${cores} cores (${cpu}), ${memoryGiB} GiB, ${system}`;
  return `Measured on ${at.slice(0, 10)}: ${where}; ${parts.filter(Boolean).join(', ')}.`;
}

const figure = (value: number | null | undefined): string => (value === null || value === undefined ? '' : `${value}`);

function relayTable(rows: NonNullable<Result['rows']>, where: string): string[] {
  const cells = (row: (typeof rows)[number]): string[] => {
    const { toDesk, toBot } = row;
    const latency = (of: typeof toDesk | undefined): string =>
      of === undefined || of.latencyMs.count === 0 ? '' : `${of.latencyMs.p50} / ${of.latencyMs.p99}`;
    const bytes = (toDesk.historyBytesInBurst ?? 0) + (toDesk.storedBytesInBurst ?? 0);
    return [
      `${row.name}${where}`,
      latency(toDesk),
      figure(toDesk.burstPerSecond),
      latency(toBot),
      figure(toBot?.burstPerSecond),
      figure(toDesk.eventsInBurst),
      bytes === 0 ? '' : figure(bytes),
    ];
  };
  const head = [
    'relay',
    'user → desk p50 / p99 ms',
    'burst/s',
    'agent → bot p50 / p99 ms',
    'burst/s',
    'events a message',
    'bytes a message',
  ];
  return [head, head.map(() => '---'), ...rows.map(cells)].map((line) => `| ${line.join(' | ')} |`);
}

function aimTable(results: Result[]): string[] {
  const aims = results.flatMap(({ stage, aims: own }) => (own ?? []).map((one) => ({ stage, ...one })));
  const lines = aims.map(({ stage, aim, got, met }) => [stage, aim, figure(got), met ? 'met' : '**missed**']);
  const table = [['stage', 'aim', 'measured', ''], ['---', '---', '---', '---'], ...lines];
  return table.map((line) => `| ${line.join(' | ')} |`);
}
