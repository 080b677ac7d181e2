import type { OpenRequest, OutboundMessage } from '../../activities/desks/desk.ts';
import { type LivechatConfig, livechatConfig } from '../../activities/desks/livechat/config.ts';
import { messageTo, openRequest, webhookOf } from '../support/desk-requests.ts';
import { type Reply, type Script, startFakeDesk } from '../support/fake-desk.ts';

export { failure } from '../support/desk-requests.ts';

export const ORGANIZATION = '0b6f2c1e-1111-4222-8333-944455556666';
export const CUSTOMER = '7d2c0f0e-52f1-4a5e-9a35-0d0a3b7e11aa';
export const SEAT = 'ai@customer.example';
export const ANA = 'ana@customer.example';
export const SECRET = 'whsec_local_test';

export const refusal = (type: string, message = type, status = 422, data = {}): Reply => ({
  status,
  body: { error: { type, message, data } },
});

const cookies = (secret: string): string[] =>
  [`__lc_cid=${CUSTOMER}`, `__lc_cst=${secret}`].map(
    (pair) => `${pair}; Path=/v2/customer; Expires=Tue, 21 Nov 2028 10:00:00 GMT; Max-Age=63072000; HttpOnly; Secure`,
  );

/** Answers as LiveChat would to a customer without a chat; a test replaces what it is about. */
const DEFAULTS: Script = {
  'accounts/token': (_seen, count) => ({
    headers: { 'set-cookie': cookies(`cst${count}`) },
    body: {
      access_token: `dal:tok_${count}`,
      entity_id: CUSTOMER,
      expires_in: 28_800,
      token_type: 'Bearer',
      organization_id: ORGANIZATION,
    },
  }),
  'customer/update_customer': () => ({}),
  'customer/list_chats': () => ({ body: { chats_summary: [], total_chats: 0 } }),
  'customer/start_chat': () => ({ body: { chat_id: 'CHAT', thread_id: 'T1', event_ids: [] } }),
  'customer/resume_chat': () => ({ body: { thread_id: 'T2', event_ids: [] } }),
  'customer/send_event': (_seen, count) => ({ body: { event_id: `T1_${count}` } }),
  'customer/list_threads': () => ({ body: { threads: [], found_threads: 0 } }),
  'customer/deactivate_chat': () => ({}),
  'customer/get_dynamic_configuration': () => ({ body: { organization_id: ORGANIZATION, livechat_active: true } }),
  'customer/list_group_statuses': () => ({ body: { groups_status: { '0': 'online', '7': 'offline' } } }),
  'agent/send_event': (_seen, count) => ({ body: { event_id: `T1_a${count}` } }),
  'agent/get_chat': () => ({ body: agentChat() }),
  'agent/list_threads': () => ({ body: { threads: [], found_threads: 0 } }),
  'agent/transfer_chat': () => ({}),
  'agent/list_chats': () => ({ body: { chats_summary: [] } }),
  'configuration/list_agents': () => ({
    body: [
      { id: SEAT, account_id: 'account-1', name: 'AI seat', groups: [{ id: 0 }] },
      { id: ANA, account_id: 'account-2', name: 'Ana', groups: [{ id: 7 }] },
    ],
  }),
  'configuration/list_groups': () => ({ body: [{ id: 7, name: 'Support' }] }),
  'configuration/list_webhooks': () => ({ body: [] }),
  'configuration/register_webhook': (_seen, count) => ({ body: { id: `wh${count}` } }),
  'configuration/unregister_webhook': () => ({}),
  'configuration/enable_license_webhooks': () => ({}),
};

export const agentChat = (more: { active?: boolean; thread?: string; seat?: boolean } = {}) => ({
  id: 'CHAT',
  thread: { id: more.thread ?? 'T1', active: more.active ?? true, events: [] },
  users: [
    { id: CUSTOMER, type: 'customer', present: true },
    { id: SEAT, type: 'agent', present: more.seat ?? true },
  ],
});

/** A chat of the customer as `list_chats` tells it. */
export const chats = (active: boolean, thread = 'T1') => ({
  body: { chats_summary: [{ id: 'CHAT', last_thread_id: thread, active, users: [] }], total_chats: 1 },
});

/** Threads as `list_threads` tells them, with our ids of their events. */
export const threadList = (...list: { id: string; active: boolean; ids: string[] }[]) => ({
  body: {
    threads: list.map(({ id, active, ids }) => ({
      id,
      active,
      events: ids.map((custom_id, n) => ({ id: `${id}_${n + 1}`, custom_id, type: 'message', text: 'x' })),
    })),
    found_threads: list.length,
  },
});

/** For example `customer/send_event`, `accounts/token`. */
const whatIs = (_method: string, { pathname }: URL): string =>
  pathname.startsWith('/accounts/')
    ? 'accounts/token'
    : pathname.replace(/^\/api\/v3\.6\/(\w+)\/action\/(\w+).*$/, '$1/$2');

export const startFake = () => startFakeDesk({ whatIs, defaults: DEFAULTS, config });

export const NATIVE = { groupId: 7, accountId: 'account-1', token: 'pat', agentEmail: SEAT, clientSecret: 'cs' };

export const config = (baseUrl: string, more: Record<string, unknown> = {}): LivechatConfig =>
  livechatConfig.parse({
    organizationId: ORGANIZATION,
    clientId: '9f8e7d6c5b4a39281706f5e4d3c2b1a0',
    secretKey: SECRET,
    baseUrl,
    ...more,
  });

export const opening = (more: Partial<OpenRequest> = {}): OpenRequest =>
  openRequest({ email: 'lee@user.example', ...more });

export const message = (handoffId: string, more: Partial<OutboundMessage> = {}): OutboundMessage =>
  messageTo({ handoffId, deskConversationId: 'CHAT.T1' }, 2, more);

export const rawRequest = (body: unknown) => webhookOf('livechat', body);
