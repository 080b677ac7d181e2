import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { CloseRequest } from '../../activities/desks/desk.ts';
import { livedeskConfig } from '../../activities/desks/livedesk/config.ts';
import { livedesk } from '../../activities/desks/livedesk/index.ts';
import { configFields, secretFields } from '../../activities/desks/registry.ts';
import { closeOf } from '../support/desk-requests.ts';
import {
  answered,
  CONTACT,
  CONVERSATION,
  conversation,
  failure,
  message,
  opening,
  SETTINGS,
  startFake,
} from './livedesk-fixture.ts';

// The numbers are those of the feature checklist in the reference of GPTBots' human handoff.

let fake: Awaited<ReturnType<typeof startFake>>;
beforeAll(async () => {
  fake = await startFake();
});
afterEach(() => fake.reset());
afterAll(() => fake.stop());

const closing = (more: Partial<CloseRequest> = {}): CloseRequest =>
  closeOf({ handoffId: 'ho_1', deskConversationId: String(CONVERSATION) }, more);
const contents = (): unknown[] => fake.of('POST messages').map(({ body }) => body['content']);

describe('settings', () => {
  it('[26] the key pair is needed and secret, as is the token of the address', () => {
    expect(secretFields(livedesk).toSorted()).toEqual(['apiKey', 'apiSecret', 'webhookSecret', 'webhookToken']);
    for (const field of ['apiKey', 'apiSecret', 'webhookToken']) {
      expect(livedeskConfig.safeParse({ ...SETTINGS, [field]: undefined }).success, field).toBe(false);
    }
  });

  it('[26] external mode needs the channel, native mode does not', () => {
    expect(configFields(livedesk).find(({ name }) => name === 'inboxId')?.requiredIn).toEqual(['external']);
    const { inboxId: _, ...native } = SETTINGS;
    expect(livedeskConfig.safeParse(native).success).toBe(true);
  });

  it('take a channel as a number too, and a token that nobody can guess', () => {
    expect(livedeskConfig.parse({ ...SETTINGS, inboxId: 611 }).inboxId).toBe('611');
    for (const wrong of [{ inboxId: 'x' }, { inboxId: '0' }, { webhookToken: 'short' }, { apiKey: 'a:b' }]) {
      expect(livedeskConfig.safeParse({ ...SETTINGS, ...wrong }).success, JSON.stringify(wrong)).toBe(false);
    }
  });
});

