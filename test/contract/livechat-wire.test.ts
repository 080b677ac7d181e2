import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { CloseRequest } from '../../activities/desks/desk.ts';
import { livechatConfig } from '../../activities/desks/livechat/config.ts';
import { cookieOf } from '../../activities/desks/livechat/identity.ts';
import { livechat } from '../../activities/desks/livechat/index.ts';
import type { DeskErrorKind } from '../../activities/errors.ts';
import { closeOf } from '../support/desk-requests.ts';
import {
  chats,
  CUSTOMER,
  failure,
  message,
  NATIVE,
  opening,
  ORGANIZATION,
  refusal,
  startFake,
  threadList,
} from './livechat-fixture.ts';

// The numbers are those of the feature checklist in the reference of GPTBots' human handoff.

let fake: Awaited<ReturnType<typeof startFake>>;
beforeAll(async () => {
  fake = await startFake();
});
afterEach(() => fake.reset());
afterAll(() => fake.stop());

const HOUR = 3_600_000;
const opened = async () => {
  const request = opening();
  return { request, ...(await livechat.open(fake.context(), request)) };
};
const closing = (handoffId: string, more: Partial<CloseRequest> = {}): CloseRequest =>
  closeOf({ handoffId, deskConversationId: 'CHAT.T1' }, more);

describe('settings', () => {
  it('[31] external needs organization, client id and the webhook secret; no more', () => {
    const least = { organizationId: ORGANIZATION, clientId: 'abc', secretKey: 'long enough' };
    expect(livechatConfig.safeParse(least).success).toBe(true);
    for (const field of Object.keys(least)) {
      expect(livechatConfig.safeParse({ ...least, [field]: undefined }).success, field).toBe(false);
    }
  });

  it('[34] native names the five fields it needs besides', () => {
    const needed = Object.entries(livechatConfig.shape).flatMap(([name, field]) =>
      (field.meta() as { requiredIn?: string[] }).requiredIn?.includes('native') ? [name] : [],
    );
    expect(needed.toSorted()).toEqual(['accountId', 'agentEmail', 'clientSecret', 'groupId', 'token']);
  });
});

