import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createWebhookSandbox, type WebhookSandbox } from '../../api/sandbox/webhook/index.ts';
import { isAlive } from '../../worker/local/processes.ts';
import { auditSettled, sequenceProblems } from '../support/audit.ts';
import { type BatonProcess, childrenOf, newDataDir, removeDataDir, startBaton } from '../support/baton-process.ts';
import { call, createBots, reasonOf, type Bot, type Talk } from '../support/bots.ts';
import { startCallbackReceiver, type CallbackReceiver } from '../support/callback.ts';
import { followBot, type Follower } from '../support/follower.ts';
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

/** Both sides talk without a break, each one message after the other, until each is taken. */
function converse(talk: Talk, random: () => number) {
  let stopped = false;
  const side = async (speak: (n: number) => Promise<unknown>, first: Promise<unknown>): Promise<void> => {
    await first;
    for (let n = 1; !stopped; n += 1) {
      await speak(n);
      await sleep(50 + random() * 250);
    }
  };
  const known = until(() => desk.conversation(talk.id), { timeoutMs: RETRY_MS, message: `${talk.id} at the desk` });
  const done = Promise.all([
    side((n) => talk.say(`user ${n}`, { retryForMs: RETRY_MS }), Promise.resolve()),
    side((n) => talk.reply(`agent ${n}`, { retryForMs: RETRY_MS }), known),
  ]);
  done.catch(() => undefined);
  return async () => {
    stopped = true;
    await done;
  };
}

/** Half of them end at the desk, half by the user. */
async function finish(talks: Talk[]): Promise<void> {
  await Promise.all(
    talks.map(async (talk, index) => {
      if (index % 2 === 0) await talk.end('user', RETRY_MS);
      else await desk.close(talk.id, { retryForMs: RETRY_MS });
      await talk.sees('handoff.closed', RETRY_MS);
    }),
  );
}

async function expectSameEverywhere(talks: Talk[], stream: Follower): Promise<void> {
  for (const talk of talks) {
    const events = await talk.events();
    expect(sequenceProblems(events)).toEqual([]);
    expect(events.filter((event) => event.type === 'handoff.closed')).toHaveLength(1);
    expect(events.filter((event) => event.type === 'message.failed')).toEqual([]);
    const first = events.find((event) => ['handoff.active', 'message.agent'].includes(event.type));
    expect(first?.type ?? 'handoff.active', `${talk.id}: the session starts before its first message`).toBe(
      'handoff.active',
    );
    const ofTalk = () => stream.events.filter((event) => event.handoffId === talk.id);
    await until(() => ofTalk().length >= events.length, { timeoutMs: 30_000, message: `the stream of ${talk.id}` });
    expect(ofTalk()).toEqual(events);
    await until(() => callback.taken(talk.id).length >= events.length, {
      timeoutMs: RETRY_MS,
      message: () => `callbacks of ${talk.id}: ${callback.taken(talk.id).length} of ${events.length}`,
    });
    expect(callback.taken(talk.id).map(({ seq, type }) => `${seq} ${type}`)).toEqual(
      events.map(({ seq, type }) => `${seq} ${type}`),
    );
  }
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
      const talks: Talk[] = [];
      const stops: (() => Promise<void>)[] = [];
      const done: Target[] = [];
      const begin = async (): Promise<void> => {
        const talk = await bot.start({}, RETRY_MS);
        talks.push(talk);
        stops.push(converse(talk, random));
      };
      try {
        await Promise.all(Array.from({ length: TALKS }, begin));
        // Every target in every four rounds, in an order by chance.
        let bag: Target[] = [];
        for (let round = 1; round <= ROUNDS; round += 1) {
          if (bag.length === 0) bag = [...TARGETS];
          const [target] = bag.splice(Math.floor(random() * bag.length), 1) as [Target];
          done.push(target);
          await sleep(300 + random() * 2_000);
          await servesAgain();
          // A start that is under way meanwhile is killed as well.
          const starting = begin();
          starting.catch(() => undefined);
          await sleep(random() * 60);
          await kill(target);
          await starting;
        }
        const heard = talks.map(({ said }) => said.length);
        await until(() => talks.every(({ said }, index) => said.length > heard[index]!), {
          timeoutMs: 60_000,
          message: 'somebody is not heard any more',
        });
        await Promise.all(stops.map((stop) => stop()));
        await finish(talks);
        const { problems, figures } = await auditSettled(talks, desk, 30_000);
        const retries = talks.flatMap(({ said }) => said).reduce((sum, message) => sum + message.retries, 0);
        const repeats = desk.calls.filter(({ duplicate }) => duplicate).length;
        const calledTwice =
          callback.calls.length - talks.reduce((sum, talk) => sum + callback.taken(talk.id).length, 0);
        console.log('killed:', done.join(', '), { talks: talks.length, ...figures, problems: problems.length });
        console.log('raw repeats:', {
          clientRetries: retries,
          atDesk: repeats,
          atCallback: calledTwice,
          streamBreaks: stream.breaks(),
        });
        expect(problems).toEqual([]);
        await expectSameEverywhere(talks, stream);
        expect(desk.conversations.filter(({ botId }) => botId === bot.id)).toHaveLength(talks.length);
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

    const asked = await waits.sees('handoff.wait_timeout', 60_000);
    const closed = await idles.sees('handoff.closed', 60_000);
    const lateMs = [
      Date.parse(asked.at) - Date.parse(connecting.at) - waitSeconds * 1_000,
      Date.parse(closed.at) - Date.parse(answered.at) - waitSeconds * 1_000,
    ];
    console.log('timers after a restart of everything fired late by', lateMs, 'ms');
    for (const late of lateMs) {
      expect(late).toBeGreaterThanOrEqual(0);
      expect(late).toBeLessThan(20_000);
    }
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
