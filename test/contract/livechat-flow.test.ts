import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { DeskContext, DeskEvent } from '../../activities/desks/desk.ts';
import { type LivechatConfig, livechatConfig } from '../../activities/desks/livechat/config.ts';
import { livechat } from '../../activities/desks/livechat/index.ts';
import { createHttpClient } from '../../activities/http/client.ts';
import { createLivechatSandbox } from '../../api/sandbox/livechat/index.ts';
import { createTestMemory } from '../support/desk-memory.ts';
import { until } from '../support/poll.ts';
import { closeOf } from '../support/desk-requests.ts';
import { failure, message, opening, rawRequest } from './livechat-fixture.ts';

// The adapter against the simulator: what one does, the other must understand, webhooks included.

const PUBLIC_URL = 'https://handoff.example.com';
const sandbox = createLivechatSandbox({ redirectUris: [PUBLIC_URL], rotateCookies: true });
const http = createHttpClient({ allowedNetworks: ['127.0.0.0/8'] });
let base: string;
let hook: { url: string; stop(): Promise<void> };
let memory = createTestMemory();
let mode: 'external' | 'native' = 'external';
const events: DeskEvent[] = [];

const configOf = (more = {}): LivechatConfig => livechatConfig.parse({ ...sandbox.settings(base, mode), ...more });
const context = (more = {}): DeskContext<LivechatConfig> => ({
  config: configOf(more),
  http,
  log: pino({ level: 'silent' }),
  memory,
  publicUrl: PUBLIC_URL,
  now: () => Date.now(),
  signal: new AbortController().signal,
});

