import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { CloseReason } from '../../workflows/contracts.ts';
import { startCluster, type Cluster } from '../support/cluster.ts';
import { desksIn } from '../support/desk-facts.ts';
import { conversationEvents, openDesk, QUESTION, type DeskBot, type DeskTalk } from '../support/desk-talks.ts';
import { until } from '../support/poll.ts';

vi.setConfig({ maxConcurrency: 10 });

let cluster: Cluster;
const opened: DeskBot[] = [];

beforeAll(async () => {
  cluster = await startCluster();
});
afterAll(async () => {
  await cluster?.stop();
  await Promise.all(opened.map((bot) => bot.stop()));
});

const SILENT = [409, 'human_has_it'];
const SPEAKS = [202, null];

describe.concurrent.each(desksIn('native'))("$kind, the user in the desk's own messenger", (desk) => {
  const open = async (settings = {}): Promise<DeskBot> => {
    const bot = await openDesk(cluster, desk, 'native', settings);
    opened.push(bot);
    return bot;
  };
  /** A user has written, and the bot knows. */
  async function begun(settings = {}) {
    const bot = await open(settings);
    const id = await bot.sandbox.user.writes('Hello bot');
    await bot.hears('Hello bot');
    const lines = (from: string): string[] =>
      (bot.sandbox.conversation(id)?.messages ?? []).filter((line) => line.from === from).map(({ text }) => text);
    const userSees = async (...texts: string[]): Promise<void> => {
      await until(() => lines('bot').length >= texts.length, { message: `${desk.kind}: ${texts.at(-1)} at the user` });
      expect(lines('bot')).toEqual(texts);
    };
    return { bot, id, lines, userSees, human: bot.sandbox.human, user: bot.sandbox.user };
  }
  const handOff = async (bot: DeskBot, conversationId: string): Promise<DeskTalk> => {
    const talk = await bot.start({ conversationId, history: [{ role: 'user', text: 'Hello bot' }] });
    await talk.sees('handoff.connecting');
    return talk;
  };

  it('the bot hears the user and answers, each word once and in order', async () => {
    const { bot, id, lines, userSees, user } = await begun();
    const said = Array.from({ length: 10 }, (_, n) => `and ${n}`);
    const answers = Array.from({ length: 10 }, (_, n) => `answer ${n}`);
    const writing = Promise.all(said.map((text) => user.writes(text, { conversationId: id })));
    for (const text of answers) expect(await bot.speak(id, text)).toEqual(SPEAKS);
    expect(new Set(await writing)).toEqual(new Set([id]));
    await userSees(...answers);
    await bot.hears(said.at(-1)!);
    expect(bot.toldOf('user')).toEqual(['Hello bot', ...said]);
    expect(lines('user')).toEqual(['Hello bot', ...said]);
    const events = conversationEvents(bot, id);
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
    expect(events[0]).toMatchObject({ type: 'conversation.started', data: { desk: desk.kind } });
    expect(JSON.stringify(bot.told())).not.toContain('answer');
    expect(await bot.speak('unknown', 'hello')).toEqual([404, 'conversation_not_found']);
  });

  it('a handoff gives it to the humans with a note, silences the bot and keeps what both say', async () => {
    const { bot, id, lines, userSees, human, user } = await begun();
    await bot.speak(id, 'I call a human');
    await userSees('I call a human');
    const before = bot.sandbox.conversation(id)?.assignee;
    const talk = await handOff(bot, id);
    const withHumans = bot.sandbox.conversation(id);
    expect(withHumans?.closed).toBe(false);
    expect(withHumans?.assignee).not.toBe(before);
    expect(lines('note').filter((text) => text.includes(QUESTION)).length).toBeGreaterThan(0);
    expect(lines('user')).toEqual(['Hello bot']);
    expect(await bot.speak(id, 'me too')).toEqual(SILENT);

    const picture = { url: 'https://files.example.org/parcel.png', name: 'parcel.png', contentType: 'image/png' };
    for (const n of [1, 2, 3]) {
      expect(await human.reply(id, `agent ${n}`)).toBe(200);
      await user.writes(`user ${n}`, { conversationId: id });
    }
    await user.writes('look', { conversationId: id, files: [picture] });
    await human.note(id, 'secret');
    await human.unknownPart(id);
    await human.reply(id, 'look too', { files: [picture] });
    expect(await bot.speak(id, 'me too')).toEqual(SILENT);
    const state = await bot.call('GET', `/v1/bots/${bot.id}/conversations/${encodeURIComponent(id)}`);
    expect(state.json).toMatchObject({ owner: 'human', handoffId: talk.id });
    const seat = desk.seat?.(bot.config);
    expect(seat).toBeDefined();
    await human.transfer(id, seat!);
    const events = await talk.ended();
    const said = events.flatMap(({ type, data }) =>
      type.startsWith('message.') && data['text'] ? [data['text']] : [],
    );
    expect(said).toEqual(['agent 1', 'user 1', 'agent 2', 'user 2', 'agent 3', 'user 3', 'look', 'look too']);
    const files = events.flatMap(({ data }) => (data['attachments'] ?? []) as { url: string }[]);
    expect(files.map(({ url }) => url)).toEqual([picture.url, picture.url]);
    expect(events.at(-1)?.data['reason']).toBe('agent_closed');
    expect(JSON.stringify(bot.told())).not.toContain('secret');
    expect(lines('user').filter((text) => text !== '')).toEqual(['Hello bot', 'user 1', 'user 2', 'user 3', 'look']);
    expect(await bot.speak(id, 'I am back')).toEqual(SPEAKS);
    await userSees('I call a human', 'I am back');
  });

  const ends: {
    reason: CloseReason;
    how: string;
    settings?: object;
    closes?: boolean;
    work(talk: DeskTalk): Promise<unknown>;
  }[] = [
    {
      reason: 'agent_closed',
      how: 'the agent closes it',
      closes: true,
      work: async (talk) => await talk.bot.sandbox.human.close(talk.conversationId),
    },
    { reason: 'bot_closed', how: 'the bot ends it', work: (talk) => talk.end('bot') },
    {
      reason: 'bot_closed',
      how: 'the bot ends it, and the desk is slow',
      async work(talk) {
        talk.bot.sandbox.fault('close', { kind: 'status', status: 503, times: 2 });
        await talk.end('bot');
      },
    },
    { reason: 'operator_closed', how: 'an operator ends it', work: (talk) => talk.end('operator') },
    {
      reason: 'inactivity_timeout',
      how: 'the user is silent',
      settings: { inactivityTimeoutSeconds: 5 },
      work: async () => undefined,
    },
  ];

  it.each(ends)('$how: the bot has it back and may speak at once', async ({ reason, settings, closes, work }) => {
    const { bot, id, userSees, human, user } = await begun(settings);
    const talk = await handOff(bot, id);
    await human.reply(id, 'hello');
    await talk.sees('message.agent');
    await work(talk);
    // As a backend does that is told of the end.
    await until(() => bot.told().some(({ type }) => type === 'handoff.closed'), { message: 'told of the end' });
    if (closes !== undefined) expect(bot.sandbox.conversation(id)?.closed).toBe(closes);
    // Callback and journal leave side by side: who is told first may be refused for a moment more, and asks again.
    await until(async () => (await bot.speak(id, 'here I am again'))[0] === SPEAKS[0], { message: 'the bot speaks' });
    await userSees('here I am again');
    expect((await talk.ended()).at(-1)?.data['reason']).toBe(reason);
    if (closes === undefined) expect(bot.sandbox.conversation(id)?.closed).toBe(false);
    const next = await user.writes('thank you, bot', { conversationId: id });
    await bot.hears('thank you, bot');
    expect(await bot.speak(next, 'you are welcome')).toEqual(SPEAKS);
    await until(
      () =>
        bot.sandbox.conversation(next)?.messages.some(({ text, from }) => from === 'bot' && text.includes('welcome')),
      { message: 'the last word of the bot' },
    );
    expect(bot.told().filter(({ type }) => type === 'message.failed')).toEqual([]);
    expect(bot.toldOf('user')).toEqual(['Hello bot', 'thank you, bot']);
  });

  it('wait_timeout: nobody comes, the bot goes on, and may ask again', async () => {
    const { bot, id, userSees } = await begun({ waitTimeoutSeconds: 5, onWaitTimeout: 'close' });
    const first = await handOff(bot, id);
    const isOver = () => bot.told().some(({ type }) => type === 'handoff.closed');
    await until(isOver, { message: 'told of the end', timeoutMs: 60_000 });
    expect(await bot.speak(id, 'nobody is there')).toEqual(SPEAKS);
    await userSees('nobody is there');
    expect((await first.ended()).at(-1)?.data['reason']).toBe('wait_timeout');
    expect(bot.sandbox.conversation(id)?.closed).toBe(false);
    await bot.call('PATCH', `/v1/bots/${bot.id}`, { waitTimeoutSeconds: 600 });
    const second = await handOff(bot, id);
    await bot.sandbox.human.reply(id, 'now I am');
    await second.sees('message.agent');
    await second.end('bot');
    await second.ended();
    expect(await first.toUser()).toEqual([]);
    expect(bot.toldOf('agent')).toEqual(['now I am']);
  });

  it('a human who answers without having been called silences the bot until he is done', async () => {
    const { bot, id, human, user, userSees } = await begun();
    if (desk.takenFirst !== undefined) await human.transfer(id, desk.takenFirst.agent);
    await human.reply(id, 'I take this one');
    await bot.hears('I take this one');
    await until(async () => (await bot.speak(id, 'me too'))[0] === 409, { message: 'the bot is silent' });
    expect(await bot.speak(id, 'me too')).toEqual(SILENT);
    await user.writes('thanks, human', { conversationId: id });
    expect((await bot.hears('thanks, human')).data).toMatchObject({ from: 'user', botSilent: true });
    await human.transfer(id, desk.seat!(bot.config));
    await until(() => bot.told().some(({ type }) => type === 'conversation.ended'), { message: 'the end' });
    await until(async () => (await bot.speak(id, 'my turn'))[0] === 202, { message: 'the bot may speak' });
    await userSees('my turn');
  });

  it('webhooks that come twice, early or late change nothing', async () => {
    const { bot, id, human, user } = await begun();
    bot.sandbox.webhooks({ copies: 3, early: true });
    await user.writes('once', { conversationId: id });
    const talk = await handOff(bot, id);
    await human.reply(id, 'one answer');
    bot.sandbox.webhooks({ copies: 2, delayMs: 300 });
    await user.writes('twice', { conversationId: id });
    await human.transfer(id, desk.seat!(bot.config));
    await talk.ended();
    await bot.hears('twice');
    expect(bot.toldOf('user')).toEqual(['Hello bot', 'once', 'twice']);
    expect(bot.toldOf('agent')).toEqual(['one answer']);
    expect(bot.sandbox.conversation(id)?.messages.filter(({ from }) => from === 'user')).toHaveLength(3);
    expect(await talk.late()).toEqual([]);
  });

  it('refuses users of other channels', async () => {
    const { bot, id } = await begun();
    const body = { botId: bot.id, conversationId: id, channel: 'api', user: {}, question: QUESTION };
    const { status, json } = await bot.call('POST', '/v1/handoffs', body);
    expect([status, json]).toEqual([200, { outcome: 'refused', reason: 'channel_not_supported' }]);
  });
});