describe('an opening', () => {
  it('[26] is contact, conversation, private context, question, with the published credentials', async () => {
    const request = opening();
    expect(await livedesk.open(fake.context(), request)).toEqual({ deskConversationId: '4301' });
    expect(fake.whats()).toEqual([
      'GET contacts',
      'POST contacts',
      'POST conversations',
      'POST messages',
      'POST messages',
    ]);
    const [made] = fake.of('POST contacts');
    expect(made?.path).toBe('/api/v2/accounts/contacts');
    expect(made?.headers.authorization).toBe('Basic YWtfZGVtbzpza19kZW1v');
    expect(made?.body).toEqual({
      inbox_id: 611,
      identifier: 'hh-user-8f2c',
      name: 'Dana Reyes',
      email: 'dana@example.test',
      phone_number: '+14155550100',
    });
    expect(fake.of('POST conversations')[0]?.body).toEqual({ inbox_id: 611, contact_id: CONTACT });
    const [note, question] = fake.of('POST messages');
    expect(note?.body).toMatchObject({ private: true, content: expect.stringContaining('User: my order is late') });
    expect(note?.body).not.toHaveProperty('message_type');
    expect(question?.body).toEqual({
      content: 'I want to talk to a person',
      message_type: 'incoming',
      private: false,
      content_attributes: { baton: `baton:${request.key}#1` },
      echo_id: `baton:${request.key}#1`,
    });
  });

  it('takes only the contact with the very same identifier, on whichever page', async () => {
    const others = Array.from({ length: 15 }, (_, n) => ({
      id: n + 1,
      identifier: `hh-user-8f2c-${n}`,
      email: 'a@b.c',
    }));
    fake.set({
      'GET contacts': ({ path }) => {
        const page = new URL(path, 'http://x').searchParams.get('page');
        const payload = page === '1' ? others : [{ id: 42, identifier: 'hh-user-8f2c' }];
        return { body: { meta: { count: 16, current_page: page }, payload } };
      },
    });
    await livedesk.open(fake.context(), opening());
    expect(fake.of('POST contacts')).toHaveLength(0);
    expect(fake.of('POST conversations')[0]?.body['contact_id']).toBe(42);
  });

  it('never takes a contact by his e-mail: what is taken is left out', async () => {
    fake.set({
      'GET contacts': () => ({ body: { payload: [{ id: 7, identifier: 'someone', email: 'dana@example.test' }] } }),
      'POST contacts': ({ body }) =>
        'email' in body
          ? { status: 422, body: { message: 'Email has already been taken', attributes: ['email'] } }
          : { body: { payload: { contact: { id: 8 } } } },
    });
    await livedesk.open(fake.context(), opening());
    expect(fake.of('POST contacts').map(({ body }) => Object.keys(body))).toEqual([
      ['inbox_id', 'identifier', 'name', 'email', 'phone_number'],
      ['inbox_id', 'identifier', 'name'],
    ]);
    expect(fake.of('POST conversations')[0]?.body['contact_id']).toBe(8);
  });

  it('takes the contact that another process has made meanwhile', async () => {
    fake.set({
      'GET contacts': (_seen, count) => ({
        body: { payload: count === 1 ? [] : [{ id: 9, identifier: 'hh-user-8f2c' }] },
      }),
      'POST contacts': () => ({ status: 422, body: { attributes: ['identifier'] } }),
    });
    await livedesk.open(fake.context(), opening());
    expect(fake.of('POST contacts')).toHaveLength(1);
    expect(fake.of('POST conversations')[0]?.body['contact_id']).toBe(9);
  });

  it.each([
    [{ anonymousId: 'a1' }, 'anonymous:bot-7:a1'],
    [{ email: 'x@y.z' }, 'conversation:bot-7:c-1'],
    [{}, 'conversation:bot-7:c-1'],
  ])('keeps users apart who have no id: %j', async (user, identifier) => {
    await livedesk.open(fake.context(), opening({ user, email: 'default@bot.example' }));
    const [made] = fake.of('POST contacts');
    expect(made?.body['identifier']).toBe(identifier);
    expect(made?.body['email']).not.toBe('default@bot.example');
  });

  it('remembers the contact, and makes him again when he was deleted', async () => {
    await livedesk.open(fake.context(), opening());
    fake.set({
      'POST conversations': ({ body }) =>
        body['contact_id'] === CONTACT ? { status: 404 } : { body: conversation({ id: 2 }) },
      'POST contacts': () => ({ body: { payload: { contact: { id: 910_002 } } } }),
    });
    expect(await livedesk.open(fake.context(), opening())).toEqual({ deskConversationId: '2' });
    expect(fake.of('GET contacts')).toHaveLength(2);
  });

  it('takes the conversation that a lost answer has left, and none that is another', async () => {
    fake.set({
      'POST conversations': () => ({ cut: true }),
      'GET conversations': () => ({
        body: {
          payload: [
            conversation({ id: 1, created_at: 1_700_000_000 }),
            conversation({ id: 2, messages: [{ message_type: 0 }] }),
            conversation({ id: 3, status: 'resolved' }),
            conversation({ id: 4, inbox_id: 999 }),
            conversation({ id: 5 }),
          ],
        },
      }),
    });
    const request = opening();
    expect(await failure(livedesk.open(fake.context(), request))).toMatchObject({ kind: 'timeout', unclear: true });
    expect(await livedesk.open(fake.context(), request)).toEqual({ deskConversationId: '5' });
    expect(fake.of('POST conversations')).toHaveLength(1);
  });

  it('waits five seconds for such a conversation before it makes another', async () => {
    fake.set({ 'POST conversations': (_seen, count) => (count === 1 ? { cut: true } : { body: conversation() }) });
    const request = opening();
    await failure(livedesk.open(fake.context(), request));
    fake.pass(1_000);
    expect(await failure(livedesk.open(fake.context(), request))).toMatchObject({
      kind: 'timeout',
      retryAfterMs: 4_000,
    });
    fake.pass(4_000);
    await livedesk.open(fake.context(), request);
    expect(fake.of('POST conversations')).toHaveLength(2);
    expect(fake.of('POST messages')).toHaveLength(2);
  });

  it('goes on where LiveDesk does not show conversations and messages', async () => {
    fake.set({
      'GET conversations': () => ({ status: 404 }),
      'GET messages': () => ({ status: 405 }),
      'POST conversations': (_seen, count) => (count === 1 ? { status: 502 } : { body: conversation() }),
      'POST messages': ({ body }, count) => (count === 1 ? { cut: true } : { body: answered(body, count) }),
    });
    const request = opening();
    await failure(livedesk.open(fake.context(), request));
    await failure(livedesk.open(fake.context(), request));
    expect(await livedesk.open(fake.context(), request)).toEqual({ deskConversationId: '4301' });
    expect(fake.of('POST conversations')).toHaveLength(2);
  });

  it('gives the humans a conversation that an AI Agent has begun, and the check says so', async () => {
    fake.set({ 'POST conversations': () => ({ body: conversation({ status: 'pending' }) }) });
    await livedesk.open(fake.context(), opening());
    expect(fake.of('POST toggle_status').map(({ body }) => body)).toEqual([{ status: 'open' }]);
    const { warnings = [] } = await livedesk.verify(fake.context(), 'external');
    expect(warnings.join()).toContain('AI Agent that answers first');
  });
});

