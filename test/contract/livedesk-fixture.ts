import type { OpenRequest, OutboundMessage, RawRequest } from '../../activities/desks/desk.ts';
import { livedeskConfig } from '../../activities/desks/livedesk/config.ts';
import { messageTo, openRequest } from '../support/desk-requests.ts';
import { type Script, startFakeDesk } from '../support/fake-desk.ts';

export { failure } from '../support/desk-requests.ts';

export const TOKEN = 'a-long-token-of-the-customer';
export const SETTINGS = { apiKey: 'ak_demo', apiSecret: 'sk_demo', inboxId: '611', webhookToken: TOKEN };
export const CONTACT = 910001;
export const CONVERSATION = 4301;

type Json = Record<string, unknown>;

export const conversation = (more: Json = {}): Json => ({
  meta: { sender: { id: CONTACT, type: 'contact' }, channel: 'Channel::Api', assignee: null, team: null },
  id: CONVERSATION,
  messages: [],
  inbox_id: 611,
  status: 'open',
  created_at: 1_772_442_000,
  ...more,
});

/** As LiveDesk answers a message; the mark comes back as far as a test wants it. */
export const answered = (body: Json, id: number, more: Json = {}): Json => ({
  id: 77_000 + id,
  content: body['content'],
  inbox_id: 611,
  conversation_id: CONVERSATION,
  message_type: body['message_type'] === 'incoming' ? 0 : 1,
  content_type: 'text',
  status: 'sent',
  content_attributes: body['content_attributes'],
  created_at: 1_772_442_005,
  private: body['private'],
  source_id: null,
  sorting_id: id,
  echo_id: body['echo_id'],
  sender: { id: 12, name: 'Key' },
  ...more,
});

const DEFAULTS: Script = {
  'GET contacts': () => ({ body: { meta: { count: 0, current_page: '1' }, payload: [] } }),
  'POST contacts': () => ({ body: { payload: { contact: { id: CONTACT }, contact_inbox: { source_id: 's' } } } }),
  'POST conversations': () => ({ body: conversation() }),
  'GET conversations': () => ({ body: { payload: [] } }),
  'GET conversation': () => ({ body: conversation() }),
  'GET messages': () => ({ body: { meta: {}, payload: [] } }),
  'POST messages': ({ body }, count) => ({ body: answered(body, count) }),
  'POST toggle_status': ({ body }) => ({ body: { payload: { success: true, current_status: body['status'] } } }),
};

/** For example `POST contacts`, `GET conversations`, and `GET conversation` of one. */
function whatIs(method: string, { pathname }: URL): string {
  const [, name = '', sub] = /^\/api\/v2\/accounts\/(\w+)(?:\/\d+(?:\/(\w+))?)?$/.exec(pathname) ?? [];
  const isOne = /\/conversations\/\d+$/.test(pathname);
  return `${method} ${sub ?? (isOne ? 'conversation' : name)}`;
}

export const startFake = () =>
  startFakeDesk({
    whatIs,
    defaults: DEFAULTS,
    config: (baseUrl, more) => livedeskConfig.parse({ ...SETTINGS, baseUrl, ...more }),
  });

export const opening = (more: Partial<OpenRequest> = {}): OpenRequest =>
  openRequest({
    conversationId: 'c-1',
    timestamp: 1_772_442_000_123,
    user: { id: 'hh-user-8f2c', name: 'Dana Reyes', email: 'dana@example.test', phone: '+14155550100' },
    email: 'dana@example.test',
    ...more,
  });

export const message = (handoffId: string, more: Partial<OutboundMessage> = {}): OutboundMessage =>
  messageTo({ handoffId, deskConversationId: String(CONVERSATION) }, 2, {
    timestamp: 1_772_442_001_000,
    text: 'My order 1182 never arrived.',
    ...more,
  });

export const rawRequest = (
  body: unknown,
  { token = TOKEN, headers = {} }: { token?: string; headers?: RawRequest['headers'] } = {},
): RawRequest => ({
  method: 'POST',
  url: `/webhooks/livedesk/hook?token=${token}`,
  headers,
  body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
});
