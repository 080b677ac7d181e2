import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { TASK_QUEUE, WORKFLOW } from '../../workflows/ids.ts';
import { startCluster, type Cluster } from '../support/cluster.ts';
import { desksIn, type TestedDesk } from '../support/desk-facts.ts';
import { openDesk, type DeskBot, type DeskTalk } from '../support/desk-talks.ts';
import { until } from '../support/poll.ts';

vi.setConfig({ maxConcurrency: 10 });

/** Desks whose webhooks do not arrive: what they would have told is found by asking. */
let cluster: Cluster;
const opened: DeskBot[] = [];

beforeAll(async () => {
  cluster = await startCluster({ reconcileAfterMs: 1 });
});
afterAll(async () => {
  await cluster?.stop();
  await Promise.all(opened.map((bot) => bot.stop()));
});

const maintain = () =>
  cluster.temporal.client.workflow.execute(WORKFLOW.maintenance, { workflowId: randomUUID(), taskQueue: TASK_QUEUE });

async function openBot(desk: TestedDesk, settings = {}): Promise<DeskBot> {
  const bot = await openDesk(cluster, desk, desk.mode, settings);
  opened.push(bot);
  return bot;
}
/** Whether each message of an agent was found. A round of another test may find one while its webhook is on its way. */
const marks = async (talk: DeskTalk): Promise<unknown[]> =>
  (await talk.events()).flatMap(({ type, data }) => (type === 'message.agent' ? [data['recovered']] : []));
const repaired = async (kind: string, desk: string): Promise<number> => {
  const found = (await cluster.metrics.repairs.get()).values;
  return found.find(({ labels }) => labels['kind'] === kind && labels['desk'] === desk)?.value ?? 0;
};

describe.concurrent.each(desksIn('external'))('$kind, webhooks lost, the user elsewhere', (desk) => {
  it('what the agent said reaches the user before the end, each word once', async () => {
    const bot = await openBot(desk);
    const talk = await bot.start();
    await talk.sees('handoff.connecting');
    await talk.reply('told');
    await talk.sees('message.agent');
    bot.sandbox.webhooks({ drop: true });
    await talk.reply('lost');
    await talk.reply('lost');
    await talk.say('are you there?');
    await until(async () => (await talk.fromUser()).length === 1, { message: 'the message at the desk' });
    await talk.end('user');
    await talk.ended();
    expect(await talk.toUser()).toEqual(['told', 'lost', 'lost']);
    expect((await marks(talk)).slice(1)).toEqual([true, true]);
    expect(bot.toldOf('agent')).toEqual(['told', 'lost', 'lost']);
    expect(await talk.late()).toEqual([]);
    expect(await repaired('message', desk.kind)).toBeGreaterThanOrEqual(2);
  });

  it('an agent who has answered is there: the wait does not end', async () => {
    const bot = await openBot(desk, { waitTimeoutSeconds: 10, onWaitTimeout: 'close' });
    const talk = await bot.start();
    await talk.sees('handoff.connecting');
    bot.sandbox.webhooks({ drop: true });
    await talk.reply('I am here');
    await talk.sees('handoff.active', 60_000);
    await talk.say('at last');
    await until(async () => (await talk.fromUser()).length === 1, { message: 'the message at the desk' });
    bot.sandbox.webhooks({});
    await talk.reply('how can I help?');
    await until(async () => (await talk.toUser()).length === 2, { message: 'the next answer' });
    await talk.end('bot');
    await talk.ended();
    expect(await talk.toUser()).toEqual(['I am here', 'how can I help?']);
    expect((await marks(talk))[0]).toBe(true);
  });

  it('on the schedule: messages and, where the desk says it, the close', async () => {
    const bot = await openBot(desk);
    const talk = await bot.start();
    await talk.sees('handoff.connecting');
    bot.sandbox.webhooks({ drop: true });
    await talk.reply('hello');
    await bot.sandbox.human.close(await talk.deskId(), { text: 'bye' });
    // A round may fall before the last word, and the next one looks after twice the time.
    await until(
      async () => {
        await maintain();
        return (await talk.toUser()).length === 2;
      },
      { message: `${desk.kind}: both messages`, timeoutMs: 60_000, everyMs: 500 },
    );
    expect(await talk.toUser()).toEqual(['hello', 'bye']);
    if (desk.hidesItsEnd !== undefined) await talk.end('user');
    const end = (await talk.ended()).findLast(({ type }) => type === 'handoff.closed');
    expect(end?.data['reason']).toBe(desk.hidesItsEnd === undefined ? 'agent_closed' : 'user_closed');
  });
});

describe.concurrent.each(desksIn('native'))("$kind, webhooks lost, the user in the desk's messenger", (desk) => {
  it('the bot hears the user on the schedule, and the handoff has what both said before it ends', async () => {
    const bot = await openBot(desk);
    const id = await bot.sandbox.user.writes('Hello bot');
    await bot.hears('Hello bot');
    bot.sandbox.webhooks({ drop: true });
    await bot.sandbox.user.writes('do you hear me?', { conversationId: id });
    await until(
      async () => {
        await maintain();
        return bot.toldOf('user').includes('do you hear me?');
      },
      { message: `${desk.kind}: the user at the bot`, timeoutMs: 60_000, everyMs: 500 },
    );
    const talk = await bot.start({ conversationId: id });
    await talk.sees('handoff.connecting');
    await talk.reply('a human here');
    await bot.sandbox.user.writes('hello human', { conversationId: id });
    await until(
      async () => {
        await maintain();
        return bot.toldOf('user').includes('hello human');
      },
      { message: `${desk.kind}: the user in the handoff`, timeoutMs: 60_000, everyMs: 500 },
    );
    await talk.reply('goodbye');
    await talk.end('bot');
    await talk.ended();
    expect(await talk.toUser()).toEqual(['a human here', 'goodbye']);
    expect(bot.toldOf('user')).toEqual(['Hello bot', 'do you hear me?', 'hello human']);
  });
});
