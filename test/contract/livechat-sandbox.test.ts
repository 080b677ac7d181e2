import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createLivechatSandbox, type LivechatSandbox } from '../../api/sandbox/livechat/index.ts';
import { until } from '../support/poll.ts';

interface Arrival {
  webhook_id: string;
  secret_key: string;
  action: string;
  organization_id: string;
  payload: {
    chat_id: string;
    thread_id: string;
    user_id?: string;
    event: { id: string; type: string; text: string; author_id?: string; system_message_type?: string };
    chat: { id: string; thread: { events: { text: string; custom_id?: string }[] }; users: { id: string }[] };
    transferred_to: object;
    queue?: object;
  };
  /** Of app webhooks. */
  event?: string;
  organizationID?: string;
}

/** Stands where Baton is. */
let baton: Server;
let webhookUrl: string;
let arrivals: Arrival[] = [];
let answers: number[] = [];

let sandbox: LivechatSandbox;
let base: string;
let settings: Record<string, string>;

beforeAll(async () => {
  baton = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8');
    request.on('data', (chunk: string) => (body += chunk));
    request.on('end', () => {
      const arrival = JSON.parse(body) as Arrival;
      // A webhook of the test before may still be on its way.
      const organization = arrival.organization_id ?? arrival.organizationID;
      if (organization === settings['organizationId']) arrivals.push(arrival);
      response.writeHead(answers.shift() ?? 200).end();
    });
  });
  await new Promise<void>((resolve) => baton.listen(0, '127.0.0.1', resolve));
  webhookUrl = `http://127.0.0.1:${(baton.address() as AddressInfo).port}/in`;
});
afterAll(() => {
  baton.closeAllConnections();
  return new Promise((resolve) => baton.close(resolve));
});

async function begin(options: Parameters<typeof createLivechatSandbox>[0] = {}): Promise<void> {
  sandbox = createLivechatSandbox({ retryScale: 0.0001, ...options });
  base = await sandbox.listen();
  settings = sandbox.settings(base, 'native') as Record<string, string>;
  sandbox.connect({ webhookUrl });
}
beforeEach(async () => {
  arrivals = [];
  answers = [];
  await begin();
});
afterEach(() => sandbox.stop());

interface Answer {
  status: number;
  body: Record<string, never>;
  cookies: string;
}
async function call(path: string, body: unknown, headers: Record<string, string> = {}): Promise<Answer> {
  const init = { method: 'POST', headers: { 'content-type': 'application/json', ...headers } };
  const response = await fetch(`${base}${path}`, { ...init, body: JSON.stringify(body) });
  const cookies = response.headers.getSetCookie().map((cookie) => cookie.split(';')[0]);
  return { status: response.status, body: (await response.json()) as never, cookies: cookies.join('; ') };
}
const token = (fields: object = {}, headers: Record<string, string> = {}): Promise<Answer> => {
  const { clientId: client_id, organizationId: organization_id } = settings;
  const request = { grant_type: 'cookie', client_id, organization_id, redirect_uri: 'https://baton.example/in/1' };
  return call('/accounts/v2/customer/token', { ...request, ...fields }, headers);
};

/** Calls as one customer, whose token is made at the first call. */
function customer() {
  let bearer: Promise<string> | undefined;
  const id = async (): Promise<string> => (
    (bearer ??= token().then(({ body }) => body['access_token']!)),
    await bearer
  );
  return async (action: string, body: object = {}) =>
    await call(`/api/v3.6/customer/action/${action}?organization_id=${settings['organizationId']}`, body, {
      authorization: `Bearer ${await id()}`,
    });
}
const asAgent = (action: string, body: object, side = 'agent'): Promise<Answer> => {
  const { accountId, token: pat } = settings;
  const authorization = `Basic ${Buffer.from(`${accountId}:${pat}`).toString('base64')}`;
  return call(`/api/v3.6/${side}/action/${action}`, body, { authorization });
};
const message = (text: string, more: object = {}) => ({ type: 'message', text, ...more });
const startWith = (...events: object[]) => ({ chat: { thread: { events } }, continuous: true });
const seen = (): string[] =>
  arrivals.map(({ action, payload }) => payload.event?.system_message_type ?? payload.event?.text ?? action);
