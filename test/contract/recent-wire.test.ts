import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Desk, DeskContext, DeskEvent } from '../../activities/desks/desk.ts';
import { intercomConfig } from '../../activities/desks/intercom/config.ts';
import { intercom } from '../../activities/desks/intercom/index.ts';
import { livechat } from '../../activities/desks/livechat/index.ts';
import { livedesk } from '../../activities/desks/livedesk/index.ts';
import { sobot } from '../../activities/desks/sobot/index.ts';
import { zohoSalesiq } from '../../activities/desks/zoho-salesiq/index.ts';
import type { Mode } from '../../workflows/contracts.ts';
import { startFakeDesk } from '../support/fake-desk.ts';
import * as chat from './livechat-fixture.ts';
import * as live from './livedesk-fixture.ts';
import * as so from './sobot-fixture.ts';
import * as siq from './zoho-salesiq-fixture.ts';

/** What is special in the answers of each desk, when it is asked what it has. */
interface Asked {
  id: string;
  sinceMs?: number;
  mode?: Mode;
  handoffId?: string;
}
const ask = async <C>(
  desk: Desk<C>,
  ctx: DeskContext<C>,
  { id, sinceMs = 0, mode = 'external', handoffId = 'ho_1' }: Asked,
) => (await desk.recent?.(ctx, { handoffId, deskConversationId: id, mode, sinceMs })) ?? [];
const keys = (events: DeskEvent[]): string[] => events.map(({ dedupeKey }) => dedupeKey);
const said = (events: DeskEvent[]): [string, string][] =>
  events.flatMap(({ signal }) => ('text' in signal ? [[signal.kind, signal.text] as [string, string]] : []));

describe('Intercom', () => {
  type Fake = Awaited<ReturnType<typeof start>>;
  let fake: Fake;
  const start = () =>
    startFakeDesk({
      whatIs: (method) => method,
      defaults: {},
      config: (baseUrl, more) =>
        intercomConfig.parse({
          accessToken: 'token',
          clientSecret: 'secret',
          baseUrl,
          adminId: '1',
          teamId: '9',
          ...more,
        }),
    });
  beforeAll(async () => void (fake = await start()));
  afterEach(() => fake.reset());
  afterAll(() => fake.stop());

  const part = (id: number, part_type: string, more = {}) => ({
    id: String(id),
    part_type,
    body: null,
    created_at: 1_000 + id,
    author: { type: 'admin', id: '7', name: 'Zoe' },
    ...more,
  });
  const has = (state: string, parts: unknown[], more = {}) =>
    fake.set({
      GET: () => ({
        body: { id: '42', state, created_at: 1_000, conversation_parts: { conversation_parts: parts }, ...more },
      }),
    });
  const found = (mode: Mode = 'external') => ask(intercom, fake.context(), { id: '42', mode });

  it('of closes only one that still holds, and none of our own', async () => {
    has('open', [part(1, 'close'), part(2, 'open')]);
    expect(keys(await found())).toEqual([]);
    has('closed', [part(1, 'close'), part(2, 'open'), part(3, 'close', { body: '<p>Bye</p>' })]);
    expect(keys(await found())).toEqual(['part:3', 'close:part:3']);
    has('closed', [part(1, 'close', { author: { type: 'admin', id: '1' } })]);
    expect(keys(await found())).toEqual([]);
  });

  it('of assignments the one to who has it now; to the bot, it is over', async () => {
    const to = (id: string) => ({ assigned_to: { type: 'admin', id } });
    has('open', [part(1, 'assignment', to('7')), part(2, 'assignment', to('8'))], { admin_assignee_id: 8 });
    expect(await found()).toMatchObject([{ dedupeKey: 'assigned:part:2', signal: { kind: 'agentChanged' } }]);
    has('open', [part(1, 'assignment', to('7')), part(2, 'assignment', to('1'))], { admin_assignee_id: 1 });
    expect(await found()).toMatchObject([{ dedupeKey: 'assigned:part:2', signal: { kind: 'close', by: 'agent' } }]);
    has('open', [part(1, 'assignment', to('7'))], { admin_assignee_id: null });
    expect(await found()).toEqual([]);
  });

  it('of snoozes the last one, while it lasts', async () => {
    has('snoozed', [part(1, 'snoozed'), part(2, 'unsnoozed'), part(3, 'snoozed')], { snoozed_until: 1_800_000_000 });
    expect(await found()).toMatchObject([
      { dedupeKey: 'snooze:part:3', signal: { kind: 'snooze', until: '2027-01-15T08:00:00.000Z' } },
    ]);
    has('open', [part(1, 'snoozed'), part(2, 'timer_unsnooze')]);
    expect(keys(await found())).toEqual(['unsnooze:part:2']);
    has('open', [part(1, 'snoozed')]);
    expect(keys(await found())).toEqual([]);
  });

  it('a conversation that was deleted is closed, as its webhook says', async () => {
    fake.set({ GET: () => ({ status: 404, body: { type: 'error.list', errors: [{ code: 'not_found' }] } }) });
    expect(await found()).toMatchObject([{ dedupeKey: 'deleted:42', signal: { kind: 'close', by: 'agent' } }]);
  });

  it("in its messenger the user's first message and the rest, with whether a human has it", async () => {
    const user = { author: { type: 'user', id: 'u' } };
    has('open', [part(1, 'comment', { body: '<p>and this</p>', ...user })], {
      source: { id: '5', body: '<p>hello</p>', ...user },
      admin_assignee_id: 7,
    });
    const events = await found('native');
    expect(said(events)).toEqual([
      ['userMessage', 'hello'],
      ['userMessage', 'and this'],
    ]);
    expect(events[1]?.signal).toMatchObject({ human: true });
    expect(said(await found('external'))).toEqual([]);
  });
});

