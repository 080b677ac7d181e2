import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startCluster, type Cluster } from '../support/cluster.ts';
import { desksIn } from '../support/desk-facts.ts';
import { openDesk, type DeskBot, type DeskTalk } from '../support/desk-talks.ts';
import { until } from '../support/poll.ts';
import { spawnWorker, type WorkerProcess } from '../support/process.ts';

let cluster: Cluster;
let worker: WorkerProcess | undefined;
const bots: DeskBot[] = [];

/** Long enough for a try that died with its worker to be made again: the server learns of it after 15 s. */
const WAIT_SECONDS = 30;
const LONG = { timeoutMs: 90_000, everyMs: 100 };
const MOVED = /gone to another desk/;

beforeAll(async () => {
  cluster = await startCluster({ worker: false });
  worker = await spawnWorker(cluster.env);
});
afterAll(async () => {
  await worker?.kill();
  await cluster?.stop();
  await Promise.all(bots.map((bot) => bot.stop()));
});

/** A handoff at one of the desks whose bot has the Webhook desk besides. */
interface Stage {
  bot: DeskBot;
  talk: DeskTalk;
  /** Of the conversation at the first desk. */
  firstId: string;
}

/** Sobot serves only users who are at Sobot. */
const FIRST = desksIn('external').filter(({ channel }) => channel === 'api');

async function connected(desk: (typeof FIRST)[number]): Promise<Stage> {
  const secondDesk = { kind: 'webhook', url: cluster.deskUrl };
  const bot = await openDesk(cluster, desk, 'external', { secondDesk, waitTimeoutSeconds: WAIT_SECONDS });
  bots.push(bot);
  const { json } = await bot.call('POST', `/v1/bots/${bot.id}/keys`, {});
  cluster.desk.connect({ botId: bot.id, apiKey: String(json.key) });
  const talk = await bot.start();
  await talk.sees('handoff.connecting', LONG.timeoutMs);
  for (const text of ['one', 'two']) expect(await talk.say(text)).toBe(202);
  return { bot, talk, firstId: await talk.deskId() };
}

const atFirst = ({ bot, firstId }: Stage, from: 'user' | 'agent' = 'user'): string[] =>
  (bot.sandbox.conversation(firstId)?.messages ?? []).filter((line) => line.from === from).map(({ text }) => text);

const atSecond = ({ talk }: Stage): string[] => cluster.desk.messages(talk.id).map(({ text }) => text);

describe('a worker that is killed while a handoff goes to the second desk', () => {
  it('leaves one conversation there with every word once, and the first desk is told, whichever it is', async () => {
    expect(FIRST.length).toBeGreaterThan(3);
    const stages = await Promise.all(FIRST.map(connected));
    const eachStage = (work: (stage: Stage, name: string) => Promise<unknown>) =>
      Promise.all(stages.map((stage) => work(stage, `${stage.bot.kind} first`)));
    await eachStage((stage, name) =>
      until(() => atFirst(stage).includes('two'), { ...LONG, message: `${name}: both messages` }),
    );

    // The second desk acts on each opening and keeps its answer; the worker dies meanwhile.
    cluster.desk.fault('establish', { kind: 'slow', ms: 120_000, times: stages.length });
    await until(() => cluster.desk.raw.establish >= stages.length, { ...LONG, message: 'all at the second desk' });
    await worker?.kill();
    await eachStage(async ({ talk }) => expect(await talk.say('three')).toBe(202));
    worker = await spawnWorker(cluster.env);

    await eachStage(async (stage, name) => {
      const { talk, bot, firstId } = stage;
      await until(() => atSecond(stage).length >= 3, { ...LONG, message: `${name}: all words at the second desk` });
      expect(atSecond(stage), name).toEqual(['one', 'two', 'three']);
      const noted = (): string[] => atFirst(stage).filter((text) => MOVED.test(text));
      await until(() => noted().length > 0 && bot.sandbox.conversation(firstId)?.closed, {
        ...LONG,
        message: `${name}: told and closed`,
      });
      expect(noted(), name).toHaveLength(1);
      expect(atFirst(stage), name).not.toContain('three');

      expect((await cluster.desk.reply(talk.id, 'hello from the second')).status, name).toBe(200);
      await talk.sees('message.agent', LONG.timeoutMs);
      expect(await talk.toUser(), name).toEqual(['hello from the second']);
      await talk.end('user');
      const events = await talk.ended(LONG.timeoutMs);
      expect(
        events.map(({ type }) => type).filter((type) => !type.startsWith('message.')),
        name,
      ).toEqual([
        'handoff.connecting',
        'handoff.desk_changed',
        'handoff.connecting',
        'handoff.active',
        'handoff.closed',
      ]);
      const row = (await bot.call('GET', `/v1/handoffs/${talk.id}`)).json;
      const earlier = { desk: bot.kind, deskConversationId: firstId, why: 'wait_timeout' };
      expect(row, name).toMatchObject({ desk: 'webhook', deskConversationId: talk.id, earlierDesks: [earlier] });
    });
    const opened = cluster.desk.calls.filter(({ endpoint }) => endpoint === 'establish');
    expect(new Set(opened.map(({ headers }) => headers['idempotency-key'])).size).toBe(stages.length);
    expect(cluster.desk.conversations).toHaveLength(stages.length);
  });
});
