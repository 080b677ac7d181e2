/** One stage in a process of its own: `stage.ts <name> [--short]`. Called by `run.ts`. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DefaultLogger, Runtime } from '@temporalio/worker';
import type { Context, Stage } from './context.ts';
import { machine, versions } from './machine.ts';
import { clusterServers, embeddedServers } from './servers.ts';
import { STAGES, type StageEntry } from './stages.ts';

Runtime.install({
  logger: new DefaultLogger('ERROR'),
  shutdownSignals: [],
  telemetryOptions: { logging: { forward: {}, filter: { core: 'ERROR', other: 'ERROR' } } },
});

const [name, ...flags] = process.argv.slice(2);
const entry = STAGES.find((stage) => stage.name === name);
if (!entry) throw new Error(`There is no stage "${name}".`);

const closers: (() => Promise<unknown>)[] = [];
let closing: Promise<void> | undefined;
const limit = setTimeout(() => {
  console.error(`The stage ${entry.name} did not end within ${entry.limitMinutes} minutes.`);
  void closeAll().finally(() => process.exit(1));
}, entry.limitMinutes * 60_000);
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => void closeAll().finally(() => process.exit(1)));

try {
  await measure(entry, flags.includes('--short'));
} catch (error) {
  console.error(error);
  process.exitCode = 1;
} finally {
  clearTimeout(limit);
  await closeAll();
}
// A library that keeps a timer or a socket does not keep the benchmark.
process.exit();

/** Once, whoever asks first: both may wait for it. */
function closeAll(): Promise<void> {
  return (closing ??= (async () => {
    for (const close of closers.splice(0).toReversed()) await close().catch((error: unknown) => console.error(error));
  })());
}

async function measure({ name: stageName, file, servers }: StageEntry, short: boolean): Promise<void> {
  const startedAt = new Date();
  const folder = await mkdtemp(join(tmpdir(), 'baton-bench-'));
  const later = (close: () => Promise<unknown>): void => void closers.push(close);
  later(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  const running = servers === 'cluster' ? await clusterServers(later) : await embeddedServers(folder, later);
  const context: Context = { ...running, folder, short, later, say: (line) => console.log(`  ${line}`) };
  const { stage } = (await import(new URL(file, import.meta.url).href)) as { stage: Stage };
  const about = { stage: stageName, short, at: startedAt.toISOString(), machine: machine() };
  const known = { ...about, versions: await versions(context) };
  const result = await stage(context);
  const seconds = Math.round((Date.now() - startedAt.getTime()) / 1_000);
  const results = new URL('./results/', import.meta.url);
  await mkdir(results, { recursive: true });
  const path = new URL(short ? `${stageName}.short.json` : `${stageName}.json`, results);
  await writeFile(path, `${JSON.stringify({ ...known, seconds, ...result }, null, 2)}\n`);
}
