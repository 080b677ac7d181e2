/** `npm run bench`: Baton beside the minimal relay workflow, on the same servers, in turn. Only the ratios count. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { DefaultLogger, Runtime } from '@temporalio/worker';
import { findBinary, TEMPORAL_CLI } from '../../worker/local/binaries.ts';
import { startPostgres } from '../../worker/local/postgres.ts';
import { startTemporal } from '../../worker/local/temporal-server.ts';
import { startBaton } from './baton.ts';
import { startDesk } from './desk.ts';
import { measureBurst, measureLatency, newSubject, noSamples } from './measure.ts';
import { startMinimal } from './minimal/system.ts';
import { report, type Row } from './report.ts';

const CONVERSATIONS = 50;
const MESSAGES = 20;
/** Messages one at a time in one go, and how often that happens in a round: what else the machine does changes. */
const ALONE = 20;
const TURNS = 2;
const MAX_ROUNDS = 3;
/** No further round begins when it could end after this: on a busy machine there is only one. */
const BUDGET_MS = 165_000;
/** Something hangs. */
const LIMIT_MS = 178_000;

const startedAt = performance.now();
const elapsed = (): number => performance.now() - startedAt;
const closers: (() => Promise<unknown>)[] = [];
let closing: Promise<void> | undefined;
const limit = setTimeout(() => {
  console.error(`The benchmark did not end within ${LIMIT_MS / 1_000} s.`);
  void closeAll().finally(() => process.exit(1));
}, LIMIT_MS);
Runtime.install({ logger: new DefaultLogger('ERROR'), shutdownSignals: [] });

try {
  const rows = await run();
  const seconds = Math.round(elapsed() / 1_000);
  await report(rows, { conversations: CONVERSATIONS, messages: MESSAGES, rounds: rows[0]!.bursts.length, seconds });
} finally {
  clearTimeout(limit);
  await closeAll();
}

/** Once, whoever asks first: both may wait for it. */
function closeAll(): Promise<void> {
  return (closing ??= (async () => {
    for (const close of closers.splice(0).reverse()) await close().catch((error: unknown) => console.error(error));
  })());
}

async function run(): Promise<Row[]> {
  const folder = await mkdtemp(join(tmpdir(), 'baton-bench-'));
  closers.push(() => rm(folder, { recursive: true, force: true }));
  const desk = await startDesk();
  closers.push(() => desk.stop());
  const binary = (): Promise<string> => findBinary(TEMPORAL_CLI, process.env, console.log);
  const [postgres, temporal] = await Promise.all([
    startPostgres({ folder, detached: false }),
    startTemporal({ folder, binary, detached: false, ui: false }),
  ]);
  closers.push(
    () => postgres.stop(),
    () => temporal.stop(),
  );
  const connection = await Connection.connect({ address: temporal.address });
  closers.push(() => connection.close());
  const client = new Client({ connection });

  const minimal = await startMinimal(temporal.address, client, desk);
  closers.push(() => minimal.stop());
  const baton = await startBaton(temporal.address, postgres.url, desk);
  closers.push(() => baton.intake.stop());
  const a = await newSubject(minimal, CONVERSATIONS);
  const b = await newSubject(baton.intake, CONVERSATIONS);
  const [single] = await baton.http.open(1);
  const overHttp = { ...b, single: single!, system: baton.http };
  const rows: Row[] = [
    { name: 'minimal relay', role: 'base', ...noSamples() },
    { name: 'Baton, intake', role: 'subject', ...noSamples() },
    // A sender that does not wait: the intake keeps the order and puts what waits into one signal.
    { name: 'Baton, intake, not waiting', role: 'extra', ...noSamples() },
    { name: 'Baton, HTTP API', role: 'extra', ...noSamples() },
  ];
  const [base, intake, atOnce, http] = rows as [Row, Row, Row, Row];

  // Connections, caches and compiled code are warm in all of them.
  const warming = noSamples();
  for (const subject of [a, b, overHttp]) {
    await measureLatency(subject, desk, client, 10, warming);
    await measureBurst(subject, desk, client, 2, false, warming);
  }
  for (let round = 1, longest = 0; round <= MAX_ROUNDS && elapsed() + 1.2 * longest < BUDGET_MS; round += 1) {
    const begun = elapsed();
    for (let turn = 1; turn <= TURNS; turn += 1) {
      await measureLatency(a, desk, client, ALONE, base);
      await measureLatency(b, desk, client, ALONE, intake);
      await measureLatency(overHttp, desk, client, ALONE, http);
    }
    for (const [subject, row, together] of [
      [a, base, false],
      [b, intake, false],
      [b, atOnce, true],
      [overHttp, http, false],
    ] as const) {
      await measureBurst(subject, desk, client, MESSAGES, together, row);
    }
    longest = Math.max(longest, elapsed() - begun);
    const bursts = rows.map((row) => row.bursts.at(-1)?.toFixed(1)).join(' / ');
    console.log(`round ${round}: ${Math.round((elapsed() - begun) / 1_000)} s, bursts ${bursts} s`);
  }
  return rows;
}