describe('what LiveDesk does otherwise than we expect', () => {
  const asAgent = {
    'POST messages': ({ body }: { body: Record<string, unknown> }, n: number) => ({
      body: answered(body, n, { message_type: 1 }),
    }),
  };

  it("the user's words shown as an agent's get a visible prefix, and the check says so", async () => {
    fake.set(asAgent);
    const request = opening();
    await livedesk.open(fake.context(), request);
    await livedesk.send(fake.context(), message(request.handoffId));
    expect(contents().slice(1)).toEqual([request.question, '[Customer] My order 1182 never arrived.']);
    expect(fake.of('POST messages').at(-1)?.body).not.toHaveProperty('message_type');
    expect(fake.logged()).toContain('livedesk_direction_unsupported');
    const { warnings = [] } = await livedesk.verify(fake.context(), 'external');
    expect(warnings.join()).toContain('[Customer]');
  });

  it('and gets another chance after a week', async () => {
    fake.set(asAgent);
    const request = opening();
    await livedesk.open(fake.context(), request);
    fake.pass(8 * 24 * 3_600_000);
    await livedesk.send(fake.context(), message(request.handoffId));
    expect(contents().at(-1)).toBe('My order 1182 never arrived.');
  });

  it('the operator may choose the prefix himself', async () => {
    await livedesk.open(fake.context({ customerDirection: 'prefix' }), opening());
    expect(contents().at(-1)).toBe('[Customer] I want to talk to a person');
    expect((await livedesk.verify(fake.context(), 'external')).warnings?.join()).not.toContain('[Customer]');
  });

  it('a note that is not private: native mode writes no context any more', async () => {
    fake.set({ 'POST messages': ({ body }, n) => ({ body: answered(body, n, { private: false }) }) });
    const native = () => opening({ mode: 'native', deskConversationId: '4301' });
    await livedesk.open(fake.context(), native());
    await livedesk.open(fake.context(), native());
    expect(fake.of('POST messages')).toHaveLength(1);
    expect(fake.of('POST toggle_status')).toHaveLength(2);
  });

  it('marks that do not come back: the log names the sender, unless he is known', async () => {
    const lost = { echo_id: undefined, content_attributes: {} };
    fake.set({ 'POST messages': ({ body }, n) => ({ body: answered(body, n, lost) }) });
    const said = message('co_1', { from: 'bot' });
    await livedesk.send(fake.context({ senderId: '12' }), said);
    const known = await livedesk.verify(fake.context(), 'native');
    await livedesk.send(fake.context(), message('co_2', { from: 'bot' }));
    const unknown = await livedesk.verify(fake.context(), 'native');
    expect(known.warnings?.join()).not.toContain('Sender ID');
    expect(unknown.warnings?.join()).toContain('Sender ID');
    expect(fake.logged()).toContain('"senderId":"12"');
  });
});

