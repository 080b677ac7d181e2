import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { DeskEvent } from '../../activities/desks/desk.ts';
import { livechat } from '../../activities/desks/livechat/index.ts';
import {
  ANA,
  config,
  CUSTOMER,
  failure,
  NATIVE,
  ORGANIZATION,
  rawRequest,
  refusal,
  SEAT,
  SECRET,
  startFake,
} from './livechat-fixture.ts';
import { testSeed } from '../support/seed.ts';

// Payloads have the form of the reference note, sections 5 and 14.5.

const EXTERNAL_CONFIG = config('http://127.0.0.1:1');
const NATIVE_CONFIG = config('http://127.0.0.1:1', NATIVE);
const BOT = '0f1e2d3c4b5a69788796a5b4c3d2e1f0';
const ids = { chat_id: 'SA1B2C3D4E', thread_id: 'SB9Z8Y7X6W' };
const TALK = 'SA1B2C3D4E.SB9Z8Y7X6W';

const envelope = (action: string, payload: unknown, additional_data: unknown = {}) => ({
  webhook_id: '3f1d0c7b9e2a4f55b0d7c3a1',
  secret_key: SECRET,
  action,
  organization_id: ORGANIZATION,
  payload,
  additional_data,
});
const agentMessage = (more: Record<string, unknown> = {}) => ({
  id: 'SB9Z8Y7X6W_4',
  type: 'message',
  text: 'Hi, this is Ana. How can I help?',
  author_id: ANA,
  visibility: 'all',
  created_at: '2026-03-02T09:20:11.482001Z',
  properties: { source: { client_id: 'aaaa1111bbbb2222cccc3333dddd4444' } },
  ...more,
});
const incoming = (event: unknown, additional?: unknown) => envelope('incoming_event', { ...ids, event }, additional);
const chatEnvelope = (users: unknown[], events: unknown[]) =>
  envelope('incoming_chat', {
    chat: { id: ids.chat_id, users, properties: {}, thread: { id: ids.thread_id, active: true, events } },
  });
const lee = { id: CUSTOMER, type: 'customer', name: 'Lee P.', email: 'lee@user.example', present: true };
const question = {
  id: 'SB9Z8Y7X6W_1',
  type: 'message',
  text: 'I want a person',
  author_id: CUSTOMER,
  visibility: 'all',
};

const external = (body: unknown): DeskEvent[] => livechat.webhook?.parse(rawRequest(body), EXTERNAL_CONFIG) ?? [];
const native = (body: unknown): DeskEvent[] => livechat.webhook?.parse(rawRequest(body), NATIVE_CONFIG) ?? [];
const signals = (events: DeskEvent[]) => events.map(({ signal }) => signal);

describe('authenticate', () => {
  const check = (body: unknown, settings = EXTERNAL_CONFIG) =>
    livechat.webhook?.authenticate(rawRequest(body), settings);
  const withSecret = (secret_key: unknown) => ({ ...incoming(agentMessage()), secret_key });
  const { secret_key: _secret, ...without } = incoming(agentMessage());

  it('[35] takes a webhook with the right secret key', () => {
    expect(check(incoming(agentMessage()))).toEqual({ ok: true });
    expect(check(chatEnvelope([], []))).toEqual({ ok: true });
  });

  it.each([
    ['another one', withSecret('whsec_other_test')],
    ['a shorter one', withSecret(SECRET.slice(0, -1))],
    ['a longer one', withSecret(`${SECRET}x`)],
    ['one with an altered byte', withSecret(SECRET.replace('local', 'locam'))],
    ['one of other case', withSecret(SECRET.toUpperCase())],
    ['an empty one', withSecret('')],
    ['none', without],
    ['null', withSecret(null)],
    ['an object', withSecret({ toString: SECRET })],
    ['a list', withSecret([SECRET])],
    ['no JSON', `secret_key=${SECRET}`],
    ['no body', ''],
    ['a list as body', [incoming(agentMessage())]],
  ])('[35] refuses %s', (_what, body) => {
    expect(check(body)).toMatchObject({ ok: false });
  });

  it('refuses everything when no secret is configured', () => {
    for (const secretKey of ['', undefined]) {
      const settings = { ...EXTERNAL_CONFIG, secretKey } as typeof EXTERNAL_CONFIG;
      expect(check(withSecret(''), settings)).toMatchObject({ ok: false });
      expect(check(withSecret(secretKey), settings)).toMatchObject({ ok: false });
      expect(check(without, settings)).toMatchObject({ ok: false });
    }
  });

  it('refuses the right secret of another organization', () => {
    expect(check({ ...incoming(agentMessage()), organization_id: 'other' })).toMatchObject({ ok: false });
    const { organization_id: _organization, ...nameless } = incoming(agentMessage());
    expect(check(nameless)).toMatchObject({ ok: false });
    expect(check({ ...nameless, license_id: 17000001 })).toEqual({ ok: true });
  });

  it('refuses app webhooks: nothing shows who sent them', () => {
    const body = {
      applicationID: 'kQ3vTzB1x',
      clientID: EXTERNAL_CONFIG.clientId,
      event: 'application_installed',
      licenseID: 17000001,
      organizationID: ORGANIZATION,
      payload: {},
    };
    expect(check(body)).toEqual({ ok: false, reason: 'an app webhook has no secret key' });
  });
});