describe('the cookie grant', () => {
  it('[31] makes a customer from organization, client id and our address, without any secret', async () => {
    await opened();
    const [grant] = fake.of('accounts/token');
    expect(grant).toMatchObject({ method: 'POST', path: '/accounts/v2/customer/token' });
    expect(grant?.headers.cookie).toBeUndefined();
    expect(grant?.headers.authorization).toBeUndefined();
    expect(grant?.body).toEqual({
      grant_type: 'cookie',
      client_id: '9f8e7d6c5b4a39281706f5e4d3c2b1a0',
      organization_id: ORGANIZATION,
      redirect_uri: 'https://handoff.example.com',
      response_type: 'token',
    });
  });

  it('is used for every later call, and for the next handoff of the same conversation', async () => {
    const { request } = await opened();
    await livechat.send(fake.context(), message(request.handoffId));
    await livechat.open(fake.context(), opening({ conversationId: request.conversationId }));
    expect(fake.of('accounts/token')).toHaveLength(1);
    const spoken = fake.seen.filter(({ what }) => what.startsWith('customer/'));
    for (const call of spoken) {
      expect(call.headers.authorization).toBe('Bearer dal:tok_1');
      expect(call.path).toContain(`?organization_id=${ORGANIZATION}`);
    }
  });

  it('gives every conversation of the bot a customer of its own', async () => {
    await opened();
    await opened();
    expect(fake.of('accounts/token')).toHaveLength(2);
    expect(fake.of('accounts/token')[1]?.headers.cookie).toBeUndefined();
  });

  it('renews with both cookies, the newest ones, when less than ten minutes are left', async () => {
    const { request } = await opened();
    const send = () => livechat.send(fake.context(), message(request.handoffId));
    fake.pass(8 * HOUR - 600_000);
    await send();
    expect(fake.of('accounts/token')).toHaveLength(1);
    fake.pass(1);
    await send();
    fake.pass(8 * HOUR);
    await send();
    expect(fake.of('accounts/token').map(({ headers }) => headers.cookie)).toEqual([
      undefined,
      `__lc_cid=${CUSTOMER}; __lc_cst=cst1`,
      `__lc_cid=${CUSTOMER}; __lc_cst=cst2`,
    ]);
    expect(fake.of('customer/send_event').at(-1)?.headers.authorization).toBe('Bearer dal:tok_3');
  });

  it('is renewed once, by one of many callers, when LiveChat refuses the token', async () => {
    const { request } = await opened();
    fake.set({
      'customer/send_event': ({ headers }, count) =>
        headers.authorization === 'Bearer dal:tok_1'
          ? refusal('authentication', 'Invalid access token', 401)
          : { body: { event_id: `T1_${count}` } },
    });
    const calls = [2, 3, 4, 5].map((n) =>
      livechat.send(fake.context(), message(request.handoffId, { key: `${request.handoffId}.d${n}` })),
    );
    await Promise.all(calls);
    expect(fake.of('accounts/token')).toHaveLength(2);
  });

  it('that does not help either is refused credentials', async () => {
    const { request } = await opened();
    fake.set({ 'customer/send_event': () => refusal('authentication', 'Invalid access token', 401) });
    expect(await failure(livechat.send(fake.context(), message(request.handoffId)))).toMatchObject({ kind: 'auth' });
    expect(fake.of('accounts/token')).toHaveLength(2);
    expect(fake.of('customer/send_event')).toHaveLength(2);
  });

  it('that comes back with another customer is an error, and the known one is kept', async () => {
    const { request } = await opened();
    fake.pass(8 * HOUR);
    const other = { access_token: 't', entity_id: randomUUID(), expires_in: 28_800 };
    fake.set({ 'accounts/token': () => ({ headers: { 'set-cookie': '__lc_cst=new; Path=/' }, body: other }) });
    const error = await failure(livechat.send(fake.context(), message(request.handoffId)));
    expect(error).toMatchObject({ kind: 'protocol', unclear: true });
    expect(fake.of('customer/send_event')).toHaveLength(0);
    expect(await fake.memory.get(`identity.${request.conversationId}`)).toMatchObject({ entityId: CUSTOMER });
  });

  it('needs the secret cookie: without it no renewal would ever work', async () => {
    fake.set({
      'accounts/token': () => ({ body: { access_token: 't', entity_id: CUSTOMER, expires_in: 28_800 } }),
    });
    expect(await failure(livechat.open(fake.context(), opening()))).toMatchObject({ kind: 'protocol' });
  });

  it('starts anew for another organization', async () => {
    const { request } = await opened();
    const organizationId = randomUUID();
    await livechat.open(fake.context({ organizationId }), opening({ conversationId: request.conversationId }));
    expect(fake.of('accounts/token')[1]?.headers.cookie).toBeUndefined();
  });

  it.each([
    ['a=1; Expires=Tue, 21 Nov 2028 10:00:00 GMT, __lc_cst=abc; Path=/; Expires=Tue, 1 Jan 2030 1:1:1 GMT', 'abc'],
    ['__lc_cst=abc, b=2', 'abc'],
    ['x__lc_cst=abc', undefined],
    ['a=__lc_cst=abc', undefined],
    ['', undefined],
  ])('reads the cookie out of joined headers: %s', (joined, value) => {
    expect(cookieOf(joined, '__lc_cst')).toBe(value);
  });
});

