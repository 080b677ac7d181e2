import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createWebhookSandbox, type WebhookSandbox } from '../../api/sandbox/webhook/index.ts';
import { isAlive } from '../../worker/local/processes.ts';
import { type BatonProcess, childrenOf, newDataDir, removeDataDir, startBaton } from '../support/baton-process.ts';
import { call, createBots, reasonOf, type Bot } from '../support/bots.ts';
import { startCallbackReceiver, type CallbackReceiver } from '../support/callback.ts';
import { followBot } from '../support/follower.ts';
import { createLoad } from '../support/load.ts';
import { until } from '../support/poll.ts';
import { seededRandom, testSeed } from '../support/seed.ts';

const ROUNDS = Number(process.env['BATON_CHAOS_ROUNDS'] ?? 6);
const TALKS = 4;
const RETRY_MS = 60_000;
const ENV = { BATON_ALLOWED_NETWORKS: '127.0.0.0/8', BATON_RATE_LIMIT: '1000000', BATON_LOG_LEVEL: 'error' };

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

let dataDir: string;
let baton: BatonProcess;
let link: { url: string; key: string };
let desk: WebhookSandbox;
let callback: CallbackReceiver;
let makeBot: (settings?: Record<string, unknown>) => Promise<Bot>;

async function start(): Promise<void> {
  baton = startBaton(dataDir, ENV);
  const { address, key } = await baton.ready();
  link = { url: address, key };
  desk.connect({ batonUrl: address });
}

beforeAll(async () => {
  dataDir = await newDataDir();
  desk = createWebhookSandbox();
  const deskUrl = await desk.listen();
  callback = await startCallbackReceiver();
  makeBot = createBots({ desk, deskUrl, link: () => link });
  await start();
  // Just started on a busy machine, it sheds load.
  const isCalm = async () => (await call(() => link, 'GET', '/v1/bots')).status === 200;
  await until(isCalm, { timeoutMs: 30_000, message: 'an API that takes calls' });
});

afterAll(async () => {
  baton?.signal('SIGKILL');
  await baton?.exit();
  if (dataDir) await removeDataDir(dataDir);
  await desk?.stop();
  await callback?.stop();
});

const TARGETS = ['service', 'postgres', 'temporal', 'everything'] as const;
type Target = (typeof TARGETS)[number];

/** SIGKILL, no grace. What the service looks after itself comes back by itself; the rest we start again. */
async function kill(target: Target): Promise<void> {
  if (!isAlive(baton.pid)) throw new Error('The service has ended by itself.');
  const children = await childrenOf(dataDir);
  const pids: Record<Target, (number | undefined)[]> = {
    service: [baton.pid],
    postgres: [children.postgres],
    temporal: [children.temporal],
    everything: [baton.pid, children.temporal, children.postgres],
  };
  for (const pid of pids[target]) if (pid !== undefined && isAlive(pid)) process.kill(pid, 'SIGKILL');
  if (target !== 'service' && target !== 'everything') return;
  await baton.exit();
  await start();
}

/** What was killed before is back, as far as the probe can tell. */
async function servesAgain(): Promise<void> {
  const probe = async (): Promise<boolean> => !isAlive(baton.pid) || (await fetch(`${link.url}/readyz`)).status === 200;
  await until(probe, { timeoutMs: 60_000, everyMs: 100, message: 'the service does not get ready' });
}

describe('SIGKILL', () => {
  it(
    `of any part at random moments, ${ROUNDS} rounds: nothing lost, nothing doubled, nothing out of order`,
    async () => {
      const random = seededRandom(testSeed('SIGKILL at random moments'));
      const bot = await makeBot({
        callback: { url: callback.url },
        inactivityTimeoutSeconds: 86_400,
        waitTimeoutSeconds: 600,
      });
      const stream = followBot(bot, () => link.url);
      const load = createLoad({ bot, desk, callback, stream, random });
      const done: Target[] = [];
      try {
        await Promise.all(Array.from({ length: TALKS }, () => load.begin()));
        // Every target in every four rounds, in an order by chance.
        let bag: Target[] = [];
        for (let round = 1; round <= ROUNDS; round += 1) {
          if (bag.length === 0) bag = [...TARGETS];
          const [target] = bag.splice(Math.floor(random() * bag.length), 1) as [Target];
          done.push(target);
          await sleep(300 + random() * 2_000);
          await servesAgain();
          // A start that is under way meanwhile is killed as well.
          const starting = load.begin();
          starting.catch(() => undefined);
          await sleep(random() * 60);
          await kill(target);
          await starting;
        }
        await load.goesOn();
        console.log('killed:', done.join(', '), await load.finish());
      } catch (error) {
        console.log('killed:', done.join(', '), '\nthe service said:', baton.output().slice(-3_000));
        throw error;
      } finally {
        await stream.stop();
      }
    },
    120_000 + ROUNDS * 20_000,
  );

  it('of every part: both timers go on and end at their time', async () => {
    const waitSeconds = 14;
    const waiting = await makeBot({ waitTimeoutSeconds: waitSeconds, onWaitTimeout: 'ask' });
    const idle = await makeBot({ inactivityTimeoutSeconds: waitSeconds });
    const [waits, idles] = await Promise.all([waiting.start({}, RETRY_MS), idle.start({}, RETRY_MS)]);
    const connecting = await waits.sees('handoff.connecting');
    await idles.sees('handoff.connecting');
    await idles.reply('are you there?', { retryForMs: RETRY_MS });
    const answered = await idles.sees('message.agent');
    await kill('everything');
    const backMs = Date.now();

    const asked = await waits.sees('handoff.wait_timeout', 60_000);
    const closed = await idles.sees('handoff.closed', 60_000);
    const dues = [connecting, answered].map(({ at }) => Date.parse(at) + waitSeconds * 1_000);
    const ats = [asked, closed].map(({ at }) => Date.parse(at));
    // Late is what the service itself takes, and not how long this machine needs to start it.
    const lateMs = ats.map((at, index) => at - Math.max(dues[index]!, backMs));
    console.log('timers after a restart of everything fired late by', lateMs, 'ms');
    expect(ats.every((at, index) => at >= dues[index]!)).toBe(true);
    for (const late of lateMs) expect(late).toBeLessThan(20_000);
    expect(reasonOf(await idles.events())).toBe('inactivity_timeout');
    // The user goes on waiting, and the second wait survives as well as the first.
    expect((await waiting.call('POST', `/v1/handoffs/${waits.id}/wait`, { choice: 'wait' })).status).toBe(202);
    await until(async () => (await waits.events()).filter(({ type }) => type === 'handoff.connecting').length === 2, {
      message: 'the second wait',
    });
    await waits.end('user');
    await waits.sees('handoff.closed');
  });
});