describe('parse', () => {
  it("[33] an agent's message is a reply, with the thread in the conversation's id", () => {
    expect(external(incoming(agentMessage()))).toEqual([
      {
        dedupeKey: `${TALK}.SB9Z8Y7X6W_4`,
        deskConversationId: TALK,
        signal: {
          kind: 'agentReply',
          id: `${TALK}.SB9Z8Y7X6W_4`,
          text: 'Hi, this is Ana. How can I help?',
          agent: { id: ANA },
        },
      },
    ]);
  });

  it('a file is an attachment by reference', () => {
    const url = 'https://cdn.livechat-files.com/api/file/lc/att/1/2/refund.pdf';
    const file = agentMessage({
      type: 'file',
      text: undefined,
      name: 'refund.pdf',
      url,
      content_type: 'application/pdf',
    });
    expect(signals(external(incoming(file)))).toMatchObject([
      { kind: 'agentReply', text: '', attachments: [{ url, name: 'refund.pdf', contentType: 'application/pdf' }] },
    ]);
  });

  it('a rich message is flattened: title, subtitle, picture, buttons', () => {
    const elements = [
      {
        title: 'Was it order 1234?',
        subtitle: 'Of March',
        image: { url: 'https://cdn.example/a.png' },
        buttons: [
          { type: 'message', text: 'Yes', value: 'yes', postback_id: 'p' },
          { type: 'url', text: 'See it', value: 'https://shop.example/1234' },
        ],
      },
      { title: 'Second' },
    ];
    const rich = agentMessage({ type: 'rich_message', template_id: 'cards', text: undefined, elements });
    expect(signals(external(incoming(rich)))).toMatchObject([
      {
        text:
          'Was it order 1234?\nOf March\nhttps://cdn.example/a.png\n- Yes\n- See it: https://shop.example/1234' +
          '\n\nSecond',
      },
    ]);
  });

  it.each([
    ['a note for the agents', agentMessage({ visibility: 'agents' })],
    ['a note with a file', agentMessage({ type: 'file', url: 'https://x.example/a', visibility: 'agents' })],
    ['an unknown visibility', agentMessage({ visibility: 'supervisors' })],
    ['a system message', agentMessage({ type: 'system_message', author_id: undefined, text: 'Ana archived the chat' })],
    ['a message without an author', agentMessage({ author_id: undefined })],
    ['a greeting of the desk', agentMessage({ properties: { lc2: { welcome_message: true } } })],
    ['a deleted message', agentMessage({ deleted: true })],
    ['an empty message', agentMessage({ text: ' ' })],
    ['a form', agentMessage({ type: 'filled_form', fields: [] })],
    ['a custom event', agentMessage({ type: 'custom', content: {} })],
    ['an unknown kind', agentMessage({ type: 'hologram' })],
    ['our own message, as the customer', agentMessage({ author_id: CUSTOMER })],
    ['our own message, by its id', agentMessage({ custom_id: 'ho_41.d2' })],
    ['a part of our own message', agentMessage({ custom_id: 'ho_41.d2.1' })],
    ['a note of our own', agentMessage({ custom_id: 'ho_41.d1:0' })],
  ])('drops %s', (_what, event) => {
    expect(external(incoming(event))).toEqual([]);
  });

  it("an agent's own custom id is no reason to drop his message", () => {
    expect(external(incoming(agentMessage({ custom_id: '31-ana-4711' })))).toHaveLength(1);
  });

  it('unknown actions and what has no thread are nothing', () => {
    expect(external(envelope('thread_summary_set', { ...ids }))).toEqual([]);
    expect(external(envelope('events_marked_as_seen', { user_id: ANA, chat_id: ids.chat_id }))).toEqual([]);
    expect(external(envelope('incoming_event', { chat_id: ids.chat_id, event: agentMessage() }))).toEqual([]);
    expect(external({ event: 'application_uninstalled', clientID: 'x' })).toEqual([]);
  });

  it.each([
    ['an agent', ANA],
    ['a bot of the license', BOT],
    ['the router', undefined],
  ])('[33] a thread closed by %s is closed by the desk, once', (_who, user_id) => {
    const events = external(envelope('chat_deactivated', { ...ids, user_id }));
    expect(events).toMatchObject([
      { deskConversationId: TALK, dedupeKey: `${TALK}.deactivated`, signal: { kind: 'close', by: 'agent' } },
    ]);
    expect(external(envelope('chat_deactivated', { ...ids, user_id }))).toEqual(events);
  });

  it('a thread that we closed ourselves is an echo; natively the user did it', () => {
    const body = envelope('chat_deactivated', { ...ids, user_id: CUSTOMER });
    expect(external(body)).toEqual([]);
    expect(signals(native(body))).toMatchObject([{ kind: 'close', by: 'user' }]);
  });

  it('a transfer to an agent tells the agent, one to a group tells nothing', () => {
    const transfer = (transferred_to: unknown) =>
      envelope('chat_transferred', { ...ids, requester_id: ANA, reason: 'manual', transferred_to });
    expect(signals(external(transfer({ agent_ids: ['bob@customer.example'] })))).toMatchObject([
      { kind: 'agentChanged', agent: { id: 'bob@customer.example' } },
    ]);
    expect(external(transfer({ group_ids: [9] }))).toEqual([]);
    expect(external(transfer({ agent_ids: [BOT] }))).toEqual([]);
  });

  it('an agent who joins is told with his name, one who only watches is not', () => {
    const added = (user: Record<string, unknown>, user_type = 'agent') =>
      envelope('user_added_to_chat', { ...ids, reason: 'manual', user, user_type });
    const ana = { id: ANA, type: 'agent', name: 'Ana', avatar: 'https://cdn.example/a.png', visibility: 'all' };
    expect(signals(external(added(ana)))).toMatchObject([
      { kind: 'agentJoined', agent: { id: ANA, name: 'Ana', avatar: 'https://cdn.example/a.png' } },
    ]);
    expect(external(added({ ...ana, visibility: 'agents' }))).toEqual([]);
    expect(external(added({ id: BOT, type: 'agent' }))).toEqual([]);
    expect(external(added(lee, 'customer'))).toEqual([]);
    expect(native(added({ id: SEAT, type: 'agent' }))).toEqual([]);
  });
});

