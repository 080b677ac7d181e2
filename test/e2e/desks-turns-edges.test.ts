import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startCluster, type Cluster } from '../support/cluster.ts';
import type { DeskTalk } from '../support/desk-talks.ts';
import { until } from '../support/poll.ts';
import { spawnWorker, type WorkerProcess } from '../support/process.ts';
import { seededRandom, testSeed } from '../support/seed.ts';
import { openTurns, type TurnBot, type TurnDesk, turnDesks } from '../support/turn-desks.ts';

let cluster: Cluster;
/** Its worker is a process that is killed. */
let mortal: Cluster;
let worker: WorkerProcess | undefined;
const opened: TurnBot[] = [];

beforeAll(async () => {
  [cluster, mortal] = await Promise.all([startCluster(), startCluster({ worker: false })]);
});
afterAll(async () => {
  await worker?.kill();
  await Promise.all([cluster?.stop(), mortal?.stop()]);
  await Promise.all(opened.map(({ bot }) => bot.stop()));
});

const SILENT = [409, 'human_has_it'];
const SPEAKS = [202, null];

describe.concurrent.each(turnDesks().filter(({ nobody }) => nobody !== undefined))('$kind, nobody is there', (desk) => {
  it('the bot is told, the user reads it, and the bot has him again', async () => {
    const turns = await openTurns(cluster, desk);
    opened.push(turns);
    desk.nobody!.set(turns.bot.sandbox);
    let talk: DeskTalk | undefined;
    const id = await turns.turn(
      'A human?',
      async ({ conversationId }) => (talk = await turns.bot.start({ conversationId })),
    );
    expect((await talk!.ended()).at(-1)?.data['reason']).toBe('agent_closed');
    await turns.userSees(id, desk.nobody!.text);
    expect(await turns.says('then you', 'gladly', id)).toBe(id);
    await turns.userSees(id, desk.nobody!.text, 'gladly');
    expect(desk.problems(turns.bot.sandbox)).toEqual([]);
  });
});

describe.concurrent.each(turnDesks().filter(({ deaf }) => deaf !== undefined))('$kind, without its feed', (desk) => {
  it('nothing is heard after the transfer, until the user is back at the bot: that is the end, and all is found', async () => {
    const turns = await openTurns(cluster, desk);
    opened.push(turns);
    const { human, user } = turns.bot.sandbox;
    const talk = await turns.handsOff();
    await human.reply(talk.conversationId, 'hello');
    await user.writes('hello, human', { conversationId: talk.conversationId });
    await human.close(talk.conversationId);
    expect((await talk.events()).map(({ type }) => type)).toEqual(['handoff.connecting']);
    expect(await turns.bot.speak(talk.conversationId, 'me too')).toEqual(SILENT);
    await turns.says('thank you, bot', 'you are welcome', talk.conversationId);
    expect((await talk.ended()).map(({ data, type }) => data['reason'] ?? type)).toEqual([
      'handoff.connecting',
      'handoff.active',
      'message.agent',
      'message.user',
      'agent_closed',
    ]);
    expect(turns.lines(talk.conversationId, 'bot').at(-1)).toBe('you are welcome');
    const toHuman = turns.bot.told().filter(({ data }) => data['text'] === 'hello, human');
    expect(toHuman.map(({ type, data }) => [type, data['recovered']])).toEqual([['message.user', true]]);
    expect(desk.problems(turns.bot.sandbox)).toEqual([]);
  });
});

describe.concurrent.each(turnDesks().filter(({ mode }) => mode === 'native'))(
  '$kind, a user at the very moment',
  (desk) => {
    const random = seededRandom(testSeed(`${desk.kind}, both boundaries in turns`));

    it('of the start reaches the humans, and of the end is heard once', async () => {
      const turns = await openTurns(cluster, desk);
      opened.push(turns);
      const { bot } = turns;
      const { human, user } = bot.sandbox;
      let atBot = 0;
      const rounds = Array.from({ length: 10 }, async (_, n) => {
        let talk: DeskTalk | undefined;
        const second = (conversationId: string) =>
          pause(random() * 200).then(() => user.writes(`${n} at the start`, { conversationId }));
        let atStart: Promise<string> | undefined;
        const id = await turns.turn(`${n} first`, async ({ conversationId }) => {
          atStart = second(conversationId);
          talk = await bot.start({ conversationId });
        });
        await atStart;
        await talk!.sees('handoff.connecting');
        expect(turns.lines(id, 'user')).toEqual([`${n} first`, `${n} at the start`]);
        await human.reply(id, `${n} answer`);
        await talk!.sees('message.agent');
        const writing = pause(random() * 40).then(() => user.writes(`${n} at the end`, { conversationId: id }));
        const closing = pause(random() * 40).then(() => human.close(id));
        const event = await bot.hears(`${n} at the end`);
        if (!('handoffId' in event)) {
          atBot += 1;
          expect(await bot.speak(event.conversationId, `${n} here I am`)).toEqual(SPEAKS);
        }
        await Promise.all([writing, closing]);
        expect((await talk!.ended()).at(-1)?.data['reason']).toBe('agent_closed');
        expect(await talk!.late()).toEqual([]);
        await turns.says(`${n} afterwards`, `${n} goodbye`, await writing);
      });
      await Promise.all(rounds);
      const told = bot.toldOf('user');
      expect(new Set(told).size).toBe(told.length);
      for (const when of ['first', 'at the end', 'afterwards']) {
        expect(told.filter((text) => text.endsWith(when))).toHaveLength(10);
      }
      expect(desk.problems(bot.sandbox)).toEqual([]);
      const atStart = told.filter((text) => text.endsWith('at the start')).length;
      console.log(
        `${desk.kind}, in turns: ${atBot} of 10 at the end went to the bot, ${atStart} of 10 at the start were heard`,
      );
    });
  },
);

