import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { audit, sequenceProblems } from '../support/audit.ts';
import type { Bot, Talk } from '../support/bots.ts';
import { startCallbackReceiver, type CallbackReceiver } from '../support/callback.ts';
import { startCluster, type Cluster } from '../support/cluster.ts';
import { until } from '../support/poll.ts';

/** More than one process calls for one bot at once, so that the places of that bot are all taken. */
const HANDOFFS = 14;
const MESSAGES = 3;

interface Backend {
  bot: Bot;
  receiver: CallbackReceiver;
  talks: Talk[];
}

let cluster: Cluster;
let hangs: Backend;
let fails: Backend;
let works: Backend;

beforeAll(async () => {
  cluster = await startCluster();
  const backend = async (): Promise<Backend> => {
    const receiver = await startCallbackReceiver();
    return { receiver, bot: await cluster.bot({ callback: { url: receiver.url } }), talks: [] };
  };
  [hangs, fails, works] = [await backend(), await backend(), await backend()];
});
afterAll(async () => {
  await cluster?.stop();
  for (const backend of [hangs, fails, works]) await backend?.receiver.stop();
});

async function wholeHandoff({ bot, talks }: Backend): Promise<Talk> {
  const talk = await bot.start();
  talks.push(talk);
  await talk.sees('handoff.connecting');
  for (let n = 1; n <= MESSAGES; n += 1) {
    await talk.say(`question ${n}`);
    await talk.reply(`answer ${n}`);
  }
  await until(() => cluster.desk.messages(talk.id).length === MESSAGES, { message: `the desk has all of ${talk.id}` });
  await talk.end('user');
  await talk.sees('handoff.closed');
  return talk;
}

const metric = async (name: string): Promise<number> => {
  const text = await (await fetch(`${cluster.url}/metrics`)).text();
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
};

const failingSince = async ({ bot }: Backend): Promise<unknown> => {
  const { json } = await bot.call('GET', `/v1/bots/${bot.id}/status`);
  return json.callback.failingSince;
};

describe("a bot's backend that is down for the whole of its handoffs", () => {
  it('holds back neither its own handoffs nor those of another bot', async () => {
    hangs.receiver.behave('hang');
    fails.receiver.behave(503);
    const startedAt = Date.now();
    await Promise.all([
      ...Array.from({ length: HANDOFFS }, () => wholeHandoff(hangs)),
      ...Array.from({ length: 3 }, () => wholeHandoff(fails)),
    ]);
    const downMs = Date.now() - startedAt;
    // Others come while those hang.
    const lags: number[] = [];
    for (let n = 0; n < 4; n += 1) {
      const talk = await wholeHandoff(works);
      const count = (await talk.events()).length;
      await until(() => works.receiver.taken(talk.id).length === count, { message: `callbacks of ${talk.id}` });
      lags.push(Date.now() - Date.parse((await talk.events()).at(-1)!.at));
    }
    console.log(
      `callbacks down: ${HANDOFFS + 3} whole handoffs in ${downMs} ms; the other bot had its last event after`,
      lags,
    );
    // A call that hangs takes ten seconds.
    expect(Math.max(...lags)).toBeLessThan(8_000);
    expect(hangs.receiver.calls.length).toBeGreaterThan(0);
    for (const talk of [...hangs.talks, ...fails.talks]) {
      expect((await audit(talk, cluster.desk)).problems).toEqual([]);
      expect((await talk.events()).at(-1)?.type).toBe('handoff.closed');
    }
  });

  it('shows in its status and in the metrics, and nowhere else', async () => {
    expect(await failingSince(hangs)).toEqual(expect.any(String));
    expect(await failingSince(fails)).toEqual(expect.any(String));
    expect(await failingSince(works)).toBeNull();
    expect(await metric('baton_callbacks_failing')).toBe(2);
  });

  it('gets everything afterwards, in order, with the webhook-id of every try', async () => {
    for (const { receiver } of [hangs, fails]) receiver.behave('well');
    for (const { receiver, talks } of [hangs, fails]) {
      for (const talk of talks) {
        const events = await talk.events();
        await until(() => receiver.taken(talk.id).length === events.length, {
          timeoutMs: 60_000,
          message: () => `callbacks of ${talk.id}: ${receiver.taken(talk.id).length} of ${events.length}`,
        });
        expect(sequenceProblems(receiver.taken(talk.id))).toEqual([]);
        expect(receiver.taken(talk.id)).toEqual(events);
      }
      for (const { event, headers, body } of receiver.calls) {
        expect(headers['webhook-id']).toBe(`${event.handoffId}.${event.seq}`);
        const tries = receiver.calls.filter((call) => call.headers['webhook-id'] === headers['webhook-id']);
        expect(new Set(tries.map((call) => call.body))).toEqual(new Set([body]));
      }
      const repeats = receiver.calls.filter(({ taken }) => taken).length - talks.length * (2 * MESSAGES + 3);
      console.log(`callbacks: ${receiver.calls.length} calls for ${talks.length} handoffs, ${repeats} taken twice`);
    }
    await until(async () => (await failingSince(hangs)) === null && (await failingSince(fails)) === null, {
      message: 'the health of the callbacks',
    });
    expect(await metric('baton_callbacks_failing')).toBe(0);
  });
});
