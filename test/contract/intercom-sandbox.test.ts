import { createHmac } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createIntercomSandbox, type IntercomSandbox } from '../../api/sandbox/intercom/index.ts';
import { until } from '../support/poll.ts';

interface Part {
  id: string;
  part_type: string;
  body: string | null;
  author: { type: string; id: string };
}
interface Arrival {
  headers: IncomingHttpHeaders;
  raw: string;
  method: string;
  id: string;
  topic: string;
  attempt: number;
  item: { id: string; state?: string; source?: { body: string }; conversation_parts?: { conversation_parts: Part[] } };
}
interface Answer {
  status: number;
  headers: Headers;
  // oxlint-disable-next-line typescript/no-explicit-any -- answers of many shapes, looked at by matchers
  body: any;
}

const BOT = '7001000';
const TEAM = '5510021';

/** Stands where Baton is. */
let baton: Server;
let arrivals: Arrival[] = [];
let statuses: number[] = [];

let sandbox: IntercomSandbox;
let settings: Record<string, string>;

beforeAll(async () => {
  baton = createServer((request, response) => {
    let raw = '';
    request.setEncoding('utf8');
    request.on('data', (chunk: string) => (raw += chunk));
    request.on('end', () => {
      const { id, topic, delivery_attempts: attempt, data } = JSON.parse(raw === '' ? '{}' : raw);
      const { headers, method = '' } = request;
      if (method === 'POST') arrivals.push({ headers, raw, method, id, topic, attempt, item: data.item });
      response.writeHead(method === 'POST' ? (statuses.shift() ?? 200) : 200).end();
    });
  });
  await new Promise<void>((resolve) => baton.listen(0, '127.0.0.1', resolve));
});
afterAll(() => {
  baton.closeAllConnections();
  return new Promise((resolve) => baton.close(resolve));
});
beforeEach(async () => {
  [arrivals, statuses] = [[], []];
  sandbox = createIntercomSandbox({ retryAfterMs: 20 });
  settings = sandbox.settings(await sandbox.listen(), 'external') as Record<string, string>;
  sandbox.connect({ webhookUrl: `http://127.0.0.1:${(baton.address() as AddressInfo).port}/hook` });
});
afterEach(() => sandbox.stop());

