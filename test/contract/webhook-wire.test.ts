import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pino } from 'pino';
import { Webhook } from 'standardwebhooks';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { CloseRequest, DeskContext, OpenRequest, OutboundMessage } from '../../activities/desks/desk.ts';
import { type WebhookConfig, webhookConfig } from '../../activities/desks/webhook/config.ts';
import { webhook } from '../../activities/desks/webhook/index.ts';
import { createHttpClient } from '../../activities/http/client.ts';
import { createWebhookSandbox } from '../../api/sandbox/webhook/index.ts';
import { CLOSE_REASONS, type CloseReason } from '../../workflows/contracts.ts';
import { createTestMemory } from '../support/desk-memory.ts';
import { closeOf, messageTo, openRequest } from '../support/desk-requests.ts';

// The numbers are those of the feature checklist in the reference of GPTBots' human handoff.

const sandbox = createWebhookSandbox();
const http = createHttpClient({ allowedNetworks: ['127.0.0.0/8'] });
let base: string;
let logged: Record<string, unknown>[] = [];

beforeAll(async () => {
  base = await sandbox.listen({ prefix: '/human/service' });
});
afterEach(() => {
  sandbox.setAuth({});
  sandbox.reset();
  logged = [];
});
afterAll(async () => {
  await http.close();
  await sandbox.stop();
});

const context = (more: Partial<WebhookConfig> = {}): DeskContext<WebhookConfig> => ({
  config: { url: base, ...more },
  http,
  log: pino({ level: 'debug' }, { write: (line: string) => void logged.push(JSON.parse(line)) }),
  memory: createTestMemory(),
  publicUrl: 'http://baton.test',
  now: () => Date.now(),
  signal: new AbortController().signal,
});

const opening = (more: Partial<OpenRequest> = {}): OpenRequest =>
  openRequest({
    conversationId: 'conversation-7',
    channel: 'widget',
    user: { id: 'cust-20871', anonymousId: 'anon-1', email: 'lea.martin@example.org', phone: '+33600000000' },
    email: 'lea.martin@example.org',
    history: [
      { role: 'user', text: 'How long do refunds take?', at: '2026-02-01T12:00:00Z' },
      { role: 'bot', text: 'Usually five working days.' },
    ],
    question: 'I want to speak to someone',
    ...more,
  });
const message = (handoffId: string, more: Partial<OutboundMessage> = {}): OutboundMessage =>
  messageTo({ handoffId, deskConversationId: handoffId }, 2, {
    timestamp: 1_760_947_261_990,
    text: 'My order number is 4471.',
    ...more,
  });
const closing = (id: string, reason: CloseReason): CloseRequest =>
  closeOf({ handoffId: id, deskConversationId: id }, { key: `${id}.d3`, timestamp: 9, reason });
const last = () => {
  const call = sandbox.calls.at(-1);
  if (call === undefined) throw new Error('nothing was called');
  return call;
};
const open = async (more: Partial<OpenRequest> = {}, config: Partial<WebhookConfig> = {}) => {
  const request = opening(more);
  const { deskConversationId } = await webhook.open(context(config), request);
  return { request, deskConversationId, call: last() };
};

describe('settings', () => {
  it('[46] the address is mandatory, user name and password are optional', () => {
    expect(webhookConfig.safeParse({}).success).toBe(false);
    expect(webhookConfig.safeParse({ url: base }).success).toBe(true);
    expect(webhookConfig.safeParse({ url: base, username: 'a' }).success).toBe(true);
    expect(webhookConfig.safeParse({ url: base, password: 'b' }).success).toBe(true);
  });

  it('[48] the base address may have a path, with or without a slash at its end', async () => {
    expect((await open()).call.path).toBe('/human/service/conversation/establish');
    expect((await open({}, { url: `${base}/` })).call.path).toBe('/human/service/conversation/establish');
    const bare = createWebhookSandbox();
    const url = await bare.listen();
    await webhook.open(context({ url }), opening());
    await webhook.open(context({ url: `${url}/` }), opening());
    expect(bare.calls.map(({ path }) => path)).toEqual(['/conversation/establish', '/conversation/establish']);
    await bare.stop();
  });

  it('[49] Basic authentication is sent only when it is configured', async () => {
    expect((await open()).call.headers).not.toHaveProperty('authorization');
    const sent = async (config: Partial<WebhookConfig>): Promise<string> => {
      const { authorization } = (await open({}, config)).call.headers;
      return Buffer.from(String(authorization).replace('Basic ', ''), 'base64').toString('utf8');
    };
    expect(await sent({ username: 'zoë', password: 'p:w' })).toBe('zoë:p:w');
    expect(await sent({ username: 'only' })).toBe('only:');
    expect(await sent({ password: 'only' })).toBe(':only');
  });
});

