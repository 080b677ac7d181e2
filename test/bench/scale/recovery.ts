/** All workers are killed while messages are under way in many handoffs: how soon does it go on, and is all of it there? */
import type { Context, Json, Plot } from '../context.ts';
import { startDesk, type BenchDesk } from '../desk.ts';
import { until } from '../../support/poll.ts';
import { textOf } from '../system.ts';
import { forEach, makeBot, openMany, say } from './handoffs.ts';
import { install } from './installation.ts';
import { rounded } from '../percentile.ts';

const OPEN = 1_000;
const SHORT_OPEN = 60;
const WORKERS = 2;
/** Of each user, sent while the workers work, die and are away. */
const MESSAGES = 3;
const AIM_SECONDS = 5;

export async function stage(context: Context): Promise<Json> {
  const open = context.short ? SHORT_OPEN : OPEN;
  const desk = await startDesk();
  context.later(() => desk.stop());
  const installation = await install(context);
  context.later(() => installation.stop());
  await makeBot(installation, desk);
  const startWorkers = () => Promise.all(Array.from({ length: WORKERS }, () => installation.startWorker()));
  const workers = await startWorkers();
  const ids = await openMany(installation, open, desk);
  context.say(`${open} open`);

  let accepted = 0;
  const arrived = (): number => ids.reduce((sum, id) => sum + desk.texts('toDesk', id).length, 0);
  // A user says the next thing when the one before was accepted; all of them at once, so that many are under way.
  const sending = forEach(ids, async (id) => {
    for (let n = 1; n <= MESSAGES; n += 1) {
      await say(installation, id, n);
      accepted += 1;
    }
  });
  sending.catch(() => undefined);
  await until(() => accepted >= (open * MESSAGES) / 3, { timeoutMs: 300_000, everyMs: 5, message: 'a third accepted' });
  await Promise.all(workers.map((worker) => worker.stop('SIGKILL')));
  const acceptedAtKill = accepted;
  const arrivedAtKill = arrived();
  await sending;
  const before = arrived();

  const startedAt = performance.now();
  const secondsSince = (): number => (performance.now() - startedAt) / 1_000;
  const starting = startWorkers();
  starting.catch(() => undefined);
  await until(() => arrived() > before, { timeoutMs: 300_000, everyMs: 10, message: 'the first message' });
  const first = secondsSince();
  await starting;
  const started = secondsSince();
  await until(() => arrived() === open * MESSAGES, { timeoutMs: 600_000, everyMs: 100, message: 'all messages' });
  const all = secondsSince();
  for (const id of ids) check(desk, id);
  const result = {
    open,
    workers: WORKERS,
    messages: open * MESSAGES,
    acceptedAtKill,
    underWayAtKill: acceptedAtKill - arrivedAtKill,
    waitingAtStart: open * MESSAGES - before,
    workersStartedSeconds: rounded(started),
    firstMessageSeconds: rounded(first),
    allMessagesSeconds: rounded(all),
    waitingPerSecond: rounded((open * MESSAGES - before) / all),
    lost: 0,
    outOfOrder: 0,
    callsWithAKnownKey: desk.repeats(),
    plots: [
      {
        name: 'recovery',
        title: `All ${WORKERS} workers killed with ${open} handoffs open: seconds after the start of new ones`,
        kind: 'bars',
        unit: 's',
        xs: ['workers have started', 'first message at a desk', `all ${open * MESSAGES - before} that waited`],
        series: [{ name: 'seconds', values: [rounded(started), rounded(first), rounded(all)] }],
      } satisfies Plot,
    ],
    aims: [
      {
        aim: `first message after all workers were killed, seconds <= ${AIM_SECONDS}`,
        got: rounded(first),
        met: first <= AIM_SECONDS,
      },
    ],
  };
  context.say(JSON.stringify({ ...result, plots: undefined }));
  return result;
}

/** Each message is there, once and in order. A call that came again with its key was known to the desk. */
function check(desk: BenchDesk, id: string): void {
  const got = desk.texts('toDesk', id);
  if (got.length !== MESSAGES || got.some((text, at) => text !== textOf('toDesk', at + 1)))
    throw new Error(`${id}: the desk got ${JSON.stringify(got)}`);
}