describe('parse, native', () => {
  const seat = { id: SEAT, type: 'agent', name: 'AI', present: true };

  it("a chat that begins at the bot's seat brings the user's first messages, with who he is", () => {
    const welcome = agentMessage({ author_id: SEAT, text: 'Hello!' });
    expect(native(chatEnvelope([lee, seat], [welcome, question]))).toEqual([
      {
        dedupeKey: `${TALK}.SB9Z8Y7X6W_1`,
        deskConversationId: TALK,
        signal: {
          kind: 'userMessage',
          id: `${TALK}.SB9Z8Y7X6W_1`,
          text: 'I want a person',
          user: { id: CUSTOMER, name: 'Lee P.', email: 'lee@user.example' },
        },
      },
    ]);
  });

  it('the same message by two webhooks is one event', () => {
    const [first] = native(chatEnvelope([lee, seat], [question]));
    const [second] = native(incoming(question));
    expect(second?.dedupeKey).toBe(first?.dedupeKey);
  });

  it("a chat that begins elsewhere is none of the bot's, and none in external mode", () => {
    expect(native(chatEnvelope([lee, { ...seat, id: ANA }], [question]))).toEqual([]);
    expect(native(chatEnvelope([lee, { ...seat, present: false }], [question]))).toEqual([]);
    expect(external(chatEnvelope([lee, seat], [question]))).toEqual([]);
  });

  it.each([
    ['at the seat', [CUSTOMER, SEAT.toUpperCase()], undefined],
    ['at a human', [CUSTOMER, ANA], true],
    ['in the queue', [CUSTOMER], true],
    ['nobody says where', undefined, undefined],
  ])('says whether a human has the chat: %s', (_what, present, human) => {
    const additional = present === undefined ? {} : { chat_presence_user_ids: present };
    const [event] = native(incoming(question, additional));
    expect(event?.signal).toMatchObject({ kind: 'userMessage', user: { id: CUSTOMER } });
    const told = event?.signal.kind === 'userMessage' ? event.signal.human : 'nothing';
    expect(told).toBe(human);
  });

  it('what the seat says is an echo, whoever typed it', () => {
    expect(native(incoming(agentMessage({ author_id: SEAT })))).toEqual([]);
    expect(signals(native(incoming(agentMessage())))).toMatchObject([{ kind: 'agentReply', agent: { id: ANA } }]);
  });

  it('a chat given back to the seat by a human or the router is the end of the handoff, our own transfers are not', () => {
    const transfer = (requester_id: string | undefined, agent_ids: string[]) =>
      envelope('chat_transferred', { ...ids, requester_id, reason: 'manual', transferred_to: { agent_ids } });
    expect(signals(native(transfer(ANA, [SEAT])))).toMatchObject([{ kind: 'close', by: 'agent' }]);
    expect(signals(native(transfer(undefined, [SEAT])))).toMatchObject([{ kind: 'close', by: 'agent' }]);
    expect(native(transfer(SEAT, [SEAT]))).toEqual([]);
  });
});