describe('open', () => {
  it('tells who it is, then starts one chat with the talk and the question', async () => {
    const { request, deskConversationId } = await opened();
    expect(deskConversationId).toBe('CHAT.T1');
    expect(fake.of('customer/update_customer')[0]?.body).toEqual({
      name: 'Lee P.',
      email: 'lee@user.example',
      session_fields: [{ channel: 'whatsapp' }, { handoff_id: request.handoffId }, { user_id: 'cust-20871' }],
    });
    expect(fake.of('customer/start_chat')[0]?.body).toEqual({
      chat: {
        thread: {
          events: [
            {
              type: 'message',
              custom_id: `${request.key}:0`,
              text: 'Conversation with the bot:\nUser: my order is late\nBot: let me get a colleague',
            },
            { type: 'message', custom_id: `${request.key}:1`, text: 'I want to talk to a person' },
          ],
          properties: { routing: { ignore_bots: true } },
        },
      },
      active: true,
      continuous: true,
    });
  });

  it('goes to the group of the settings, without a history with the question alone', async () => {
    await livechat.open(fake.context({ groupId: 7 }), opening({ history: [] }));
    const { chat } = fake.of('customer/start_chat')[0]!.body as {
      chat: { access: unknown; thread: { events: unknown[] } };
    };
    expect(chat.access).toEqual({ group_ids: [7] });
    expect(chat.thread.events).toHaveLength(1);
  });

  it('splits a long talk into events of at most 16 KB, the question stays the last', async () => {
    const long = { role: 'user' as const, text: 'é '.repeat(9_000) };
    await livechat.open(fake.context(), opening({ history: [long, long], question: 'help' }));
    const { chat } = fake.of('customer/start_chat')[0]!.body as { chat: { thread: { events: { text: string }[] } } };
    const { events } = chat.thread;
    expect(events.length).toBe(5);
    for (const { text } of events) expect(Buffer.byteLength(text)).toBeLessThanOrEqual(16_384);
    expect(events.at(-1)?.text).toBe('help');
  });

  it('of data that LiveChat does not take goes on without them', async () => {
    fake.set({ 'customer/update_customer': () => refusal('validation', '`email` is invalid') });
    expect((await opened()).deskConversationId).toBe('CHAT.T1');
  });

  it('resumes the chat of a user who comes back', async () => {
    fake.set({ 'customer/list_chats': () => chats(false) });
    const { deskConversationId, request } = await opened();
    expect(deskConversationId).toBe('CHAT.T2');
    expect(fake.of('customer/resume_chat')[0]?.body).toMatchObject({
      chat: { id: 'CHAT', thread: { events: [{ custom_id: `${request.key}:0` }, { custom_id: `${request.key}:1` }] } },
      continuous: true,
    });
    expect(fake.whats()).not.toContain('customer/start_chat');
  });

  it('joins a chat that is still open, with the talk as messages', async () => {
    fake.set({ 'customer/list_chats': () => chats(true) });
    const { deskConversationId, request } = await opened();
    expect(deskConversationId).toBe('CHAT.T1');
    const ids = fake.of('customer/send_event').map(({ body }) => (body['event'] as { custom_id: string }).custom_id);
    expect(ids).toEqual([`${request.key}:0`, `${request.key}:1`]);
  });

  it.each([
    ['chat_limit_reached', 'Chat limit reached'],
    ['validation', 'Customer chats limit reached'],
    ['limit_reached', 'Customer chats limit reached'],
  ])('after %s looks for the chat and resumes it', async (type, text) => {
    fake.set({
      'customer/list_chats': (_seen, count) => (count === 1 ? { body: { chats_summary: [] } } : chats(false)),
      'customer/start_chat': () => refusal(type, text),
    });
    expect((await opened()).deskConversationId).toBe('CHAT.T2');
    expect(fake.of('customer/start_chat')).toHaveLength(1);
  });

  it('after chat_already_active joins the chat', async () => {
    fake.set({
      'customer/list_chats': (_seen, count) => chats(count > 1, count > 1 ? 'T5' : 'T1'),
      'customer/resume_chat': () => refusal('chat_already_active'),
    });
    expect((await opened()).deskConversationId).toBe('CHAT.T5');
  });

  it('repeated after a lost answer finds its own chat and doubles nothing', async () => {
    const request = opening();
    fake.set({ 'customer/start_chat': () => ({ cut: true }) });
    expect(await failure(livechat.open(fake.context(), request))).toMatchObject({ kind: 'timeout', unclear: true });
    fake.set({
      'customer/list_chats': () => chats(true),
      'customer/list_threads': () =>
        threadList({ id: 'T1', active: true, ids: [`${request.key}:0`, `${request.key}:1`] }),
    });
    expect(await livechat.open(fake.context(), request)).toEqual({ deskConversationId: 'CHAT.T1' });
    expect(fake.of('customer/start_chat')).toHaveLength(1);
    expect(fake.of('customer/send_event')).toHaveLength(0);
  });

  it('repeated in the middle of joining sends only what is missing', async () => {
    const request = opening();
    fake.set({
      'customer/list_chats': () => chats(true),
      'customer/send_event': (_seen, count) => (count === 2 ? { cut: true } : { body: { event_id: 'x' } }),
      'customer/list_threads': () => threadList({ id: 'T1', active: true, ids: ['other', `${request.key}:0`] }),
    });
    await failure(livechat.open(fake.context(), request));
    await livechat.open(fake.context(), request);
    const ids = fake.of('customer/send_event').map(({ body }) => (body['event'] as { custom_id: string }).custom_id);
    expect(ids).toEqual([`${request.key}:0`, `${request.key}:1`, `${request.key}:1`]);
  });

  it('whose thread the agent has closed meanwhile is not opened a second time', async () => {
    const request = opening();
    fake.set({ 'customer/start_chat': () => ({ cut: true }) });
    await failure(livechat.open(fake.context(), request));
    fake.set({
      'customer/list_chats': () => chats(false),
      'customer/list_threads': () => threadList({ id: 'T1', active: false, ids: [`${request.key}:0`] }),
    });
    expect(await livechat.open(fake.context(), request)).toEqual({ deskConversationId: 'CHAT.T1' });
    expect(fake.of('customer/resume_chat')).toHaveLength(0);
  });

  it('that has worked is not repeated at the desk', async () => {
    const { request, deskConversationId } = await opened();
    const calls = fake.seen.length;
    expect(await livechat.open(fake.context(), request)).toEqual({ deskConversationId });
    expect(fake.seen).toHaveLength(calls);
  });

  it('makes a new customer when LiveChat has erased the old one', async () => {
    fake.set({
      'customer/list_chats': (_seen, count) => (count === 1 ? chats(false) : { body: { chats_summary: [] } }),
      'customer/resume_chat': () => refusal('chat_anonymized'),
    });
    expect((await opened()).deskConversationId).toBe('CHAT.T1');
    expect(fake.of('accounts/token').map(({ headers }) => headers.cookie)).toEqual([undefined, undefined]);
  });
});

