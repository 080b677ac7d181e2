import { randomBytes } from 'node:crypto';
import { connectTemporal } from '../../activities/platform/temporal.ts';
import { createWebhookSandbox, type WebhookSandbox } from '../../api/sandbox/webhook/index.ts';
import { ensureSearchAttributes } from '../../worker/local/search-attributes.ts';
import type { CloseReason, HandoffEvent } from '../../workflows/contracts.ts';
import { audit, auditSettled } from './audit.ts';
import { startBalancer } from './balancer.ts';
import { createBots, reasonOf, type Talk } from './bots.ts';
import { startCallbackReceiver, type CallbackReceiver } from './callback.ts';
import { desksIn } from './desk-facts.ts';
import { conversationEvents, openDesk, type DeskBot, type DeskTalk } from './desk-talks.ts';
import { until } from './poll.ts';
import { createTestDatabase } from './postgres.ts';
import { testTemporal } from './temporal.ts';

const OPERATOR_KEY = 'operator-key-of-the-tests';
/** Whatever takes the place of whatever. */
const PATIENCE_MS = 180_000;
const asking = { waitTimeoutSeconds: 6, onWaitTimeout: 'ask' };

/** In the desk's own messenger: one conversation that the bot has, and one that a human has. */
interface NativeTalks {
  bot: DeskBot;
  withBot: string;
  id: string;
  /** The handoff of `id`. */
  talk: DeskTalk;
}

/** By what they wait for. */
interface OpenHandoffs extends Record<
  'asked' | 'waiting' | 'active' | 'unknown' | 'silent' | 'queued' | 'opening',
  Talk
> {
  messenger: NativeTalks;
}

/** Bots, desks and backends that outlive the versions of Baton between them. */
export type Stage = Awaited<ReturnType<typeof createStage>>;