describe('conversation/establish', () => {
  it('[47] [51] [52] [53] is the documented body, byte for byte', async () => {
    const { request, call } = await open();
    expect(call).toMatchObject({ method: 'POST', headers: { 'content-type': 'application/json' } });
    expect(call.rawBody).toBe(
      JSON.stringify({
        conversation_id: request.handoffId,
        timestamp: 1_760_947_200_123,
        email: 'lea.martin@example.org',
        bot_id: 'bot-7',
        body: [
          { message_type: 'QUESTION', text: 'How long do refunds take?' },
          { message_type: 'ANSWER', text: 'Usually five working days.' },
          { message_type: 'QUESTION', text: 'I want to speak to someone' },
          { message_type: 'ANSWER', text: '' },
        ],
        user_info: {
          phone: null,
          email: 'lea.martin@example.org',
          user_id: 'cust-20871',
          anonymous_id: 'anon-1',
        },
      }),
    );
  });

  it('[53] the phone number is there only for users of WhatsApp', async () => {
    const phone = async (channel: string, user: OpenRequest['user']): Promise<unknown> =>
      ((await open({ channel, user })).call.body as { user_info: { phone: unknown } }).user_info.phone;
    expect(await phone('whatsapp', { phone: '+336' })).toBe('+336');
    expect(await phone('whatsapp', {})).toBeNull();
    for (const channel of ['telegram', 'api', 'widget', 'line'])
      expect(await phone(channel, { phone: '+336' })).toBeNull();
  });

  it('[47] says nothing where nothing is known, with the types of the contract', async () => {
    const { email: _email, ...anonymous } = opening({ user: {}, history: [] });
    await webhook.open(context(), anonymous);
    expect(last().body).toMatchObject({
      email: '',
      body: [
        { message_type: 'QUESTION', text: 'I want to speak to someone' },
        { message_type: 'ANSWER', text: '' },
      ],
      user_info: { phone: null, email: '', user_id: '', anonymous_id: '' },
    });
  });

  it('[47] [53] the address that the user typed when asked is in both places', async () => {
    const { call } = await open({ email: 'typed@example.org', user: { id: 'u' } });
    expect(call.body).toMatchObject({
      email: 'typed@example.org',
      user_info: { email: 'typed@example.org', user_id: 'u' },
    });
  });

  it('[50] the conversation id is that of the handoff', async () => {
    const { request, deskConversationId, call } = await open();
    expect(deskConversationId).toBe(request.handoffId);
    expect(call.body).toMatchObject({ conversation_id: request.handoffId });
  });

  it('[54] status 200 without a bad code is success', async () => {
    const answers = [
      '',
      'OK',
      '<html>',
      '{"code":0}',
      '{"code":200,"message":"success"}',
      '{"code":"7"}',
      '[]',
      'null',
      '{',
    ];
    for (const body of answers) {
      const answering = { ...context(), http: { ...http, request: async () => answer(200, body) } };
      await expect(webhook.open(answering, opening()), body).resolves.toBeTruthy();
    }
    sandbox.fault('establish', { kind: 'garbage', times: 1 });
    await open();
  });

  it('[54] every other status and a bad code is a failure', async () => {
    for (const status of [201, 202, 204, 301, 302, 400, 401, 404, 409, 429, 500, 503]) {
      const answering = { ...context(), http: { ...http, request: async () => answer(status, '{"code":200}') } };
      await expect(webhook.open(answering, opening()), String(status)).rejects.toMatchObject({ status });
    }
    for (const code of [1, -1, 201, 400, 500, 40127]) {
      sandbox.fault('establish', { kind: 'code', code, times: 1 });
      await expect(webhook.open(context(), opening())).rejects.toMatchObject({ kind: 'unavailable', status: 200 });
    }
    expect(sandbox.conversations).toEqual([]);
  });
});

const answer = (status: number, body: string) => ({ status, headers: {}, body, elapsedMs: 1 });