const arrived = (count: number) =>
  until(() => arrivals.length >= count, { message: () => `${count} webhooks, not ${seen().join(', ')}` });

describe('accounts', () => {
  it('knows a customer again by his two cookies, and takes wrong ones for somebody new', async () => {
    const first = await token();
    expect(first.body).toMatchObject({ expires_in: 28_800, token_type: 'Bearer' });
    expect(first.cookies).toMatch(/^__lc_cid=[0-9a-f-]{36}; __lc_cst=[0-9a-f]{76}$/);
    const again = await token({}, { cookie: first.cookies });
    expect(again.body['entity_id']).toBe(first.body['entity_id']);
    expect(again.body['access_token']).not.toBe(first.body['access_token']);
    const wrong = await token({}, { cookie: `${first.cookies.slice(0, -4)}zzzz` });
    expect(wrong.body['entity_id']).not.toBe(first.body['entity_id']);
    sandbox.forgetCookies();
    expect((await token({}, { cookie: first.cookies })).body['entity_id']).not.toBe(first.body['entity_id']);
  });

  it.each([
    [{ client_id: 'x' }, 'unauthorized_client', 'client_id_not_found'],
    [{ organization_id: 'x' }, 'invalid_request', undefined],
    [{ grant_type: 'client_credentials' }, 'unsupported_grant_type', undefined],
    [{ redirect_uri: 'https://else.example/in' }, 'unauthorized_client', 'invalid_redirect_uri'],
    [{ redirect_uri: 'https://baton.example/in?x=1' }, 'unauthorized_client', 'invalid_redirect_uri'],
  ])('refuses %j', async (fields, exception, details) => {
    await sandbox.stop();
    await begin({ redirectUris: ['https://baton.example/in'] });
    expect((await token()).status).toBe(200);
    const { status, body } = await token(fields);
    expect([status, body['oauth_exception'], body['exception_details']]).toEqual([401, exception, details]);
  });

  it('gives a customer to an agent token, never to a personal access token', async () => {
    const bearer = { authorization: `Bearer ${sandbox.agentToken()}` };
    const made = await token({ grant_type: 'agent_token' }, bearer);
    const entity_id = made.body['entity_id'];
    expect((await token({ grant_type: 'agent_token', entity_id }, bearer)).body['entity_id']).toBe(entity_id);
    const pat = { authorization: `Bearer ${settings['token']}` };
    expect((await token({ grant_type: 'agent_token' }, pat)).body).toMatchObject({ oauth_exception: 'access_denied' });
  });
});

