import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { audit } from '../support/audit.ts';
import { startCallbackReceiver, type CallbackReceiver } from '../support/callback.ts';
import { startCluster, type Cluster } from '../support/cluster.ts';
import { until } from '../support/poll.ts';
import { spawnWorker, type WorkerProcess } from '../support/process.ts';

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

/** Lets the desk act on a call and keep its answer, and kills the worker meanwhile. */
async function killDuring(endpoint: 'establish' | 'chat' | 'close', work: () => Promise<unknown>): Promise<void> {
  worker ??= await spawnWorker(cluster.env);
  const before = cluster.desk.raw[endpoint];
  cluster.desk.fault(endpoint, { kind: 'slow', ms: 60_000, times: 1 });
  const working = work();
  await until(() => cluster.desk.raw[endpoint] > before, { timeoutMs: 60_000, message: `${endpoint} at the desk` });
  await worker.kill();
  worker = undefined;
  await working;
}

describe('a worker that is killed between what the desk did and our record of it', () => {
  it('has one conversation, one message and one close at the desk', async () => {
    const bot = await cluster.bot({ callback: { url: callback.url } });
    const talk = await bot.start();
    await killDuring('establish', async () => undefined);

    worker = await spawnWorker(cluster.env);
    await talk.sees('handoff.connecting', 60_000);
    const establish = cluster.desk.calls.filter(({ endpoint }) => endpoint === 'establish');
    expect(establish.length).toBeGreaterThan(1);
    expect(new Set(establish.map(({ headers }) => headers['idempotency-key'])).size).toBe(1);
    expect(new Set(establish.map(({ rawBody }) => rawBody)).size).toBe(1);
    expect(cluster.desk.conversations.map(({ id }) => id)).toEqual([talk.id]);

    await killDuring('chat', () => talk.say('one'));
    await talk.say('two');
    await talk.reply('three');
    worker = await spawnWorker(cluster.env);
    await until(() => cluster.desk.messages(talk.id).length === 2, { timeoutMs: 60_000, message: 'both messages' });

    await killDuring('close', () => talk.end('user'));
    worker = await spawnWorker(cluster.env);
    await talk.sees('handoff.closed', 60_000);
    await until(
      async () => (await cluster.temporal.client.workflow.getHandle(talk.id).describe()).status.name !== 'RUNNING',
      {
        timeoutMs: 60_000,
        message: 'the end of the run',
      },
    );

    expect((await audit(talk, cluster.desk)).problems).toEqual([]);
    expect(cluster.desk.conversation(talk.id)?.closed).toBe('USER_CLOSED');
    const calls = cluster.desk.calls.filter(({ processed }) => processed);
    expect(calls.map(({ endpoint }) => endpoint)).toEqual(['establish', 'chat', 'chat', 'close']);
    const events = await talk.events();
    await until(() => callback.taken(talk.id).length === events.length, { message: 'all callbacks' });
    expect(callback.taken(talk.id).map(({ seq, type, data }) => ({ seq, type, data }))).toEqual(
      events.map(({ seq, type, data }) => ({ seq, type, data })),
    );
    console.log('worker killed three times: calls at the desk', cluster.desk.raw, 'callbacks', callback.calls.length);
  });
});