describe('chat', () => {
  it('[55] is the documented body, byte for byte', async () => {
    const { deskConversationId } = await open();
    expect(await webhook.send(context(), message(deskConversationId))).toEqual({});
    expect(last().path).toBe('/human/service/chat');
    expect(last().rawBody).toBe(
      `{"conversation_id":"${deskConversationId}","timestamp":1760947261990,"body":"My order number is 4471."}`,
    );
  });

  it('[56] messages arrive in the order they are sent', async () => {
    const { deskConversationId: id } = await open();
    const texts = Array.from({ length: 20 }, (_, index) => `message ${index}`);
    for (const [n, text] of texts.entries()) {
      await webhook.send(context(), message(id, { key: `${id}.d${n + 2}`, timestamp: 1_760_947_261_990 + n, text }));
    }
    expect(sandbox.messages(id).map(({ text }) => text)).toEqual(texts);
  });

  it('each attachment is one more message with its link', async () => {
    const { deskConversationId: id } = await open();
    const attachments = [{ url: 'https://files.example/a.png', name: 'a.png' }, { url: 'https://files.example/b.pdf' }];
    await webhook.send(context(), message(id, { attachments }));
    expect(sandbox.messages(id).map(({ text, timestamp, key }) => [text, timestamp, key])).toEqual([
      ['My order number is 4471.', 1_760_947_261_990, `${id}.d2`],
      ['https://files.example/a.png', 1_760_947_261_991, `${id}.d2.1`],
      ['https://files.example/b.pdf', 1_760_947_261_992, `${id}.d2.2`],
    ]);
  });

  it('attachments without a text send no empty message', async () => {
    const { deskConversationId: id } = await open();
    const attachments = [{ url: 'https://files.example/a.png' }, { url: 'https://files.example/b.png' }];
    await webhook.send(context(), message(id, { text: '', attachments }));
    expect(sandbox.messages(id).map(({ text, key }) => [text, key])).toEqual([
      ['https://files.example/a.png', `${id}.d2`],
      ['https://files.example/b.png', `${id}.d2.1`],
    ]);
  });

  it('an attachment that is cut off is repeated, the text before it is not doubled', async () => {
    const { deskConversationId: id } = await open();
    const attachments = [{ url: 'https://files.example/a.png' }];
    sandbox.fault('chat', { kind: 'slow', ms: 0, times: 1 });
    sandbox.fault('chat', { kind: 'drop_before', times: 1 });
    await expect(webhook.send(context(), message(id, { attachments }))).rejects.toMatchObject({ kind: 'timeout' });
    await webhook.send(context(), message(id, { attachments, maybeSent: true }));
    expect(sandbox.messages(id).map(({ text }) => text)).toEqual([
      'My order number is 4471.',
      'https://files.example/a.png',
    ]);
  });

  it('what has arrived of a message is not sent again when a later part of it fails', async () => {
    const { deskConversationId: id } = await open();
    const attachments = [{ url: 'https://files.example/a.png' }];
    let done = 0;
    const parts = { done, mark: async (more: number) => void (done = more) };
    sandbox.fault('chat', { kind: 'slow', ms: 0, times: 1 });
    sandbox.fault('chat', { kind: 'status', status: 503, times: 1 });
    await expect(webhook.send(context(), message(id, { attachments, parts }))).rejects.toMatchObject({
      kind: 'unavailable',
    });
    const before = sandbox.calls.length;
    await webhook.send(context(), message(id, { attachments, parts: { ...parts, done } }));
    expect(sandbox.calls.length - before).toBe(1);
    expect(last().rawBody).toContain('https://files.example/a.png');
  });

  it('an attachment that the desk refuses is reported, and its text has arrived', async () => {
    const { deskConversationId: id } = await open();
    const attachments = [{ url: 'https://files.example/a.exe' }, { url: 'https://files.example/b.png' }];
    sandbox.fault('chat', { kind: 'slow', ms: 0, times: 1 });
    sandbox.fault('chat', { kind: 'status', status: 415, times: 1 });
    expect(await webhook.send(context(), message(id, { attachments }))).toEqual({ dropped: [attachments[0]] });
    expect(sandbox.messages(id).map(({ text }) => text)).toEqual([
      'My order number is 4471.',
      'https://files.example/b.png',
    ]);
  });
});

describe('conversation/close', () => {
  it.each([
    ['[57]', 'user_closed', 'USER_CLOSED'],
    ['[57]', 'bot_closed', 'USER_CLOSED'],
    ['[58]', 'wait_timeout', 'TIMEOUT'],
    ['[58]', 'inactivity_timeout', 'TIMEOUT'],
    ['[58]', 'operator_closed', 'TIMEOUT'],
  ] as const)('%s %s is %s', async (_line, reason, type) => {
    const { deskConversationId: id } = await open();
    await webhook.close(context(), closing(id, reason));
    expect(last().path).toBe('/human/service/conversation/close');
    expect(last().rawBody).toBe(`{"conversation_id":"${id}","timestamp":9,"type":"${type}"}`);
  });

  it('[59] no reason gives any other type', async () => {
    for (const reason of CLOSE_REASONS) {
      const { deskConversationId: id } = await open();
      await webhook.close(context(), closing(id, reason));
      expect(['USER_CLOSED', 'TIMEOUT']).toContain((last().body as { type: string }).type);
    }
  });
});

