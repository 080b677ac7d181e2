import { describe, expect, it } from 'vitest';
import type { WebhookEntry } from '../../api/sandbox/zoho-salesiq/model.ts';
import { until } from '../support/poll.ts';
import {
  begin,
  call,
  codeOf,
  consent,
  events,
  exchange,
  lines,
  names,
  on,
  open,
  OPEN,
  opening,
  REDIRECT,
  refresh,
  signed,
  told,
  tokenCall,
  useZohoSandbox,
  type Json,
} from './zoho-salesiq-portal.ts';

useZohoSandbox();

describe('consent and tokens', () => {
  it('comes back with a code, which is good once, and refreshes without a new refresh token', async () => {
    const { status, back } = await consent();
    expect(status).toBe(302);
    expect(`${back.origin}${back.pathname}`).toBe(REDIRECT);
    const { code, ...rest } = Object.fromEntries(back.searchParams);
    expect(rest).toEqual({ state: 's1', location: on.settings['region'], 'accounts-server': `${on.base}/accounts` });
    expect((await exchange(code!, 'https://else.example.org/')).body).toEqual({ error: 'invalid_redirect_uri' });
    const { body } = await exchange(code!);
    expect(body).toMatchObject({ expires_in_sec: 3600, expires_in: 3600, token_type: 'Bearer' });
    expect(await exchange(code!)).toEqual({ status: 200, body: { error: 'invalid_code' } });
    const again = await refresh(body['refresh_token']);
    expect(again.body).not.toHaveProperty('refresh_token');
    on.token = again.body['access_token'];
    expect((await call('GET', 'v2/acme/departments')).body['data']).toHaveLength(3);
  });

  it('online access has no refresh token; a code dies after two minutes, an access token after an hour', async () => {
    const { back } = await consent({ access_type: 'online' });
    const { body } = await exchange(back.searchParams.get('code')!);
    expect(body).not.toHaveProperty('refresh_token');
    const late = (await consent()).back.searchParams.get('code')!;
    await on.sandbox.advanceClock(121_000);
    expect((await exchange(late)).body).toEqual({ error: 'invalid_code' });
    on.token = body['access_token'];
    expect(codeOf(await call('GET', 'v2/acme/apps'))).toBeUndefined();
    await on.sandbox.advanceClock(3_600_000);
    expect(codeOf(await call('GET', 'v2/acme/apps'))).toBe(1008);
  });

  it('can be denied, be in another region, and is refused to strangers', async () => {
    on.sandbox.switch({ consent: 'deny' });
    expect(Object.fromEntries((await consent()).back.searchParams)).toEqual({ error: 'access_denied', state: 's1' });
    on.sandbox.switch({ consent: 'allow', location: 'in' });
    const elsewhere = (await consent()).back.searchParams;
    expect([elsewhere.get('location'), elsewhere.get('accounts-server')]).toEqual(['in', 'https://accounts.zoho.in']);
    expect((await consent({ client_id: 'x' })).status).toBe(400);
    expect((await consent({ scope: 'AaaServer.profile.READ' })).back.searchParams.get('error')).toBe('invalid_scope');
    await begin({ redirectUris: [REDIRECT] });
    expect((await consent({ redirect_uri: 'https://else.example.org/' })).status).toBe(400);
  });

  it.each([
    [{ client_id: 'x' }, 'invalid_client'],
    [{ client_secret: 'x' }, 'invalid_client_secret'],
    [{ refresh_token: 'x' }, 'invalid_code'],
  ])('refuses %j with status 200', async (fields, error) => {
    const refused = await tokenCall({ grant_type: 'refresh_token', ...fields });
    expect(refused).toEqual({ status: 200, body: { error } });
  });

  it('throttles the eleventh token and the eleventh code of ten minutes', async () => {
    const { body } = await exchange(on.sandbox.grantCode('external'));
    for (let n = 0; n < 10; n += 1) expect((await refresh(body['refresh_token'])).body).toHaveProperty('access_token');
    expect(await refresh(body['refresh_token'])).toMatchObject({ status: 400, body: { error: 'Access Denied' } });
    expect(on.sandbox.refreshes()).toBe(10);
    for (let n = 0; n < 9; n += 1) await consent();
    expect((await consent()).back.searchParams.get('error')).toBe('access_denied');
    await on.sandbox.advanceClock(601_000);
    expect((await refresh(body['refresh_token'])).status).toBe(200);
    expect((await consent()).back.searchParams.get('code')).toBeTruthy();
  });

  it('keeps 15 access tokens of a refresh token, and 20 refresh tokens', async () => {
    await begin({ refreshes: 100, codes: 100 });
    const { body: first } = await exchange(on.sandbox.grantCode('external'));
    for (let n = 0; n < 14; n += 1) await refresh(first['refresh_token']);
    on.token = first['access_token'];
    expect(codeOf(await call('GET', 'v2/acme/apps'))).toBeUndefined();
    await refresh(first['refresh_token']);
    expect(codeOf(await call('GET', 'v2/acme/apps'))).toBe(1008);
    for (let n = 0; n < 20; n += 1) await exchange(on.sandbox.grantCode('external'));
    expect((await refresh(first['refresh_token'])).body).toEqual({ error: 'invalid_code' });
  });

  it('expired access tokens can be refreshed, revoked refresh tokens are over', async () => {
    const { body } = await exchange(on.sandbox.grantCode('external'));
    on.token = body['access_token'];
    on.sandbox.expireTokens();
    expect(codeOf(await call('GET', 'v2/acme/apps'))).toBe(1008);
    expect((await refresh(body['refresh_token'])).body).toHaveProperty('access_token');
    on.sandbox.revokeRefreshTokens();
    expect((await refresh(body['refresh_token'])).body).toEqual({ error: 'invalid_code' });
    const { body: other } = await exchange(on.sandbox.grantCode('external'));
    await fetch(`${on.base}/accounts/oauth/v2/token/revoke?token=${other['refresh_token']}`, { method: 'POST' });
    expect((await refresh(other['refresh_token'])).body).toEqual({ error: 'invalid_code' });
  });
});