describe('LiveChat', () => {
  type Fake = Awaited<ReturnType<typeof chat.startFake>>;
  let fake: Fake;
  beforeAll(async () => void (fake = await chat.startFake()));
  afterEach(() => fake.reset());
  afterAll(() => fake.stop());

  const at = (n: number) => new Date(Date.UTC(2026, 2, 2, 9, n)).toISOString();
  const HEX = '4c1d9e0b7a6f4e3d2c1b0a9988776655';
  const message = (n: number, author_id: string, text: string, more = {}) => ({
    id: `T1_${n}`,
    type: 'message',
    created_at: at(n),
    author_id,
    text,
    ...more,
  });
  const archived = (system_message_type: string) => ({
    id: 'T1_9',
    type: 'system_message',
    created_at: at(9),
    system_message_type,
  });
  const thread = (active: boolean, events: unknown[]) => ({
    body: {
      id: 'CHAT',
      thread: { id: 'T1', active, events },
      users: [
        { id: chat.CUSTOMER, type: 'customer' },
        { id: HEX, type: 'agent', name: 'Ana' },
      ],
    },
  });

  it('without a personal access token the customer asks, who does not know the agent as webhooks do', async () => {
    const ctx = fake.context();
    await ctx.memory.put('handoff.ho_1', 'conversation-1');
    const welcome = { properties: { lc2: { welcome_message: true } } };
    fake.set({
      'customer/get_chat': () =>
        thread(true, [
          message(1, HEX, 'Welcome', welcome),
          message(2, chat.CUSTOMER, 'ours', { custom_id: 'ho_1.d2' }),
          message(3, HEX, 'Hi, this is Ana.'),
        ]),
    });
    const events = await ask(livechat, ctx, { id: 'CHAT.T1' });
    expect(events).toMatchObject([
      { dedupeKey: 'CHAT.T1.T1_3', signal: { kind: 'agentReply', text: 'Hi, this is Ana.' } },
    ]);
    expect(events[0]?.signal).not.toHaveProperty('agent');
    expect(fake.of('customer/get_chat')[0]?.body).toEqual({ chat_id: 'CHAT', thread_id: 'T1' });
  });

  it.each([
    ['manual_archived_agent', ['CHAT.T1.deactivated']],
    ['routing.archived_inactive', ['CHAT.T1.deactivated']],
    ['manual_archived_customer', []],
  ])('a thread that ended by %s', async (type, expected) => {
    const ctx = fake.context();
    await ctx.memory.put('handoff.ho_1', 'conversation-1');
    fake.set({ 'customer/get_chat': () => thread(false, [archived(type)]) });
    expect(keys(await ask(livechat, ctx, { id: 'CHAT.T1' }))).toEqual(expected);
  });

  it('nothing without the customer of the handoff, and nothing of another thread', async () => {
    expect(await ask(livechat, fake.context(), { id: 'CHAT.T1' })).toEqual([]);
    fake.set({ 'agent/get_chat': () => ({ body: chat.agentChat({ thread: 'T2', active: false }) }) });
    expect(await ask(livechat, fake.context(chat.NATIVE), { id: 'CHAT.T1', mode: 'native' })).toEqual([]);
  });
});