describe('a chat of our own', () => {
  it('tells of the first events only by incoming_chat, and of each further one by itself', async () => {
    const lea = customer();
    const { body: chat } = await lea(
      'start_chat',
      startWith(message('AI: hello', { custom_id: 'a' }), message('Help')),
    );
    const { chat_id, thread_id } = chat as unknown as { chat_id: string; thread_id: string };
    expect(chat['event_ids']).toEqual([`${thread_id}_1`, `${thread_id}_2`]);
    const { body: sent } = await lea('send_event', { chat_id, event: message('Hello?') });
    expect(sent).toEqual({ event_id: `${thread_id}_3` });
    await lea('deactivate_chat', { id: chat_id });
    await arrived(4);
    expect(seen()).toEqual(['incoming_chat', 'Hello?', 'manual_archived_customer', 'chat_deactivated']);
    const { secretKey: secret_key, organizationId: organization_id } = settings;
    expect(arrivals).toMatchObject([
      { secret_key, organization_id, payload: { chat: { id: chat_id, thread: { events: [{ custom_id: 'a' }, {}] } } } },
      { payload: { chat_id, thread_id, event: { id: sent['event_id'] } } },
      {},
      { payload: { chat_id, thread_id, user_id: expect.stringMatching(/^[0-9a-f-]{36}$/) } },
    ]);
    expect((await lea('send_event', { chat_id, event: message('x') })).status).toBe(422);
    const { body: resumed } = await lea('resume_chat', { chat: { id: chat_id } });
    const { body: listed } = await lea('list_threads', { chat_id });
    expect(listed['threads']).toMatchObject([
      { id: resumed['thread_id'], previous_thread_id: thread_id, active: true },
      { id: thread_id, next_thread_id: resumed['thread_id'], active: false },
    ]);
  });

  it('hides e-mails and notes of agents from the customer', async () => {
    const lea = customer();
    const { chat_id } = (await lea('start_chat', startWith(message('Help')))).body;
    const id = sandbox.conversations()[0]!.id;
    await sandbox.human.note(id, 'secret');
    await sandbox.human.reply(id, 'Hi, this is Ana');
    expect(arrivals.at(-1)!.payload.event.author_id).toBe('ana@sandbox.example');
    const { body } = await lea('list_threads', { chat_id });
    const { events } = (body['threads']! as { events: { text: string; author_id: string }[] }[])[0]!;
    expect(events.map(({ text }) => text)).toEqual(['Help', 'Hi, this is Ana']);
    expect(events[1]!.author_id).toMatch(/^[0-9a-f]{32}$/);
    expect(JSON.stringify(body)).not.toContain('@');
  });

  it.each([
    ['a second chat', 'start_chat', startWith(), 422, 'chat_limit_reached'],
    ['an active chat again', 'resume_chat', (id: string) => ({ chat: { id } }), 422, 'chat_already_active'],
    [
      'more than 16 KB',
      'send_event',
      (chat_id: string) => ({ chat_id, event: message('é'.repeat(8_193)) }),
      422,
      'validation',
    ],
    [
      'a file of elsewhere',
      'send_event',
      (chat_id: string) => ({ chat_id, event: { type: 'file', url: 'https://x.example/a.png' } }),
      422,
      'validation',
    ],
    ['a chat of nobody', 'deactivate_chat', { id: 'NOBODY' }, 404, 'not_found'],
    ['a name without a value', 'update_customer', {}, 422, 'validation'],
  ])('refuses %s', async (_case, action, body, status, type) => {
    const lea = customer();
    const { chat_id } = (await lea('start_chat', startWith())).body;
    const refused = await lea(action, typeof body === 'function' ? body(chat_id!) : body);
    expect([refused.status, refused.body['error']!['type']]).toEqual([status, type]);
  });

  it('says by which token, organization or version a call is wrong', async () => {
    const at = (version: string, org = settings['organizationId']) =>
      `/api/${version}/customer/action/list_chats?organization_id=${org}`;
    const bearer = { authorization: `Bearer ${(await token()).body['access_token']}` };
    const typeOf = async (path: string, headers = {}) => (await call(path, {}, headers)).body['error']!['type'];
    expect(await typeOf(at('v3.6'))).toBe('authentication');
    expect(await typeOf(at('v3.6', 'x'), bearer)).toBe('authorization');
    expect(await typeOf('/api/v3.6/customer/action/list_chats', bearer)).toBe('validation');
    expect(await typeOf(at('v2.0'), bearer)).toBe('unsupported_version');
    sandbox.expireTokens();
    expect(await typeOf(at('v3.6'), bearer)).toBe('authentication');
  });

  it('is refused when nobody is there, or waits in the queue until somebody is', async () => {
    await sandbox.setGroupStatus(7, 'offline');
    const lea = customer();
    const chat = { access: { group_ids: [7] } };
    expect((await lea('start_chat', { chat })).body['error']!['type']).toBe('groups_offline');
    await lea('start_chat', { chat, continuous: true });
    await arrived(1);
    expect(sandbox.conversations()[0]).toMatchObject({ assignee: '7' });
    await sandbox.setGroupStatus(7, 'online');
    expect(sandbox.conversations()[0]).toMatchObject({ assignee: 'ana@sandbox.example' });
    expect(seen()).toEqual(['incoming_chat', 'user_added_to_chat', 'agent_joined', 'chat_transferred']);
  });

  it('takes a file of at most 10 MB and shows it to everybody', async () => {
    const lea = customer();
    const { chat_id } = (await lea('start_chat', startWith())).body;
    const bearer = `Bearer ${(await token()).body['access_token']}`;
    const upload = async (bytes: number) => {
      const form = new FormData();
      form.append('file', new Blob([Buffer.alloc(bytes, 'x')], { type: 'text/plain' }), 'a b.txt');
      const path = `/api/v3.6/customer/action/upload_file?organization_id=${settings['organizationId']}`;
      return await fetch(`${base}${path}`, { method: 'POST', headers: { authorization: bearer }, body: form });
    };
    expect((await upload(10 * 1024 * 1024 + 1)).status).toBe(413);
    const { url } = (await (await upload(3)).json()) as { url: string };
    expect(await (await fetch(url)).text()).toBe('xxx');
    await lea('send_event', { chat_id, event: { type: 'file', url } });
    const files = [{ url, name: 'a b.txt', contentType: 'text/plain' }];
    expect(sandbox.conversations()[0]!.messages).toMatchObject([{ from: 'user', files }]);
  });
});

