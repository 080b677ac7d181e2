/**
 * `npm run soak -- --minutes 30 --rate auto`: handoffs open, talk and end all the time, at half of what the machine can do;
 * what must not grow is looked at every few seconds. Into `test/bench/results/soak.json`. Ends with 1 when something
 * grew, or was lost, doubled or out of order.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { seededRandom } from '../support/seed.ts';
import { startBackend } from './backend.ts';
import { Ledger } from './ledger.ts';
import { readOptions, type Options } from './options.ts';
import { progress, report } from './report.ts';
import { createSampler, type Sampler } from './sampler.ts';
import { startServers, type Servers } from './servers.ts';
import { createTraffic, type Traffic } from './traffic.ts';

const RUSH_MS = 30_000;
/** Code gets compiled, caches and pools filled. */
const WARM_MS = 10_000;
const RUSH_OPEN = 40;
/** A handoff stays open for so long, on average, without the time that its end takes. Seconds. */
const LIFE_SECONDS = 30;
const MESSAGES_PER_HANDOFF = 20;
const SAMPLES = 200;
const LEAST_EVERY_MS = 3_000;
/** After its time it ends, whatever hangs. */
const SPARE_MS = 300_000;
/** Ends what an API says of itself when it starts. */
const READY = 'Ctrl-C stops everything.';

const closers: (() => Promise<unknown>)[] = [];
const stopping = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopping.abort());

try {
  const options = readOptions(process.argv.slice(2));
  const limit = setTimeout(() => void tooLong(), RUSH_MS + WARM_MS + options.minutes * 60_000 + SPARE_MS);
  console.log(`seed ${options.seed} (--seed ${options.seed} repeats its choices)`);
  process.exitCode = (await soak(options)) ? 0 : 1;
  clearTimeout(limit);
} catch (error) {
  console.error(error);
  process.exitCode = 1;
} finally {
  await closeAll();
  // Streams and retries of a soak that failed may still be under way.
  process.exit();
}

async function closeAll(): Promise<void> {
  for (const close of closers.splice(0).toReversed()) await close().catch((error: unknown) => console.error(error));
}

async function tooLong(): Promise<void> {
  console.error('The soak does not end.');
  await closeAll();
  process.exit(1);
}

async function soak(options: Options): Promise<boolean> {
  const ledger = new Ledger();
  const backend = await startBackend(ledger);
  closers.push(() => backend.stop());
  const servers = await startServers();
  closers.push(() => servers.stop());
  const random = seededRandom(options.seed);
  const { operatorKey } = servers;
  const traffic = await createTraffic({ url: servers.api.url, operatorKey, backend, ledger, random });
  const sampler = await createSampler(servers, traffic, ledger);
  closers.push(() => sampler.stop());
  const facts = { minutes: options.minutes, seed: options.seed, versions: await versionsOf(sampler) };

  const maximum = options.rate === 'auto' ? await measureMaximum(traffic, ledger) : null;
  const rate = options.rate === 'auto' ? Math.max(1, Math.round(maximum! / 2)) : options.rate;
  const open = options.open ?? Math.max(20, Math.round((rate * LIFE_SECONDS) / MESSAGES_PER_HANDOFF));
  console.log(`${rate} messages a second${maximum === null ? '' : ` (maximum ${maximum})`}, ${open} handoffs open`);
  let error: string | null = null;
  try {
    await traffic.populate(open);
    await hold(options, rate, traffic, sampler, servers);
  } catch (failure) {
    error = failure instanceof Error ? failure.message : String(failure);
  }
  error ??= await ended(traffic, servers);
  return await report({ ...facts, rate, maximum, open, error }, sampler.samples, ledger, options.out);
}

async function versionsOf(sampler: Sampler): Promise<Record<string, string>> {
  return { node: process.version, ...(await sampler.versions()) };
}

/** Messages a second that arrive, both ways together, while handoffs open and end as in the soak. */
async function measureMaximum(traffic: Traffic, ledger: Ledger): Promise<number> {
  await traffic.populate(RUSH_OPEN);
  const [warmAt, endAt] = [performance.now() + WARM_MS, performance.now() + WARM_MS + RUSH_MS];
  const rush = traffic.rush(WARM_MS + RUSH_MS);
  await pause(warmAt - performance.now());
  const before = ledger.delivered;
  await pause(endAt - performance.now());
  const rate = ((ledger.delivered - before) * 1_000) / RUSH_MS;
  await rush;
  return Math.round(rate * 10) / 10;
}

async function hold({ minutes }: Options, rate: number, traffic: Traffic, sampler: Sampler, servers: Servers) {
  const lengthMs = minutes * 60_000;
  const everyMs = Math.max(LEAST_EVERY_MS, Math.round(lengthMs / SAMPLES));
  const done = new AbortController();
  const flow = traffic.flow(rate, lengthMs, stopping.signal).finally(() => done.abort());
  for (let n = 0, startedAt = performance.now(); !done.signal.aborted; n += 1) {
    const sample = await sampler.take();
    if (n % 10 === 0) console.log(progress(sample));
    for (const part of [servers.api, servers.worker])
      if (!part.isAlive()) throw new Error(`The ${part.role} has ended: ${part.output().slice(-2_000)}`);
    const nextMs = startedAt + (n + 1) * everyMs - performance.now();
    await pause(Math.max(0, nextMs), undefined, { signal: done.signal }).catch(() => undefined);
  }
  await flow;
}

/** Everything is seen through to its end. */
async function ended(traffic: Traffic, servers: Servers): Promise<string | null> {
  // The signal may have ended the processes as well.
  if (stopping.signal.aborted) return 'it was stopped';
  console.log('seeing everything through to its end');
  await traffic.finish();
  for (const part of [servers.api, servers.worker]) {
    const said = part.output().split(READY).at(-1)!.slice(-2_000).trim();
    if (said) console.log(`the ${part.role} said: ${said}`);
  }
  return traffic.error()?.message ?? null;
}
