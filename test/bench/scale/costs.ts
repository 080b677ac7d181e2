/** What encryption, callbacks and the journal each cost: the same messages through workers that differ in one thing. */
import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { until } from '../../support/poll.ts';
import type { Context, Json, Plot } from '../context.ts';
import { startDesk, type BenchDesk } from '../desk.ts';
import { textOf } from '../system.ts';
import { makeBot, openMany, say } from './handoffs.ts';
import { install, type Installation } from './installation.ts';
import { percentile, rounded } from '../percentile.ts';

const FULL = { conversations: 30, each: 20, alone: 60, rounds: 3 };
const SHORT: typeof FULL = { conversations: 5, each: 5, alone: 10, rounds: 1 };
/** Between two messages, so that each finds a handoff at rest. Milliseconds. */
const GAP_MS = 40;

interface Variant {
  name: string;
  /** For API and worker. */
  env?: Record<string, string>;
  callback?: boolean;
  journal?: boolean;
}

const VARIANTS: Variant[] = [
  { name: 'everything but encryption' },
  { name: 'with encryption', env: { BATON_PAYLOAD_KEYS: `p1:${randomBytes(32).toString('base64')}` } },
  { name: 'without callbacks', callback: false },
  { name: 'without the journal', journal: false },
];

/** One variant at work, with what was measured of it. */
interface Subject {
  name: string;
  installation: Installation;
  ids: string[];
  sent: Map<string, number>;
  latencies: number[];
  burstSeconds: number;
  load: typeof FULL;
}

export async function stage(context: Context): Promise<Json> {
  const desk = await startDesk();
  context.later(() => desk.stop());
  const subjects: Subject[] = [];
  for (const variant of VARIANTS) subjects.push(await start(context, desk, variant));
  // Connections, caches and compiled code are warm in all of them.
  for (const subject of subjects) await measure(subject, desk);
  for (const subject of subjects) Object.assign(subject, { latencies: [], burstSeconds: 0 });
  const { conversations, each: messagesEach, rounds } = subjects[0]!.load;
  // In turn: what else the machine does changes.
  for (let round = 1; round <= rounds; round += 1) for (const subject of subjects) await measure(subject, desk);
  for (const subject of subjects) await check(subject, desk);
  const rows = subjects.map((subject) => summary(subject, subjects[0]!));
  for (const row of rows) context.say(JSON.stringify(row));
  return { conversations, messagesEach, rounds, rows, plots: [plotOf(rows)] };
}

async function start(context: Context, desk: BenchDesk, { name, env, callback, journal }: Variant): Promise<Subject> {
  const load = context.short ? SHORT : FULL;
  const installation = await install(context, env);
  context.later(() => installation.stop());
  await makeBot(installation, desk, { callback: callback ?? true });
  const worker = await installation.startWorker();
  const ids = await openMany(installation, load.conversations + 1);
  if (journal === false) {
    // Opened by a whole worker: the API must know that they are open.
    await worker.stop('SIGTERM');
    await installation.startWorker({}, 'noJournal');
  }
  context.say(`${name}: at work`);
  return { name, installation, ids, sent: new Map(), latencies: [], burstSeconds: 0, load };
}

async function measure(subject: Subject, desk: BenchDesk): Promise<void> {
  const [single, ...many] = subject.ids;
  const { alone, each } = subject.load;
  for (let turn = 0; turn < alone; turn += 1) {
    const startedAt = performance.now();
    subject.latencies.push((await sayNext(subject, desk, single!).arrives) - startedAt);
    await pause(GAP_MS);
  }
  const startedAt = performance.now();
  const ends = await Promise.all(
    many.map(async (id) => {
      const arrivals: Promise<number>[] = [];
      for (let turn = 0; turn < each; turn += 1) {
        const { accepted, arrives } = sayNext(subject, desk, id);
        arrivals.push(arrives);
        await accepted;
      }
      return Math.max(...(await Promise.all(arrivals)));
    }),
  );
  subject.burstSeconds += (Math.max(...ends) - startedAt) / 1_000;
}

function sayNext({ installation, sent }: Subject, desk: BenchDesk, id: string) {
  const n = (sent.get(id) ?? 0) + 1;
  sent.set(id, n);
  const arrives = desk.arrival('toDesk', id, textOf('toDesk', n));
  return { arrives, accepted: say(installation, id, n) };
}

/** Every message is at the desk, once and in order. */
async function check({ name, ids, sent }: Subject, desk: BenchDesk): Promise<void> {
  for (const id of ids) {
    const count = sent.get(id) ?? 0;
    const got = (): string[] => desk.texts('toDesk', id);
    await until(() => got().length >= count, { timeoutMs: 60_000, message: `all messages of ${id}` });
    if (got().length !== count || got().some((text, at) => text !== textOf('toDesk', at + 1)))
      throw new Error(`${name}, ${id}: the desk got ${got().length} of ${count} messages, or not in order`);
  }
}

function plotOf(rows: ReturnType<typeof summary>[]): Plot {
  const series = [
    { name: 'latency p50, ms', values: rows.map((row) => row.latencyP50Ms) },
    { name: 'burst, messages a second', values: rows.map((row) => row.burstPerSecond) },
  ];
  return {
    name: 'costs',
    title: 'What each part costs',
    kind: 'bars',
    unit: '',
    xs: rows.map(({ name }) => name),
    series,
  };
}

function summary(subject: Subject, base: Subject) {
  const p50 = (of: Subject): number => percentile(of.latencies, 0.5);
  const rate = ({ load, burstSeconds }: Subject): number =>
    (load.conversations * load.each * load.rounds) / burstSeconds;
  return {
    name: subject.name,
    latencyP50Ms: rounded(p50(subject)),
    latencyP99Ms: rounded(percentile(subject.latencies, 0.99)),
    latencyRatio: rounded(p50(subject) / p50(base), 2),
    burstPerSecond: rounded(rate(subject)),
    burstRatio: rounded(rate(subject) / rate(base), 2),
  };
}