export async function createStage() {
  const closers: (() => Promise<unknown>)[] = [];
  const later = <T>(thing: T, close: (thing: T) => Promise<unknown>): T => {
    closers.unshift(() => close(thing));
    return thing;
  };
  // Empty: the earlier version makes its own tables.
  const database = later(await createTestDatabase({ empty: true }), (it) => it.drop());
  const { address, namespace } = await testTemporal();
  const temporal = later(connectTemporal({ address, namespace, env: {} }), (it) => it.close());
  await ensureSearchAttributes(temporal.connection, namespace);
  const balancer = later(await startBalancer(), (it) => it.stop());
  const link = () => ({ url: balancer.url, key: OPERATOR_KEY });
  const desk = async (): Promise<{ sandbox: WebhookSandbox; bot: ReturnType<typeof createBots> }> => {
    const sandbox = later(createWebhookSandbox(), (it) => it.stop());
    const deskUrl = await sandbox.listen();
    sandbox.connect({ batonUrl: balancer.url });
    return { sandbox, bot: createBots({ desk: sandbox, deskUrl, link }) };
  };
  const [good, down, shut] = [await desk(), await desk(), await desk()];
  const callback = later(await startCallbackReceiver(), (it) => it.stop());
  const native = desksIn('native').find(({ kind }) => kind === 'intercom')!;
  const [bot, slowBot, shutBot] = [good.bot, down.bot, shut.bot];

  return {
    balancer,
    temporal,
    callback,
    operatorKey: OPERATOR_KEY,
    env: {
      DATABASE_URL: database.url,
      TEMPORAL_ADDRESS: address,
      TEMPORAL_NAMESPACE: namespace,
      BATON_SECRET_KEYS: `k1:${randomBytes(32).toString('base64')}`,
      BATON_OPERATOR_KEY: OPERATOR_KEY,
      BATON_PUBLIC_URL: balancer.url,
      BATON_ALLOWED_NETWORKS: '127.0.0.0/8',
      BATON_DRAIN_SECONDS: '0',
    },

    /** Puts an API behind the balancer, and waits until calls arrive at one. */
    async front(api: { url: string }): Promise<void> {
      balancer.add(api.url);
      const arrives = async (): Promise<boolean> => (await fetch(`${balancer.url}/livez`)).ok;
      await until(arrives, { timeoutMs: PATIENCE_MS, message: 'calls that arrive' });
    },

    /** Handoffs in every state. What comes back sees each of them through, under whatever version runs then. */
    async open(): Promise<OpenHandoffs> {
      const settings = { callback: { url: callback.url } };
      callback.behave(500);
      down.sandbox.fault('chat', { kind: 'status', status: 503 });
      shut.sandbox.fault('establish', { kind: 'status', status: 503 });

      const asked = await (await bot({ ...settings, ...asking })).start();
      const patient = { ...settings, waitTimeoutSeconds: 600, inactivityTimeoutSeconds: 600, emailTimeoutSeconds: 600 };
      const usual = await bot(patient);
      const waiting = await usual.start();
      const active = await usual.start();
      const unknown = await usual.start({ channel: 'widget', user: { id: 'u-2' } });
      const silent = await (await bot({ ...settings, inactivityTimeoutSeconds: 10 })).start();
      const queued = await (await slowBot(patient)).start();
      const opening = await (await shutBot(patient)).start();
      const messenger = await openNative();

      await unknown.sees('handoff.email_required', PATIENCE_MS);
      await unknown.say('before the email');
      for (const talk of [waiting, active, silent, queued]) await talk.sees('handoff.connecting', PATIENCE_MS);
      await active.say('hello');
      await active.reply('hello, too');
      await active.sees('message.agent');
      await silent.reply('are you there?');
      for (const text of ['one', 'two', 'three']) await queued.say(text);
      await opening.say('before the desk');
      await waiting.say('is somebody there?');
      const before = down.sandbox.raw.chat;
      await until(() => down.sandbox.raw.chat > before + 1, { timeoutMs: PATIENCE_MS, message: 'tries that fail' });
      await asked.sees('handoff.wait_timeout', PATIENCE_MS);
      return { asked, waiting, active, unknown, silent, queued, opening, messenger };
    },

    /** Users and agents go on talking until they are told to stop. */
    talkOn(talks: Talk[]) {
      let stopped = false;
      let spoken = 0;
      const working = Promise.all(
        talks.map(async (talk) => {
          for (let n = 1; !stopped; n += 1) {
            await talk.say(`user ${n} of ${talk.id}`, { retryForMs: PATIENCE_MS });
            await talk.reply(`agent ${n} of ${talk.id}`, { retryForMs: PATIENCE_MS });
            spoken += 2;
            // At the pace of people, so that it is about what happens and not about how much.
            const arrived = (): boolean => good.sandbox.messages(talk.id).length >= n;
            await until(arrived, { timeoutMs: PATIENCE_MS, everyMs: 250, message: `message ${n} of ${talk.id}` });
          }
        }),
      );
      return {
        /** Waits until so much more was said. */
        async more(count: number): Promise<void> {
          const goal = spoken + count;
          const enough = (): boolean => spoken >= goal;
          const message = () => `${count} more messages; there are ${spoken} of ${goal}`;
          await Promise.race([until(enough, { timeoutMs: PATIENCE_MS, message }), working]);
        },
        async stop(): Promise<number> {
          stopped = true;
          await working;
          return spoken;
        },
      };
    },

    /** Everything that was left goes on to its end. Gives back what is wrong. */
    async seeThrough(open: OpenHandoffs, others: Talk[] = []): Promise<string[]> {
      const { asked, waiting, active, unknown, silent, queued, opening, messenger } = open;
      for (const { sandbox } of [down, shut]) sandbox.clearFaults();
      const { status } = await unknown.bot.call('POST', `/v1/handoffs/${unknown.id}/email`, {
        email: 'lea@example.org',
      });
      if (status !== 202) throw new Error(`email: ${status}`);
      for (const talk of [unknown, opening]) await talk.sees('handoff.connecting', PATIENCE_MS);
      await queued.say('four');
      for (const talk of [waiting, active, unknown, queued, opening, ...others]) {
        await talk.say('the last question', { retryForMs: PATIENCE_MS });
        await talk.reply('the last answer', { retryForMs: PATIENCE_MS });
        await talk.sees('message.agent', PATIENCE_MS);
      }
      await until(() => down.sandbox.messages(queued.id).length === 5, {
        timeoutMs: PATIENCE_MS,
        message: 'the queue',
      });
      for (const talk of [waiting, active, unknown, queued, opening, ...others]) await talk.end('user', PATIENCE_MS);
      const talks = [asked, waiting, active, unknown, silent, queued, opening, ...others];
      const journals = new Map<string, HandoffEvent[]>();
      for (const talk of talks) {
        await talk.sees('handoff.closed', PATIENCE_MS);
        journals.set(talk.id, await talk.events());
      }
      const reasons = [asked, silent, active].map(({ id }) => reasonOf(journals.get(id) ?? []));
      const expected: CloseReason[] = ['wait_timeout', 'inactivity_timeout', 'user_closed'];
      const problems = reasons.join() === expected.join() ? [] : [`ends: ${reasons.join(', ')}`];
      for (const talk of [queued, opening]) {
        problems.push(...(await audit(talk, (talk === queued ? down : shut).sandbox)).problems);
      }
      const rest = talks.filter((talk) => talk !== queued && talk !== opening);
      problems.push(...(await auditSettled(rest, good.sandbox, 10_000)).problems);
      for (const [id, events] of journals) problems.push(...(await callbackProblems(callback, id, events)));
      return [...problems, ...(await seeNativeThrough(messenger))];
    },

    async close(): Promise<void> {
      for (const close of closers) await close();
    },
  };

  async function openNative(): Promise<NativeTalks> {
    const served = { url: balancer.url, operatorKey: OPERATOR_KEY, temporal };
    const nativeBot = later(await openDesk(served, native, 'native', { inactivityTimeoutSeconds: 600 }), (it) =>
      it.stop(),
    );
    const withBot = await nativeBot.sandbox.user.writes('Hello bot');
    await nativeBot.hears('Hello bot');
    await nativeBot.speak(withBot, 'Hello user');
    const id = await nativeBot.sandbox.user.writes('A human, please');
    await nativeBot.hears('A human, please');
    const talk = await nativeBot.start({ conversationId: id });
    await talk.sees('handoff.connecting');
    await nativeBot.sandbox.human.reply(id, 'human 1');
    await talk.sees('message.agent');
    return { bot: nativeBot, id, talk, withBot };
  }
}