describe('what it refuses', () => {
  it.each([
    ['an unknown screen name', 'GET', 'v2/nobody/departments', undefined, {}, 1005],
    ['no token', 'GET', 'v2/acme/departments', undefined, { authorization: '' }, 1002],
    ['an unknown token', 'GET', 'v2/acme/departments', undefined, { authorization: 'Bearer x' }, 1008],
    ['an unknown path', 'GET', 'v2/acme/nothing', undefined, {}, 1006],
    ['another method', 'PUT', 'v2/acme/departments', {}, {}, 1004],
    ['an unknown conversation', 'POST', `${OPEN}/1/messages`, { text: 'x' }, {}, 1019],
    ['a body that is a form', 'POST', OPEN, 'x=1', { 'content-type': 'application/x-www-form-urlencoded' }, 1054],
    ['a body that is broken', 'POST', OPEN, '{"a":', {}, 1015],
  ])('%s', async (_what, method, path, body, headers, code) => {
    const answer = await call(method, path, body, headers);
    expect([answer.status, codeOf(answer)]).toEqual([200, code]);
  });

  it.each([
    [{ question: '' }, { code: 1015, json_key: 'question' }],
    [{ app_id: undefined }, { code: 1015, json_key: 'app_id' }],
    [{ visitor: {} }, { code: 1015, json_key: 'visitor.user_id' }],
    [{ visitor: { user_id: 7 } }, { code: 1007, json_key: 'visitor.user_id' }],
    [{ department_id: '1' }, { code: 1025 }],
    [{ custom_wait_time: 1000 }, { code: 1011, json_key: 'custom_wait_time' }],
  ])('an opening with %j', async (change, error) => {
    expect((await call('POST', OPEN, opening(change))).body['error']).toMatchObject(error);
    expect(on.sandbox.conversations()).toEqual([]);
  });

  it('a token of a user at the Visitor API, and a scope that nobody has allowed', async () => {
    const { body } = await exchange(on.sandbox.grantCode('native'));
    on.token = body['access_token'];
    expect(codeOf(await call('POST', OPEN, opening()))).toBe(1009);
    expect(codeOf(await call('GET', 'v2/acme/departments'))).toBeUndefined();
    const narrow = await exchange(on.sandbox.grantCode('external', 'SalesIQ.apps.READ'));
    on.token = narrow.body['access_token'];
    expect(codeOf(await call('GET', 'v2/acme/departments'))).toBe(1009);
  });

  it('files that are empty or too big, with a status of their own when it is switched on', async () => {
    const id = await open();
    const send = async (bytes: number) => {
      const form = new FormData();
      form.set('file', new File([new Uint8Array(bytes)], 'a.png', { type: 'image/png' }));
      form.set('comment', 'See here');
      return await call('POST', `${OPEN}/${id}/messages`, form);
    };
    on.sandbox.switch({ errorsAs4xx: true });
    expect(await send(0)).toMatchObject({ status: 400, body: { error: { code: 1018 } } });
    expect(await send(50 * 1024 * 1024 + 1)).toMatchObject({ status: 400, body: { error: { code: 1027 } } });
    expect((await send(10)).status).toBe(200);
    const [, line] = on.sandbox.conversation(id)!.messages;
    expect(line).toMatchObject({
      from: 'user',
      text: 'See here',
      files: [{ name: 'a.png', contentType: 'image/png' }],
    });
  });

  it('a burst, and faults in its own words', async () => {
    await begin({ burst: 3 });
    const answers = await Promise.all(Array.from({ length: 5 }, () => call('GET', 'v2/acme/apps')));
    expect(answers.map(codeOf).filter((code) => code === 1023).length).toBeGreaterThan(0);
    await begin();
    on.sandbox.fault('verify', { kind: 'rate_limit', resetInMs: 1000, times: 1 });
    on.sandbox.fault('verify', { kind: 'status', status: 401, times: 1 });
    on.sandbox.fault('verify', { kind: 'status', status: 502, times: 1 });
    const get = () => call('GET', 'v2/acme/departments').catch((error: unknown) => error);
    expect(await get()).toMatchObject({ status: 200, body: { error: { code: 1023 } } });
    expect(await get()).toMatchObject({ status: 401, body: { error: { code: 1008 } } });
    expect(await get()).toBeInstanceOf(SyntaxError);
    on.sandbox.fault('open', { kind: 'drop_after', times: 1 });
    await expect(call('POST', OPEN, opening())).rejects.toThrow('fetch failed');
    expect(on.sandbox.conversations()).toHaveLength(1);
  });
});