/** What the API does with a webhook: checks it, reads it. */
async function startHook() {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const raw = { ...rawRequest(''), body: Buffer.concat(chunks) };
      const ok = livechat.webhook?.authenticate(raw, configOf()).ok === true;
      if (ok) events.push(...(livechat.webhook?.parse(raw, configOf()) ?? []));
      response.writeHead(ok ? 200 : 401).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    stop: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Each once, as the inbox keeps them. */
const told = (id: string) => {
  const ours = events.filter((event) => event.deskConversationId === id);
  return [...new Map(ours.map((event) => [event.dedupeKey, event.signal])).values()];
};
const lines = (id: string) =>
  sandbox.conversation(id)?.messages.flatMap(({ from, text }) => (from === 'system' ? [] : [{ from, text }]));

beforeAll(async () => {
  base = await sandbox.listen();
  hook = await startHook();
});
afterEach(() => {
  sandbox.reset();
  sandbox.clearFaults();
  memory = createTestMemory();
  events.length = 0;
  mode = 'external';
});
afterAll(async () => {
  await sandbox.stop();
  await hook.stop();
  await http.close();
});

describe('external', () => {
  const open = async (conversationId?: string) => {
    sandbox.connect({ webhookUrl: hook.url });
    const request = opening(conversationId === undefined ? {} : { conversationId });
    return { request, ...(await livechat.open(context(), request)) };
  };
  const close = (handoffId: string, deskConversationId: string) =>
    livechat.close(context(), {
      key: `${handoffId}.d9`,
      mode,
      handoffId,
      deskConversationId,
      timestamp: 1,
      reason: 'user_closed',
    });

  it('talks in both directions, and what we said ourselves is no event', async () => {
    const { request, deskConversationId: id } = await open();
    await livechat.send(context(), message(request.handoffId, { deskConversationId: id }));
    expect(await sandbox.human.reply(id, 'Hi, this is Ana.')).toBe(200);
    await sandbox.human.note(id, 'he is angry');
    expect(lines(id)).toEqual([
      { from: 'user', text: expect.stringContaining('User: my order is late') },
      { from: 'user', text: request.question },
      { from: 'user', text: 'order 1234' },
      { from: 'agent', text: 'Hi, this is Ana.' },
      { from: 'note', text: 'he is angry' },
    ]);
    expect(told(id).filter(({ kind }) => kind === 'agentReply')).toMatchObject([{ text: 'Hi, this is Ana.' }]);
    expect(told(id).filter(({ kind }) => kind === 'close' || kind === 'userMessage')).toEqual([]);
  });

  it('comes back into the same chat with a thread of its own; the close of the old one is not its close', async () => {
    const first = await open();
    await sandbox.human.close(first.deskConversationId);
    expect(told(first.deskConversationId)).toMatchObject([{ kind: 'close', by: 'agent' }]);
    const second = await open(first.request.conversationId);
    expect(second.deskConversationId.split('.')[0]).toBe(first.deskConversationId.split('.')[0]);
    expect(second.deskConversationId).not.toBe(first.deskConversationId);
    await close(first.request.handoffId, first.deskConversationId);
    expect(sandbox.conversation(second.deskConversationId)?.closed).toBe(false);
    await close(second.request.handoffId, second.deskConversationId);
    expect(sandbox.conversation(second.deskConversationId)?.closed).toBe(true);
    expect(told(second.deskConversationId)).toEqual([]);
  });

  it('tells nothing of what is not for the user, and of other chats only under their own ids', async () => {
    const { deskConversationId: id } = await open();
    await sandbox.human.note(id, 'secret', { files: [{ url: 'https://files.example/secret', name: 'secret' }] });
    await sandbox.human.unknownPart(id);
    await sandbox.welcome(id);
    await sandbox.supervise(id);
    await sandbox.foreignChat('Hello, I am somebody else');
    expect(told(id)).toEqual([]);
    expect(events.map(({ signal }) => signal.kind)).not.toContain('userMessage');
    await sandbox.human.transfer(id, 'bob@sandbox.example');
    await sandbox.richMessage(id);
    await sandbox.routerCloses(id);
    const kinds = told(id).map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind === 'agentReply')).toHaveLength(1);
    expect(kinds.at(-1)).toBe('close');
    expect(told(id).at(-1)).toMatchObject({ by: 'agent' });
  });

  it('goes on after all tokens have ended, as the same customer', async () => {
    const { request, deskConversationId: id } = await open();
    for (const n of [2, 3, 4]) {
      sandbox.expireTokens();
      const key = `${request.handoffId}.d${n}`;
      await livechat.send(context(), message(request.handoffId, { deskConversationId: id, key }));
    }
    expect(lines(id)).toHaveLength(5);
  });

  it('does not become another customer when its cookies are forgotten', async () => {
    const { request, deskConversationId: id } = await open();
    sandbox.expireTokens();
    sandbox.forgetCookies();
    const error = await failure(livechat.send(context(), message(request.handoffId, { deskConversationId: id })));
    expect(error).toMatchObject({ kind: 'protocol' });
    expect(lines(id)).toHaveLength(2);
  });

  it.each(['drop_after', 'error_after', 'garbage'] as const)(
    '%s doubles neither the chat nor a message',
    async (kind) => {
      sandbox.connect({ webhookUrl: hook.url });
      const request = opening();
      sandbox.fault('open', { kind, times: 1 });
      await failure(livechat.open(context(), request));
      const { deskConversationId: id } = await livechat.open(context(), request);
      expect(sandbox.conversations()).toHaveLength(1);
      const sent = message(request.handoffId, { deskConversationId: id });
      sandbox.fault('send', { kind, times: 1 });
      await failure(livechat.send(context(), sent));
      await livechat.send(context(), { ...sent, maybeSent: true });
      expect(lines(id)?.map(({ text }) => text)).toEqual([expect.anything(), request.question, sent.text]);
    },
  );

  it('closes what an opening without an answer has left', async () => {
    const request = opening();
    sandbox.fault('open', { kind: 'drop_after', times: 1 });
    await failure(livechat.open(context(), request));
    await close(request.handoffId, request.handoffId);
    expect(sandbox.conversations()).toMatchObject([{ closed: true }]);
  });

  it('verifies, and says what to add to the redirect URI whitelist', async () => {
    expect((await livechat.verify(context(), 'external')).detail).toBeTruthy();
    const elsewhere = { ...context(), publicUrl: 'https://elsewhere.example.com', memory: createTestMemory() };
    const error = await failure(livechat.verify(elsewhere, 'external'));
    expect(error).toMatchObject({ field: 'clientId' });
    expect(error.message).toContain('https://elsewhere.example.com');
    expect(await failure(livechat.verify(context({ organizationId: 'other' }), 'external'))).toMatchObject({
      field: 'organizationId',
    });
    expect(await failure(livechat.verify(context({ groupId: 4711 }), 'external'))).toMatchObject({ field: 'groupId' });
  });
});