async function call(
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const response = await fetch(`${settings['baseUrl']}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${settings['accessToken']}`,
      'intercom-version': '2.16',
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  return { status: response.status, headers: response.headers, body: await response.json() };
}
const refused = async (answer: Promise<Answer>): Promise<unknown[]> => {
  const { status, body } = await answer;
  expect(body).toMatchObject({ type: 'error.list', request_id: expect.any(String) });
  return [status, body.errors[0].code];
};
const newContact = async (fields: object = { external_id: 'user-1' }): Promise<string> =>
  (await call('POST', '/contacts', fields)).body.id;
async function opened(): Promise<{ id: string; contact: string }> {
  const contact = await newContact({ role: 'user', external_id: `user-${Math.random()}` });
  const from = { type: 'user', id: contact };
  return { id: (await call('POST', '/conversations', { from, body: 'Help' })).body.conversation_id, contact };
}
const reply = (id: string, fields: object) => call('POST', `/conversations/${id}/reply`, fields);
const manage = (id: string, fields: object) => call('POST', `/conversations/${id}/parts`, { admin_id: BOT, ...fields });
const assign = (id: string, type: 'team' | 'admin', assignee_id: string, more: object = {}) =>
  manage(id, { message_type: 'assignment', type, assignee_id, ...more });
const partsOf = (arrival: Arrival | undefined) =>
  arrival?.item.conversation_parts?.conversation_parts.map(({ part_type, body }) => [part_type, body]);
const told = (topic: string): Arrival[] => arrivals.filter((arrival) => arrival.topic === topic);
const toldOnce = (topic: string) =>
  until(() => told(topic)[0], { message: () => `${topic}, got ${arrivals.map((arrival) => arrival.topic).join()}` });

describe('the API', () => {
  it('checks token and version, and counts calls', async () => {
    expect(await refused(call('GET', '/me', undefined, { authorization: 'Bearer wrong' }))).toEqual([
      401,
      'unauthorized',
    ]);
    expect(await refused(call('GET', '/me', undefined, { 'intercom-version': 'newest' }))).toEqual([
      400,
      'intercom_version_invalid',
    ]);
    sandbox.switch({ region: 'EU' });
    const me = await call('GET', '/me');
    expect(me.body).toMatchObject({ id: BOT, app: { id_code: sandbox.workspaceId, region: 'EU' } });
    expect(me.headers.get('x-ratelimit-limit')).toBe('1666');
    expect([1_663, 1_664, 1_665]).toContain(Number(me.headers.get('x-ratelimit-remaining')));
    expect(Number(me.headers.get('x-ratelimit-reset')) * 1000).toBeGreaterThan(Date.now());
    const before = settings['accessToken'];
    sandbox.expireTokens();
    expect(await refused(call('GET', '/me'))).toEqual([401, 'unauthorized']);
    settings = sandbox.settings(settings['baseUrl']!, 'external') as Record<string, string>;
    expect(settings['accessToken']).not.toBe(before);
    expect((await call('GET', '/me')).status).toBe(200);
    expect(await refused(call('GET', '/nowhere'))).toEqual([404, 'not_found']);
  });

  it('refuses calls over the limit of ten seconds', async () => {
    const small = createIntercomSandbox({ callsPerWindow: 2 });
    settings = small.settings(await small.listen(), 'external') as Record<string, string>;
    const answers = await Promise.all(Array.from({ length: 8 }, () => call('GET', '/me')));
    await small.stop();
    const limited = answers.filter(({ status }) => status === 429);
    expect(limited.length).toBeGreaterThanOrEqual(4);
    expect(limited[0]?.body.errors[0].code).toBe('rate_limit_exceeded');
    expect(limited[0]?.headers.get('x-ratelimit-remaining')).toBe('0');
  });

  it('knows a contact once, by external id and by email', async () => {
    const id = await newContact({ role: 'user', external_id: 'u1', email: 'Lea@Example.org' });
    const double = await call('POST', '/contacts', { email: 'lea@example.org' });
    expect([double.status, double.body.errors[0].message]).toEqual([
      409,
      `A contact matching those details already exists with id=${id}`,
    ]);
    expect((await call('POST', '/contacts', { role: 'lead', email: 'lea@example.org' })).status).toBe(200);
    expect(await refused(call('POST', '/contacts', { name: 'x' }))).toEqual([400, 'parameter_not_found']);

    await sandbox.archiveContact(id);
    expect(await refused(call('GET', '/contacts/find_by_external_id/u1'))).toEqual([404, 'not_found']);
    const archived = await call('POST', '/contacts', { external_id: 'u1' });
    expect(archived.body.errors[0].message).toMatch(/^An archived contact matching .* id=[0-9a-f]{24}$/);
    expect((await call('POST', `/contacts/${id}/unarchive`)).body).toMatchObject({ id, archived: false });
    expect((await call('PUT', `/contacts/${id}`, { name: 'Lea' })).body).toMatchObject({ id, name: 'Lea' });

    const kept = await newContact({ external_id: 'u2' });
    await sandbox.mergeContact(id, kept);
    const merged = await call('GET', '/contacts/find_by_external_id/u1');
    expect([merged.status, merged.body.errors[0].code]).toEqual([410, 'contact_merged']);
    expect(merged.headers.get('link')).toBe(`</contacts/${kept}>; rel="canonical"`);
    expect(told('contact.merged')[0]?.item).toMatchObject({ id: kept, merged_from: { type: 'contact', id } });
  });

  it('answers a new conversation with a message, and takes its own id only', async () => {
    const { id, contact } = await opened();
    const { source } = (await call('GET', `/conversations/${id}`)).body;
    expect(source).toMatchObject({ body: '<p>Help</p>', author: { type: 'user', id: contact } });
    expect(await refused(call('GET', `/conversations/${source.id}`))).toEqual([404, 'not_found']);
    const from = { type: 'user', id: '0'.repeat(24) };
    expect(await refused(call('POST', '/conversations', { from, body: 'x' }))).toEqual([404, 'not_found']);
    const asLead = { from: { type: 'lead', id: contact }, body: 'x' };
    expect(await refused(call('POST', '/conversations', asLead))).toEqual([404, 'not_found']);
  });

  it('finds conversations by what is in them, after a while', async () => {
    sandbox.switch({ searchDelayMs: 600_000 });
    const { id, contact } = await opened();
    const query = { field: 'contact_ids', operator: '=', value: contact };
    expect((await call('POST', '/conversations/search', { query })).body.total_count).toBe(0);
    sandbox.switch({ searchDelayMs: 0 });
    const second = (await call('POST', '/conversations', { from: { type: 'user', id: contact }, body: 'Help me' }))
      .body;
    const words = { field: 'source.body', operator: '~', value: 'help ME' };
    const hits = await call('POST', '/conversations/search', { query: { operator: 'AND', value: [query, words] } });
    expect(hits.body.conversations.map((hit: { id: string }) => hit.id)).toEqual([second.conversation_id]);
    expect(hits.body.conversations[0]).not.toHaveProperty('conversation_parts');
    expect(second.conversation_id).not.toBe(id);
    const unknown = { query: { field: 'colour', operator: '=', value: 'red' } };
    expect(await refused(call('POST', '/conversations/search', unknown))).toEqual([400, 'parameter_invalid']);
  });

  it('takes a reply from one person only', async () => {
    const { id, contact } = await opened();
    const comment = { message_type: 'comment', type: 'user', body: 'Hi' };
    const both = { ...comment, intercom_user_id: contact, email: 'a@b.c' };
    for (const wrong of [comment, both, { ...comment, intercom_user_id: contact, body: '' }]) {
      expect((await reply(id, wrong)).status).toBe(400);
    }
    const asTeam = { message_type: 'comment', type: 'admin', admin_id: TEAM, body: 'Hi' };
    expect(await refused(reply(id, asTeam))).toEqual([404, 'admin_not_found']);
    const other = await newContact();
    expect((await reply(id, { ...comment, intercom_user_id: other })).status).toBe(404);
    const taken = await reply(id, { ...comment, intercom_user_id: contact, body: 'a <b>\nline' });
    expect(taken.body.conversation_parts).toMatchObject({
      total_count: 1,
      conversation_parts: [{ part_type: 'comment', body: '<p>a &lt;b&gt;<br>line</p>', state: 'open' }],
    });
    const plain = await call('GET', `/conversations/${id}?display_as=plaintext`);
    expect(plain.body.conversation_parts.conversation_parts[0].body).toBe('a <b>\nline');
  });

  it('is closed, opened by the user, snoozed and assigned', async () => {
    const { id, contact } = await opened();
    expect((await assign(id, 'team', TEAM)).body).toMatchObject({
      team_assignee_id: Number(TEAM),
      admin_assignee_id: 0,
    });
    expect((await assign(id, 'team', TEAM)).status).toBe(422);
    expect(await refused(assign(id, 'team', '1'))).toEqual([404, 'team_not_found']);
    expect(await refused(assign(id, 'admin', TEAM))).toEqual([404, 'assignee_not_found']);
    const older = { 'intercom-version': '2.14' };
    expect((await call('GET', `/conversations/${id}`, undefined, older)).body.admin_assignee_id).toBeNull();
    expect((await manage(id, { message_type: 'close', type: 'admin' })).body).toMatchObject({
      state: 'closed',
      open: false,
    });
    const said = { message_type: 'comment', type: 'user', intercom_user_id: contact, body: 'One more thing' };
    const again = (await reply(id, said)).body;
    expect(again).toMatchObject({ state: 'open', waiting_since: expect.any(Number) });
    expect(again.conversation_parts.conversation_parts[0]).toMatchObject({
      part_type: 'open',
      body: '<p>One more thing</p>',
    });
    const snoozed = await manage(id, { message_type: 'snoozed', snoozed_until: Math.floor(Date.now() / 1000) + 60 });
    expect(snoozed.body).toMatchObject({ state: 'snoozed', open: true });
    await manage(id, { message_type: 'close', type: 'admin' });
    const moved = (await assign(id, 'admin', BOT)).body;
    expect(moved).toMatchObject({ state: 'open', team_assignee_id: Number(TEAM), admin_assignee_id: Number(BOT) });
    expect(moved.conversation_parts.conversation_parts[0].part_type).toBe('assign_and_reopen');
    expect(sandbox.conversation(id)).toMatchObject({ closed: false, assignee: 'Handoff Bot' });
  });

  it('shows the newest 500 parts', async () => {
    const { id } = await opened();
    await sandbox.several(
      id,
      Array.from({ length: 501 }, (_, n) => `part ${n}`),
    );
    const { conversation_parts: list } = (await call('GET', `/conversations/${id}?display_as=plaintext`)).body;
    expect(list.conversation_parts).toHaveLength(500);
    expect(list.conversation_parts[0].body).toBe('part 1');
  });
});

describe('webhooks', () => {
  it('are signed over their bytes and carry the part that caused them', async () => {
    const { id } = await opened();
    expect(await sandbox.human.reply(id, 'Looking & “thinking”', { agent: 'Sam Okoye' })).toBe(200);
    const [arrival] = told('conversation.admin.replied');
    expect(partsOf(arrival)).toEqual([['comment', 'Looking & “thinking”']]);
    const expected = createHmac('sha1', settings['clientSecret']!).update(arrival!.raw).digest('hex');
    expect(arrival?.headers['x-hub-signature']).toBe(`sha1=${expected}`);
    expect(JSON.parse(arrival!.raw)).toMatchObject({
      type: 'notification_event',
      app_id: sandbox.workspaceId,
      id: expect.stringMatching(/^notif_[0-9a-f-]{36}$/),
      delivery_attempts: 1,
      data: { type: 'notification_event_data', item: { type: 'conversation', id } },
    });
    sandbox.switch({ appVersion: '2.14' });
    await sandbox.human.reply(id, 'a\nb');
    expect(partsOf(told('conversation.admin.replied')[1])).toEqual([['comment', '<p>a<br>b</p>']]);
    sandbox.webhooks({ wrongSecret: true });
    await sandbox.human.reply(id, 'c');
    const forged = told('conversation.admin.replied')[2]!;
    const right = createHmac('sha1', settings['clientSecret']!).update(forged.raw).digest('hex');
    expect(forged.headers['x-hub-signature']).not.toBe(`sha1=${right}`);
    expect(await sandbox.headCheck()).toBe(200);
  });

  it('echo what the API did', async () => {
    const { id, contact } = await opened();
    expect((await toldOnce('conversation.user.created')).item).toMatchObject({ id, source: { body: 'Help' } });
    await reply(id, { message_type: 'comment', type: 'user', intercom_user_id: contact, body: 'x' });
    await reply(id, { message_type: 'comment', type: 'admin', admin_id: BOT, body: 'y' });
    await reply(id, { message_type: 'note', type: 'admin', admin_id: BOT, body: 'z' });
    await assign(id, 'team', TEAM);
    await manage(id, { message_type: 'close', type: 'admin' });
    for (const topic of ['user.replied', 'admin.replied', 'admin.noted', 'admin.assigned', 'admin.closed']) {
      await toldOnce(`conversation.${topic}`);
    }
  });

  it('go out again once, with the same id', async () => {
    const { id } = await opened();
    await toldOnce('conversation.user.created');
    statuses = [503, 503];
    expect(await sandbox.human.reply(id, 'Hi')).toBe(503);
    statuses = [500];
    expect(await sandbox.human.reply(id, 'Hello')).toBe(200);
    const tries = told('conversation.admin.replied');
    expect(tries.map(({ attempt }) => attempt)).toEqual([1, 2, 1, 2]);
    expect(new Set(tries.map((one) => one.id)).size).toBe(2);
  });

  it('end with an answer of 410', async () => {
    const { id } = await opened();
    await toldOnce('conversation.user.created');
    statuses = [410];
    expect(await sandbox.human.reply(id, 'Hi')).toBe(410);
    expect(await sandbox.human.reply(id, 'Hello')).toBe(0);
    expect(told('conversation.admin.replied')).toHaveLength(1);
  });

  it('can come twice, reversed, early, or not at all', async () => {
    const { id } = await opened();
    await toldOnce('conversation.user.created');
    sandbox.webhooks({ copies: 2 });
    await sandbox.human.reply(id, 'twice');
    expect(told('conversation.admin.replied')).toHaveLength(2);
    sandbox.webhooks({ reverse: 3 });
    await Promise.all(['1', '2', '3'].map((text) => sandbox.human.reply(id, text)));
    expect(
      told('conversation.admin.replied')
        .slice(2)
        .map((one) => partsOf(one)?.[0]?.[1]),
    ).toEqual(['3', '2', '1']);
    sandbox.webhooks({ drop: true });
    expect(await sandbox.human.reply(id, 'lost')).toBe(0);
    sandbox.webhooks({ early: true });
    await reply(id, { message_type: 'comment', type: 'admin', admin_id: BOT, body: 'early' });
    expect(
      told('conversation.admin.replied')
        .map((one) => partsOf(one)?.[0]?.[1])
        .at(-1),
    ).toBe('early');
  });
});

describe('the people', () => {
  it('say a text on the part that closes or assigns', async () => {
    const { id } = await opened();
    await sandbox.replyAndAssign(id, 'For you', 'Sam Okoye');
    await sandbox.replyAndClose(id, 'Bye');
    expect(partsOf(told('conversation.admin.assigned')[0])).toEqual([['assignment', 'For you']]);
    expect(partsOf(told('conversation.admin.closed')[0])).toEqual([['close', 'Bye']]);
    expect(told('conversation.admin.replied')).toEqual([]);
    expect(sandbox.conversation(id)).toMatchObject({ closed: true, assignee: 'Sam Okoye' });
    await sandbox.human.reply(id, 'Open again');
    const both = [...told('conversation.admin.replied'), ...told('conversation.admin.opened')];
    expect(both.map((one) => partsOf(one))).toEqual([[['open', 'Open again']], [['open', 'Open again']]]);
    const ids = both.map((one) => one.item.conversation_parts?.conversation_parts[0]?.id);
    expect(new Set(ids).size).toBe(1);
  });

  it('do all the other things a desk knows', async () => {
    const { id } = await opened();
    await sandbox.human.note(id, 'internal');
    await sandbox.human.unknownPart(id);
    await sandbox.snooze(id);
    await sandbox.unsnooze(id);
    await sandbox.operatorReply(id, 'I am Fin', { ai: true });
    await sandbox.read(id);
    await sandbox.several(id, ['one', 'two']);
    const file = { url: 'https://files.example.com/a.png', name: 'a.png', contentType: 'image/png' };
    await sandbox.human.reply(id, 'see', { files: [file] });
    const lines = sandbox.conversation(id)?.messages ?? [];
    expect(lines.map(({ from, text }) => `${from}: ${text}`)).toEqual([
      'user: Help',
      'note: internal',
      'system: Nobody knows this part.',
      'system: ',
      'system: ',
      'system: I am Fin',
      'agent: one',
      'agent: two',
      'agent: see',
    ]);
    expect(lines.at(-1)?.files).toEqual([file]);
    await sandbox.redact(id, lines.at(-1)!.id);
    const gone = (await call('GET', `/conversations/${id}`)).body.conversation_parts.conversation_parts.at(-1);
    expect(gone).toMatchObject({ redacted: true, body: null, attachments: [] });
    await sandbox.deleteConversation(id);
    expect((await call('GET', `/conversations/${id}`)).status).toBe(404);
    expect(await sandbox.ping()).toBe(200);
    expect(arrivals.map(({ topic }) => topic).slice(1)).toEqual([
      'conversation.admin.noted',
      'conversation.admin.replied',
      'conversation.admin.snoozed',
      'conversation.admin.unsnoozed',
      'conversation.operator.replied',
      'conversation.read',
      'conversation.admin.replied',
      'conversation.admin.replied',
      'conversation_part.redacted',
      'conversation.deleted',
      'ping',
    ]);
  });

  it('write in the Messenger', async () => {
    const id = await sandbox.user.writes('Hello');
    expect(told('conversation.user.created')[0]?.item).toMatchObject({ id, source: { body: 'Hello' } });
    expect(await sandbox.user.writes('Anyone?', { conversationId: id })).toBe(id);
    expect(partsOf(told('conversation.user.replied')[0])).toEqual([['comment', 'Anyone?']]);
    await sandbox.human.close(id);
    await sandbox.user.writes('Still here', { conversationId: id });
    expect(partsOf(told('conversation.user.replied')[1])).toEqual([['open', 'Still here']]);
  });

  it('are played by a script', async () => {
    sandbox.setScript('agent');
    const { id, contact } = await opened();
    const words = (): string[] => sandbox.conversation(id)?.messages.map(({ text }) => text) ?? [];
    await until(() => words().some((text) => text.includes('You asked: “Help”')), { message: () => words().join('|') });
    await reply(id, { message_type: 'comment', type: 'user', intercom_user_id: contact, body: 'thanks' });
    await until(() => sandbox.conversation(id)?.closed, { message: 'closed on goodbye' });
    expect(sandbox.conversation(id)?.messages.map(({ from }) => from)).toEqual([
      'user',
      'agent',
      'user',
      'agent',
      'system',
    ]);
  });
});

describe('faults and control', () => {
  it('come before or after the call has done its work', async () => {
    const { id, contact } = await opened();
    const say = (body: string) => reply(id, { message_type: 'comment', type: 'user', intercom_user_id: contact, body });
    sandbox.fault('send', { kind: 'status', status: 503, retryAfter: 2, times: 1 });
    sandbox.fault('send', { kind: 'drop_before', times: 1 });
    sandbox.fault('send', { kind: 'drop_after', times: 1 });
    sandbox.fault('send', { kind: 'error_after', times: 1 });
    sandbox.fault('send', { kind: 'garbage', times: 1 });
    const failed = await say('a');
    expect([failed.status, failed.headers.get('retry-after'), failed.headers.get('x-ratelimit-reset')]).toEqual([
      503,
      '2',
      null,
    ]);
    await expect(say('b')).rejects.toThrow('fetch failed');
    expect(sandbox.conversation(id)?.messages).toHaveLength(1);
    await expect(say('c')).rejects.toThrow('fetch failed');
    expect((await say('d')).status).toBe(500);
    await expect(say('e')).rejects.toThrow('JSON');
    expect((await say('f')).status).toBe(200);
    expect(sandbox.conversation(id)?.messages.map(({ text }) => text)).toEqual(['Help', 'c', 'd', 'e', 'f']);
  });

  it('can be programmed over HTTP, with a token', async () => {
    const guarded = createIntercomSandbox({ controlToken: 'ctl' });
    settings = guarded.settings(await guarded.listen(), 'external') as Record<string, string>;
    const control = (path: string, body?: unknown, token = 'ctl') =>
      call(body === undefined ? 'GET' : 'POST', `/_control${path}`, body, { authorization: `Bearer ${token}` });
    expect((await control('/calls', undefined, 'wrong')).status).toBe(401);
    const { body: written } = await control('/user/writes', { text: 'Hello' });
    await call('GET', '/me');
    expect((await control('/conversations')).body.conversations).toMatchObject([{ id: written.conversationId }]);
    expect((await control('/settings?mode=native')).body).toEqual(settings);
    expect((await control('/human/reply', { conversationId: '1', text: 'x' })).status).toBe(404);
    expect((await control('/human/reply', { conversationId: written.conversationId })).body.error).toBe(
      'text is needed, as text',
    );
    expect((await control('/faults', { operation: 'verify', kind: 'status', status: 401 })).status).toBe(200);
    expect((await control('/faults', { operation: 'verify', kind: 'flood' })).status).toBe(400);
    expect((await control('/webhooks', { copies: 0 })).body.error).toBe('copies has a wrong value');
    expect((await call('GET', '/me')).status).toBe(401);
    const { calls, arrivals: count } = (await control('/calls')).body;
    expect([calls.length, count]).toEqual([2, 2]);
    expect(calls[0]).toMatchObject({ path: '/me', status: 200, headers: { authorization: '***' } });
    expect(guarded.calls[0]?.headers.authorization).toBe(`Bearer ${settings['accessToken']}`);
    await guarded.stop();
  });
});