describe('a chat of our own', () => {
  it('is opened, gets messages, and says in turn something and nothing', async () => {
    const { status, body } = await call('POST', OPEN, opening({ customer_info: { handoff_id: 'ho_1' } }));
    expect([status, body['object']]).toEqual([200, 'conversations']);
    const { id: hex, conversation_id: id, chat_status: chat } = body['data'];
    expect(id).toMatch(/^\d{16,}$/);
    expect(hex).toMatch(/^[0-9a-f]{48}$/);
    expect(chat).toEqual({ state_key: 'waiting', status_code: 0, state: 1, status_key: 'open' });
    const send = (text: string) => call('POST', `${OPEN}/${id}/messages`, { text });
    expect([(await send('one')).status, (await send('two')).status]).toEqual([200, 204]);
    expect(lines(id)).toEqual(['note: handoff_id: ho_1', 'user: Where is my order?', 'user: one', 'user: two']);
    expect(codeOf(await call('POST', `${OPEN}/${hex}/messages`, { text: 'x' }))).toBe(1019);
    const { data } = (await call('GET', `v2/acme/conversations/${id}`)).body;
    expect(data).toMatchObject({ id, last_message_info: { message: { text: 'two' }, type: 'text' } });
    expect(data['last_message_info'].sender.id).toMatch(/^\$/);
    const transcript = (await call('GET', `v2/acme/conversations/${id}/messages`)).body['data'] as Json[];
    expect(transcript.map(({ message }) => message.text)).toEqual(['Where is my order?', 'one', 'two']);
  });

  it('shows past messages to the operator, and can be found by e-mail, state and time', async () => {
    const past_messages = [{ sender_type: 'bot', sender_name: 'AI', time: 1764000000000, text: 'I do not know' }];
    const id = await open({ past_messages });
    await open({ visitor: { user_id: 'ho_2', email: 'else@example.org' } });
    expect(lines(id)).toEqual(['bot: I do not know', 'user: Where is my order?']);
    const found = async (query: string): Promise<string[]> =>
      ((await call('GET', `v2/acme/conversations?${query}`)).body['data'] as Json[]).map((row) => String(row['id']));
    expect(await found('email=lena@example.org')).toEqual([id]);
    expect(await found('status=waiting')).toHaveLength(2);
    expect(await found(`from_time=${Date.now() + 60_000}`)).toEqual([]);
    await on.sandbox.human.close(id);
    expect(await found('status=closed')).toEqual([id]);
    expect(codeOf(await call('GET', 'v2/acme/conversations?limit=100'))).toBe(1011);
  });

  it('tells of all that operators do, signed, in order, with the e-mail under another name', async () => {
    const id = await open();
    await until(() => names().includes('created'), { message: 'conversation.created' });
    expect(await on.sandbox.human.reply(id, 'Hello Lena')).toBe(200);
    await on.sandbox.human.note(id, 'secret');
    await on.sandbox.human.transfer(id, 'Ben');
    await on.sandbox.human.reply(id, '', { files: [{ url: 'https://cdn.example.org/1.png', name: '1.png' }] });
    await on.sandbox.human.unknownPart(id);
    await on.sandbox.human.close(id, { text: 'Bye' });
    expect(names()).toEqual([
      'created',
      'attender.updated',
      'operator.replied',
      'note.added',
      'transfer.initiated',
      'transfer.accepted',
      'attender.updated',
      'operator.replied',
      'hologram.shown',
      'operator.replied',
      'completed',
    ]);
    expect(told('completed')).toMatchObject({
      entity_type: 'conversation',
      entity_id: id,
      attempt: 1,
      entity: { id, ended_by: 'agent', owner: { name: 'Ben' }, visitor: { email_id: 'lena@example.org' } },
    });
    const file = events().filter(({ event }) => event === 'conversation.operator.replied')[1]!;
    expect(file['entity'].message).not.toHaveProperty('text');
    expect(on.arrivals.every((arrival) => signed(on.settings['publicKey']!, arrival))).toBe(true);
    const changed = { ...on.arrivals[0]!, raw: on.arrivals[0]!.raw.replace('conversation', 'Conversation') };
    expect(signed(on.settings['publicKey']!, changed)).toBe(false);
    const times = events().map(({ event_time: time }) => Number(time));
    expect(times).toEqual([...new Set(times)].toSorted((a, b) => a - b));
    expect(codeOf(await call('POST', `${OPEN}/${id}/messages`, { text: 'late' }))).toBe(1019);
    expect(await on.sandbox.human.reply(id, 'After the end')).toBe(0);
  });

  it('is closed by us with the one method that works, and ends by itself when nobody comes', async () => {
    const id = await open();
    const close = (method: string) => call(method, `v2/acme/conversations/${id}/close`, {});
    expect(codeOf(await close('POST'))).toBe(1004);
    expect((await close('PUT')).body['data']).toMatchObject({
      chat_status: { state: 4 },
      end_time: expect.any(String),
    });
    expect(codeOf(await close('PUT'))).toBe(1019);
    await until(() => names().includes('completed'), { message: 'conversation.completed' });
    on.sandbox.switch({ closeMethod: 'POST' });
    const other = await open({ custom_wait_time: 60 });
    await on.sandbox.advanceClock(59_000);
    expect(on.sandbox.conversation(other)!.closed).toBe(false);
    await on.sandbox.advanceClock(2_000);
    expect(told('missed')).toMatchObject({ entity_id: other, entity: { status: 'Missed' } });
    await begin({ waitScale: 0.001 });
    const quick = await open({ custom_wait_time: 30 });
    await until(() => on.sandbox.conversation(quick)!.closed, { message: 'missed by its own clock' });
  });

  it('operators can write by the API as well', async () => {
    const id = await open();
    await call('POST', `v2/acme/conversations/${id}/messages`, { text: 'From the app' });
    await until(() => names().includes('operator.replied'), { message: 'the reply' });
    expect(told('operator.replied')['entity'].message.sender).toMatchObject({ name: 'Mara', type: 'operator' });
  });
});

