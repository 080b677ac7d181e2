import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { audit, auditAll } from '../support/audit.ts';
import { type Bot, reasonOf, type Talk } from '../support/bots.ts';
import { startCluster, type Cluster } from '../support/cluster.ts';
import { until } from '../support/poll.ts';
import { seededRandom, testSeed } from '../support/seed.ts';

let cluster: Cluster;
let bot: Bot;

beforeAll(async () => {
  cluster = await startCluster();
  bot = await cluster.bot();
});
afterAll(() => cluster?.stop());

const closed = (talk: Talk, timeoutMs = 20_000) => talk.sees('handoff.closed', timeoutMs);
const range = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

describe('a reply that comes early or often', () => {
  it('arrives before establish is answered: shown once, and the handoff is active', async () => {
    const early = await cluster.bot();
    cluster.desk.setScript({ name: 'reply_before_establish', text: 'I am here already' }, early.id);
    const talk = await early.start();
    await talk.sees('message.agent');
    await talk.say('hello');
    await until(() => cluster.desk.messages(talk.id).length === 1, { message: 'the message at the desk' });
    await talk.end('user');
    await closed(talk);
    const events = await talk.events();
    expect(events.map((event) => event.type)).toEqual([
      'handoff.active',
      'message.agent',
      'message.user',
      'handoff.closed',
    ]);
    expect(events[1]?.data['text']).toBe('I am here already');
    expect(cluster.desk.raw.establish).toBe(1);
  });

  it('arrives five times at the same moment: shown once, every call succeeds', async () => {
    const talk = await bot.start();
    await talk.sees('handoff.connecting');
    const answers = await cluster.desk.replyAtOnce(talk.id, 'only once', 5);
    expect(answers.map(({ code }) => code)).toEqual([200, 200, 200, 200, 200]);
    await talk.reply('and then this');
    await talk.sees('message.agent');
    await talk.end('user');
    await closed(talk);
    const shown = (await talk.events()).filter((event) => event.type === 'message.agent');
    expect(shown.map((event) => event.data['text'])).toEqual(['only once', 'and then this']);
    expect(await talk.late()).toEqual([]);
  });

  it('is not taken for late when the process died before it had noted that the run has it', async () => {
    const talk = await bot.start();
    await talk.sees('handoff.connecting');
    expect(await talk.reply('shown')).toBe('accepted');
    await talk.sees('message.agent');
    await talk.end('user');
    await closed(talk);
    await runEnded(talk);
    // As a crash leaves it: the signal is with the run, the inbox does not know.
    await cluster.forgetForwarded(talk.id);
    const { code } = await cluster.desk.reply(talk.id, 'shown', { messageId: 'a-1' });
    expect(code).toBe(200);
    expect(await talk.late()).toEqual([]);
    expect((await audit(talk, cluster.desk)).problems).toEqual([]);
  });
});

async function runEnded(talk: Talk): Promise<void> {
  const handle = cluster.temporal.client.workflow.getHandle(talk.id);
  await until(async () => (await handle.describe()).status.name !== 'RUNNING', {
    message: `the end of run ${talk.id}`,
  });
}

describe('agent reply, close, agent reply within 50 ms', () => {
  const orders = [
    ['r1', 'close', 'r2'],
    ['r2', 'close', 'r1'],
    ['r1', 'r2', 'close'],
    ['r2', 'r1', 'close'],
    ['close', 'r1', 'r2'],
    ['close', 'r2', 'r1'],
  ];
  it.each(orders)('%s, %s, %s: nothing is shown behind the end, nothing is lost', async (...order) => {
    const talks = await Promise.all(range(5).map(() => bot.start()));
    await Promise.all(talks.map((talk) => talk.sees('handoff.connecting')));
    const steps = order.map((step) => (step === 'close' ? ('close' as const) : { reply: step }));
    await Promise.all(
      talks.map(async (talk, index) => {
        // From all at the same moment to 50 ms.
        const answers = await cluster.desk.burst(talk.id, steps, { withinMs: index * 12 });
        await closed(talk);
        const events = await talk.events();
        expect(events.filter((event) => event.type === 'handoff.closed')).toHaveLength(1);
        expect(events.at(-1)?.data).toMatchObject({ reason: 'agent_closed' });
        const shown = events.filter((event) => event.type === 'message.agent').map((event) => event.data['text']);
        const late = await until(
          async () => {
            const texts = (await talk.late()).map((message) => message.text);
            return shown.length + texts.length >= 2 ? texts : undefined;
          },
          { message: `r1 and r2 of ${talk.id}, shown or late` },
        );
        expect([...shown, ...late]).toHaveLength(2);
        expect(new Set([...shown, ...late])).toEqual(new Set(['r1', 'r2']));
        answers.forEach(({ code }, step) => {
          if (order[step] === 'close') return expect(code).toBe(200);
          // Refused means late; accepted is shown, or came in the moment of the end and is late as well.
          if (code !== 200) expect([code, late]).toEqual([40356, expect.arrayContaining([order[step]])]);
        });
      }),
    );
  });
});

