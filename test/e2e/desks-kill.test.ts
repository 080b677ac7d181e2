import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SandboxOperation } from '../../api/sandbox/desk-sandbox.ts';
import type { Mode } from '../../workflows/contracts.ts';
import { startCluster, type Cluster } from '../support/cluster.ts';
import { desksIn } from '../support/desk-facts.ts';
import { conversationEvents, openDesk, QUESTION, type DeskBot, type DeskTalk } from '../support/desk-talks.ts';
import { until } from '../support/poll.ts';
import { spawnWorker, type WorkerProcess } from '../support/process.ts';

let cluster: Cluster;
let worker: WorkerProcess | undefined;
const stages: Stage[] = [];

/** One desk in one mode. All go through the same deaths of the one worker, as a death costs many seconds. */
interface Stage {
  bot: DeskBot;
  mode: Mode;
  name: string;
  /** The desk's conversation; in external mode only when it is opened. */
  id: string;
  talk?: DeskTalk;
}

beforeAll(async () => {
  cluster = await startCluster({ worker: false });
  for (const mode of ['external', 'native'] as const) {
    for (const desk of desksIn(mode)) {
      const bot = await openDesk(cluster, desk, mode);
      stages.push({ bot, mode, name: `${desk.kind}, ${mode}`, id: '' });
    }
  }
});
afterAll(async () => {
  await worker?.kill();
  await cluster?.stop();
  await Promise.all(stages.map(({ bot }) => bot.stop()));
});

const DEADLINE = { timeoutMs: 60_000, everyMs: 100 };
const eachStage = async (work: (stage: Stage) => Promise<unknown>): Promise<void> =>
  void (await Promise.all(stages.map(work)));

const linesOf = ({ bot, id }: Stage, from: 'user' | 'bot' | 'agent'): string[] =>
  (bot.sandbox.conversation(id)?.messages ?? []).filter((line) => line.from === from).map(({ text }) => text);
const atDesk = ({ bot, id }: Stage): string => JSON.stringify(bot.sandbox.conversation(id));

/** What is under way at a desk when the worker dies. */
interface Work {
  operation: SandboxOperation;
  begin(): Promise<unknown>;
  /** The desk has done it, or the first step of it. */
  acted(): boolean;
}

/** Every desk acts and keeps its answer; the worker dies meanwhile, and another one takes over. */
async function killDuring(workOf: (stage: Stage) => Work): Promise<void> {
  await eachStage(async (stage) => {
    const { operation, begin, acted } = workOf(stage);
    stage.bot.sandbox.fault(operation, { kind: 'slow', ms: 120_000, times: 1 });
    await begin();
    await until(acted, { ...DEADLINE, message: `${stage.name}: ${operation} at the desk` });
  });
  await worker?.kill();
  worker = await spawnWorker(cluster.env);
}

function opening(stage: Stage): Work {
  const before = atDesk(stage);
  return {
    operation: 'open',
    async begin() {
      stage.talk = await stage.bot.start(stage.mode === 'native' ? { conversationId: stage.id } : {});
    },
    acted() {
      if (stage.mode === 'native') return atDesk(stage) !== before;
      stage.id = stage.bot.sandbox.conversations()[0]?.id ?? '';
      return stage.id !== '';
    },
  };
}

/** The first is on its way when the worker dies, the second waits behind it. */
const sending = (stage: Stage, from: 'user' | 'bot'): Work => ({
  operation: 'send',
  async begin() {
    for (const text of [`${from} one`, `${from} two`]) {
      const status = from === 'user' ? await stage.talk!.say(text) : (await stage.bot.speak(stage.id, text))[0];
      expect(status, stage.name).toBe(202);
    }
  },
  acted: () => linesOf(stage, from).includes(`${from} one`),
});

function closing(stage: Stage): Work {
  const before = atDesk(stage);
  return {
    operation: 'close',
    begin: () => stage.talk!.end('bot'),
    acted: () => atDesk(stage) !== before,
  };
}

async function wasSentOnce(stage: Stage, from: 'user' | 'bot'): Promise<void> {
  const sent = (): string[] => linesOf(stage, from).filter((text) => text.startsWith(`${from} `));
  await until(() => sent().includes(`${from} two`), { ...DEADLINE, message: `${stage.name}: ${from} two` });
  expect(sent(), stage.name).toEqual([`${from} one`, `${from} two`]);
}

