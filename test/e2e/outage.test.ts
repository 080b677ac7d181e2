import { describe, expect, it } from 'vitest';
import type { HandoffView } from '../../workflows/contracts.ts';
import { MAINTENANCE_SCHEDULE_ID } from '../../workflows/ids.ts';
import { audit, auditSettled, sequenceProblems } from '../support/audit.ts';
import type { Bot, Talk } from '../support/bots.ts';
import { startCallbackReceiver, type CallbackReceiver } from '../support/callback.ts';
import { type Backend, startCluster, type Cluster } from '../support/cluster.ts';
import { until } from '../support/poll.ts';

const DOWN_MS = 20_000;
const RETRY_MS = 60_000;
const TALKS = 4;

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

interface Scene {
  cluster: Cluster;
  callback: CallbackReceiver;
  bot: Bot;
}

async function onScene(own: 'postgres' | 'temporal', play: (scene: Scene) => Promise<void>): Promise<void> {
  const callback = await startCallbackReceiver();
  let cluster: Cluster | undefined;
  try {
    cluster = await startCluster({ own });
    await play({ cluster, callback, bot: await cluster.bot({ callback: { url: callback.url } }) });
  } finally {
    await cluster?.stop();
    await callback.stop();
  }
}

/** Both sides talk all the time until told to stop, each one message after the other and until it is taken. */
function talking(talks: Talk[]): () => Promise<void> {
  let stopped = false;
  const side = async (speak: (n: number) => Promise<unknown>): Promise<void> => {
    for (let n = 1; !stopped; n += 1) {
      await speak(n);
      await sleep(250);
    }
  };
  const sides = talks.flatMap((talk) => [
    side((n) => talk.say(`user ${n}`, { retryForMs: RETRY_MS })),
    side((n) => talk.reply(`agent ${n}`, { retryForMs: RETRY_MS })),
  ]);
  return async () => {
    stopped = true;
    await Promise.all(sides);
  };
}

/** What a client sees meanwhile: accepted, or 503 with Retry-After (`bots.ts` fails on one without). */
async function outage(backend: Backend, signal: NodeJS.Signals, meanwhile: () => Promise<void>): Promise<void> {
  await backend.down(signal);
  const end = Date.now() + DOWN_MS;
  await meanwhile();
  await sleep(end - Date.now());
  await backend.up();
}

async function endAndAudit({ cluster, callback }: Scene, talks: Talk[]): Promise<Record<string, number>> {
  for (const talk of talks) await talk.end('user', RETRY_MS);
  for (const talk of talks) await talk.sees('handoff.closed', RETRY_MS);
  const account = await auditSettled(talks, cluster.desk, 20_000);
  expect(account.problems).toEqual([]);
  for (const talk of talks) {
    const events = await talk.events();
    await until(() => callback.taken(talk.id).length === events.length, {
      timeoutMs: RETRY_MS,
      message: () => `callbacks of ${talk.id}: ${callback.taken(talk.id).length} of ${events.length}`,
    });
    expect(sequenceProblems(callback.taken(talk.id))).toEqual([]);
  }
  const retries = talks.flatMap(({ said }) => said).reduce((sum, message) => sum + message.retries, 0);
  const repeated = cluster.desk.calls.filter(({ duplicate }) => duplicate).length;
  return { ...account.figures, retries, repeatedAtDesk: repeated };
}

async function openTalks(bot: Bot, count: number): Promise<Talk[]> {
  const talks = await Promise.all(Array.from({ length: count }, () => bot.start()));
  await Promise.all(talks.map((talk) => talk.sees('handoff.connecting')));
  return talks;
}

describe('20 seconds without', () => {
  it.concurrent('Temporal: what was accepted is delivered, the rest was told 503', async () => {
    await onScene('temporal', async (scene) => {
      const { bot, cluster } = scene;
      const talks = await openTalks(bot, TALKS);
      const [once, kept] = (await openTalks(bot, 2)) as [Talk, Talk];
      const stop = talking(talks);
      await outage(cluster.temporalServer!, 'SIGKILL', async () => {
        await sleep(2_000);
        // A client that never repeats, and an agent of whom nothing more comes.
        const outcomes = [await once.say('not repeated 1'), await once.say('not repeated 2')];
        expect(outcomes.map(({ outcome }) => outcome)).toEqual(['unknown', 'unknown']);
        expect(await kept.reply('kept in the inbox')).toBe('accepted');
        const { status, retryAfter } = await bot.call('POST', '/v1/handoffs', {
          botId: bot.id,
          conversationId: 'without-temporal',
          channel: 'api',
          user: {},
          question: 'Anybody?',
        });
        expect([status, Number(retryAfter) > 0]).toEqual([503, true]);
      });
      await until(async () => (await once.say('after it')).outcome === 'accepted', {
        timeoutMs: 60_000,
        message: 'Temporal',
      });
      // What runs once a minute, now.
      const handle = cluster.temporal.client.schedule.getHandle(MAINTENANCE_SCHEDULE_ID);
      await handle.trigger();
      await kept.sees('message.agent', 60_000);
      await stop();
      const figures = await endAndAudit(scene, [...talks, once, kept]);
      console.log('Temporal down for 20 s:', figures);
      expect(figures['retries']).toBeGreaterThan(0);
      const second = await bot.start({ conversationId: 'without-temporal' });
      await second.sees('handoff.connecting');
      expect((await audit(second, cluster.desk)).problems).toEqual([]);
    });
  });

  it.concurrent('PostgreSQL: what was accepted is delivered, the rest was told 503', async () => {
    await onScene('postgres', async (scene) => {
      const talks = await openTalks(scene.bot, TALKS);
      const [piled] = (await openTalks(scene.bot, 1)) as [Talk];
      // Several messages are under way when it goes: the mark of one fails while the next is being sent.
      scene.cluster.desk.fault('chat', { kind: 'slow', ms: 250, times: 10 });
      for (let n = 1; n <= 6; n += 1) await piled.say(`piled ${n}`);
      await until(() => scene.cluster.desk.messages(piled.id).length >= 3, {
        everyMs: 5,
        message: 'the third message',
      });
      const stop = talking(talks);
      await outage(scene.cluster.postgres!, 'SIGQUIT', async () => {
        await sleep(1_000);
        const { status, retryAfter } = await scene.bot.call('GET', `/v1/handoffs/${talks[0]!.id}`);
        expect([status, Number(retryAfter) > 0]).toEqual([503, true]);
        expect((await fetch(`${scene.cluster.url}/livez`)).status).toBe(200);
        expect((await fetch(`${scene.cluster.url}/readyz`)).status).toBe(503);
      });
      // Everybody is heard again before we stop.
      const counts = talks.map(({ said }) => said.length);
      await until(() => talks.every(({ said }, index) => said.length > counts[index]! + 2), {
        timeoutMs: 60_000,
        message: 'the API stays away',
      });
      await stop();
      // Ended before it is known again what arrived, the unsure ones would be called failed.
      const run = scene.cluster.temporal.client.workflow.getHandle(piled.id);
      await until(async () => (await run.query<HandoffView>('view')).waiting.desk === 0, {
        timeoutMs: RETRY_MS,
        message: 'the end of what was under way',
      });
      const figures = await endAndAudit(scene, [...talks, piled]);
      console.log('PostgreSQL down for 20 s:', figures);
      expect(figures['retries']).toBeGreaterThan(0);
    });
  });
});
