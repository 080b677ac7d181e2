import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { startCluster, type Cluster } from '../support/cluster.ts';
import { desksIn } from '../support/desk-facts.ts';
import { openDesk, QUESTION, type DeskBot } from '../support/desk-talks.ts';
import { until } from '../support/poll.ts';

vi.setConfig({ maxConcurrency: 8 });

let cluster: Cluster;
const opened: DeskBot[] = [];

beforeAll(async () => {
  cluster = await startCluster();
});
afterAll(async () => {
  await cluster?.stop();
  await Promise.all(opened.map((bot) => bot.stop()));
});

const texts = (prefix: string, count = 20): string[] => Array.from({ length: count }, (_, n) => `${prefix} ${n + 1}`);
const FILE = { url: 'https://files.example.org/order.pdf', name: 'order.pdf', contentType: 'application/pdf' };
const PICTURE = { url: 'https://files.example.org/parcel.png', name: 'parcel.png', contentType: 'image/png' };

describe.concurrent.each(desksIn('external'))('$kind, the user elsewhere', (desk) => {
  const open = async (settings = {}): Promise<DeskBot> => {
    const bot = await openDesk(cluster, desk, 'external', settings);
    opened.push(bot);
    return bot;
  };
  /** With a handoff that the desk has taken. */
  async function connected(settings = {}) {
    const bot = await open(settings);
    const talk = await bot.start();
    await talk.sees('handoff.connecting');
    return { bot, talk, id: await talk.deskId(), human: bot.sandbox.human };
  }

  it('the agent sees the context and the question, and both talk at speed, each word once and in order', async () => {
    const bot = await open();
    const history = [
      { role: 'user', text: 'Hello bot' },
      { role: 'bot', text: 'I know nothing of <orders> & parcels' },
    ];
    const talk = await bot.start({ history });
    await talk.sees('handoff.connecting');
    const { messages } = await talk.atDesk();
    for (const text of [QUESTION, ...history.map((turn) => turn.text)]) {
      expect(messages.filter((line) => line.text.includes(text)).length, text).toBeGreaterThan(0);
    }
    expect(messages.filter(({ text }) => text === QUESTION)).toHaveLength(1);

    const said = texts('said');
    const replied = texts('replied');
    const id = await talk.deskId();
    const statuses = Promise.all(replied.map((text) => bot.sandbox.human.reply(id, text)));
    for (const text of said) expect(await talk.say(text)).toBe(202);
    expect(new Set(await statuses)).toEqual(new Set([200]));
    await until(async () => (await talk.fromUser()).length >= 20, { message: '20 messages at the desk' });
    await until(async () => (await talk.toUser()).length >= 20, { message: '20 messages at the user' });
    expect(await talk.fromUser()).toEqual(said);
    expect(await talk.toUser()).toEqual(replied);
    await talk.end('user');
    await talk.ended();
    expect(bot.toldOf('agent')).toEqual(replied);
    expect(bot.toldOf('user')).toEqual(said);
    expect((await talk.atDesk()).messages.filter(({ from }) => from === 'agent')).toHaveLength(20);
    expect(await talk.late()).toEqual([]);
  });

  it('files travel both ways, what is internal never does, and a transfer is told', async () => {
    const { talk, id, human } = await connected();
    expect(await talk.say('my order', [FILE, PICTURE])).toBe(202);
    await until(
      async () => [FILE, PICTURE].every(({ url }) => JSON.stringify(talk.bot.sandbox.conversation(id)).includes(url)),
      {
        message: 'both files at the desk',
      },
    );
    await human.note(id, 'he is always like this', { files: [FILE] });
    await human.unknownPart(id);
    await human.reply(id, 'here it is', { files: [PICTURE] });
    await human.transfer(id, 'Zoe');
    await human.note(id, 'Zoe, be kind');
    await human.reply(id, 'I am Zoe', { agent: 'Zoe' });
    await talk.sees('handoff.agent_changed');
    await until(async () => (await talk.toUser()).includes('I am Zoe'), { message: 'the words of Zoe' });
    const events = await talk.events();
    const replies = events.filter(({ type }) => type === 'message.agent');
    const notice = desk.fileNotice?.text;
    const words = replies.map(({ data }) => data['text']).filter((text) => text !== '');
    expect(words).toEqual(['here it is', ...(notice === undefined ? [] : [notice]), 'I am Zoe']);
    const files = replies.flatMap(({ data }) => (data['attachments'] ?? []) as { url: string }[]);
    expect(files.map(({ url }) => url)).toEqual(notice === undefined ? [PICTURE.url] : []);
    expect(events.filter(({ type }) => type === 'handoff.agent_changed')).toHaveLength(1);
    expect(replies.at(-1)?.data['agent']).not.toEqual(replies[0]?.data['agent']);
    expect(JSON.stringify(replies)).not.toContain(FILE.url);
    expect(JSON.stringify(talk.bot.told())).not.toMatch(/always like this|be kind/);
    expect(replies.at(-1)?.data['agent']).toMatchObject({ name: 'Zoe' });
    await talk.end('bot');
    await talk.ended();
  });

  it('the same conversation comes back in a new handoff, and late webhooks of the old one leave it alone', async () => {
    const { bot, talk: first, id, human } = await connected();
    await human.reply(id, 'first answer');
    await first.sees('message.agent');
    bot.sandbox.webhooks({ delayMs: 2_500 });
    const late = [human.reply(id, 'late answer'), human.close(id)];
    await first.end('user');
    await first.ended();
    const second = await bot.start({ conversationId: first.conversationId });
    expect(second.id).not.toBe(first.id);
    await second.sees('handoff.connecting');
    expect(await second.deskId()).not.toBe(id);
    await second.say('here again');
    expect(await Promise.all(late)).toEqual([200, 200]);
    bot.sandbox.webhooks({});
    await second.reply('welcome back');
    await second.sees('message.agent');
    expect(await second.toUser()).toEqual(['welcome back']);
    await until(async () => (await second.fromUser()).length > 0, { message: 'the message at the desk' });
    expect(await second.fromUser()).toEqual(['here again']);
    expect((await second.events()).map(({ type }) => type)).not.toContain('handoff.closed');
    // It was at the desk when the first one ended, so its user got it then.
    expect(await first.late()).toEqual([]);
    await second.end('user');
    await second.ended();
    expect(await first.toUser()).toEqual(['first answer', 'late answer']);
    expect((await first.sees('message.agent')).data).toMatchObject({ text: 'late answer', recovered: true });
  });

  it('webhooks that come twice, early, late or in the wrong order change nothing', async () => {
    const bot = await open();
    const { human } = bot.sandbox;
    bot.sandbox.webhooks({ early: true, copies: 3 });
    const talk = await bot.start();
    await talk.sees('handoff.connecting');
    const id = await talk.deskId();
    for (const text of texts('three times', 3)) {
      await talk.say(`${text}, says the user`);
      await human.reply(id, text);
    }
    bot.sandbox.webhooks({ reverse: 3 });
    await Promise.all(texts('backwards', 3).map((text) => human.reply(id, text)));
    bot.sandbox.webhooks({ delayMs: 400, copies: 2 });
    await human.reply(id, 'slowly');
    bot.sandbox.webhooks({ wrongSecret: true });
    // Not waited for: a desk repeats what is refused. Its first try goes out before the next webhook.
    if (desk.unsigned === undefined) void human.reply(id, 'forged');
    bot.sandbox.webhooks({ copies: 2 });
    await human.close(id);
    await talk.ended();
    const shown = await talk.toUser();
    expect(shown.slice(0, 3)).toEqual(texts('three times', 3));
    expect(shown.slice(3, 6).toSorted()).toEqual(texts('backwards', 3));
    // What nobody may say to us, the desk has all the same: it is found there when it ends.
    expect(shown.slice(6)).toEqual(['slowly', ...(desk.unsigned === undefined ? ['forged'] : [])]);
    expect(bot.toldOf('user')).toEqual(texts('three times', 3).map((text) => `${text}, says the user`));
    expect(await talk.fromUser()).toEqual(bot.toldOf('user'));
    const closes = (await talk.events()).filter(({ type }) => type === 'handoff.closed');
    expect(closes.map(({ data }) => data['reason'])).toEqual(['agent_closed']);
    expect(await talk.late()).toEqual([]);
  });

  it('an agent who answers before the opening is answered is heard', async () => {
    const bot = await open();
    bot.sandbox.fault('open', { kind: 'slow', ms: 1_000, times: 1 });
    const talk = await bot.start();
    const conversation = await until(() => bot.sandbox.conversations()[0], { message: 'the conversation' });
    expect(await bot.sandbox.human.reply(conversation.id, 'I am quick')).toBe(200);
    await talk.sees('message.agent');
    expect(await talk.toUser()).toEqual(['I am quick']);
    await talk.end('user');
    await talk.ended();
    expect(bot.sandbox.conversations()).toHaveLength(1);
  });

  it('tokens that expire and rate limits in the middle lose nothing', async () => {
    const { bot, talk } = await connected();
    await talk.say('before');
    await until(async () => (await talk.fromUser()).length === 1, { message: 'the first message' });
    bot.sandbox.expireTokens();
    await talk.say('with an old token');
    // As an operator does when the status of the service tells him.
    if (desk.renewsTokens !== true) {
      await until(async () => (await bot.call('GET', `/v1/bots/${bot.id}/status`)).json.service === 'unavailable', {
        message: 'the status that tells the operator',
      });
      await bot.settings();
    }
    await until(async () => (await talk.fromUser()).length === 2, { message: 'the second message', timeoutMs: 60_000 });
    bot.sandbox.fault('send', { ...(desk.rateLimit?.fault ?? { kind: 'rate_limit', resetInMs: 600 }), times: 3 });
    const said = texts('in a hurry', 5);
    for (const text of said) await talk.say(text);
    await talk.reply('slowly, please');
    await until(async () => (await talk.fromUser()).length >= 7, { message: 'all messages', timeoutMs: 60_000 });
    expect(await talk.fromUser()).toEqual(['before', 'with an old token', ...said]);
    await talk.end('user');
    await talk.ended();
    expect(await talk.toUser()).toEqual(['slowly, please']);
    expect((await talk.events()).map(({ type }) => type)).not.toContain('message.failed');
    expect((await bot.call('GET', `/v1/bots/${bot.id}/status`)).json.service).toBe('available');
  });

  it('what others talk about at the desk leaves nothing behind', async () => {
    const { bot, talk, human } = await connected();
    const { user } = bot.sandbox;
    const foreign = await user.writes('I am a visitor of the website');
    for (const step of [human.reply(foreign, 'Hello, visitor'), human.transfer(foreign, 'Zoe'), human.close(foreign)]) {
      expect(await step).toBe(200);
    }
    const waiting = await cluster.store.inbox.unforwarded({ known: false, olderThanSeconds: 0, limit: 1_000 });
    expect(waiting.filter(({ deskConversationId }) => deskConversationId === foreign)).toEqual([]);
    await talk.reply('and this is for you');
    await talk.sees('message.agent');
    await talk.end('user');
    await talk.ended();
    expect(bot.toldOf('agent')).toEqual(['and this is for you']);
    expect(JSON.stringify(bot.told())).not.toContain('visitor');
  });

  it("refuses users of the desk's own messenger, or of any other", async () => {
    const bot = await open();
    const before = bot.sandbox.arrivals();
    const body = {
      botId: bot.id,
      conversationId: randomUUID(),
      channel: desk.refusedChannel,
      user: {},
      question: QUESTION,
    };
    const { status, json } = await bot.call('POST', '/v1/handoffs', body);
    expect([status, json]).toEqual([200, { outcome: 'refused', reason: 'channel_not_supported' }]);
    expect(await bot.speak('any', 'hello')).toEqual([409, 'not_native']);
    expect(bot.sandbox.arrivals()).toBe(before);
  });
});