describe('LiveDesk', () => {
  type Fake = Awaited<ReturnType<typeof live.startFake>>;
  let fake: Fake;
  beforeAll(async () => void (fake = await live.startFake()));
  afterEach(() => fake.reset());
  afterAll(() => fake.stop());

  const reply = (id: number) => ({
    id,
    content: `reply ${id}`,
    message_type: 1,
    created_at: 1_000 + id,
    private: false,
    conversation_id: live.CONVERSATION,
    sender: { id: 3, name: 'Alex', type: 'user' },
  });
  const page = (from: number, to: number) =>
    Array.from({ length: Math.max(0, to - from + 1) }, (_, n) => reply(from + n));
  const id = String(live.CONVERSATION);

  it('goes back page by page, as far as is asked for', async () => {
    fake.set({
      'GET messages': ({ query }) => {
        const before = Number(query['before'] ?? 51);
        return { body: { payload: page(Math.max(1, before - 20), before - 1) } };
      },
    });
    expect(said(await ask(livedesk, fake.context(), { id })).map(([, text]) => text)).toEqual(
      page(1, 50).map(({ content }) => content),
    );
    fake.seen.length = 0;
    expect(said(await ask(livedesk, fake.context(), { id, sinceMs: 1_040_000 }))).toHaveLength(12);
    expect(fake.of('GET messages')).toHaveLength(1);
  });

  it('finds nothing where the calls are not there', async () => {
    fake.set({ 'GET messages': () => ({ status: 404 }), 'GET conversation': () => ({ status: 405 }) });
    expect(await ask(livedesk, fake.context(), { id })).toEqual([]);
    fake.set({ 'GET messages': () => ({ body: { payload: page(1, 1) } }) });
    expect(keys(await ask(livedesk, fake.context(), { id }))).toEqual(['message:1']);
  });

  it('tells nothing of who has it: that has the time of its change for a key', async () => {
    const meta = { assignee: { id: 3, name: 'Alex', type: 'user' } };
    fake.set({ 'GET conversation': () => ({ body: live.conversation({ meta, updated_at: 1_772_442_600 }) }) });
    expect(await ask(livedesk, fake.context(), { id })).toEqual([]);
  });

  it.each([
    ['resolved', undefined],
    ['closed', undefined],
    ['pending', true],
  ])('%s is over; given to the bot only in a handoff', async (status, duringHandoff) => {
    fake.set({ 'GET conversation': () => ({ body: live.conversation({ status, updated_at: 1_772_442_600.5 }) }) });
    const [event] = await ask(livedesk, fake.context(), { id });
    expect(event).toMatchObject({ dedupeKey: `status:${status}:${id}:1772442600`, signal: { kind: 'close' } });
    expect(event?.duringHandoff).toBe(duringHandoff);
  });
});