describe('a message at the moment of the time-out', () => {
  it('is delivered, refused or failed, and never lost', async () => {
    const random = seededRandom(testSeed('the moment of the time-out'));
    const each = 16;
    const waiting = await cluster.bot({ waitTimeoutSeconds: 5, onWaitTimeout: 'close' });
    const idle = await cluster.bot({ inactivityTimeoutSeconds: 5 });
    const waits = await Promise.all(range(each).map(() => waiting.start()));
    const idles = await Promise.all(range(each).map(() => idle.start()));
    await Promise.all(
      idles.map(async (talk) => {
        await until(() => cluster.desk.conversation(talk.id), { message: `${talk.id} at the desk` });
        expect(await talk.reply('hello')).toBe('accepted');
      }),
    );

    async function aroundDeadline(talk: Talk, from: 'handoff.connecting' | 'message.agent'): Promise<void> {
      const atMs = Date.parse((await talk.sees(from)).at) + 5_000 + Math.round(random() * 2_100 - 1_500);
      await new Promise((resolve) => setTimeout(resolve, atMs - Date.now()));
      await Promise.all([talk.say('at the last moment'), ...(random() < 0.5 ? [talk.reply('me too')] : [])]);
    }
    await Promise.all([
      ...waits.map((talk) => aroundDeadline(talk, 'handoff.connecting')),
      ...idles.map((talk) => aroundDeadline(talk, 'message.agent')),
    ]);
    // Those whose message beat the timer are still open; the user leaves.
    const all = [...waits, ...idles];
    await Promise.all(all.map((talk) => talk.end('user')));
    await Promise.all(all.map((talk) => closed(talk, 30_000)));
    await Promise.all(all.map(runEnded));

    const account = await auditAll(all, cluster.desk);
    const reasons = await Promise.all(all.map(async (talk) => reasonOf(await talk.events())));
    const timedOut = reasons.filter((reason) => reason?.endsWith('_timeout')).length;
    console.log('at the time-out:', { ...account.figures, timedOut, beatIt: all.length - timedOut });
    expect(account.problems).toEqual([]);
    // Both sides of the moment were met, or the test has shown nothing.
    expect(timedOut).toBeGreaterThan(0);
    expect(timedOut).toBeLessThan(all.length);
  });
});

describe('leaving and coming back', () => {
  it('a user who leaves while waiting: the desk is told once, a later reply is kept as late', async () => {
    const talk = await bot.start();
    await talk.sees('handoff.connecting');
    await talk.say('anybody?');
    await talk.end('user');
    await talk.end('user');
    await closed(talk);
    await until(() => cluster.desk.conversation(talk.id)?.closed === 'USER_CLOSED', { message: 'close at the desk' });
    expect(await talk.reply('sorry, I was away')).toBe('closed');
    expect((await talk.say('hello?')).outcome).toBe('closed');
    expect(await talk.late()).toMatchObject([{ from: 'agent', text: 'sorry, I was away' }]);
    expect((await audit(talk, cluster.desk)).problems).toEqual([]);
    expect((await talk.events()).map((event) => event.type)).toEqual([
      'handoff.connecting',
      'message.user',
      'handoff.closed',
    ]);
    const closes = cluster.desk.calls.filter(({ endpoint, body }) => {
      return endpoint === 'close' && (body as { conversation_id: string }).conversation_id === talk.id;
    });
    expect(closes).toHaveLength(1);
  });

  it('a user who leaves before the desk has answered: the desk is told all the same', async () => {
    cluster.desk.fault('establish', { kind: 'slow', ms: 1_500, times: 1 });
    const talk = await bot.start();
    await until(() => cluster.desk.conversation(talk.id), { message: 'establish at the desk' });
    await talk.end('user');
    await closed(talk);
    await until(() => cluster.desk.conversation(talk.id)?.closed === 'USER_CLOSED', { message: 'close at the desk' });
    expect((await talk.events()).map((event) => event.type)).toEqual(['handoff.closed']);
  });

  it('a second handoff of the same conversation is a conversation of its own at the desk', async () => {
    const first = await bot.start();
    await first.sees('handoff.connecting');
    await first.say('first');
    await first.end('user');
    await closed(first);
    const second = await bot.start({ conversationId: first.conversationId });
    expect(second.id).not.toBe(first.id);
    await second.sees('handoff.connecting');
    await second.say('second');
    await second.reply('to the second');
    expect(await first.reply('to the first')).toBe('closed');
    await second.end('user');
    await closed(second);
    await until(() => cluster.desk.messages(second.id).length === 1, { message: 'the message at the desk' });
    expect((await auditAll([first, second], cluster.desk)).problems).toEqual([]);
    expect(cluster.desk.messages(first.id).map(({ text }) => text)).toEqual(['first']);
  });

  it('many starts of one conversation at the same moment make one handoff', async () => {
    const conversationId = `conversation-at-once-${Date.now()}`;
    const talks = await Promise.all(range(10).map(() => bot.start({ conversationId }, 10_000)));
    expect(new Set(talks.map((talk) => talk.id)).size).toBe(1);
    await talks[0]!.sees('handoff.connecting');
    const conversations = cluster.desk.conversations.filter(({ id }) => id === talks[0]!.id);
    expect(conversations).toHaveLength(1);
    const { json } = await bot.call('GET', `/v1/handoffs?conversationId=${conversationId}`);
    expect(json.handoffs).toHaveLength(1);
    await talks[0]!.end('bot');
    await closed(talks[0]!);
  });
});
