import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startCluster, type Cluster } from '../support/cluster.ts';
import { desksIn } from '../support/desk-facts.ts';
import { openDesk, QUESTION, type DeskBot, type DeskTalk } from '../support/desk-talks.ts';
import { until } from '../support/poll.ts';
import { seededRandom, testSeed } from '../support/seed.ts';

let cluster: Cluster;
const opened: DeskBot[] = [];

beforeAll(async () => {
  cluster = await startCluster();
});
afterAll(async () => {
  await cluster?.stop();
  await Promise.all(opened.map((bot) => bot.stop()));
});

const ROUNDS = 7;
/** Around as long as the other call takes. Milliseconds. */
const APART_MS = 40;

describe.concurrent.each(desksIn('native'))('$kind, a user who writes at the very moment', (desk) => {
  const random = seededRandom(testSeed(`${desk.kind}, both boundaries`));

  /** Both at once, the one or the other a little earlier. */
  async function atOnce<T>(writes: () => Promise<string>, other: () => Promise<T>): Promise<[string, T]> {
    const apart = (random() - 0.5) * 2 * APART_MS;
    return await Promise.all([pause(Math.max(0, -apart)).then(writes), pause(Math.max(0, apart)).then(other)]);
  }

  const ENDS: Record<string, (talk: DeskTalk) => Promise<unknown>> = {
    'the agent closes it': async ({ bot, conversationId }) => await bot.sandbox.human.close(conversationId),
    'the agent gives it back': async ({ bot, conversationId }) =>
      await bot.sandbox.human.transfer(conversationId, desk.seat?.(bot.config) ?? ''),
    'the bot ends it': (talk) => talk.end('bot'),
    'a timeout ends it': async () => undefined,
  };

  it.each(Object.keys(ENDS))('of the start, and of the end when %s, is heard once', async (how) => {
    const settings = how.startsWith('a timeout') ? { waitTimeoutSeconds: 5, onWaitTimeout: 'close' } : {};
    const bot = await openDesk(cluster, desk, 'native', settings);
    opened.push(bot);
    const { human, user } = bot.sandbox;
    let inHandoff = 0;

    const rounds = Array.from({ length: ROUNDS }, async (_, n) => {
      const id = await user.writes(`${n} first`);
      await bot.hears(`${n} first`);
      const body = { botId: bot.id, conversationId: id, channel: desk.channel, user: {}, question: QUESTION };
      const [, talk] = await atOnce(
        () => user.writes(`${n} at the start`, { conversationId: id }),
        () => bot.start(body),
      );
      const connecting = await talk.sees('handoff.connecting');
      if (how.startsWith('the')) {
        await human.reply(id, `${n} answer`);
        await talk.sees('message.agent');
        await user.writes(`${n} in between`, { conversationId: id });
      } else await pause(Date.parse(connecting.at) + 5_000 + random() * 3 * APART_MS - Date.now());
      const [last] = await atOnce(
        () => user.writes(`${n} at the end`, { conversationId: id }),
        () => ENDS[how]!(talk),
      );
      await talk.ended();
      const now = await user.writes(`${n} afterwards`, { conversationId: last });
      await bot.hears(`${n} afterwards`);
      await bot.hears(`${n} at the end`);
      const inside = (await talk.events()).filter(({ type }) => type === 'message.user');
      inHandoff += inside.filter(({ data }) => /at the (start|end)/.test(String(data['text']))).length;
      expect(await talk.late()).toEqual([]);
      expect(await bot.speak(now, `${n} goodbye`)).toEqual([202, null]);
      const shown = (): string[] =>
        bot.sandbox.conversations().flatMap(({ messages }) => messages.map(({ text }) => text));
      await until(() => shown().includes(`${n} goodbye`), { message: `${desk.kind}: the last word of the bot` });
    });
    await Promise.all(rounds);

    const told = bot.toldOf('user').toSorted();
    const said = bot.sandbox
      .conversations()
      .flatMap(({ messages }) => messages.filter(({ from }) => from === 'user').map(({ text }) => text));
    expect(told).toEqual(said.toSorted());
    expect(new Set(told).size).toBe(told.length);
    expect(told.length).toBe(ROUNDS * (how.startsWith('the') ? 5 : 4));
    expect(bot.told().filter(({ type }) => type === 'message.failed')).toEqual([]);
    console.log(`${desk.kind}, ${how}: ${inHandoff} of ${2 * ROUNDS} messages at a boundary went to the human`);
  });
});