describe('a message', () => {
  it('of the bot is the published form: an outgoing one', async () => {
    await livedesk.send(fake.context(), message('co_1', { from: 'bot', text: 'I am the bot' }));
    expect(fake.of('POST messages')[0]?.path).toBe('/api/v2/accounts/conversations/4301/messages');
    expect(fake.of('POST messages')[0]?.body).toMatchObject({ content: 'I am the bot', private: false });
    expect(fake.of('POST messages')[0]?.body).not.toHaveProperty('message_type');
  });

  it('that may have arrived is known by its mark, among others with the same words', async () => {
    const mark = (n: number) => ({ echo_id: `baton:ho_1.d${n}#0` });
    const same = { content: 'ok', message_type: 'incoming', private: false };
    fake.set({ 'GET messages': () => ({ body: { payload: [{ ...answered(same, 1), ...mark(2) }] } }) });
    const ok = (n: number) => message('ho_1', { key: `ho_1.d${n}`, text: 'ok', maybeSent: true });
    expect(await livedesk.send(fake.context(), ok(3))).toEqual({ deskMessageId: '77001' });
    expect(fake.of('POST messages')).toHaveLength(1);
    fake.reset();
    fake.set({ 'GET messages': () => ({ body: { payload: [{ ...answered(same, 1), ...mark(3) }] } }) });
    await livedesk.send(fake.context(), ok(3));
    expect(fake.of('POST messages')).toHaveLength(0);
  });

  it.each(['data', 'top'])('is known by its words where no mark is kept, not by a note with them: %s', async (form) => {
    const said = { ...answered({ content: 'ok \n', private: false }, 1), message_type: 0, echo_id: null };
    const list = [{ ...said, id: 1, private: true }, said];
    fake.set({ 'GET messages': () => ({ body: form === 'top' ? list : { payload: list } }) });
    const sent = await livedesk.send(fake.context(), message('ho_1', { text: 'ok', maybeSent: true }));
    expect(sent).toEqual({ deskMessageId: '77001' });
  });

  it('to a conversation that is gone has failed', async () => {
    fake.set({ 'POST messages': () => ({ status: 404, body: { error: 'Resource could not be found' } }) });
    expect(await failure(livedesk.send(fake.context(), message('ho_1')))).toMatchObject({ kind: 'not_found' });
  });

  it('that is refused: the error names fields, and no word of the user', async () => {
    const said = { message: 'My order is bad', attributes: ['content', 'My order is bad'], errors: [{ field: 'x_y' }] };
    fake.set({ 'POST messages': () => ({ status: 422, body: said }) });
    const error = await failure(livedesk.send(fake.context(), message('ho_1')));
    expect(error.message).toBe('[livedesk] send: 422 LiveDesk refused the call (content, x_y)');
  });

  it.each(['', '[]', '"text"', '{"payload":null}', '{"id":null}'])('answered with %s is unclear', async (body) => {
    fake.set({ 'POST messages': () => ({ body }) });
    expect(await failure(livedesk.send(fake.context(), message('ho_1')))).toMatchObject({ kind: 'protocol' });
  });
});