describe('send', () => {
  it('sends one event with the key as its id, and gives back the id of the desk', async () => {
    const { request } = await opened();
    expect(await livechat.send(fake.context(), message(request.handoffId))).toEqual({ deskMessageId: 'T1_1' });
    expect(fake.of('customer/send_event')[0]?.body).toEqual({
      chat_id: 'CHAT',
      event: { type: 'message', custom_id: `${request.handoffId}.d2`, text: 'order 1234' },
    });
  });

  it('sends parts and files as further messages, and none that has arrived', async () => {
    const { request } = await opened();
    const marks: number[] = [];
    const attachments = [{ url: 'https://files.example/a.pdf', name: 'a.pdf' }, { url: 'https://files.example/b' }];
    const parts = { done: 1, mark: async (done: number) => void marks.push(done) };
    const text = 'a'.repeat(20_000);
    await livechat.send(fake.context(), message(request.handoffId, { text, attachments, parts }));
    const events = fake
      .of('customer/send_event')
      .map(({ body }) => body['event'] as { custom_id: string; text: string });
    const key = `${request.handoffId}.d2`;
    expect(events.map(({ custom_id }) => custom_id)).toEqual([`${key}.1`, `${key}.2`, `${key}.3`]);
    expect(events[0]?.text).toHaveLength(4_000);
    expect(events.slice(1).map((event) => event.text)).toEqual([
      'a.pdf: https://files.example/a.pdf',
      'https://files.example/b',
    ]);
    expect(marks).toEqual([2, 3]);
  });

  it('tells which links LiveChat did not take', async () => {
    const { request } = await opened();
    const attachments = [{ url: 'https://files.example/a' }, { url: 'https://files.example/b' }];
    fake.set({ 'customer/send_event': (_s, n) => (n === 2 ? refusal('validation') : { body: { event_id: 'x' } }) });
    const sent = await livechat.send(fake.context(), message(request.handoffId, { attachments }));
    expect(sent.dropped).toEqual([{ url: 'https://files.example/a' }]);
    expect(fake.of('customer/send_event')).toHaveLength(3);
  });

  it('looks before it repeats, and sends only what has not arrived', async () => {
    const { request } = await opened();
    const key = `${request.handoffId}.d2`;
    fake.set({ 'customer/list_threads': () => threadList({ id: 'T1', active: true, ids: [key] }) });
    const attachments = [{ url: 'https://files.example/a' }];
    const sent = await livechat.send(fake.context(), message(request.handoffId, { attachments, maybeSent: true }));
    expect(sent).toEqual({ deskMessageId: 'T1_1' });
    const ids = fake.of('customer/send_event').map(({ body }) => (body['event'] as { custom_id: string }).custom_id);
    expect(ids).toEqual([`${key}.1`]);
    expect(fake.of('customer/list_threads')[0]?.body).toEqual({ chat_id: 'CHAT', min_events_count: 100 });
  });

  it('into a closed chat is not found', async () => {
    const { request } = await opened();
    fake.set({ 'customer/send_event': () => refusal('chat_inactive') });
    expect(await failure(livechat.send(fake.context(), message(request.handoffId)))).toMatchObject({
      kind: 'not_found',
    });
  });

  it('of a handoff that was never opened is not found, and calls nobody', async () => {
    expect(await failure(livechat.send(fake.context(), message('ho_x')))).toMatchObject({ kind: 'not_found' });
    expect(fake.seen).toEqual([]);
  });
});