/** A desk whose bot goes through the deaths of the one worker with the others. */
interface Stage {
  desk: TurnDesk;
  turns: TurnBot;
  id: string;
  talk?: DeskTalk;
}

describe.concurrent('a worker that is killed between what the bot says and the turn that takes it', () => {
  const stages: Stage[] = [];
  const eachStage = async (work: (stage: Stage) => Promise<unknown>): Promise<void> =>
    void (await Promise.all(stages.map(work)));
  const revive = async (): Promise<void> => {
    await worker?.kill();
    worker = await spawnWorker(mortal.env);
  };
  /** Texts that wait for a turn. */
  async function waiting({ turns: { bot }, id }: Stage): Promise<number> {
    const config = await mortal.store.bots.desk(bot.id, bot.kind);
    const box = await mortal.store.memory(bot.id, bot.kind, config!).get<{ items: object[] }>(`mailbox.${id}`);
    return (box?.items ?? []).filter((item) => !('takenBy' in item)).length;
  }
  const botLines = ({ turns, id }: Stage): string[] =>
    turns
      .lines(id, 'bot')
      .flatMap((text) => text.split('\n\n'))
      .filter((text) => text.startsWith('bot '));
  const shows = async (stage: Stage, ...texts: string[]): Promise<void> => {
    await until(() => botLines(stage).length >= texts.length, {
      timeoutMs: 60_000,
      message: () => `${stage.desk.kind}: ${texts.at(-1)} behind ${JSON.stringify(botLines(stage))}`,
    });
    expect(botLines(stage), stage.desk.kind).toEqual(texts);
  };

  it('says each word once, and transfers once', async () => {
    worker = await spawnWorker(mortal.env);
    for (const desk of turnDesks()) {
      const turns = await openTurns(mortal, desk);
      opened.push(turns);
      stages.push({ desk, turns, id: await turns.says('Hello bot', 'bot one') });
    }

    // The word lies there when the worker dies; the turn takes it without a worker, and the next one finds it gone.
    await eachStage(async (stage) => {
      expect(await stage.turns.bot.speak(stage.id, 'bot two')).toEqual(SPEAKS);
      await until(async () => (await waiting(stage)) === 1, { message: `${stage.desk.kind}: two lies in the mailbox` });
    });
    await worker.kill();
    await eachStage(async (stage) => {
      await stage.turns.bot.sandbox.user.writes('user two', { conversationId: stage.id });
      await shows(stage, 'bot one', 'bot two');
    });
    await revive();
    await eachStage(async ({ turns }) => await turns.bot.hears('user two'));

    // The bot speaks in its turn when the worker is dead: that turn may be over when the next one lives.
    const writing = stages.map(({ turns, id }) => turns.bot.sandbox.user.writes('user three', { conversationId: id }));
    await eachStage(async ({ turns }) => await turns.bot.hears('user three'));
    await worker.kill();
    await eachStage(async ({ turns, id }) => expect(await turns.bot.speak(id, 'bot three')).toEqual(SPEAKS));
    await revive();
    await Promise.all(writing);
    await eachStage(async (stage) => {
      const { turns, id } = stage;
      await until(async () => botLines(stage).includes('bot three') || (await waiting(stage)) === 1, {
        message: `${stage.desk.kind}: three is said or waits`,
      });
      if (!botLines(stage).includes('bot three')) await turns.bot.sandbox.user.writes('go on', { conversationId: id });
      await shows(stage, 'bot one', 'bot two', 'bot three');
    });

    // The same with a handoff.
    const asking = stages.map(({ turns, id }) => turns.bot.sandbox.user.writes('user four', { conversationId: id }));
    await eachStage(async ({ turns }) => await turns.bot.hears('user four'));
    const before = stages.map(({ turns, id }) => turns.bot.sandbox.conversation(id)?.assignee);
    await worker.kill();
    await eachStage(async (stage) => (stage.talk = await stage.turns.bot.start({ conversationId: stage.id })));
    await revive();
    await Promise.all(asking);
    await eachStage(async (stage) => {
      const { desk, turns, id, talk } = stage;
      const isTransferred = (): boolean =>
        turns.bot.sandbox.conversation(id)?.assignee !== before[stages.indexOf(stage)];
      if (!isTransferred()) await turns.bot.sandbox.user.writes('a human, please', { conversationId: id });
      await until(isTransferred, { timeoutMs: 60_000, message: `${desk.kind}: the transfer` });
      await talk!.sees('handoff.connecting', 60_000);
      await turns.bot.sandbox.human.close(id);
      stage.id = await turns.says('user five', 'bot five', id);
      await until(() => botLines(stage).includes('bot five'), { message: `${desk.kind}: the last word` });
      // The user may have written before the transfer was noted.
      const steps = (await talk!.ended()).filter(({ type }) => type !== 'message.user');
      const shown = steps.map(({ type, data }) => data['reason'] ?? type);
      expect(shown, desk.kind).toEqual(['handoff.connecting', 'agent_closed']);
      const told = turns.bot.told();
      expect(told.filter(({ type }) => type === 'message.failed')).toEqual([]);
      const heard = turns.bot.toldOf('user').filter((text) => text.startsWith('user '));
      expect(heard, desk.kind).toEqual(['user two', 'user three', 'user four', 'user five']);
      expect(desk.problems(turns.bot.sandbox), desk.kind).toEqual([]);
    });
  });
});
