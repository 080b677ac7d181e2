/** Latency and memory with many open handoffs, beside as many bare workflows that a worker keeps in memory. */
import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import type { Context, Json, Plot } from '../context.ts';
import { startDesk, type BenchDesk } from '../desk.ts';
import { textOf } from '../system.ts';
import type { bare } from './bare/workflow.ts';
import { forEach, makeBot, openMany, say } from './handoffs.ts';
import { install, type Installation } from './installation.ts';
import { startChild, type Memory, type MeasuredChild } from './measured-child.ts';
import { percentile, rounded } from '../percentile.ts';
import { aim } from '../report.ts';

const SIZES = [100, 1_000, 10_000];
const MESSAGES = 200;
const SHORT = { sizes: [20, 220], messages: 30 };
/** Between two messages, so that each finds a workflow at rest. Milliseconds. */
const GAP_MS = 20;
const MIB = 2 ** 20;
const AIMS = { memory: 1.3, latency: 1.2 };
const BARE = fileURLToPath(new URL('./bare/child.ts', import.meta.url));

interface Measured {
  open: number;
  latencyP50Ms: number | null;
  latencyP99Ms: number | null;
  memory: Memory;
}

/** Something that opens conversations and sends in them. */
interface Opened {
  worker: MeasuredChild;
  open(count: number): Promise<string[]>;
  send(id: string, n: number): Promise<unknown>;
}

/** Conversations and how many messages each has had. */
type Sent = Map<string, number>;

export async function stage(context: Context): Promise<Json> {
  const sizes = context.short ? SHORT.sizes : SIZES;
  const desk = await startDesk();
  context.later(() => desk.stop());
  context.say('bare workflows');
  const bareSizes = await measureBare(context, desk, sizes);
  context.say('handoffs');
  const baton = await measureBaton(context, desk, sizes);
  const each = { bare: perWorkflow(bareSizes), handoff: perWorkflow(baton.measured) };
  const memory = rounded(each.handoff.live / each.bare.live, 2);
  const [first, last] = [baton.measured[0]!, baton.measured.at(-1)!];
  const latency = rounded((last.latencyP50Ms ?? NaN) / (first.latencyP50Ms ?? NaN), 2);
  return {
    bare: bareSizes.map(readable),
    handoffs: baton.measured.map(readable),
    smallCache: baton.smallCache,
    kilobytesEach: { bare: kilobytes(each.bare), handoff: kilobytes(each.handoff) },
    residentRatio: rounded(each.handoff.rss / each.bare.rss, 2),
    plots: plotsOf(bareSizes, baton.measured),
    aims: [
      aim('memory of an open handoff beside a bare cached workflow', memory, AIMS.memory),
      aim(`latency with ${last.open} open beside ${first.open}`, latency, AIMS.latency),
    ],
  };
}

function plotsOf(bareSizes: Measured[], handoffs: Measured[]): Plot[] {
  const xs = handoffs.map(({ open }) => `${open} open`);
  const both = (of: (one: Measured) => number | null): Plot['series'] => [
    { name: 'handoffs', values: handoffs.map(of) },
    { name: 'bare workflows', values: bareSizes.map(of) },
  ];
  const common = { kind: 'bars', xs } as const;
  return [
    {
      ...common,
      name: 'open-latency',
      title: 'Latency with many open, p50',
      unit: 'ms',
      series: both((one) => one.latencyP50Ms),
    },
    {
      ...common,
      name: 'open-memory',
      title: 'Memory of the worker process with many open, all of them cached',
      unit: 'MiB',
      series: both(({ memory }) => Math.round(memory.live / MIB)),
    },
  ];
}

/** From the smallest to the largest: what does not grow with the number is in both. */
function perWorkflow(sizes: Measured[]): Memory {
  const [first, last] = [sizes[0]!, sizes.at(-1)!];
  const grown = (of: keyof Memory): number => (last.memory[of] - first.memory[of]) / (last.open - first.open);
  return { rss: grown('rss'), live: grown('live') };
}

const kilobytes = ({ rss, live }: Memory) => ({ resident: Math.round(rss / 1_024), live: Math.round(live / 1_024) });

const readable = ({ memory, ...rest }: Measured) => ({
  ...rest,
  residentMiB: Math.round(memory.rss / MIB),
  liveMiB: Math.round(memory.live / MIB),
});

