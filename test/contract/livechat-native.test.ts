import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { CloseRequest } from '../../activities/desks/desk.ts';
import { livechat } from '../../activities/desks/livechat/index.ts';
import { closeOf } from '../support/desk-requests.ts';
import {
  ANA,
  agentChat,
  config,
  CUSTOMER,
  failure,
  message,
  NATIVE,
  opening,
  ORGANIZATION,
  refusal,
  SEAT,
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

const closing = (handoffId: string): CloseRequest =>
  closeOf({ handoffId, deskConversationId: 'CHAT.T1' }, { mode: 'native' });

describe('verify, external', () => {
  const verify = (more = {}) => livechat.verify(fake.context(more), 'external');

  it('asks for organization, client and groups, with one customer for all checks', async () => {
    const first = await verify();
    await verify();
    expect(first.detail).toContain(ORGANIZATION);
    expect(fake.of('customer/get_dynamic_configuration')[0]).toMatchObject({ method: 'GET' });
    expect(fake.of('accounts/token').map(({ headers }) => headers.cookie)).toEqual([
      undefined,
      `__lc_cid=${CUSTOMER}; __lc_cst=cst1`,
    ]);
    expect(await fake.memory.get('identity.probe')).toMatchObject({ entityId: CUSTOMER });
    expect(first.warnings).toEqual([]);
  });

  it('warns of a group that is offline, and refuses one that is not there', async () => {
    expect((await verify({ groupId: 7 })).warnings?.[0]).toContain('Group 7 is offline');
    expect(await failure(verify({ groupId: 8 }))).toMatchObject({ field: 'groupId', kind: 'rejected' });
  });

  it('names the redirect whitelist and our address when the client is refused', async () => {
    const body = { oauth_exception: 'unauthorized_client', exception_description: 'no', exception_details: 'x' };
    fake.set({ 'accounts/token': () => ({ status: 401, body }) });
    const error = await failure(verify());
    expect(error).toMatchObject({ field: 'clientId', kind: 'auth' });
    expect(error.message).toContain('add https://handoff.example.com to the redirect URI whitelist');
  });

  it.each([
    ['an unknown organization', refusal('license_not_found', 'no', 404)],
    ['a malformed one', refusal('validation', 'no')],
    ['one where LiveChat is off', { body: { livechat_active: false } }],
  ])('refuses %s at organizationId', async (_what, reply) => {
    fake.set({ 'customer/get_dynamic_configuration': () => reply });
    expect(await failure(verify())).toMatchObject({ field: 'organizationId' });
  });

  it('blames no field when LiveChat is down', async () => {
    fake.set({ 'accounts/token': () => ({ status: 503, body: '' }) });
    expect(await failure(verify())).toMatchObject({ kind: 'unavailable', field: undefined });
  });

  it('refuses a wrong token, and warns of one that may not make webhooks', async () => {
    fake.set({ 'configuration/list_webhooks': () => refusal('authentication', 'bad', 401) });
    expect(await failure(verify({ accountId: 'a', token: 't' }))).toMatchObject({ field: 'token', kind: 'auth' });
    fake.set({ 'configuration/list_webhooks': () => refusal('authorization', 'no', 403) });
    expect((await verify({ accountId: 'a', token: 't' })).warnings?.join()).toContain('webhooks.configuration:rw');
  });
});

describe('verify, native', () => {
  const verify = (more = {}) => livechat.verify(fake.context({ ...NATIVE, ...more }), 'native');

  it('takes a human seat, its token and a group', async () => {
    expect(await verify()).toEqual({ detail: 'agent AI seat, group Support', warnings: [] });
    expect(fake.of('configuration/list_agents')[0]?.headers.authorization).toBe(
      `Basic ${Buffer.from('account-1:pat').toString('base64')}`,
    );
  });

  it.each(['stranger@customer.example', '0f1e2d3c4b5a69788796a5b4c3d2e1f0'])(
    '[36] refuses %s: no human seat of this license',
    async (agentEmail) => {
      expect(await failure(verify({ agentEmail }))).toMatchObject({ field: 'agentEmail', kind: 'rejected' });
    },
  );

  it("refuses a token of somebody else's account, and an unknown group", async () => {
    expect(await failure(verify({ agentEmail: ANA }))).toMatchObject({ field: 'accountId' });
    expect(await failure(verify({ groupId: 8 }))).toMatchObject({ field: 'groupId' });
  });

  it.each([
    ['configuration/list_agents', 'agents--all:ro'],
    ['configuration/list_groups', 'groups--all:ro'],
    ['agent/list_chats', 'chats--all:rw'],
  ])('names the scope that %s misses', async (action, scope) => {
    fake.set({ [action]: () => refusal('authorization', 'no', 403) });
    const error = await failure(verify());
    expect(error).toMatchObject({ field: 'token', kind: 'auth' });
    expect(error.message).toContain(scope);
  });

  it('warns when the seat is a member of the human group', async () => {
    const seat = { id: SEAT.toUpperCase(), account_id: 'account-1', groups: [{ id: 7 }] };
    fake.set({ 'configuration/list_agents': () => ({ body: [seat] }) });
    expect((await verify()).warnings?.[0]).toContain('member of group Support');
  });
});

describe('native mode', () => {
  const native = () => fake.context(NATIVE);
  const request = () => opening({ mode: 'native', deskConversationId: 'CHAT.T1', channel: 'livechat' });

  it('a handoff is a note for the agents and a transfer to the human group, whoever is free', async () => {
    const asked = request();
    expect(await livechat.open(native(), asked)).toEqual({ deskConversationId: 'CHAT.T1' });
    const notes = fake.of('agent/send_event').map(({ body }) => body['event']);
    expect(notes).toMatchObject([
      { custom_id: `${asked.key}:0`, visibility: 'agents' },
      { custom_id: `${asked.key}:1`, visibility: 'agents', text: 'I want to talk to a person' },
    ]);
    expect(fake.of('agent/transfer_chat')[0]?.body).toMatchObject({
      id: 'CHAT',
      target: { type: 'group', ids: [7] },
      ignore_agents_availability: true,
    });
    expect(fake.whats().some((action) => action.startsWith('customer/') || action.startsWith('accounts/'))).toBe(false);
  });

  it('repeated after a lost answer writes no note twice, and transfers once', async () => {
    const asked = request();
    fake.set({ 'agent/transfer_chat': () => ({ cut: true }) });
    await failure(livechat.open(native(), asked));
    fake.set({ 'agent/list_threads': () => threadList({ id: 'T1', active: true, ids: [`${asked.key}:0`] }) });
    await failure(livechat.open(native(), asked));
    expect(fake.of('agent/send_event')).toHaveLength(3);
    fake.set({ 'agent/get_chat': () => ({ body: agentChat({ seat: false }) }) });
    expect(await livechat.open(native(), asked)).toEqual({ deskConversationId: 'CHAT.T1' });
    expect(fake.of('agent/transfer_chat')).toHaveLength(2);
  });

  it.each([
    ['closed', { active: false }],
    ['another thread', { thread: 'T9' }],
  ])('a handoff of a conversation that is %s is refused', async (_what, state) => {
    fake.set({ 'agent/get_chat': () => ({ body: agentChat(state) }) });
    expect(await failure(livechat.open(native(), request()))).toMatchObject({ kind: 'not_found' });
    expect(fake.of('agent/transfer_chat')).toHaveLength(0);
  });

  it('an unknown group is blamed on its field', async () => {
    fake.set({ 'agent/transfer_chat': () => refusal('group_not_found') });
    expect(await failure(livechat.open(native(), request()))).toMatchObject({ field: 'groupId' });
  });

  it("the bot's message is sent from the seat, visible to all, looked up before it is repeated", async () => {
    const said = message('co_1', { from: 'bot' });
    expect(await livechat.send(native(), said)).toEqual({ deskMessageId: 'T1_a1' });
    expect(fake.of('agent/send_event')[0]?.body).toEqual({
      chat_id: 'CHAT',
      event: { type: 'message', custom_id: 'co_1.d2', text: 'order 1234', visibility: 'all' },
      attach_to_last_thread: true,
    });
    fake.set({ 'agent/list_threads': () => threadList({ id: 'T1', active: true, ids: ['co_1.d2'] }) });
    await livechat.send(native(), { ...said, maybeSent: true });
    expect(fake.of('agent/send_event')).toHaveLength(1);
  });

  it('a chat that the seat has left is no matter of credentials', async () => {
    fake.set({ 'agent/send_event': () => refusal('authorization', 'Requester is not user of the chat', 403) });
    expect(await failure(livechat.send(native(), message('co_1', { from: 'bot' })))).toMatchObject({
      kind: 'rejected',
    });
  });

  it('the close gives the chat back to the seat', async () => {
    fake.set({ 'agent/get_chat': () => ({ body: agentChat({ seat: false }) }) });
    await livechat.close(native(), closing('ho_1'));
    expect(fake.of('agent/transfer_chat')[0]?.body).toMatchObject({
      id: 'CHAT',
      target: { type: 'agent', ids: [SEAT] },
      ignore_agents_availability: true,
      ignore_requester_presence: true,
    });
  });

  it.each([
    ['closed', { seat: false, active: false }],
    ['at the seat already', { seat: true }],
    ['in a later thread', { seat: false, thread: 'T9' }],
  ])('the close leaves a chat alone that is %s', async (_what, state) => {
    fake.set({ 'agent/get_chat': () => ({ body: agentChat(state) }) });
    await livechat.close(native(), closing('ho_1'));
    expect(fake.of('agent/transfer_chat')).toHaveLength(0);
  });

  it('without a token nothing is called', async () => {
    const ctx = fake.context();
    expect(await failure(livechat.send(ctx, message('co_1', { from: 'bot' })))).toMatchObject({ field: 'token' });
    expect(fake.seen).toEqual([]);
    expect(config(fake.baseUrl).token).toBeUndefined();
  });
});