describe('what nobody foresaw', () => {
  const bodies = [
    incoming(agentMessage()),
    incoming(agentMessage({ type: 'rich_message', elements: [{ title: 'a', buttons: [{ text: 'b' }] }] })),
    incoming(question, { chat_presence_user_ids: [SEAT] }),
    chatEnvelope([lee, { id: SEAT, present: true }], [question]),
    envelope('chat_deactivated', { ...ids, user_id: ANA }),
    envelope('chat_transferred', { ...ids, transferred_to: { agent_ids: [ANA] } }),
    envelope('user_added_to_chat', { ...ids, user_type: 'agent', user: { id: ANA, type: 'agent', name: 'Ana' } }),
  ];

  /** Every value of the body, one at a time, becomes something else. */
  function mutated(value: unknown, at: number, put: unknown): unknown {
    let n = 0;
    const walk = (here: unknown): unknown => {
      if (n++ === at) return put;
      if (Array.isArray(here)) return here.map(walk);
      if (typeof here !== 'object' || here === null) return here;
      return Object.fromEntries(Object.entries(here).map(([key, inner]) => [key, walk(inner)]));
    };
    return walk(value);
  }

  it('never makes parse throw, and every event is whole', () => {
    fc.assert(
      fc.property(fc.constantFrom(...bodies), fc.nat(40), fc.jsonValue(), (body, at, put) => {
        for (const event of [...external(mutated(body, at, put)), ...native(mutated(body, at, put))]) {
          expect(event.dedupeKey).toBeTruthy();
          expect(event.deskConversationId).toMatch(/^.+\..+$/s);
          expect(event.signal.id).toBe(event.dedupeKey);
        }
      }),
      { seed: testSeed('livechat parse'), numRuns: 1_000 },
    );
  });

  it('never makes authenticate take a body whose secret key is another', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.string(), (secret_key, bytes) => {
        fc.pre(secret_key !== SECRET);
        for (const body of [JSON.stringify({ ...incoming(agentMessage()), secret_key }), bytes])
          expect(livechat.webhook?.authenticate(rawRequest(body), EXTERNAL_CONFIG).ok).toBe(false);
      }),
    );
  });
});