async function grow(context: Context, opened: Opened, desk: BenchDesk, sizes: number[], sent: Sent) {
  const all: Measured[] = [];
  for (const size of sizes) {
    const startedAt = performance.now();
    for (const id of await opened.open(size - sent.size)) sent.set(id, 0);
    const seconds = (performance.now() - startedAt) / 1_000;
    const latencies = await measureLatency(context, opened, desk, sent);
    const memory = await opened.worker.memory();
    all.push({ open: size, ...latencies, memory });
    context.say(`${JSON.stringify(readable(all.at(-1)!))}, opened in ${seconds.toFixed(0)} s`);
  }
  return all;
}

/** One message at a time, evenly over all conversations. */
async function measureLatency(context: Context, { send }: Pick<Opened, 'send'>, desk: BenchDesk, sent: Sent) {
  const messages = context.short ? SHORT.messages : MESSAGES;
  const ids = [...sent.keys()];
  const latencies: number[] = [];
  for (let turn = 0; turn < messages; turn += 1) {
    const id = ids[Math.floor((turn * ids.length) / messages) % ids.length]!;
    const n = sent.get(id)! + 1;
    sent.set(id, n);
    const arrival = desk.arrival('toDesk', id, textOf('toDesk', n));
    const startedAt = performance.now();
    await send(id, n);
    latencies.push((await arrival) - startedAt);
    await pause(GAP_MS);
  }
  return { latencyP50Ms: rounded(percentile(latencies, 0.5)), latencyP99Ms: rounded(percentile(latencies, 0.99)) };
}

/** All of them, with room for the workflows of maintenance. */
const cacheFor = (sizes: number[]): string => String(Math.max(...sizes) + 100);

async function measureBare(context: Context, desk: BenchDesk, sizes: number[]): Promise<Measured[]> {
  const { temporalAddress, namespace } = context;
  const taskQueue = `bare-${randomBytes(4).toString('hex')}`;
  const connection = await Connection.connect({ address: temporalAddress });
  const client = new Client({ connection, namespace });
  const args = ['--import', 'tsx', BARE, temporalAddress, namespace, taskQueue, cacheFor(sizes)];
  const worker = await startChild({ args, env: {}, ready: 'the worker runs' });
  const sent: Sent = new Map();
  const openOne = async (workflowId: string): Promise<void> => {
    const arrival = desk.arrival('toDesk', workflowId, 'hello');
    const args: Parameters<typeof bare> = [workflowId, `${desk.url}/chat`];
    await client.workflow.start<typeof bare>('bare', { workflowId, taskQueue, args });
    // As with Baton, something has been said before anything is measured.
    await client.workflow.getHandle(workflowId).signal('message', 'hello');
    await arrival;
  };
  const opened: Opened = {
    worker,
    async open(count) {
      const added = Array.from({ length: count }, () => `${taskQueue}-${randomBytes(8).toString('hex')}`);
      await forEach(added, openOne);
      return added;
    },
    send: (id, n) => client.workflow.getHandle(id).signal('message', textOf('toDesk', n)),
  };
  try {
    return await grow(context, opened, desk, sizes, sent);
  } finally {
    await worker.stop('SIGKILL');
    await connection.close();
  }
}

async function measureBaton(context: Context, desk: BenchDesk, sizes: number[]) {
  const installation = await install(context);
  try {
    await makeBot(installation, desk);
    const worker = await installation.startWorker({ BATON_CACHED_HANDOFFS: cacheFor(sizes) });
    const sent: Sent = new Map();
    const open = (count: number): Promise<string[]> => openMany(installation, count, desk);
    const send = (id: string, n: number): Promise<unknown> => say(installation, id, n);
    const measured = await grow(context, { worker, open, send }, desk, sizes, sent);
    await worker.stop('SIGTERM');
    return { measured, smallCache: await withSmallCache(context, installation, desk, sent) };
  } finally {
    await installation.stop();
  }
}

/** Room for a tenth: most messages meet a handoff that has to be replayed first. */
async function withSmallCache(context: Context, installation: Installation, desk: BenchDesk, sent: Sent) {
  const cached = Math.round(sent.size / 10);
  const worker = await installation.startWorker({ BATON_CACHED_HANDOFFS: String(cached) });
  const send = (id: string, n: number): Promise<unknown> => say(installation, id, n);
  // A new worker is not known to anybody's handoffs yet, and its own code is cold.
  await measureLatency(context, { send }, desk, sent);
  const latencies = await measureLatency(context, { send }, desk, sent);
  const found = { open: sent.size, cached, ...latencies, residentMiB: Math.round((await worker.memory()).rss / MIB) };
  context.say(`room for ${cached}: ${JSON.stringify(found)}`);
  await worker.stop('SIGTERM');
  return found;
}
