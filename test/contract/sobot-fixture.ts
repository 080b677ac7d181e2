import { createHash } from 'node:crypto';
import type { OpenRequest, OutboundMessage, RawRequest } from '../../activities/desks/desk.ts';
import { sobotConfig } from '../../activities/desks/sobot/config.ts';
import { closeOf, messageTo, openRequest, webhookOf } from '../support/desk-requests.ts';
import { type Reply, type Script, type Seen, startFakeDesk } from '../support/fake-desk.ts';

export { failure } from '../support/desk-requests.ts';

export const APP = { appId: 'demo-appid', appKey: 'demo-appkey' };

export const item = (fields: unknown): Reply => ({ body: { ret_code: '000000', ret_msg: '操作成功', item: fields } });
export const items = (list: unknown[]): Reply => ({ body: { ret_code: '000000', ret_msg: '操作成功', items: list } });
export const refusal = (ret_code: string): Reply => ({ body: { ret_code, ret_msg: 'a text that may quote a user' } });

const connected = (status: number, more = {}): Reply =>
  item({ status, agent_name: '', agentid: '', visitorid: 'v-77', cid: 'c-9001', count: 0, ...more });
export { connected };

/** One line of `get_detail_by_cid`, said by the user unless told otherwise. */
export const line = (msg: string, t: number, sender_type = 0) => ({ sender_type, msg, msg_type: 0, t: String(t) });

/** Answers as Sobot would to a user whom an agent takes at once; a test replaces what it is about. */
const DEFAULTS: Script = {
  get_token: (_seen, count) => item({ token: `token${count}`, expires_in: '86400' }),
  chat_connect: () => connected(1),
  chat_send: () => item({ status: 1 }),
  out: () => item({ status: 1 }),
  get_detail_by_cid: () => items([]),
  query_session_status: () => item({ status: 1, cid: 'c-9001' }),
  admin_is_work: () => item({ is_work: 'true' }),
  get_once_data: () => item({ admin_size: 2, admin_list: [] }),
  query_group: () => items([{ groupid: 'g-100', group_name: 'After-sales' }]),
};

/** For example `chat_send`, `get_token`. */
const whatIs = (_method: string, { pathname }: URL): string => /\w+$/.exec(pathname)?.[0] ?? '';

/** What stands before the name of a call in its path. */
export const prefixOf = ({ path, what }: Pick<Seen, 'path' | 'what'>): string =>
  path.slice(0, path.indexOf(`/${what}`));

export const startFake = () =>
  startFakeDesk({
    whatIs,
    defaults: DEFAULTS,
    startsAtMs: 1_700_000_000_000,
    config: (baseUrl, more) => sobotConfig.parse({ way: 'openapi', ...APP, baseUrl, ...more }),
  });

export type Fake = Awaited<ReturnType<typeof startFake>>;

export const opening = (more: Partial<OpenRequest> = {}): OpenRequest =>
  openRequest({
    conversationId: 'conversation-1',
    channel: 'sobot',
    timestamp: 1_700_000_000_000,
    user: { id: 'user-1', name: 'Dana' },
    email: 'dana@example.test',
    history: [
      { role: 'user', text: 'Where is my parcel?' },
      { role: 'bot', text: 'I do not know.' },
    ],
    ...more,
  });

export const outbound = ({ handoffId }: { handoffId: string }, n: number, more: Partial<OutboundMessage> = {}) =>
  messageTo({ handoffId, deskConversationId: 'is not needed' }, n, {
    timestamp: 1_700_000_000_000 + n,
    text: 'Hello',
    ...more,
  });

export const closing = ({
  handoffId,
  deskConversationId = handoffId,
}: {
  handoffId: string;
  deskConversationId?: string;
}) => closeOf({ handoffId, deskConversationId }, { timestamp: 1_700_000_000_009 });

export const request = (body: unknown, headers?: RawRequest['headers']) => webhookOf('sobot', body, headers);

/** What a visitor asks the robot. */
export const question = (change: Record<string, unknown> = {}) => ({
  question: 'I want to talk to a person',
  show_question: 'I want to talk to a person',
  ai_agent_cid: 'cid-1',
  uid: 'visitor-001',
  user_name: 'Dana',
  robotid: '12',
  msg_type: 'TEXT',
  req_stream: false,
  copilot: false,
  robot_model: 'THIRD_STANDARD',
  input_type_enum: 'INPUT',
  params: { vip: '1' },
  multi_params: [],
  runtimeid: 'rt-1',
  ...change,
});

export const COMPANY = 'demo-company';
export const FORWARD_KEY = 'demo-fwd-key';

/** Headers of a forwarded batch. */
export function forwardHeaders(change: { time?: string; code?: string; key?: string; company?: string } = {}) {
  const { time = '1700000000000', code = 'a1b2c3', key = FORWARD_KEY, company = COMPANY } = change;
  const sign = createHash('md5').update(`${company}${time}${code}${key}`).digest('hex');
  return { 'x-log-timestamp': time, 'x-log-randomcode': code, 'x-log-sign': sign };
}
