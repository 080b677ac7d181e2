import type { OpenRequest, OutboundMessage, RawRequest } from '../../activities/desks/desk.ts';
import { type ZohoConfig, zohoConfig } from '../../activities/desks/zoho-salesiq/config.ts';
import { messageTo, openRequest, webhookOf } from '../support/desk-requests.ts';
import { type Reply, type Script, startFakeDesk } from '../support/fake-desk.ts';

export { failure } from '../support/desk-requests.ts';

export const TALK = '510000000777001';
export const DEPARTMENT = '510000000002013';
export const APP = '510000000002043';
export const REDIRECT = 'https://handoff.example.com/api/console/bot/zoho/salesiq/org/redirect';

export const refusal = (code: number, status = 200): Reply => ({
  status,
  body: { error: { code, message: 'words of the vendor' } },
});
const data = (value: unknown): Reply => ({ body: { url: '/', object: 'list', data: value } });

const TOKEN = 'POST /accounts/oauth/v2/token';
const department = (id: string, name: string, is_enabled = 'true') => ({ id, name, display_name: name, is_enabled });

const DEFAULTS: Script = {
  [TOKEN]: ({ body }, count) => ({
    body: {
      access_token: `1005.acc.${count}`,
      ...(body['grant_type'] === 'authorization_code' && { refresh_token: `1005.ref.${count}` }),
      expires_in_sec: 3600,
      api_domain: 'https://www.zohoapis.eu',
      token_type: 'Bearer',
      expires_in: 3600,
    },
  }),
  'GET /api/v2/acme/departments': () =>
    data([department(DEPARTMENT, 'Support'), department('510000000004023', 'Billing', 'false')]),
  'GET /api/v2/acme/apps': () =>
    data([
      { id: '1', name: 'Old', enabled: false },
      { id: APP, name: 'Acme site', enabled: true },
    ]),
  'GET /api/v2/acme/conversations': () => data([]),
  'POST /api/visitor/v1/acme/conversations': () => data({ id: 'a41f09bd', conversation_id: TALK }),
  [`POST /api/visitor/v1/acme/conversations/${TALK}/messages`]: (_seen, count) =>
    count % 2 === 0 ? { status: 204, body: '' } : data({}),
  [`GET /api/v2/acme/conversations/${TALK}/messages`]: () => data([]),
  [`PUT /api/v2/acme/conversations/${TALK}/close`]: () => data({ id: TALK }),
};

/** For example `POST /accounts/oauth/v2/token`. */
const whatIs = (method: string, { pathname }: URL): string => `${method} ${pathname}`;

export const startFake = () => startFakeDesk({ whatIs, defaults: DEFAULTS, unknown: refusal(1006), config });

export const config = (baseUrl: string, more: Record<string, unknown> = {}): ZohoConfig =>
  zohoConfig.parse({
    clientId: '1005.CLIENT',
    clientSecret: 'client-secret-value',
    screenName: 'acme',
    region: 'eu',
    departmentId: DEPARTMENT,
    baseUrl,
    ...more,
  });

export const opening = (more: Partial<OpenRequest> = {}): OpenRequest =>
  openRequest({
    user: { id: 'cust-20871', name: 'Lena Voss', phone: '+49228000' },
    email: 'lena@example.org',
    question: 'I want to change my order 1182',
    ...more,
  });

export const message = (handoffId: string, more: Partial<OutboundMessage> = {}): OutboundMessage =>
  messageTo({ handoffId, deskConversationId: TALK }, 2, more);

export const rawRequest = (body: unknown, headers?: RawRequest['headers']) => webhookOf('zoho-salesiq', body, headers);
