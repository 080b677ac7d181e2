/** How many handoffs can be asked for in a second, and how many of them reach the desk. */
import type { Context, Json } from '../context.ts';
import { startDesk } from '../desk.ts';
import { until } from '../../support/poll.ts';
import { AT_ONCE, forEach, makeBot, openMany, startOne } from './handoffs.ts';
import { install } from './installation.ts';
import { percentile, rounded } from '../percentile.ts';

const COUNT = 1_000;
const SHORT_COUNT = 100;

export async function stage(context: Context): Promise<Json> {
  const count = context.short ? SHORT_COUNT : COUNT;
  const desk = await startDesk();
  context.later(() => desk.stop());
  const installation = await install(context);
  context.later(() => installation.stop());
  await makeBot(installation, desk);
  await installation.startWorker({ BATON_CACHED_HANDOFFS: String(count + 200) });
  // Connections, caches and compiled code are warm.
  await openMany(installation, 50, desk);

  const latencies: number[] = [];
  const ids: string[] = [];
  const startedAt = performance.now();
  const secondsSince = (): number => (performance.now() - startedAt) / 1_000;
  await forEach(Array.from({ length: count }), async () => {
    const sentAt = performance.now();
    ids.push(await startOne(installation));
    latencies.push(performance.now() - sentAt);
  });
  const answered = secondsSince();
  await until(() => ids.every((id) => desk.events(id).length > 0), { timeoutMs: 300_000, message: 'all at the desk' });
  const opened = secondsSince();
  const doubled = ids.filter((id) => desk.events(id).length > 1).length;
  if (new Set(ids).size !== count || doubled > 0) throw new Error(`${doubled} of ${count} handoffs began twice`);
  const result = {
    handoffs: count,
    clients: AT_ONCE,
    acceptedPerSecond: rounded(count / answered),
    openedPerSecond: rounded(count / opened),
    acceptedP50Ms: rounded(percentile(latencies, 0.5)),
    acceptedP99Ms: rounded(percentile(latencies, 0.99)),
  };
  context.say(JSON.stringify(result));
  return result;
}