describe('webhooks', () => {
  const made = (change: Json = {}): Json => ({
    type: 'data',
    url: on.webhookUrl,
    events: ['conversation.operator.replied'],
    app_ids: [on.settings['appId']],
    secured: true,
    ...change,
  });
  const create = (change: Json = {}) => call('POST', 'v2/acme/webhooks', made(change));

  it('are made after a HEAD check, changed and removed', async () => {
    on.headStatus = 405;
    expect((await create()).body['error']).toMatchObject({ code: 1011, json_key: 'url' });
    on.headStatus = 200;
    expect((await create({ events: ['conversation.x'] })).body['error']).toMatchObject({ json_key: 'events[0]' });
    const { data } = (await create()).body;
    expect(data).toMatchObject({ status: 'enabled', secured: true, public_keys: [{ id: expect.any(String) }] });
    const id = await open();
    await on.sandbox.human.reply(id, 'twice');
    expect(names().filter((name) => name === 'operator.replied')).toHaveLength(2);
    const changed = made({ events: ['conversation.completed'] });
    expect((await call('PUT', `v2/acme/webhooks/${data.id}`, changed)).body['data'].events).toEqual(changed['events']);
    await on.sandbox.human.reply(id, 'once');
    expect(names().filter((name) => name === 'operator.replied')).toHaveLength(3);
    expect((await call('DELETE', `v2/acme/webhooks/${data.id}`)).status).toBe(204);
    expect(codeOf(await call('GET', `v2/acme/webhooks/${data.id}`))).toBe(1019);
    expect((await call('GET', 'v2/acme/webhooks')).body['data']).toHaveLength(1);
  });

  it('an address made by hand that refuses HEAD hears nothing', async () => {
    on.headStatus = 404;
    on.methods = [];
    await begin();
    await until(() => !on.sandbox.registered()[0]!.reachable, { message: 'the refusal' });
    expect(await on.sandbox.human.reply(await open(), 'Hello')).toBe(0);
    expect(on.arrivals).toEqual([]);
  });

  it('are signed by the oldest of two keys', async () => {
    const [{ id, keys }] = on.sandbox.registered() as [WebhookEntry];
    const added = await call('POST', `v2/acme/webhooks/${id}/keys`);
    expect(codeOf(await call('POST', `v2/acme/webhooks/${id}/keys`))).toBe(1014);
    const talk = await open();
    await on.sandbox.human.reply(talk, 'by the first');
    expect(signed(on.settings['publicKey']!, on.arrivals.at(-1)!)).toBe(true);
    await call('DELETE', `v2/acme/webhooks/${id}/keys/${keys[0]!.id}`);
    await on.sandbox.human.reply(talk, 'by the second');
    expect(signed(on.settings['publicKey']!, on.arrivals.at(-1)!)).toBe(false);
    const bare = added.body['data'].public_key.key as string;
    expect(signed(`-----BEGIN PUBLIC KEY-----\n${bare}\n-----END PUBLIC KEY-----`, on.arrivals.at(-1)!)).toBe(true);
    on.sandbox.webhooks({ wrongSecret: true });
    await on.sandbox.human.reply(talk, 'by nobody');
    expect(signed(on.sandbox.registered()[0]!.keys[0]!.publicKey, on.arrivals.at(-1)!)).toBe(false);
  });

  it('are tried four times with a growing number, then wait to be retried', async () => {
    const id = await open();
    await until(() => names().includes('created'), { message: 'conversation.created' });
    await on.sandbox.picksUp(id);
    on.arrivals = [];
    on.statuses = [500, 302, 500, 500];
    await on.sandbox.human.reply(id, 'Hello');
    expect(events().map(({ attempt }) => attempt)).toEqual([1, 2, 3, 4]);
    const webhook = on.sandbox.registered()[0]!.id;
    const failed = () => call('GET', `v2/acme/webhooks/${webhook}/executions?events=conversation.operator.replied`);
    const [row] = (await failed()).body['data'] as [Json];
    expect(row).toMatchObject({
      entity_id: id,
      remote_server_status: '500',
      payload: { id, message: { text: 'Hello' } },
    });
    await call('POST', `v2/acme/webhooks/${webhook}/executions`, { ids: [row['id']] });
    await until(() => events().length === 5, { message: 'the retry' });
    expect(events()[4]).toMatchObject({ attempt: 5, entity: { message: { text: 'Hello' } } });
    await until(async () => (await failed()).body['data'].length === 0, { message: 'the row goes away' });
  });

  it('stop at 410', async () => {
    const id = await open();
    await until(() => names().includes('created'), { message: 'conversation.created' });
    await on.sandbox.picksUp(id);
    on.statuses = [410];
    await on.sandbox.human.reply(id, 'one');
    const count = on.arrivals.length;
    expect(await on.sandbox.human.reply(id, 'two')).toBe(0);
    expect(on.arrivals).toHaveLength(count);
    expect((await call('GET', 'v2/acme/webhooks')).body['data']).toMatchObject([{ status: 'disabled' }]);
  });
});