describe('the seat of the bot', () => {
  it('gets the chats of visitors, hands them to a group and gets them back', async () => {
    const id = await sandbox.user.writes('Hello');
    const [chat_id] = id.split('.') as [string];
    expect(arrivals).toMatchObject([{ action: 'incoming_chat', payload: { chat: { id: chat_id } } }]);
    expect(arrivals[0]!.payload.chat.users.map((user) => user.id)).toContain(settings['agentEmail']);
    await asAgent('send_event', { chat_id, event: message('I am a bot') });
    await asAgent('transfer_chat', {
      id: chat_id,
      target: { type: 'group', ids: [7] },
      ignore_agents_availability: true,
    });
    await arrived(6);
    expect(seen().slice(1)).toEqual([
      'I am a bot',
      'chat_transferred',
      'user_removed_from_chat',
      'user_added_to_chat',
      'chat_transferred',
    ]);
    expect(arrivals[5]!.payload).toMatchObject({
      transferred_to: { group_ids: [7], agent_ids: ['ana@sandbox.example'] },
    });
    const gone = await asAgent('send_event', { chat_id, event: message('Still here') });
    expect([gone.status, gone.body['error']!['message']]).toEqual([403, 'Requester is not user of the chat']);
    await sandbox.human.transfer(id, 'bot');
    expect(sandbox.conversation(id)).toMatchObject({ assignee: settings['agentEmail'] });
    await sandbox.human.close(id);
    expect(sandbox.conversation(id)).toMatchObject({ closed: true });
    expect(await sandbox.user.writes('Me again', { conversationId: id })).not.toBe(id);
  });

  it('is told which scope its token lacks', async () => {
    sandbox.setScopes(['chats--all:rw']);
    const { status, body } = await asAgent('list_groups', {}, 'configuration');
    expect([status, body['error']]).toMatchObject([
      403,
      { type: 'authorization', message: 'missing scope: groups--all:ro' },
    ]);
  });

  it('fails to hand over when nobody can take it and it does not want to wait', async () => {
    await sandbox.setGroupStatus(7, 'offline');
    const [id] = (await sandbox.user.writes('Hello')).split('.');
    const target = { type: 'group', ids: [7] };
    expect((await asAgent('transfer_chat', { id, target })).body['error']!['message']).toMatch(/^Cannot assign any/);
    await asAgent('transfer_chat', { id, target, ignore_agents_availability: true });
    await until(() => arrivals.at(-1)?.payload.queue, { message: 'the transfer into the queue' });
  });
});