describe('Zoho SalesIQ', () => {
  type Fake = Awaited<ReturnType<typeof siq.startFake>>;
  let fake: Fake;
  beforeAll(async () => void (fake = await siq.startFake()));
  afterEach(() => fake.reset());
  afterAll(() => fake.stop());

  const ABOUT = `GET /api/v2/acme/conversations/${siq.TALK}`;
  const LINES = `${ABOUT}/messages`;
  const data = (value: unknown) => ({ body: { data: value } });
  async function found(about: object, lines: object[], mode: Mode = 'external'): Promise<DeskEvent[]> {
    const query = { code: '1005.aa.bb', location: 'eu', 'accounts-server': 'https://accounts.zoho.eu' };
    await zohoSalesiq.consent!.finish(fake.context(), { query, redirectUri: siq.REDIRECT, mode });
    fake.set({ [ABOUT]: () => data(about), [LINES]: () => data(lines) });
    return await ask(zohoSalesiq, fake.context(), { id: siq.TALK, mode, sinceMs: 2 });
  }
  const line = (n: number, from: string, text?: string) => ({
    sequence_id: String(n),
    sender: { id: from, name: 'Mara' },
    message: text === undefined ? { comment: '', file_name: 'a.pdf' } : { text },
    time: String(n),
  });
  const open = { chat_status: { status_key: 'open' }, participants: [{ id: '7', name: 'Mara', is_bot: false }] };

  it('says of humans what they said, and of the visitor only what he says to them in its messenger', async () => {
    const bot = { ...open, attender: { id: '8', name: 'Zobot', is_bot: true } };
    const lines = [
      line(4, '7', 'b'),
      line(3, '7', 'a'),
      line(5, '8', 'of the bot'),
      line(6, '$1', 'c'),
      line(7, '7'),
      line(1, '7', 'old'),
    ];
    expect(said(await found(bot, lines))).toEqual([
      ['agentReply', 'a'],
      ['agentReply', 'b'],
    ]);
    const native = await found(bot, lines, 'native');
    expect(said(native).at(-1)).toEqual(['userMessage', 'c']);
    expect(native.at(-1)).toMatchObject({ duringHandoff: true, isNamedOtherwise: true });
  });

  it('tells the end as the webhook does', async () => {
    expect(await found({ ...open, chat_status: {}, end_time: '99' }, [])).toMatchObject([
      { dedupeKey: `completed.${siq.TALK}.99`, signal: { kind: 'close', by: 'agent' } },
    ]);
    expect(keys(await found({ ...open, chat_status: {}, missed_time: '88' }, []))).toEqual([`missed.${siq.TALK}.88`]);
    expect(keys(await found({ ...open, end_time: '99' }, []))).toEqual([]);
  });

  it('finds nothing where the token may not read', async () => {
    await found(open, []);
    fake.set({ [ABOUT]: () => siq.refusal(1009) });
    expect(await ask(zohoSalesiq, fake.context(), { id: siq.TALK })).toEqual([]);
  });
});

describe('Sobot', () => {
  let fake: so.Fake;
  beforeAll(async () => void (fake = await so.startFake()));
  afterEach(() => fake.reset());
  afterAll(() => fake.stop());

  const at = (t: number, sender_type: number, msg: string, more = {}) => ({
    ...so.line(msg, t, sender_type),
    receiver_type: sender_type === 0 ? 2 : 0,
    ...more,
  });
  const has = (...lines: object[]) => fake.set({ get_detail_by_cid: () => so.items(lines) });

  it('tells two lines of one moment apart, reads rich text and files, and asks for the chat that it knows', async () => {
    const ctx = fake.context();
    await ctx.memory.put('handoff.ho_1', { partnerId: 'p', cid: 'c-9001', sent: 0 });
    const picture = at(7, 2, 'https://files.example/a.png', { msg_type: 1 });
    has(
      at(5, 2, 'a'),
      at(5, 2, 'b'),
      at(6, 2, '<p>c &amp; d</p>', { msg_type: 3 }),
      picture,
      at(4, 0, 'ours'),
      at(1, 2, 'old'),
    );
    const events = await ask(sobot, ctx, { id: 'p', sinceMs: 4 });
    expect(keys(events)).toEqual(['p.line.5.1', 'p.line.5.2', 'p.line.6.1', 'p.line.7.1']);
    expect(said(events).map(([, text]) => text)).toEqual(['a', 'b', 'c & d', '']);
    expect(events.at(-1)?.signal).toMatchObject({
      attachments: [{ url: 'https://files.example/a.png', name: 'a.png' }],
    });
    expect(fake.of('get_detail_by_cid')[0]?.body).toEqual({ cid: 'c-9001' });
  });

  it('in the widget tells what the visitor says to a human, and not to the robot', async () => {
    has(at(1, 0, 'to the robot', { receiver_type: 1 }), at(2, 0, 'to Dana'), at(3, 2, 'to the visitor'));
    const ctx = fake.context({ way: 'widget' });
    expect(said(await ask(sobot, ctx, { id: 'cid-1', mode: 'native' }))).toEqual([
      ['userMessage', 'to Dana'],
      ['agentReply', 'to the visitor'],
    ]);
  });

  it('finds nothing without credentials, or of a handoff that it does not know', async () => {
    const ctx = fake.context();
    expect(await ask(sobot, ctx, { id: 'p' })).toEqual([]);
    const { appId: _, appKey: __, ...config } = ctx.config;
    expect(await ask(sobot, { ...ctx, config: { ...config, way: 'widget' } }, { id: 'cid-1', mode: 'native' })).toEqual(
      [],
    );
    expect(fake.seen).toEqual([]);
  });
});
