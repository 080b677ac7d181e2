import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { DeskContext, DeskEvent, OpenRequest, RawRequest } from '../../activities/desks/desk.ts';
import { takeTurn } from '../../activities/desks/mailbox.ts';
import { type ZohoConfig, zohoConfig } from '../../activities/desks/zoho-salesiq/config.ts';
import { zohoSalesiq } from '../../activities/desks/zoho-salesiq/index.ts';
import { createHttpClient } from '../../activities/http/client.ts';
import { createZohoSalesiqSandbox } from '../../api/sandbox/zoho-salesiq/index.ts';
import { createTestMemory } from '../support/desk-memory.ts';
import { until } from '../support/poll.ts';
import { failure } from './zoho-salesiq-fixture.ts';

/** How long the place where Baton would be lets SalesIQ wait. */
const TURN_MS = 700;

const sandbox = createZohoSalesiqSandbox({ retryScale: 0.001, patienceMs: 50, codes: 1_000 });
const http = createHttpClient({ allowedNetworks: ['127.0.0.0/8'] });
let memory = createTestMemory();
let settings: ZohoConfig;
let heard: DeskEvent[] = [];
let base = '';

const server = createServer((request, response) => void receive(request, response));

/** What the route for webhooks does, without a store. */
async function receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const { method = '', url = '', headers } = request;
  if (method === 'HEAD') return void response.writeHead(200).end();
  const raw: RawRequest = { method, url, headers, body: Buffer.concat(chunks) };
  const { webhook } = zohoSalesiq;
  if (webhook?.authenticate(raw, settings).ok !== true) return void response.writeHead(401).end('{}');
  heard.push(...webhook.parse(raw, settings));
  const turn = webhook.answer?.turn(raw, settings);
  if (turn === undefined) return void response.writeHead(200).end('{}');
  const said = await takeTurn(memory, turn, { waitMs: TURN_MS, signal: new AbortController().signal });
  const answer = webhook.answer?.render(raw, settings, said);
  response.writeHead(answer?.status ?? 500, answer?.headers).end(answer?.body);
}

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  base = await sandbox.listen();
  sandbox.connect({ webhookUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/in` });
});
beforeEach(async () => {
  memory = createTestMemory();
  heard = [];
  settings = zohoConfig.parse(sandbox.settings(base, 'native'));
  const answer = {
    query: { code: sandbox.grantCode('native'), location: 'eu' },
    redirectUri: '',
    mode: 'native',
  } as const;
  await zohoSalesiq.consent?.finish(context(), answer);
});
afterEach(() => sandbox.reset());
afterAll(async () => {
  await http.close();
  await sandbox.stop();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const context = (signal = AbortSignal.timeout(8_000)): DeskContext<ZohoConfig> => ({
  config: settings,
  http,
  log: pino({ level: 'silent' }),
  memory,
  publicUrl: 'https://baton.example.org',
  now: Date.now,
  signal,
});
const speak = (deskConversationId: string, text: string, ctx = context()) =>
  zohoSalesiq.send(ctx, {
    key: `co_1.${text}`,
    handoffId: 'co_1',
    from: 'bot',
    deskConversationId,
    timestamp: Date.now(),
    text,
    attachments: [],
    maybeSent: false,
  });
function opening(deskConversationId: string): OpenRequest {
  const handoffId = `ho_${randomUUID()}`;
  return {
    key: `${handoffId}.d1`,
    handoffId,
    botId: 'bot-1',
    conversationId: deskConversationId,
    deskConversationId,
    channel: 'zoho-salesiq',
    mode: 'native',
    timestamp: Date.now(),
    user: {},
    history: [],
    question: 'A human, please',
  };
}
const close = ({ handoffId, deskConversationId = '' }: OpenRequest) =>
  zohoSalesiq.close(context(), {
    key: `${handoffId}.d2`,
    mode: 'native',
    handoffId,
    deskConversationId,
    timestamp: Date.now(),
    reason: 'wait_timeout',
  });
const lines = (id: string): string[] =>
  (sandbox.conversation(id)?.messages ?? []).map(({ from, text }) => `${from}: ${text}`);
const shows = (id: string, line: string): Promise<unknown> =>
  until(() => lines(id).includes(line) || undefined, { message: `${line} in ${lines(id).join(' | ')}` });
const answered = (handler: string, n = 1) =>
  until(() => sandbox.zobot.calls.filter((call) => call.handler === handler)[n - 1], {
    message: `${handler} answered`,
  });
const kinds = () => heard.map(({ signal }) => signal.kind);

describe('the bot in the chat of SalesIQ', () => {
  it('hears the user, and answers in the answer to his message', async () => {
    const id = await sandbox.user.writes('Hello?');
    await speak(id, 'I am the bot.');
    await shows(id, 'bot: I am the bot.');
    expect(heard).toMatchObject([{ deskConversationId: id, signal: { kind: 'userMessage', text: 'Hello?' } }]);
    expect(sandbox.zobot.calls.map(({ handler, status }) => [handler, status])).toEqual([
      ['trigger', 200],
      ['message', 200],
    ]);
  });

  it('answers late by callback, once, and the next word waits for the user', async () => {
    const id = await sandbox.user.writes('A hard one');
    expect((await answered('message')).answer).toEqual({ action: 'pending' });
    await speak(id, 'It is 42.');
    await shows(id, 'bot: It is 42.');
    const next = speak(id, 'Or 43.');
    await sandbox.user.writes('And?', { conversationId: id });
    await next;
    await shows(id, 'bot: Or 43.');
    expect(lines(id)).toEqual(['user: A hard one', 'bot: It is 42.', 'user: And?', 'bot: Or 43.']);
  });

  it('whose late word is not wanted any more says it at the next message', async () => {
    const id = await sandbox.user.writes('A hard one');
    await answered('message');
    await memory.update<object>(`mailbox.${id}`, async (now) => ({ ...now, unanswered: 'a turn that is over' }));
    const said = speak(id, 'Here it is');
    await sandbox.user.writes('Hello?', { conversationId: id });
    await said;
    await shows(id, 'bot: Here it is');
  });

  it('whom nobody asks says that, and the word stays for the next turn', async () => {
    settings = { ...settings, lateAnswers: 'apology' };
    const id = await sandbox.user.writes('Hello?');
    await shows(id, `bot: ${settings.apology}`);
    expect(await failure(speak(id, 'I have it', context(AbortSignal.timeout(200))))).toMatchObject({
      kind: 'unavailable',
      operation: 'send',
    });
    await sandbox.user.writes('And?', { conversationId: id });
    await shows(id, 'bot: I have it');
    await speak(id, 'I have it');
  });
});

describe('the handoff in the chat of SalesIQ', () => {
  async function withHumans(): Promise<OpenRequest & { deskConversationId: string }> {
    const deskConversationId = await sandbox.user.writes('A human, please');
    const request = { ...opening(deskConversationId), deskConversationId };
    await zohoSalesiq.open(context(), request);
    await until(() => sandbox.conversation(deskConversationId)?.assignee === 'Support' || undefined, {
      message: 'the group has it',
    });
    return request;
  }

  it('goes to the group of the settings, and from then on Baton watches', async () => {
    const { deskConversationId: id } = await withHumans();
    expect((await answered('message')).answer).toEqual({ action: 'forward', department: settings.departmentId });
    await sandbox.human.reply(id, 'I am Mara.');
    await sandbox.user.writes('Hello Mara', { conversationId: id });
    await sandbox.human.close(id);
    await until(() => kinds().includes('close') || undefined, { message: 'the end' });
    expect(kinds()).toEqual(['userMessage', 'agentChanged', 'agentReply', 'userMessage', 'close']);
    expect(heard[3]).toMatchObject({ duringHandoff: true, signal: { text: 'Hello Mara', human: true } });
    expect(new Set(heard.map(({ deskConversationId }) => deskConversationId))).toEqual(new Set([id]));
  });

  it('goes by callback when the user has been waiting for long', async () => {
    const deskConversationId = await sandbox.user.writes('A human, please');
    await answered('message');
    await zohoSalesiq.open(context(), opening(deskConversationId));
    await until(() => sandbox.conversation(deskConversationId)?.assignee === 'Support' || undefined, {
      message: 'the group has it',
    });
  });

  it('is opened once, however often it is tried', async () => {
    const request = await withHumans();
    expect(await zohoSalesiq.open(context(), request)).toEqual({ deskConversationId: request.deskConversationId });
  });

  it('that SalesIQ cannot forward ends, the bot may speak, and nothing is forwarded again', async () => {
    sandbox.setOperatorsAvailable(false);
    const id = await sandbox.user.writes('A human, please');
    await zohoSalesiq.open(context(), opening(id));
    await until(() => kinds().includes('close') || undefined, { message: 'the end' });
    expect(heard.at(-1)).toMatchObject({ deskConversationId: id, signal: { kind: 'close', by: 'agent' } });
    await speak(id, 'Nobody is there. Can I help?');
    await shows(id, 'bot: Nobody is there. Can I help?');
    expect(sandbox.zobot.problems.filter((problem) => problem.includes('loop'))).toEqual([]);
  });

  it('that SalesIQ cannot forward is told to the user when the bot is silent', async () => {
    sandbox.setOperatorsAvailable(false);
    const id = await sandbox.user.writes('A human, please');
    await zohoSalesiq.open(context(), opening(id));
    await shows(id, `bot: ${settings.nobodyText}`);
  });

  it('that ended before anybody asked the bot is taken back', async () => {
    settings = { ...settings, lateAnswers: 'apology' };
    const id = await sandbox.user.writes('A human, please');
    await shows(id, `bot: ${settings.apology}`);
    const request = opening(id);
    expect(await failure(zohoSalesiq.open(context(AbortSignal.timeout(200)), request))).toMatchObject({
      kind: 'timeout',
      unclear: true,
    });
    await close(request);
    await sandbox.user.writes('Hello?', { conversationId: id });
    await answered('message', 2);
    expect(sandbox.conversation(id)?.assignee).toBe('Zobot');
  });

  it('leaves the chat with the humans when it ends on our side', async () => {
    const request = await withHumans();
    await close(request);
    expect(sandbox.conversation(request.deskConversationId)).toMatchObject({ closed: false, assignee: 'Support' });
  });

  it('that nobody takes is missed, and that ends it', async () => {
    const { deskConversationId: id } = await withHumans();
    await sandbox.misses(id);
    expect(heard.at(-1)).toMatchObject({ deskConversationId: id, signal: { kind: 'close', by: 'agent' } });
  });

  it('ends when the user leaves', async () => {
    const { deskConversationId: id } = await withHumans();
    await sandbox.visitorCloses(id);
    expect(heard.at(-1)).toMatchObject({ deskConversationId: id, signal: { kind: 'close', by: 'user' } });
  });
});

it('what is signed with another key never reaches the bot', async () => {
  sandbox.webhooks({ wrongSecret: true });
  await sandbox.user.writes('Forged');
  await until(() => sandbox.zobot.calls.find(({ status }) => status === 401), { message: 'a refused call' });
  expect(heard).toEqual([]);
});

it('the data webhook is made by the API, with the events of the mode', async () => {
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/other`;
  const made = await zohoSalesiq.subscribe?.(context(), { url, mode: 'native' });
  expect(made).toMatchObject({ done: true });
  const registered = () => sandbox.registered().filter((entry) => entry.url === url);
  expect(registered()).toMatchObject([{ secured: true, events: zohoSalesiq.webhook?.guide('native').topics }]);
  await zohoSalesiq.subscribe?.(context(), { url, mode: 'external' });
  expect(registered()).toMatchObject([{ events: zohoSalesiq.webhook?.guide('external').topics }]);
  await zohoSalesiq.unsubscribe?.(context(), { url });
  expect(registered()).toEqual([]);
});