describe('native', () => {
  const subscribe = () => livechat.subscribe?.(context(), { url: hook.url, mode: 'native' });
  const closing = (handoffId: string, deskConversationId: string) =>
    closeOf({ handoffId, deskConversationId }, { mode });

  it('the whole way: user, bot, human, and back to the bot', async () => {
    mode = 'native';
    expect(await subscribe()).toMatchObject({ done: true });
    sandbox.connect({ webhookUrl: hook.url });
    const id = await sandbox.user.writes('Hello bot');
    expect(told(id)).toMatchObject([{ kind: 'userMessage', text: 'Hello bot' }]);
    await livechat.send(context(), message('co_1', { from: 'bot', deskConversationId: id, text: 'Hello user' }));
    const request = opening({ mode: 'native', channel: 'livechat', deskConversationId: id });
    expect(await livechat.open(context(), request)).toEqual({ deskConversationId: id });
    expect(sandbox.conversation(id)?.assignee).not.toBe(configOf().agentEmail);
    await sandbox.human.reply(id, 'Hi, this is Ana.');
    await sandbox.user.writes('Where is it?', { conversationId: id });
    await livechat.close(context(), closing(request.handoffId, id));
    await livechat.close(context(), closing(request.handoffId, id));
    expect(sandbox.conversation(id)).toMatchObject({ closed: false, assignee: configOf().agentEmail });
    const said = told(id).filter(({ kind }) => kind === 'userMessage' || kind === 'agentReply' || kind === 'close');
    expect(said).toMatchObject([
      { kind: 'userMessage', text: 'Hello bot' },
      { kind: 'agentReply', text: 'Hi, this is Ana.' },
      { kind: 'userMessage', text: 'Where is it?' },
    ]);
    expect(lines(id)?.map(({ from }) => from)).toEqual(['user', 'bot', 'note', 'note', 'agent', 'user']);
  });

  it('verifies the seat, the group and each scope', async () => {
    mode = 'native';
    expect((await livechat.verify(context(), 'native')).detail).toBeTruthy();
    const refused = async (more: Record<string, unknown>) =>
      (await failure(livechat.verify(context(more), 'native'))).field;
    expect(await refused({ agentEmail: 'nobody@example.com' })).toBe('agentEmail');
    expect(await refused({ groupId: 4711 })).toBe('groupId');
    expect(await refused({ token: 'wrong' })).toBe('token');
    sandbox.setScopes([]);
    expect((await failure(livechat.verify(context(), 'native'))).message).toContain('agents--all:ro');
  });

  it('subscribes once, however often, and unsubscribes', async () => {
    mode = 'native';
    const ours = () => sandbox.registered().filter(({ url }) => url === hook.url);
    await subscribe();
    const first = ours().map(({ id }) => id);
    await subscribe();
    expect(ours().map(({ id }) => id)).toEqual(first);
    expect(first).toHaveLength(livechat.webhook?.guide('native').topics.length ?? 0);
    await livechat.unsubscribe?.(context(), { url: hook.url });
    await until(() => ours().length === 0, { message: 'webhooks are still there' });
  });
});
