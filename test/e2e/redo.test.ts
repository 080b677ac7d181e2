import { afterAll, beforeAll, expect, it } from 'vitest';
import { audit } from '../support/audit.ts';
import { startCallbackReceiver, type CallbackReceiver } from '../support/callback.ts';
import { startCluster, type Cluster } from '../support/cluster.ts';
import { until } from '../support/poll.ts';
import { spawnWorker, type WorkerProcess } from '../support/process.ts';

/**
 * A worker that dies before its workflow task is stored leaves effects of a task that is done again, now with what
 * arrived meanwhile, and signals go before timers and results.
 */
let cluster: Cluster;
let callback: CallbackReceiver;
let worker: WorkerProcess | undefined;

beforeAll(async () => {
  cluster = await startCluster({ worker: false });
  callback = await startCallbackReceiver();
});
afterAll(async () => {
  await worker?.kill();
  await cluster?.stop();
  await callback?.stop();
});

it.each(['user', 'agent'] as const)(
  'what the %s wrote after such a death takes no seq of an event that was seen already',
  async (who) => {
    const bot = await cluster.bot({ callback: { url: callback.url } });
    callback.behave('hang');
    worker ??= await spawnWorker(cluster.env);
    const talk = await bot.start();
    await until(async () => (await talk.events()).length === 1, { everyMs: 5, message: 'connecting in the journal' });
    await worker.kill();
    worker = undefined;
    callback.behave('well');
    if (who === 'user') await talk.say('one');
    else await talk.reply('one');
    worker = await spawnWorker(cluster.env);
    await talk.sees(who === 'user' ? 'message.user' : 'message.agent', 60_000);
    await talk.end('user');
    await talk.sees('handoff.closed', 60_000);
    expect((await audit(talk, cluster.desk)).problems).toEqual([]);
    const types = (await talk.events()).map((event) => event.type);
    expect(types).toEqual(
      who === 'user'
        ? ['handoff.connecting', 'message.user', 'handoff.closed']
        : ['handoff.connecting', 'handoff.active', 'message.agent', 'handoff.closed'],
    );
    await until(() => callback.taken(talk.id).length === types.length, { message: 'all callbacks', timeoutMs: 60_000 });
    expect(callback.taken(talk.id).map((event) => event.type)).toEqual(types);
  },
  180_000,
);

it('a message that is sent again carries the same bytes', async () => {
  const bot = await cluster.bot();
  worker ??= await spawnWorker(cluster.env);
  const talk = await bot.start();
  await talk.sees('handoff.connecting');
  const before = cluster.desk.raw.chat;
  cluster.desk.fault('chat', { kind: 'slow', ms: 60_000, times: 1 });
  await talk.say('one');
  await until(() => cluster.desk.raw.chat > before, { everyMs: 5, message: 'the first try' });
  await worker.kill();
  worker = await spawnWorker(cluster.env);
  await until(() => cluster.desk.raw.chat > before + 1, { timeoutMs: 60_000, message: 'the second try' });
  const calls = cluster.desk.calls.filter((call) => call.endpoint === 'chat' && call.rawBody.includes(talk.id));
  expect(calls.length).toBeGreaterThan(1);
  expect(new Set(calls.map((call) => call.rawBody)).size).toBe(1);
  expect(new Set(calls.map((call) => call.headers['idempotency-key'])).size).toBe(1);
}, 180_000);