describe('close', () => {
  it('closes its own thread', async () => {
    const { request } = await opened();
    fake.set({ 'customer/list_chats': () => chats(true) });
    await livechat.close(fake.context(), closing(request.handoffId));
    expect(fake.of('customer/deactivate_chat').map(({ body }) => body)).toEqual([{ id: 'CHAT' }]);
  });

  it.each([
    ['a closed chat', chats(false)],
    ['a later thread', chats(true, 'T9')],
    ['no chat', { body: { chats_summary: [] } }],
  ])('leaves %s alone', async (_what, reply) => {
    const { request } = await opened();
    fake.set({ 'customer/list_chats': () => reply });
    await livechat.close(fake.context(), closing(request.handoffId));
    expect(fake.of('customer/deactivate_chat')).toHaveLength(0);
  });

  it('leaves a thread alone that the next handoff has joined', async () => {
    const { request } = await opened();
    fake.set({ 'customer/list_chats': () => chats(true) });
    await livechat.open(fake.context(), opening({ conversationId: request.conversationId }));
    await livechat.close(fake.context(), closing(request.handoffId));
    expect(fake.of('customer/deactivate_chat')).toHaveLength(0);
  });

  it('is content when the chat closed at that moment', async () => {
    const { request } = await opened();
    fake.set({
      'customer/list_chats': () => chats(true),
      'customer/deactivate_chat': () => refusal('chat_inactive'),
    });
    await livechat.close(fake.context(), closing(request.handoffId));
    expect(fake.of('customer/deactivate_chat')).toHaveLength(1);
  });

  it.each([
    ['closes what an unclear opening left', true, 1],
    ['leaves the chat of somebody else alone after an unclear opening', false, 0],
  ])('%s', async (_what, isOurs, times) => {
    const request = opening();
    fake.set({ 'customer/start_chat': () => ({ cut: true }) });
    await failure(livechat.open(fake.context(), request));
    fake.set({
      'customer/list_chats': () => chats(true),
      'customer/list_threads': () =>
        threadList({ id: 'T1', active: true, ids: [isOurs ? `${request.key}:0` : 'ho_other.d1:0'] }),
    });
    const { handoffId } = request;
    await livechat.close(fake.context(), closing(handoffId, { deskConversationId: handoffId }));
    expect(fake.of('customer/deactivate_chat')).toHaveLength(times);
  });

  it('of a handoff that never reached the desk calls nobody', async () => {
    await livechat.close(fake.context(), closing('ho_x', { deskConversationId: 'ho_x' }));
    expect(fake.seen).toEqual([]);
  });
});