describe('subscribe', () => {
  let fake: Awaited<ReturnType<typeof startFake>>;
  beforeAll(async () => {
    fake = await startFake();
  });
  afterEach(() => fake.reset());
  afterAll(() => fake.stop());

  const url = 'https://handoff.example.com/webhooks/livechat/hook';
  const other = { id: 'foreign', url: 'https://other.example/', action: 'incoming_event', type: 'license' };
  const registered = (): Record<string, unknown>[] =>
    fake.of('configuration/register_webhook').map(({ body }, n) => ({ id: `wh${n + 1}`, ...body }));
  const subscribe = (more = {}, mode: 'external' | 'native' = 'external') =>
    livechat.subscribe?.(fake.context({ accountId: 'a', token: 't', ...more }), { url, mode });

  it('makes one webhook for each topic, with the secret, and switches them on', async () => {
    expect(await subscribe()).toMatchObject({ done: true });
    expect(registered().map(({ action }) => action)).toEqual(livechat.webhook?.guide('external').topics);
    expect(registered()[0]).toMatchObject({
      url,
      secret_key: SECRET,
      owner_client_id: EXTERNAL_CONFIG.clientId,
      type: 'license',
      filters: { only_my_chats: true, author_type: 'agent' },
    });
    expect(fake.whats().at(-1)).toBe('configuration/enable_license_webhooks');
  });

  it('sees in native mode all chats, with who is present', async () => {
    await subscribe(NATIVE, 'native');
    expect(registered().map(({ action }) => action)).toContain('incoming_chat');
    const [first] = registered();
    expect(first).toMatchObject({ action: 'incoming_event', additional_data: ['chat_presence_user_ids'] });
    expect(first).not.toHaveProperty('filters');
  });

  it('called again makes only what is missing, and leaves foreign webhooks alone', async () => {
    await subscribe();
    const all = registered();
    fake.set({ 'configuration/list_webhooks': () => ({ body: [other, ...all.slice(1)] }) });
    await subscribe();
    expect(registered().slice(all.length)).toMatchObject([{ action: 'incoming_event' }]);
    expect(fake.of('configuration/unregister_webhook')).toHaveLength(0);
  });

  it('makes those with another secret key again', async () => {
    await subscribe();
    const all = registered();
    fake.set({ 'configuration/list_webhooks': () => ({ body: [other, ...all] }) });
    await subscribe({ secretKey: 'another secret key' });
    expect(fake.of('configuration/unregister_webhook').map(({ body }) => body['id'])).toEqual(all.map(({ id }) => id));
    expect(registered()).toHaveLength(all.length * 2);
    expect(registered().at(-1)).toMatchObject({ secret_key: 'another secret key' });
  });

  it('without a token, or without the scope, says that it is to be done by hand', async () => {
    expect(await livechat.subscribe?.(fake.context(), { url, mode: 'external' })).toMatchObject({ done: false });
    expect(fake.seen).toEqual([]);
    fake.set({ 'configuration/list_webhooks': () => refusal('authorization', 'no', 403) });
    const result = await subscribe();
    expect(result).toMatchObject({ done: false });
    expect(result?.detail).toContain('webhooks.configuration:rw');
  });

  it('throws when LiveChat has failed: another try may work', async () => {
    fake.set({ 'configuration/register_webhook': () => ({ status: 502, body: '' }) });
    expect(await failure(subscribe() ?? Promise.resolve())).toMatchObject({ kind: 'unavailable' });
  });

  it('unsubscribe removes those of this address only', async () => {
    fake.set({ 'configuration/list_webhooks': () => ({ body: [other, { ...other, id: 'mine', url }] }) });
    await livechat.unsubscribe?.(fake.context({ accountId: 'a', token: 't' }), { url });
    expect(fake.of('configuration/unregister_webhook').map(({ body }) => body['id'])).toEqual(['mine']);
  });

  it('the guide names what to do by hand', () => {
    const guide = livechat.webhook?.guide('external');
    expect(guide?.where).toMatch(/Chat webhooks.*secret key.*redirect URI whitelist/s);
    expect(guide?.topics).toEqual(expect.arrayContaining(['incoming_event', 'chat_deactivated']));
    expect(livechat.webhook?.guide('native').topics).toContain('incoming_chat');
  });
});