async function callbackProblems(callback: CallbackReceiver, id: string, events: HandoffEvent[]): Promise<string[]> {
  const all = (): boolean => callback.taken(id).length >= events.length;
  // It has failed for so long that the pause between two tries has grown.
  await until(all, { timeoutMs: 2 * PATIENCE_MS, message: `all callbacks of ${id}` });
  const inOrder = JSON.stringify(callback.taken(id)) === JSON.stringify(events);
  return inOrder ? [] : [`${id}: callbacks ${JSON.stringify(callback.taken(id))}, journal ${JSON.stringify(events)}`];
}

async function seeNativeThrough({ bot, id, talk, withBot }: NativeTalks): Promise<string[]> {
  const { user, human } = bot.sandbox;
  await user.writes('still there?', { conversationId: withBot });
  await bot.hears('still there?');
  await bot.speak(withBot, 'I am');
  await user.writes('user 1', { conversationId: id });
  await human.reply(id, 'human 2');
  await bot.hears('human 2');
  await talk.end('bot');
  await talk.ended(PATIENCE_MS);
  await until(async () => (await bot.speak(id, 'back again'))[0] === 202, { message: 'the bot has it back' });
  const botLines = (at: string): string[] =>
    (bot.sandbox.conversation(at)?.messages ?? []).filter(({ from }) => from === 'bot').map(({ text }) => text);
  const said = (): string => JSON.stringify([botLines(withBot), botLines(id)]);
  const wanted = JSON.stringify([['Hello user', 'I am'], ['back again']]);
  await until(() => said().length >= wanted.length, { timeoutMs: PATIENCE_MS, message: 'the words of the bot' });
  const problems = said() === wanted ? [] : [`the bot said ${said()}`];
  const heard = JSON.stringify([bot.toldOf('user').toSorted(), bot.toldOf('agent')]);
  const told = JSON.stringify([
    ['A human, please', 'Hello bot', 'still there?', 'user 1'],
    ['human 1', 'human 2'],
  ]);
  if (heard !== told) problems.push(`the bot heard ${heard}`);
  for (const at of [withBot, id]) {
    const seqs = conversationEvents(bot, at).map(({ seq }) => seq);
    if (seqs.some((seq, index) => seq !== index + 1)) problems.push(`conversation ${at}: seq ${seqs.join(' ')}`);
  }
  return problems;
}