describe('the sandbox', () => {
  const control = async (method: string, path: string, body?: unknown): Promise<{ status: number; json: Json }> => {
    const init =
      body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
    const response = await fetch(`${on.base}/_control/${path}`, { method, ...init });
    const text = await response.text();
    return { status: response.status, json: (text === '' ? {} : JSON.parse(text)) as Json };
  };

  it('is programmed over HTTP, and hides secrets', async () => {
    const id = await open();
    expect(await control('POST', 'zoho-salesiq/picks-up', { conversationId: id })).toEqual({
      status: 200,
      json: { status: 200 },
    });
    expect((await control('POST', 'zoho-salesiq/switch', { preview: 7 })).status).toBe(400);
    expect((await control('POST', 'zoho-salesiq/switch', { forwarding: 1002, errorsAs4xx: true })).status).toBe(204);
    expect((await control('POST', 'zoho-salesiq/misses', { conversationId: 'x' })).status).toBe(404);
    const { code } = (await control('POST', 'zoho-salesiq/grant-code', {})).json;
    expect((await exchange(code)).body).toHaveProperty('refresh_token');
    expect((await call('GET', 'v2/acme/apps/1')).status).toBe(400);
    const { calls } = (await control('GET', 'calls')).json;
    expect(JSON.stringify(calls)).not.toContain(on.token!);
    expect((await control('GET', 'zoho-salesiq/zobot')).json).toEqual({ calls: [], problems: [], disabled: false });
  });

  it('has a scripted human, who knows of forwarded chats too', async () => {
    on.sandbox.setScript('agent');
    const id = await open();
    await until(() => lines(id).some((line) => line.startsWith('agent: Hello')), { message: 'the greeting' });
    await call('POST', `${OPEN}/${id}/messages`, { text: 'Thank you' });
    await until(() => on.sandbox.conversation(id)!.closed, { message: 'the end' });
    on.sandbox.settings(on.base, 'native');
    on.bot = () => ({ json: { action: 'forward' } });
    const other = await on.sandbox.user.writes('A human, please');
    await until(() => lines(other).some((line) => line.startsWith('agent: Hello')), { message: 'the greeting' });
  });

  it('forgets all at reset, and keeps the portal', async () => {
    await open();
    on.sandbox.switch({ errorsAs4xx: true });
    on.sandbox.reset();
    expect(on.sandbox.conversations()).toEqual([]);
    expect(on.sandbox.settings(on.base, 'external')).toEqual(on.settings);
    expect((await call('GET', 'v2/acme/apps/1')).status).toBe(200);
  });
});
