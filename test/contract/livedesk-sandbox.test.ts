import { createHmac } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createLivedeskSandbox, type LivedeskSandbox } from '../../api/sandbox/livedesk/index.ts';
import { until } from '../support/poll.ts';

interface Arrival {
  url: string;
  headers: IncomingHttpHeaders;
  raw: string;
  // oxlint-disable-next-line typescript/no-explicit-any -- events of many shapes, looked at by matchers
  body: any;
}
interface Answer {
  status: number;
  headers: Headers;
  // oxlint-disable-next-line typescript/no-explicit-any -- answers of many shapes, looked at by matchers
  body: any;
}

/** Stands where Baton is. */
let baton: Server;
let arrivals: Arrival[] = [];
let status = 200;
let sandbox: LivedeskSandbox;
let baseUrl = '';
let settings: Record<string, string>;

beforeAll(async () => {
  baton = createServer((request, response) => {
    let raw = '';
    request.setEncoding('utf8');
    request.on('data', (chunk: string) => (raw += chunk));
    request.on('end', () => {
      arrivals.push({ url: request.url ?? '', headers: request.headers, raw, body: JSON.parse(raw) });
      response.writeHead(status).end();
    });
  });
  await new Promise<void>((resolve) => baton.listen(0, '127.0.0.1', resolve));
});
afterAll(() => {
  baton.closeAllConnections();
  return new Promise((resolve) => baton.close(resolve));
});
beforeEach(async () => {
  [arrivals, status] = [[], 200];
  sandbox = createLivedeskSandbox();
  baseUrl = await sandbox.listen();
  setUp('external');
  sandbox.connect({ webhookUrl: `http://127.0.0.1:${(baton.address() as AddressInfo).port}/hook` });
});
afterEach(() => sandbox.stop());

/** As an operator does it at the desk. */
function setUp(mode: 'external' | 'native'): void {
  settings = sandbox.settings(baseUrl, mode) as Record<string, string>;
}
const basic = (key = settings['apiKey'], secret = settings['apiSecret']): string =>
  `Basic ${Buffer.from(`${key}:${secret}`).toString('base64')}`;

