/**
 * `npm run test:hostile`: a whole Baton under hostile input. Every operation of `openapi.json` is fuzzed with schemathesis,
 * and ten thousand streams are opened and dropped. The last line reads `N passed, N failed, N skipped`.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { until } from '../support/poll.ts';
import { fuzz, installSchemathesis, type Outcome } from './fuzz.ts';
import { dropStreams } from './streams.ts';
import { startSystem, type HostileSystem } from './system.ts';

const { values } = parseArgs({
  options: { seed: { type: 'string' }, seconds: { type: 'string', default: '150' }, only: { type: 'string' } },
});
const seed = Number(values.seed ?? Math.floor(Math.random() * 0x7fff_ffff));
const seconds = Number(values.seconds);
const wants = (stage: string): boolean => values.only === undefined || values.only.split(',').includes(stage);
const total: Outcome = { passed: 0, failed: 0, skipped: 0 };
const folder = await mkdtemp(join(tmpdir(), 'baton-hostile-'));

function check(name: string, problem: string | undefined): void {
  console.log(`${problem === undefined ? 'ok' : 'NOT OK'}: ${name}${problem === undefined ? '' : `: ${problem}`}`);
  total[problem === undefined ? 'passed' : 'failed'] += 1;
}

async function fuzzing(system: HostileSystem): Promise<void> {
  const installed = await installSchemathesis(folder);
  if ('why' in installed) {
    console.log(`THE FUZZ TESTS DO NOT RUN: ${installed.why}. They count as skipped.`);
    total.skipped += 1;
    return;
  }
  const found = await fuzz(system, { program: installed.program, folder, seed, seconds });
  for (const field of ['passed', 'failed', 'skipped'] as const) total[field] += found[field];
}

async function afterwards(system: HostileSystem): Promise<void> {
  const answers = await system.metric('baton_http_request_duration_seconds_count');
  const failed = [...answers].filter(([labels, count]) => labels.includes('status="500"') && count > 0);
  check('no answer was a 500', failed.length === 0 ? undefined : failed.map(([labels]) => labels).join(' '));
  const events = await system.metric('baton_desk_events_total');
  const taken = [...events].filter(
    ([labels, count]) => count > 0 && system.signedDesks.some((desk) => labels.includes(`desk="${desk}"`)),
  );
  check(
    'nothing was taken from a desk that signs',
    taken.length === 0 ? undefined : taken.map(([labels]) => labels).join(' '),
  );
  const isReady = async (): Promise<boolean> => (await system.call('GET', '/readyz')).status === 200;
  const options = { timeoutMs: 30_000, everyMs: 500, message: 'ready' };
  check('it is ready for more', await until(isReady, options).then(() => undefined, String));
}

try {
  console.log(`hostile: seed ${seed} (--seed ${seed} repeats it)`);
  const system = await startSystem();
  try {
    if (wants('streams')) for (const { name, problem } of await dropStreams(system)) check(name, problem);
    if (wants('fuzz')) await fuzzing(system);
    await afterwards(system);
  } catch (error) {
    console.log(system.output().slice(-5_000));
    throw error;
  } finally {
    await system.stop();
  }
} catch (error) {
  console.error(error);
  total.failed += 1;
} finally {
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
}
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exit(total.failed > 0 ? 1 : 0);
