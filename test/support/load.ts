import { expect } from 'vitest';
import type { WebhookSandbox } from '../../api/sandbox/webhook/index.ts';
import { auditSettled, sequenceProblems } from './audit.ts';
import type { Bot, Talk } from './bots.ts';
import type { CallbackReceiver } from './callback.ts';
import type { Follower } from './follower.ts';
import { until } from './poll.ts';

const RETRY_MS = 60_000;
/** A try that died with its worker holds its batch for 45 s, and what comes after waits for that. */
const PATIENCE_MS = 150_000;

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export interface LoadOptions {
  bot: Bot;
  desk: WebhookSandbox;
  callback: CallbackReceiver;
  stream: Follower;
  random: () => number;
}

/** Handoffs of one bot in which both sides talk without a break, and that are held against each other at the end. */
export interface Load {
  talks: Talk[];
  /** One more handoff; resolves when its start was answered. */
  begin(): Promise<void>;
  /** Every user was heard once more. */
  goesOn(): Promise<void>;
  /** Both sides stop, half of them end at the desk and half by the user, and everybody has the same, once and in order. */
  finish(): Promise<Record<string, number>>;
}

export function createLoad({ bot, desk, callback, stream, random }: LoadOptions): Load {
  const talks: Talk[] = [];
  const stops: (() => Promise<void>)[] = [];

  /** Each side says one thing after the other, until each is taken. */
  function converse(talk: Talk): () => Promise<void> {
    let stopped = false;
    const side = async (speak: (n: number) => Promise<unknown>, first: Promise<unknown>): Promise<void> => {
      await first;
      for (let n = 1; !stopped; n += 1) {
        await speak(n);
        await sleep(50 + random() * 250);
      }
    };
    const known = until(() => desk.conversation(talk.id), {
      timeoutMs: PATIENCE_MS,
      message: `${talk.id} at the desk`,
    });
    const done = Promise.all([
      side((n) => talk.say(`user ${n}`, { retryForMs: RETRY_MS }), Promise.resolve()),
      side((n) => talk.reply(`agent ${n}`, { retryForMs: RETRY_MS }), known),
    ]);
    done.catch(() => undefined);
    return async () => {
      stopped = true;
      await done;
    };
  }

  async function end(): Promise<void> {
    await Promise.all(
      talks.map(async (talk, index) => {
        if (index % 2 === 0) await talk.end('user', RETRY_MS);
        else await desk.close(talk.id, { retryForMs: RETRY_MS });
        await talk.sees('handoff.closed', PATIENCE_MS);
      }),
    );
  }

  return {
    talks,
    async begin() {
      const talk = await bot.start({}, RETRY_MS);
      talks.push(talk);
      stops.push(converse(talk));
    },
    async goesOn() {
      const heard = talks.map(({ said }) => said.length);
      await until(() => talks.every(({ said }, index) => said.length > (heard[index] ?? 0)), {
        timeoutMs: RETRY_MS,
        message: 'somebody is not heard any more',
      });
    },
    async finish() {
      await Promise.all(stops.map((stop) => stop()));
      await end();
      const { problems, figures } = await auditSettled(talks, desk, RETRY_MS);
      expect(problems).toEqual([]);
      for (const talk of talks) await expectSameEverywhere(talk, stream, callback);
      expect(desk.conversations.filter(({ botId }) => botId === bot.id)).toHaveLength(talks.length);
      return { talks: talks.length, ...figures, ...repeats() };
    },
  };

  /** What was sent more than once, and changed nothing. */
  function repeats(): Record<string, number> {
    const taken = talks.reduce((sum, talk) => sum + callback.taken(talk.id).length, 0);
    const ids = new Set(talks.map(({ id }) => id));
    return {
      clientRetries: talks.flatMap(({ said }) => said).reduce((sum, { retries }) => sum + retries, 0),
      repeatedAtDesk: desk.calls.filter(({ duplicate }) => duplicate).length,
      repeatedCallbacks: callback.calls.filter(({ event }) => ids.has(event.handoffId)).length - taken,
      streamBreaks: stream.breaks(),
    };
  }
}

async function expectSameEverywhere(talk: Talk, stream: Follower, callback: CallbackReceiver): Promise<void> {
  const events = await talk.events();
  expect(sequenceProblems(events)).toEqual([]);
  expect(events.filter((event) => event.type === 'handoff.closed')).toHaveLength(1);
  expect(events.filter((event) => event.type === 'message.failed')).toEqual([]);
  const first = events.find((event) => ['handoff.active', 'message.agent'].includes(event.type));
  expect(first?.type ?? 'handoff.active', `${talk.id}: the session starts before its first message`).toBe(
    'handoff.active',
  );
  const ofTalk = () => stream.events.filter((event) => event.handoffId === talk.id);
  await until(() => ofTalk().length >= events.length, { timeoutMs: 30_000, message: `the stream of ${talk.id}` });
  expect(ofTalk()).toEqual(events);
  await until(() => callback.taken(talk.id).length >= events.length, {
    timeoutMs: RETRY_MS,
    message: () => `callbacks of ${talk.id}: ${callback.taken(talk.id).length} of ${events.length}`,
  });
  expect(callback.taken(talk.id).map(({ seq, type }) => `${seq} ${type}`)).toEqual(
    events.map(({ seq, type }) => `${seq} ${type}`),
  );
}