async function call(method: string, path: string, body?: unknown, authorization = basic()): Promise<Answer> {
  const isForm = body instanceof FormData;
  const response = await fetch(`${baseUrl}/api/v2/accounts${path}`, {
    method,
    headers: { authorization, ...(body !== undefined && !isForm && { 'content-type': 'application/json' }) },
    ...(body !== undefined && { body: isForm ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text === '' ? undefined : JSON.parse(text) };
}
const newContact = (fields: object = {}): Promise<Answer> =>
  call('POST', '/contacts', { inbox_id: settings['inboxId'], ...fields });
async function opened(): Promise<string> {
  const { body } = await newContact({ identifier: `user-${Math.random()}`, name: 'Dana' });
  const fields = { inbox_id: String(settings['inboxId']), contact_id: body.payload.contact.id };
  return String((await call('POST', '/conversations', fields)).body.id);
}
const say = (id: string, fields: object): Promise<Answer> => call('POST', `/conversations/${id}/messages`, fields);
const incoming = (id: string, content: string): Promise<Answer> => say(id, { content, message_type: 'incoming' });
const move = (id: string, to: string, more: object = {}): Promise<Answer> =>
  call('POST', `/conversations/${id}/toggle_status`, { status: to, ...more });
const told = (event: string): Arrival['body'][] =>
  arrivals.map(({ body }) => body).filter((one) => one.event === event);
const toldOnce = (event: string) =>
  until(() => told(event)[0], { message: () => `${event}, got ${arrivals.map(({ body }) => body.event).join()}` });
const lines = (id: string): string[] =>
  sandbox.conversation(id)?.messages.map(({ from, text }) => `${from}: ${text}`) ?? [];

describe('the API', () => {
  it('asks for the key pair on every call', async () => {
    for (const wrong of ['', basic('ak_other'), basic(undefined, 'sk_other'), 'Bearer x']) {
      const { status: code, body } = await call('GET', '/contacts?page=1', undefined, wrong);
      expect([code, body]).toEqual([401, { error: 'Invalid API key' }]);
    }
    expect((await call('GET', '/contacts?page=1')).status).toBe(200);
    const before = basic();
    sandbox.expireTokens();
    expect((await call('GET', '/contacts?page=1', undefined, before)).status).toBe(401);
    setUp('external');
    expect((await call('GET', '/contacts?page=1')).status).toBe(200);
    expect((await call('DELETE', '/contacts')).status).toBe(405);
    expect((await call('GET', '/nowhere')).status).toBe(404);
  });

  it('knows a contact once', async () => {
    const { body } = await newContact({ identifier: 'u1', email: 'Dana@Example.org', phone_number: '+14155550100' });
    expect(body.payload).toMatchObject({
      contact: { id: expect.any(Number), identifier: 'u1', email: 'dana@example.org', blocked: false },
      contact_inbox: { source_id: expect.any(String), inbox: { id: Number(settings['inboxId']) } },
    });
    const doubles = [{ identifier: 'u1' }, { email: 'dana@example.org' }, { phone_number: '+14155550100' }];
    const answers = await Promise.all(doubles.map((double) => newContact(double)));
    expect(answers.map((one) => [one.status, one.body])).toEqual([
      [422, { message: 'Identifier has already been taken', attributes: ['identifier'] }],
      [422, { message: 'Email has already been taken', attributes: ['email'] }],
      [422, { message: 'Phone number has already been taken', attributes: ['phone_number'] }],
    ]);
    expect((await call('POST', '/contacts', { name: 'x' })).status).toBe(422);
    expect((await newContact({ inbox_id: 1 })).status).toBe(404);
    expect((await newContact({ phone_number: '555' })).body.attributes).toEqual(['phone_number']);
  });

  it('finds contacts by parts of four fields, in pages, and is not sure of the type of a page', async () => {
    for (let n = 0; n < 17; n += 1) await newContact({ identifier: `u-${n}`, email: `u${n}@example.org` });
    const first = await call('GET', '/contacts?q=EXAMPLE.org');
    const second = await call('GET', '/contacts?q=example.org&page=2');
    expect([first.body.payload.length, second.body.payload.length, first.body.meta.count]).toEqual([15, 2, 17]);
    expect([first.body.meta.current_page, second.body.meta.current_page]).toEqual([1, '2']);
    const exact = await call('GET', '/contacts?q=u-1');
    expect(exact.body.payload.map((one: { identifier: string }) => one.identifier)).toContain('u-16');
    expect(exact.body.payload[0].contact_inboxes).toMatchObject([{ inbox: { id: Number(settings['inboxId']) } }]);
  });

  it('makes a conversation of a contact, by id or by source id', async () => {
    const { body } = await newContact({ name: 'Dana' });
    const { contact, contact_inbox: link } = body.payload;
    const made = await call('POST', '/conversations', { inbox_id: settings['inboxId'], contact_id: `${contact.id}` });
    expect(made.body).toMatchObject({
      status: 'open',
      messages: [],
      meta: { sender: { id: contact.id }, assignee: null },
    });
    const again = await call('POST', '/conversations', { inbox_id: settings['inboxId'], source_id: link.source_id });
    expect(again.body.id).not.toBe(made.body.id);
    expect((await call('POST', '/conversations', { inbox_id: settings['inboxId'] })).status).toBe(422);
    expect((await call('POST', '/conversations', { inbox_id: settings['inboxId'], contact_id: 1 })).status).toBe(404);
    const all = await call('GET', `/contacts/${contact.id}/conversations`);
    expect(all.body.payload.map((one: { id: number }) => one.id)).toEqual([again.body.id, made.body.id]);
    sandbox.switch({ aiAgent: true });
    expect(sandbox.conversation(await opened())?.assignee).toBe('Handoff Bot');
  });

  it('takes messages of both sides and notes', async () => {
    const id = await opened();
    const user = await say(id, { content: 'Hello', message_type: 'incoming', echo_id: 'e1' });
    expect(user.body).toMatchObject({
      message_type: 0,
      conversation_id: Number(id),
      status: 'sent',
      sorting_id: 1,
      echo_id: 'e1',
      sender: { name: 'Dana', type: 'contact' },
    });
    const bot = await say(id, { content: 'I am the bot', content_attributes: { in_reply_to: user.body.id } });
    expect(bot.body).toMatchObject({
      message_type: 1,
      private: false,
      content_attributes: { in_reply_to: user.body.id },
    });
    expect((await say(id, { content: 'context', private: true })).body.private).toBe(true);
    expect(lines(id)).toEqual(['user: Hello', 'bot: I am the bot', 'note: context']);
    const wrong = [{}, { content: 1 }, { content: 'x', message_type: 'activity' }, { content: 'x', private: 'yes' }];
    for (const fields of wrong) expect((await say(id, fields)).status).toBe(422);
    expect((await say('1', { content: 'x' })).status).toBe(404);
    sandbox.switch({ supportsIncoming: false });
    expect((await incoming(id, 'As whom?')).body.message_type).toBe(1);
    expect(lines(id).at(-1)).toBe('bot: As whom?');
  });

  it('takes files as a form', async () => {
    const id = await opened();
    const form = new FormData();
    form.set('content', 'See');
    form.set('message_type', 'incoming');
    form.append('attachments[]', new Blob(['x'], { type: 'image/png' }), 'a.png');
    const { body } = await call('POST', `/conversations/${id}/messages`, form);
    expect(body).toMatchObject({
      message_type: 0,
      attachments: [{ file_type: 'image', data_url: expect.any(String) }],
    });
    expect(sandbox.conversation(id)?.messages[0]?.files).toMatchObject([{ name: 'a.png', contentType: 'image/png' }]);
    for (let n = 0; n < 15; n += 1) form.append('attachments[]', new Blob(['x']), `${n}.txt`);
    expect((await call('POST', `/conversations/${id}/messages`, form)).status).toBe(422);
  });

  it('moves a conversation only as its matrix allows', async () => {
    const id = await opened();
    const until_ = Math.floor(Date.now() / 1000) + 60;
    expect((await move(id, 'resolved')).body).toEqual({
      meta: {},
      payload: { success: true, current_status: 'resolved', conversation_id: Number(id) },
    });
    expect(sandbox.conversation(id)?.closed).toBe(true);
    const refused = await Promise.all(['resolved', 'snoozed', 'closed', 'asleep'].map((to) => move(id, to)));
    expect(refused.map((one) => one.status)).toEqual([422, 422, 422, 422]);
    const states = [];
    for (const to of ['open', 'snoozed', 'pending', 'open']) {
      states.push((await move(id, to, { snoozed_until: until_ })).body.payload.current_status);
      const { body } = await call('GET', `/conversations/${id}`);
      expect([body.status, body.snoozed_until]).toEqual([to, to === 'snoozed' ? until_ : null]);
    }
    expect(states).toEqual(['open', 'snoozed', 'pending', 'open']);
  });

  it('reads messages from any point, unless it cannot be read', async () => {
    const id = await opened();
    const ids = [];
    for (let n = 0; n < 23; n += 1) ids.push((await incoming(id, `m${n}`)).body.id);
    const textsOf = async (query: string) =>
      (await call('GET', `/conversations/${id}/messages${query}`)).body.payload.map(
        ({ content }: { content: string }) => content,
      );
    const newest = await textsOf('');
    expect([newest.length, newest.at(-1)]).toEqual([20, 'm22']);
    expect(await textsOf(`?before=${ids[3]}`)).toEqual(['m0', 'm1', 'm2']);
    expect(await textsOf(`?after=${ids[20]}`)).toEqual(['m21', 'm22']);
    sandbox.switch({ reading: false });
    for (const path of ['', '/messages']) expect((await call('GET', `/conversations/${id}${path}`)).status).toBe(404);
  });

  it('puts its errors in the forms that it may have', async () => {
    const bodies = [];
    for (const errors of ['error', 'errors', 'message', 'fields', 'none'] as const) {
      sandbox.switch({ errors });
      bodies.push((await say('1', { content: 'x' })).body);
    }
    const message = 'Resource could not be found';
    expect(bodies).toEqual([
      { error: message },
      { errors: [message] },
      { message, attributes: [] },
      { description: message, errors: [] },
      undefined,
    ]);
  });
});

describe('webhooks of the API channel', () => {
  it('tell of a new conversation, with the token in their address', async () => {
    const id = await opened();
    expect(await toldOnce('conversation_created')).toMatchObject({
      account: { id: expect.any(Number) },
      channel: 'Channel::Api',
      contact_inbox: { inbox_id: Number(settings['inboxId']), hmac_verified: false, created_at: expect.any(String) },
      id: Number(id),
      messages: [],
      meta: { sender: { name: 'Dana', type: 'contact' }, assignee: null, team: null },
      status: 'open',
      conversation_category: 'chat',
      chat_mode: 'private_chat',
      created_at: expect.any(Number),
    });
    expect(arrivals[0]?.url).toBe(`/hook?token=${settings['webhookToken']}`);
    expect(arrivals[0]?.headers).not.toHaveProperty('x-chatwoot-signature');
    sandbox.webhooks({ wrongSecret: true });
    await sandbox.human.reply(id, 'Forged');
    expect(arrivals.at(-1)?.url).toMatch(/^\/hook\?token=/);
    expect(arrivals.at(-1)?.url).not.toBe(arrivals[0]?.url);
    sandbox.webhooks({});
    await sandbox.human.reply(id, 'Genuine');
    expect(arrivals.at(-1)?.url).toBe(arrivals[0]?.url);
  });

  it('are signed where LiveDesk signs', async () => {
    const id = await opened();
    sandbox.switch({ signs: true });
    setUp('external');
    await sandbox.human.reply(id, 'Signed');
    const { headers, raw } = arrivals.at(-1)!;
    const stamp = String(headers['x-chatwoot-timestamp']);
    const proof = createHmac('sha256', settings['webhookSecret']!).update(`${stamp}.${raw}`).digest('hex');
    expect(headers['x-chatwoot-signature']).toBe(`sha256=${proof}`);
  });

  it('tell what the agent does', async () => {
    const id = await opened();
    const file = { url: 'https://files.example.com/a.png', name: 'a.png', contentType: 'image/png' };
    expect(await sandbox.human.reply(id, 'Hello', { agent: 'Dana Reyes', files: [file] })).toBe(200);
    expect(told('message_created')[0]).toMatchObject({
      content: 'Hello',
      message_type: 'outgoing',
      content_type: 'text',
      private: false,
      created_at: expect.stringMatching(/Z$/),
      sender: { name: 'Dana Reyes', type: 'user' },
      inbox: { id: Number(settings['inboxId']) },
      conversation: { id: Number(id), status: 'open' },
      attachments: [{ file_type: 'image', data_url: file.url }],
    });
    await sandbox.human.note(id, 'internal');
    await sandbox.human.unknownPart(id);
    await sandbox.botReply(id, 'Another bot');
    await sandbox.greeting(id, 'Welcome');
    expect(told('message_created').slice(1)).toMatchObject([
      { private: true, sender: { type: 'user' } },
      { message_type: 'quantum_entangled' },
      { message_type: 'outgoing', sender: { type: 'agent_bot' } },
      { message_type: 'template', sender: null },
    ]);
    await sandbox.human.transfer(id, 'Dana Reyes');
    await sandbox.human.transfer(id, 'Billing');
    expect(told('conversation_updated')).toMatchObject([
      { meta: { assignee: { name: 'Dana Reyes' } }, changed_attributes: [{ assignee_id: { previous_value: null } }] },
      { meta: { team: { name: 'Billing' } }, changed_attributes: [{ team_id: { previous_value: null } }] },
    ]);
    await sandbox.human.close(id, { text: 'Bye' });
    expect(told('conversation_status_changed')).toMatchObject([
      { status: 'resolved', changed_attributes: [{ status: { previous_value: 'open', current_value: 'resolved' } }] },
    ]);
    const order = arrivals.map(({ body }) => `${body.event} ${body.content ?? ''}`);
    expect(order.indexOf('message_created Bye')).toBeLessThan(order.indexOf('conversation_status_changed '));
    await sandbox.archive(id);
    await sandbox.reopen(id);
    await sandbox.snooze(id);
    expect(told('conversation_status_changed').map((one) => one.status)).toEqual([
      'resolved',
      'closed',
      'open',
      'snoozed',
    ]);
  });

  it('echo what the API did', async () => {
    const id = await opened();
    await incoming(id, 'from the user');
    await say(id, { content: 'context', private: true });
    await say(id, { content: 'as the bot', echo_id: 'e1' });
    await move(id, 'resolved');
    await toldOnce('conversation_status_changed');
    const echoes = told('message_created').filter(({ message_type: type }) => type !== 'activity');
    expect(echoes.map((one) => [one.message_type, one.private, one.sender.type])).toEqual([
      ['incoming', false, 'contact'],
      ['outgoing', true, 'agent_bot'],
      ['outgoing', false, 'agent_bot'],
    ]);
    expect(echoes[2].echo_id).toBe('e1');
    await incoming(id, 'one more');
    expect(sandbox.conversation(id)?.closed).toBe(false);
    await until(() => told('message_created').some(({ content }) => content === 'one more'), { message: 'the last' });
  });

  it('can have the other names and shapes that nobody has published', async () => {
    const id = await opened();
    sandbox.switch({ webhookTypes: 'number', apiSender: 'user', echoIds: 'answer', activities: false, survey: true });
    expect((await say(id, { content: 'x', echo_id: 'e' })).body.echo_id).toBe('e');
    const echo = await until(() => told('message_created')[0], { message: 'the echo' });
    expect([echo.message_type, echo.sender.type, echo.echo_id]).toEqual([1, 'user', undefined]);
    sandbox.switch({ statusEvents: 'bot' });
    await sandbox.human.close(id);
    expect(told('conversation_resolved')[0]).not.toHaveProperty('changed_attributes');
    expect(told('message_created').at(-1)).toMatchObject({ content_type: 'input_csat', message_type: 3 });
    sandbox.switch({ statusEvents: 'both', reopens: false });
    await incoming(id, 'still closed');
    expect(sandbox.conversation(id)?.closed).toBe(true);
    await sandbox.reopen(id);
    const changes = arrivals.filter(({ body }) => body.changed_attributes).map(({ body }) => [body.event, body.status]);
    expect(changes).toEqual([
      ['conversation_status_changed', 'open'],
      ['conversation_updated', 'open'],
    ]);
    sandbox.switch({ routes: true });
    expect(sandbox.conversation(await opened())?.assignee).toBe('Alex');
  });

  it('go out once, and not from channels that are not connected', async () => {
    status = 500;
    const id = await opened();
    expect(await sandbox.human.reply(id, 'Hi')).toBe(500);
    expect(told('message_created')).toHaveLength(1);
    setUp('native');
    expect(await sandbox.human.reply(id, 'Hello')).toBe(0);
    expect(told('message_created')).toHaveLength(1);
  });
});

describe('the widget, where Baton is the AI Agent', () => {
  beforeEach(() => setUp('native'));

  it('tells the bot what a visitor writes, and the bot answers and hands over', async () => {
    const id = await sandbox.user.writes('Hello');
    expect(told('message_created')[0]).toMatchObject({
      content: 'Hello',
      message_type: 'incoming',
      sender: { type: 'contact', name: 'Visitor 1', email: expect.any(String) },
      conversation: { id: Number(id), status: 'pending', channel: 'Channel::WebWidget' },
    });
    expect(sandbox.conversation(id)?.assignee).toBe('Handoff Bot');
    await say(id, { content: 'I am the bot' });
    await say(id, { content: 'He wants a human', private: true });
    expect((await move(id, 'open', { sender_type: 'AgentBot' })).status).toBe(200);
    expect(sandbox.conversation(id)).toMatchObject({ closed: false, assignee: 'Human agents' });
    expect(await sandbox.user.writes('Anyone?', { conversationId: id })).toBe(id);
    expect(told('message_created').at(-1)).toMatchObject({ content: 'Anyone?', conversation: { status: 'open' } });
    await sandbox.human.transfer(id, 'Dana Reyes');
    await sandbox.human.transfer(id, 'Handoff Bot');
    expect(sandbox.conversation(id)?.assignee).toBe('Handoff Bot');
    expect(lines(id).filter((line) => !line.startsWith('system'))).toEqual([
      'user: Hello',
      'bot: I am the bot',
      'note: He wants a human',
      'user: Anyone?',
    ]);
  });

  it('goes back to the bot when the visitor writes after the end', async () => {
    const id = await sandbox.user.writes('Hello');
    await sandbox.human.transfer(id, 'Alex');
    await sandbox.human.close(id);
    await sandbox.user.writes('Still here', { conversationId: id });
    expect(told('message_created').at(-1)).toMatchObject({
      content: 'Still here',
      conversation: { status: 'pending' },
    });
  });

  it('can keep from the bot what is said among humans', async () => {
    sandbox.switch({ botHears: 'pending', activities: false });
    const id = await sandbox.user.writes('Hello');
    await sandbox.human.transfer(id, 'Alex');
    await sandbox.user.writes('Hello human', { conversationId: id });
    await sandbox.human.reply(id, 'Hello visitor');
    expect(told('message_created').map(({ content }) => content)).toEqual(['Hello']);
    expect(told('conversation_status_changed')).toHaveLength(1);
  });
});

describe('the script, faults and control', () => {
  it('a scripted human answers in both kinds of conversation', async () => {
    sandbox.setScript('agent');
    const id = await opened();
    await incoming(id, 'Help');
    await until(() => lines(id).some((line) => line.includes('You asked: “Help”')), {
      message: () => lines(id).join(),
    });
    setUp('native');
    const visitor = await sandbox.user.writes('A human, please');
    await move(visitor, 'open');
    await until(() => lines(visitor).some((line) => line.startsWith('agent: Hello')), { message: 'a greeting' });
    await sandbox.user.writes('thanks', { conversationId: visitor });
    await until(() => sandbox.conversation(visitor)?.closed, { message: 'closed on goodbye' });
  });

  it('faults meet the calls of one operation', async () => {
    const id = await opened();
    sandbox.fault('open', { kind: 'drop_after', times: 1 });
    sandbox.fault('send', { kind: 'status', status: 503, retryAfter: 2, times: 1 });
    sandbox.fault('send', { kind: 'rate_limit', resetInMs: 1_000, times: 1 });
    sandbox.fault('close', { kind: 'error_after', times: 1 });
    sandbox.fault('verify', { kind: 'garbage', times: 1 });
    await expect(incoming(id, 'the question')).rejects.toThrow('fetch failed');
    const failed = await incoming(id, 'a message');
    expect([failed.status, failed.headers.get('retry-after')]).toEqual([503, '2']);
    const limited = await incoming(id, 'a message');
    expect([limited.status, limited.headers.get('retry-after')]).toEqual([429, null]);
    expect((await incoming(id, 'a message')).status).toBe(200);
    expect((await move(id, 'resolved')).status).toBe(500);
    await expect(call('GET', '/contacts?page=1')).rejects.toThrow('JSON');
    expect((await call('GET', '/contacts?q=x')).status).toBe(200);
    expect(lines(id).filter((line) => line.startsWith('user'))).toEqual(['user: the question', 'user: a message']);
    expect(sandbox.conversation(id)?.closed).toBe(true);
  });

  it('is programmed over HTTP, and begins anew on reset', async () => {
    const control = async (path: string, body?: unknown) => {
      const response = await fetch(`${baseUrl}/_control${path}`, {
        method: body === undefined ? 'GET' : 'POST',
        ...(body !== undefined && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
      });
      return response.status === 204 ? undefined : ((await response.json()) as Record<string, unknown>);
    };
    expect(await control('/settings?mode=native')).toEqual({ ...sandbox.settings(baseUrl, 'native') });
    const written = await control('/user/writes', { text: 'Hello' });
    expect(await control('/human/reply', { conversationId: written?.['conversationId'], text: 'Hi' })).toEqual({
      status: 200,
    });
    await control('/reset', {});
    expect([sandbox.conversations(), sandbox.contacts, sandbox.deliveries, sandbox.calls]).toEqual([[], [], [], []]);
  });
});