async function wasOpenedOnce({ talk, bot, id, mode, name }: Stage): Promise<void> {
  await talk!.sees('handoff.connecting', DEADLINE.timeoutMs);
  expect((await talk!.atDesk()).id, name).toBe(id);
  expect(bot.sandbox.conversations(), name).toHaveLength(1);
  const lines = bot.sandbox.conversation(id)?.messages.filter(({ text }) => text.includes(QUESTION)) ?? [];
  expect(
    lines.filter(({ from }) => from === (mode === 'native' ? 'note' : 'user')),
    name,
  ).toHaveLength(1);
}

async function wasClosedOnce({ talk, bot, id, mode, name }: Stage): Promise<void> {
  const events = await talk!.ended(DEADLINE.timeoutMs);
  const said = events.flatMap(({ type, data }) => (type.startsWith('message.') ? [String(data['text'])] : []));
  expect(new Set(said), name).toEqual(new Set(['agent one', 'user one', 'user two']));
  expect(said, name).toHaveLength(3);
  expect(
    events.filter(({ type }) => type === 'handoff.closed'),
    name,
  ).toHaveLength(1);
  expect(bot.told().filter(({ type }) => type === 'message.failed')).toEqual([]);
  expect(bot.sandbox.conversation(id)?.closed, name).toBe(mode === 'external');
}

/** In external mode as a new handoff, in native mode with the bot. */
async function goesOn(stage: Stage): Promise<void> {
  const { bot, id, name, mode, talk } = stage;
  if (mode === 'external') {
    const next = await bot.start({ conversationId: talk!.conversationId });
    await next.sees('handoff.connecting', DEADLINE.timeoutMs);
    await next.say('user three');
    await next.reply('agent two');
    await next.sees('message.agent');
    await until(async () => (await next.fromUser()).length > 0, { message: `${name}: user three` });
    expect(await next.fromUser(), name).toEqual(['user three']);
    await next.end('user');
    await next.ended();
    return;
  }
  await bot.sandbox.user.writes('user three', { conversationId: id });
  await bot.hears('user three');
  expect(await bot.speak(id, 'bot three')).toEqual([202, null]);
  await until(() => linesOf(stage, 'bot').includes('bot three'), { ...DEADLINE, message: `${name}: bot three` });
  expect(linesOf(stage, 'bot'), name).toEqual(['bot one', 'bot two', 'bot three']);
  expect(bot.toldOf('user'), name).toEqual(['Hello bot', 'user one', 'user two', 'user three']);
  const numbers = conversationEvents(bot, id).map(({ seq }) => seq);
  expect(numbers, name).toEqual(numbers.map((_, index) => index + 1));
}

describe('a worker that is killed when a desk has acted and not yet answered', () => {
  it('leaves one conversation, one copy of each message and one end at every desk, in every mode', async () => {
    worker = await spawnWorker(cluster.env);
    const isNative = ({ mode }: Stage): boolean => mode === 'native';
    await eachStage(async (stage) => {
      if (!isNative(stage)) return;
      stage.id = await stage.bot.sandbox.user.writes('Hello bot');
      await stage.bot.hears('Hello bot');
    });

    await killDuring((stage) => (isNative(stage) ? sending(stage, 'bot') : opening(stage)));
    await eachStage((stage) => (isNative(stage) ? wasSentOnce(stage, 'bot') : wasOpenedOnce(stage)));

    await killDuring((stage) => (isNative(stage) ? opening(stage) : sending(stage, 'user')));
    await eachStage(async (stage) => {
      const { bot, id, talk } = stage;
      if (isNative(stage)) {
        await wasOpenedOnce(stage);
        await bot.sandbox.user.writes('user one', { conversationId: id });
        await bot.sandbox.user.writes('user two', { conversationId: id });
      }
      await bot.sandbox.human.reply(id, 'agent one');
      await talk!.sees('message.agent', DEADLINE.timeoutMs);
      await wasSentOnce(stage, 'user');
    });

    await killDuring(closing);
    await eachStage(wasClosedOnce);
    await eachStage(goesOn);
  });
});