describe('webhooks', () => {
  it('are tried four times, and only 200 counts', async () => {
    const id = await sandbox.user.writes('Hello');
    answers = [204, 500, 201];
    expect(await sandbox.human.reply(id, 'one', { agent: settings['agentEmail']! })).toBe(200);
    expect(arrivals.slice(1).map(({ payload }) => payload.event.text)).toEqual(['one', 'one', 'one', 'one']);
    answers = [500, 500, 500, 503, 200];
    expect(await sandbox.human.reply(id, 'two', { agent: settings['agentEmail']! })).toBe(503);
    expect(arrivals).toHaveLength(9);
  });

  it('of the API stand beside those made by hand, at most three per action, with filters', async () => {
    const { clientId: owner_client_id } = settings;
    const filters = { author_type: 'agent', only_my_chats: true };
    const entry = { action: 'incoming_event', secret_key: 'own', url: webhookUrl, type: 'license', owner_client_id };
    const register = () => asAgent('register_webhook', { ...entry, filters }, 'configuration');
    expect((await register()).body['id']).toMatch(/^[0-9a-f]{24}$/);
    await register();
    expect((await register()).body['error']!['type']).toBe('limit_reached');
    const own = () =>
      arrivals.filter(({ secret_key }) => secret_key === 'own').map(({ payload }) => payload.event.text);
    await sandbox.foreignChat('Where is the shop?');
    await customer()('start_chat', startWith(message('Help')));
    const ours = sandbox.conversations().at(-1)!.id;
    await sandbox.user.writes('Hello?', { conversationId: ours });
    await sandbox.human.reply(ours, 'Hi');
    expect(own()).toEqual(['Hi', 'Hi']);
    await asAgent('disable_license_webhooks', { client_id: owner_client_id }, 'configuration');
    expect(await sandbox.human.reply(ours, 'Nobody hears')).toBe(0);
  });

  it('tell of what the router, a supervisor and the app itself do', async () => {
    const id = await sandbox.user.writes('Hello');
    await sandbox.welcome(id);
    await sandbox.supervise(id);
    await sandbox.richMessage(id);
    await sandbox.human.unknownPart(id);
    await sandbox.routerCloses(id);
    expect(arrivals.at(-1)!.payload).not.toHaveProperty('user_id');
    const next = await sandbox.agentResumes(id, 'One more thing');
    await sandbox.routerCloses(next, false);
    expect(seen().slice(-4)).toEqual([
      'routing.archived_inactive',
      'chat_deactivated',
      'incoming_chat',
      'chat_deactivated',
    ]);
    await sandbox.uninstall();
    expect(arrivals.at(-1)).toMatchObject({ event: 'application_uninstalled', clientID: settings['clientId'] });
    expect((await token()).status).toBe(401);
  });
});

describe('faults', () => {
  it('of each operation hit the calls that are meant', async () => {
    const lea = customer();
    sandbox.fault('open', { kind: 'status', status: 400, code: 'misdirected_request', times: 1 });
    const refused = await lea('start_chat', startWith());
    expect([refused.status, refused.body['error']]).toMatchObject([400, { data: { region: 'fra' } }]);
    sandbox.fault('open', { kind: 'error_after', times: 1 });
    expect((await lea('start_chat', startWith())).status).toBe(500);
    const [talk] = sandbox.conversations();
    const chat_id = talk!.id.split('.')[0]!;
    sandbox.fault('send', { kind: 'rate_limit', resetInMs: 10, times: 1 });
    const event = message('Hello');
    expect((await lea('send_event', { chat_id, event })).body['error']!['type']).toBe('too_many_requests');
    expect((await lea('send_event', { chat_id, event })).status).toBe(200);
    sandbox.fault('close', { kind: 'drop_before', times: 1 });
    await expect(lea('deactivate_chat', { id: chat_id })).rejects.toThrow('fetch failed');
    expect(sandbox.conversation(talk!.id)).toMatchObject({ closed: false });
  });
});

describe('people who look at it', () => {
  it('meet a human who greets, answers and closes on goodbye', async () => {
    sandbox.setScript('agent');
    const lea = customer();
    const { chat_id } = (await lea('start_chat', startWith(message('Where is my order?')))).body;
    const texts = () =>
      sandbox
        .conversations()[0]!
        .messages.filter(({ from }) => from === 'agent')
        .map(({ text }) => text);
    await until(() => texts()[0]?.includes('Where is my order?'), { message: 'the greeting' });
    await lea('send_event', { chat_id, event: message('Found it, thanks') });
    await until(() => sandbox.conversations()[0]!.closed, { message: 'the end' });
    expect(texts()).toHaveLength(2);
  });

  it('steer it over HTTP, with its token', async () => {
    await sandbox.stop();
    await begin({ controlToken: 'open sesame' });
    const id = await sandbox.foreignChat('Hello');
    const path = '/_control/livechat/router-closes';
    expect((await call(path, { conversationId: id })).status).toBe(401);
    const authorization = 'Bearer open sesame';
    expect((await call(path, { conversationId: 'X.Y' }, { authorization })).status).toBe(404);
    expect((await call(path, { conversationId: id }, { authorization })).body).toEqual({ status: 200 });
    expect(sandbox.conversation(id)).toMatchObject({ closed: true });
  });
});
