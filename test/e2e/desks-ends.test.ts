import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { CloseReason } from '../../workflows/contracts.ts';
import { startCluster, type Cluster } from '../support/cluster.ts';
import { desksIn, type TestedDesk } from '../support/desk-facts.ts';
import { openDesk, type DeskBot, type DeskTalk } from '../support/desk-talks.ts';
import { until } from '../support/poll.ts';

vi.setConfig({ maxConcurrency: 12 });

let cluster: Cluster;
const opened: DeskBot[] = [];

beforeAll(async () => {
  cluster = await startCluster();
});
afterAll(async () => {
  await cluster?.stop();
  await Promise.all(opened.map((bot) => bot.stop()));
});

interface End {
  reason: CloseReason;
  how: string;
  settings?: Record<string, unknown>;
  /** An agent has answered before. */
  active?: boolean;
  work(talk: DeskTalk): Promise<unknown>;
}

const ENDS: End[] = [
  { reason: 'user_closed', how: 'the user leaves while he waits', work: (talk) => talk.end('user') },
  {
    reason: 'user_closed',
    how: 'the user leaves when both talk',
    active: true,
    work: (talk) => talk.end('user'),
  },
  { reason: 'bot_closed', how: 'the bot ends it', active: true, work: (talk) => talk.end('bot') },
  { reason: 'operator_closed', how: 'an operator ends it', active: true, work: (talk) => talk.end('operator') },
  {
    reason: 'operator_closed',
    how: 'an operator cancels the run',
    work: (talk) => cluster.temporal.client.workflow.getHandle(talk.id).cancel(),
  },
  {
    reason: 'wait_timeout',
    how: 'nobody answers',
    settings: { waitTimeoutSeconds: 5, onWaitTimeout: 'close' },
    work: async () => undefined,
  },
  {
    reason: 'wait_timeout',
    how: 'nobody answers, nor does the user',
    settings: { waitTimeoutSeconds: 5, onWaitTimeout: 'ask' },
    work: (talk) => talk.sees('handoff.wait_timeout'),
  },
  {
    reason: 'user_closed',
    how: 'the user will not wait any longer',
    settings: { waitTimeoutSeconds: 5, onWaitTimeout: 'ask' },
    async work(talk) {
      await talk.sees('handoff.wait_timeout');
      const { status } = await talk.bot.call('POST', `/v1/handoffs/${talk.id}/wait`, { choice: 'end' });
      expect(status).toBe(202);
    },
  },
  {
    reason: 'inactivity_timeout',
    how: 'the user does not answer any more',
    settings: { inactivityTimeoutSeconds: 5 },
    active: true,
    work: async () => undefined,
  },
];

/** For a handoff that is to end otherwise, however busy the machine is. */
const PATIENT = { waitTimeoutSeconds: 600, inactivityTimeoutSeconds: 600 };

const open = async (desk: TestedDesk, settings = {}): Promise<DeskBot> => {
  const bot = await openDesk(cluster, desk, 'external', settings);
  opened.push(bot);
  return bot;
};
const reasonOf = async (talk: DeskTalk): Promise<unknown> =>
  (await talk.ended()).findLast(({ type }) => type === 'handoff.closed')?.data['reason'];

describe.concurrent.each(desksIn('external'))('$kind, how a handoff ends', (desk) => {
  it.each(ENDS)('$how: the desk is told, and the conversation may come back', async (end) => {
    const bot = await open(desk, end.settings);
    const talk = await bot.start();
    await talk.sees('handoff.connecting');
    if (end.active === true) {
      await talk.reply('hello');
      await talk.sees('message.agent');
    }
    await end.work(talk);
    expect(await reasonOf(talk)).toBe(end.reason);
    await until(async () => (await talk.atDesk()).closed, { message: 'closed at the desk' });
    expect(await talk.say('too late')).toBe(409);
    await bot.call('PATCH', `/v1/bots/${bot.id}`, PATIENT);
    const next = await bot.start({ conversationId: talk.conversationId });
    await next.sees('handoff.connecting');
    expect((await next.atDesk()).closed).toBe(false);
    await next.reply('hello again');
    await next.sees('message.agent');
    await next.end('user');
    expect(await reasonOf(next)).toBe('user_closed');
  });

  it.each(['', 'Goodbye!'])('agent_closed with the words "%s": nothing is sent back', async (text) => {
    const bot = await open(desk);
    const talk = await bot.start();
    await talk.sees('handoff.connecting');
    await talk.say('hello?');
    await talk.reply('hello');
    await until(async () => (await talk.fromUser()).length === 1, { message: 'the message at the desk' });
    const ours = async () => (await talk.atDesk()).messages.filter(({ from }) => from !== 'agent' && from !== 'system');
    const before = await ours();
    await bot.sandbox.human.close(await talk.deskId(), { ...(text !== '' && { text }) });
    expect(await reasonOf(talk)).toBe('agent_closed');
    const events = await talk.events();
    const last = events.slice(events.findLastIndex(({ data }) => data['text'] === 'hello') + 1);
    expect(last.map(({ type }) => type)).toEqual([...(text === '' ? [] : ['message.agent']), 'handoff.closed']);
    if (text !== '') expect(last[0]?.data['text']).toBe(text);
    expect(await ours()).toEqual(before);
    expect((await talk.atDesk()).closed).toBe(true);
  });

  it('desk_unavailable: a desk that answers 503 is tried for the wait time, then the user is told', async () => {
    const bot = await open(desk, { waitTimeoutSeconds: 5 });
    bot.sandbox.fault('open', { kind: 'status', status: 503 });
    const talk = await bot.start();
    await talk.say('anybody?');
    // The run may live on: it looks whether one of the tries has left something at the desk.
    expect((await talk.sees('handoff.closed')).data['reason']).toBe('desk_unavailable');
    const types = (await talk.events()).map(({ type }) => type);
    expect(types).toEqual(['message.user', 'handoff.busy', 'message.failed', 'handoff.closed']);
    expect(bot.sandbox.conversations()).toEqual([]);
    bot.sandbox.clearFaults();
    await bot.call('PATCH', `/v1/bots/${bot.id}`, PATIENT);
    const next = await bot.start({ conversationId: talk.conversationId });
    await next.sees('handoff.connecting');
    await next.end('user');
    await next.ended();
    expect(bot.sandbox.conversations()).toHaveLength(1);
  });
});

const ASKING = desksIn('external').filter(({ noEmail }) => noEmail === undefined);

describe.concurrent.each(ASKING)('$kind, a user whose e-mail nobody knows', (desk) => {
  it('email_not_given: the desk hears nothing; with an e-mail it does', async () => {
    const bot = await open(desk, { emailTimeoutSeconds: 5 });
    const before = bot.sandbox.arrivals();
    const talk = await bot.start({ channel: 'widget' });
    await talk.sees('handoff.email_required');
    expect(await reasonOf(talk)).toBe('email_not_given');
    expect(bot.sandbox.arrivals()).toBe(before);
    const next = await bot.start({ channel: 'widget', conversationId: talk.conversationId });
    await bot.call('POST', `/v1/handoffs/${next.id}/email`, { email: 'lea@example.org' });
    await next.sees('handoff.connecting');
    expect(bot.sandbox.conversations()).toHaveLength(1);
    await next.end('user');
    await next.ended();
  });
});