describe('errors', () => {
  const sendFailure = async (reply: ReturnType<typeof refusal>) => {
    const { request } = await opened();
    fake.set({ 'customer/send_event': () => reply });
    return await failure(livechat.send(fake.context(), message(request.handoffId)));
  };

  it.each<[type: string, status: number, kind: DeskErrorKind, unclear: boolean]>([
    ['authorization', 403, 'auth', false],
    ['license_expired', 402, 'auth', false],
    ['validation', 422, 'rejected', false],
    ['customer_banned', 403, 'rejected', false],
    ['entity_too_large', 413, 'rejected', false],
    ['chat_inactive', 422, 'not_found', false],
    ['too_many_requests', 429, 'rate_limited', false],
    ['request_timeout', 504, 'timeout', true],
    ['internal', 500, 'unavailable', false],
    ['service_unavailable', 503, 'unavailable', false],
    ['something_new', 422, 'rejected', false],
    ['something_new', 500, 'unavailable', false],
  ])('%s with %i is %s, also with status 200 when the type is known', async (type, status, kind, unclear) => {
    expect(await sendFailure(refusal(type, 'why', status))).toMatchObject({ kind, unclear, status, desk: 'livechat' });
    fake.reset();
    if (type === 'something_new') return;
    expect(await sendFailure(refusal(type, 'why', 200))).toMatchObject({ kind });
  });

  it('a wait is taken from Retry-After where there is one', async () => {
    const reply = { ...refusal('too_many_requests', '', 429), headers: { 'retry-after': '7' } };
    expect(await sendFailure(reply)).toMatchObject({ kind: 'rate_limited', retryAfterMs: 7_000 });
  });

  it('an answer that is not JSON is unclear, with 5xx it is a failure', async () => {
    expect(await sendFailure({ body: '<html>' })).toMatchObject({ kind: 'protocol', unclear: true });
    fake.reset();
    expect(await sendFailure({ status: 502, body: '<html>' })).toMatchObject({ kind: 'unavailable' });
  });

  it('a wrong region is followed once', async () => {
    const { request } = await opened();
    fake.set({
      'customer/send_event': ({ headers }) =>
        headers['x-region'] === 'fra'
          ? { body: { event_id: 'e' } }
          : refusal('misdirected_request', 'Wrong region', 421, { region: 'fra' }),
    });
    expect(await livechat.send(fake.context(), message(request.handoffId))).toEqual({ deskMessageId: 'e' });
    fake.reset();
    const lost = refusal('misdirected_request', 'Wrong region', 421, { region: 'fra' });
    expect(await sendFailure(lost)).toMatchObject({ kind: 'unavailable' });
    expect(fake.of('customer/send_event')).toHaveLength(2);
  });

  it("neither log nor message has a secret, a token or a user's text", async () => {
    const ctx = fake.context(NATIVE);
    const request = opening();
    await livechat.open(ctx, request);
    fake.set({ 'customer/send_event': () => refusal('validation', 'order 1234 is bad') });
    const error = await failure(livechat.send(ctx, message(request.handoffId)));
    ctx.log.warn({ err: error }, 'failed');
    const all = `${fake.logged()}${error.stack}`;
    expect(all).toContain('validation');
    for (const secret of ['dal:tok', 'cst1', 'whsec_local', 'my order is late']) expect(all).not.toContain(secret);
    expect(error.message).not.toContain('1234');
  });
});
