import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { OpenRequest } from '../../activities/desks/desk.ts';
import { createRegistry } from '../../activities/desks/registry.ts';
import { webhook } from '../../activities/desks/webhook/index.ts';
import { until } from '../support/poll.ts';
import { deliverTo, fakeDesk, type FakeEvent, hookPath, SECRET } from './fake-desk.ts';
import { startApi, type Api } from './harness.ts';

const base = fakeDesk();
const opened: OpenRequest[] = [];
/** A desk of one channel and without a native mode, whose users may all the same be in its own messenger. */
const narrow = fakeDesk({
  id: 'narrow',
  capabilities: { ...base.capabilities, modes: ['external'], reportsForeign: true },
  config: z.strictObject({
    secret: z.string().meta({ title: 'Secret', description: 'Signs.', secret: true }),
    account: z.string().exactOptional().meta({ title: 'Account', description: 'In the widget, or not.' }),
  }),
  ownChannels: ['widget-of-narrow'],
  externalChannels: ['widget-of-narrow'],
  messengerInExternal: ({ account }) => account === 'widget',
  async open(_ctx, request) {
    opened.push(request);
    return { deskConversationId: request.deskConversationId ?? `desk-${request.handoffId}` };
  },
  webhook: {
    ...base.webhook!,
    parse: (request, { secret }) => base.webhook!.parse(request, { secret }),
  },
});
const CHANNEL = 'widget-of-narrow';

let api: Api;
let inWidget: { botId: string; path: string };
let plain: { botId: string; path: string };
let conversation: string;

beforeAll(async () => {
  api = await startApi({ desks: createRegistry([webhook, narrow]) });
  await api.work();
  const botWith = async (account: string) => {
    const { botId } = await api.bot({
      defaultEmail: 'everybody@example.org',
      desk: { kind: 'narrow', secret: SECRET, account },
    });
    return { botId, path: await hookPath(api, botId) };
  };
  [inWidget, plain] = [await botWith('widget'), await botWith('open-api')];
});
beforeEach(() => {
  conversation = `talk-${randomUUID()}`;
  opened.length = 0;
});
afterAll(() => api.close());

const event = (id: string, kind: FakeEvent['kind'], more: Partial<FakeEvent> = {}): FakeEvent => ({
  id: `${conversation}-${id}`,
  conversation,
  kind: kind ?? 'agentReply',
  text: id,
  ...more,
});
const start = (bot: string, channel = CHANNEL) =>
  api.start(bot, { conversationId: conversation, channel }, { headers: { prefer: 'wait=20' } });
const speak = (bot: string) =>
  api.call('POST', `/v1/bots/${bot}/conversations/${conversation}/messages`, { body: { text: 'hello' } });

describe('a desk that serves one channel in external mode', () => {
  it('refuses every other channel, however it is set', async () => {
    for (const { botId } of [inWidget, plain]) {
      for (const channel of ['api', 'widget', 'whatsapp']) {
        expect((await start(botId, channel)).json).toEqual({ outcome: 'refused', reason: 'channel_not_supported' });
      }
    }
  });
});

describe("users of an external bot in the desk's own messenger", () => {
  it('have conversations with the bot, and a handoff of the desk, which Baton only watches', async () => {
    await deliverTo(api, inWidget.path, [event('for the bot', 'userMessage')]);
    const talk = await until(() => api.store.conversations.find(inWidget.botId, 'narrow', conversation), {
      message: 'the conversation is known',
    });
    expect((await speak(inWidget.botId)).status).toBe(202);
    const { json } = await start(inWidget.botId);
    expect(json.handoff).toMatchObject({
      mode: 'native',
      deskConversationId: conversation,
      status: 'connecting',
      user: { id: 'u-1' },
    });
    expect(opened).toMatchObject([{ mode: 'native', deskConversationId: conversation }]);
    expect((await speak(inWidget.botId)).json.error.code).toBe('human_has_it');
    await deliverTo(api, inWidget.path, [event('for the human', 'userMessage'), event('answer', 'agentReply')]);
    const events = async (address: string) =>
      (await api.call('GET', address)).json.events.filter((one: { type: string }) => one.type.includes('message'));
    await until(async () => (await events(`/v1/handoffs/${json.handoff.id}/events`)).length === 2, {
      message: 'both on the handoff',
    });
    const bots = await events(`/v1/bots/${inWidget.botId}/conversations/${talk.deskConversationId}/events`);
    // What the bot said just before may have crossed the handoff: then it has failed, which is no message of a user.
    const said = bots.filter(({ type }: { type: string }) => type === 'conversation.message');
    expect(said.map((one: { data: { text?: string } }) => one.data.text)).toEqual(['for the bot']);
  });

  it('keep their bot in external mode', async () => {
    const { json } = await api.call('GET', `/v1/bots/${inWidget.botId}`);
    expect([json.settings.mode, json.webhookGuide.topics]).toEqual(['external', ['external.replied']]);
  });
});

describe('users of the same desk set the other way', () => {
  it('are somewhere else: a plain external handoff, and what the desk calls a user is our echo', async () => {
    const { json } = await start(plain.botId);
    expect(json.handoff).toMatchObject({ mode: 'external', status: 'connecting' });
    expect(json.handoff.user.email).toBe('everybody@example.org');
    const { id, deskConversationId } = json.handoff;
    expect([deskConversationId, opened.map(({ mode }) => mode)]).toEqual([`desk-${id}`, ['external']]);
    conversation = deskConversationId;
    await deliverTo(api, plain.path, [event('echo', 'userMessage'), event('answer', 'agentReply')]);
    const messages = async () =>
      (await api.call('GET', `/v1/handoffs/${id}/events`)).json.events.filter((one: { type: string }) =>
        one.type.startsWith('message.'),
      );
    await until(async () => (await messages()).length > 0, { message: 'the reply' });
    expect((await messages()).map((one: { data: { text: string } }) => one.data.text)).toEqual(['answer']);
    expect((await speak(plain.botId)).json.error.code).toBe('not_native');
  });

  it('have no conversations with the bot there', async () => {
    await deliverTo(api, plain.path, [event('hello', 'userMessage')]);
    expect(await api.store.conversations.find(plain.botId, 'narrow', conversation)).toBeUndefined();
  });
});