describe('answers', () => {
  it('[60] the code is parsed and logged, the message stays out of the log: it may quote a user', async () => {
    await open();
    expect(logged).toContainEqual(expect.objectContaining({ operation: 'open', status: 200, code: 200 }));
    expect(JSON.stringify(logged)).not.toContain('success');
    sandbox.fault('chat', { kind: 'code', code: 40_001, times: 1 });
    const { deskConversationId } = await open();
    await expect(webhook.send(context(), message(deskConversationId))).rejects.toThrow('code 40001');
    expect(logged).toContainEqual(expect.objectContaining({ operation: 'send', code: 40_001 }));
  });

  it('[60] an answer that is too long to be read is an unreadable one', async () => {
    const chatty = createServer((_request, response) => response.end('x'.repeat(3_000_000)));
    await new Promise<void>((resolve) => chatty.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(chatty.address() as AddressInfo).port}`;
    await expect(webhook.open(context({ url }), opening())).resolves.toBeTruthy();
    await new Promise((resolve) => chatty.close(resolve));
  });
});

describe('headers beside the contract', () => {
  it('every call has its idempotency key', async () => {
    const { deskConversationId: id } = await open();
    await webhook.send(context(), message(id));
    await webhook.close(context(), closing(id, 'user_closed'));
    expect(sandbox.calls.map(({ headers }) => headers['idempotency-key'])).toEqual([
      `${id}.d1`,
      `${id}.d2`,
      `${id}.d3`,
    ]);
    expect(sandbox.calls.every(({ headers }) => headers['webhook-signature'] === undefined)).toBe(true);
  });

  it('every call is signed when a secret is set, and the signature is that of the public library', async () => {
    const secret = `whsec_${randomBytes(32).toString('base64')}`;
    sandbox.setAuth({ secret });
    const { deskConversationId: id } = await open({}, { secret });
    await webhook.send(context({ secret }), message(id, { text: 'Zoë 你好' }));
    for (const call of sandbox.calls) {
      expect(call.headers['webhook-id']).toBe(call.headers['idempotency-key']);
      expect(new Webhook(secret).verify(call.rawBody, call.headers as Record<string, string>)).toEqual(call.body);
    }
    await webhook.verify(context({ secret }), 'external');
  });

  it('a wrong secret, and none, is refused by a desk that checks', async () => {
    sandbox.setAuth({ secret: `whsec_${randomBytes(32).toString('base64')}` });
    const wrong = { secret: `whsec_${randomBytes(32).toString('base64')}` };
    await expect(webhook.open(context(wrong), opening())).rejects.toMatchObject({ kind: 'auth' });
    await expect(webhook.open(context(), opening())).rejects.toMatchObject({ kind: 'auth' });
    await expect(webhook.verify(context(wrong), 'external')).rejects.toMatchObject({ kind: 'auth' });
  });
});

describe('verify', () => {
  it('takes every answer but refused credentials and server errors', async () => {
    for (const status of [200, 204, 301, 400, 404, 405, 429]) {
      const answering = { ...context(), http: { ...http, request: async () => answer(status, '') } };
      await expect(webhook.verify(answering, 'external'), String(status)).resolves.toMatchObject({
        detail: expect.stringContaining(String(status)),
      });
    }
    for (const [status, kind] of [
      [401, 'auth'],
      [403, 'auth'],
      [500, 'unavailable'],
      [502, 'unavailable'],
    ] as const) {
      const answering = { ...context(), http: { ...http, request: async () => answer(status, '') } };
      await expect(webhook.verify(answering, 'external'), String(status)).rejects.toMatchObject({ kind });
    }
  });

  it('reaches the desk with its headers and changes nothing', async () => {
    sandbox.setAuth({ username: 'baton', password: 'pw' });
    const { detail } = await webhook.verify(context({ username: 'baton', password: 'pw' }), 'external');
    expect(detail).toBe(`${new URL(base).host} answered with HTTP status 200`);
    expect(sandbox.calls).toEqual([]);
    await expect(webhook.verify(context(), 'external')).rejects.toMatchObject({ kind: 'auth' });
  });
});