describe('an end', () => {
  it('in external mode is a private note and resolved', async () => {
    await livedesk.close(fake.context(), closing({ reason: 'inactivity_timeout' }));
    expect(fake.of('POST messages')[0]?.body).toMatchObject({
      private: true,
      content: 'The handoff has ended: inactivity timeout.',
    });
    expect(fake.of('POST toggle_status').map(({ body }) => body)).toEqual([{ status: 'resolved' }]);
  });

  it.each(['resolved', 'closed'])('that is refused because it is %s already is fine', async (status) => {
    fake.set({
      'POST toggle_status': () => ({ status: 422, body: { message: 'transition not allowed' } }),
      'GET conversation': () => ({ body: conversation({ status }) }),
    });
    await livedesk.close(fake.context(), closing());
  });

  it.each([
    { status: 200, body: conversation({ status: 'open' }) },
    { status: 404, body: {} },
  ])('that is refused otherwise has failed: $status', async (reply) => {
    fake.set({ 'POST toggle_status': () => ({ status: 422 }), 'GET conversation': () => reply });
    expect(await failure(livedesk.close(fake.context(), closing()))).toMatchObject({ kind: 'rejected', status: 422 });
  });

  it('[27] in native mode gives the conversation back to the AI Agent', async () => {
    await livedesk.close(fake.context(), closing({ mode: 'native' }));
    expect(fake.of('POST toggle_status').map(({ body }) => body)).toEqual([{ status: 'pending' }]);
    expect(fake.of('POST messages')).toHaveLength(0);
  });

  it.each(['resolved', 'closed', 'pending'])(
    'in native mode leaves a conversation that is %s alone',
    async (status) => {
      fake.set({ 'GET conversation': () => ({ body: conversation({ status }) }) });
      await livedesk.close(fake.context(), closing({ mode: 'native' }));
      expect(fake.of('POST toggle_status')).toHaveLength(0);
    },
  );

  it.each([
    ['agent_closed', 0],
    ['user_closed', 1],
  ] as const)(
    'in native mode, where LiveDesk does not show the status: %s moves it %i times',
    async (reason, times) => {
      fake.set({ 'GET conversation': () => ({ status: 404 }) });
      await livedesk.close(fake.context(), closing({ mode: 'native', reason }));
      expect(fake.of('POST toggle_status')).toHaveLength(times);
    },
  );
});

describe('native mode', () => {
  it('[27] a handoff is a private note, then the published hand-over of a bot', async () => {
    const request = opening({ mode: 'native', deskConversationId: '4301', channel: 'livedesk' });
    expect(await livedesk.open(fake.context(), request)).toEqual({ deskConversationId: '4301' });
    expect(fake.whats()).toEqual(['POST messages', 'POST toggle_status']);
    expect(fake.of('POST messages')[0]?.body).toMatchObject({ private: true });
    expect(fake.of('POST toggle_status')[0]?.body).toEqual({ status: 'open', sender_type: 'AgentBot' });
  });

  it('[27] is on only when the bot is in it: external mode refuses users of LiveDesk', () => {
    expect(livedesk.capabilities.modes).toEqual(['external', 'native']);
    expect(livedesk.ownChannels).toEqual(['livedesk']);
    expect(livedesk.webhook?.guide('native').where).toContain('has not published');
  });
});

describe('the check of the settings', () => {
  it('[26] reads only, and says that the channel is not proven', async () => {
    const { detail, warnings = [] } = await livedesk.verify(fake.context(), 'external');
    expect(fake.whats()).toEqual(['GET contacts']);
    expect(detail).toContain('the first handoff proves channel 611');
    expect(warnings).toHaveLength(1);
  });

  it.each([401, 403])('[28] a key that LiveDesk refuses with %i is the reason that is shown', async (status) => {
    fake.set({ 'GET contacts': () => ({ status, body: { error: 'Invalid API key' } }) });
    const error = await failure(livedesk.verify(fake.context(), 'native'));
    expect(error).toMatchObject({ kind: 'auth', status, field: 'apiKey' });
  });

  it('tries the calls that are not published with what is there, and warns of each that is missing', async () => {
    const found = {
      'GET contacts': () => ({ body: { payload: [{ id: 5 }] } }),
      'GET conversations': () => ({ body: { payload: [conversation()] } }),
    };
    fake.set(found);
    expect((await livedesk.verify(fake.context(), 'external')).warnings ?? []).toEqual([]);
    fake.set({ 'GET messages': () => ({ status: 404 }), 'GET conversation': () => ({ status: 405 }) });
    expect((await livedesk.verify(fake.context(), 'external')).warnings).toHaveLength(2);
    fake.set({ 'GET conversations': () => ({ status: 404 }) });
    expect((await livedesk.verify(fake.context(), 'external')).warnings).toHaveLength(1);
    expect(fake.whats().every((call) => call.startsWith('GET'))).toBe(true);
  });
});
