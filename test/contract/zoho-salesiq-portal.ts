import { createPublicKey, verify } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import { createZohoSalesiqSandbox, type ZohoSalesiqSandbox } from '../../api/sandbox/zoho-salesiq/index.ts';
import { until } from '../support/poll.ts';

// oxlint-disable-next-line typescript/no-explicit-any -- bodies of many shapes, looked at by matchers
export type Json = Record<string, any>;

interface Arrival {
  body: Json;
  raw: string;
  signature: string | undefined;
}

interface BotAnswer {
  status?: number;
  json?: unknown;
}

interface Stage {
  sandbox: ZohoSalesiqSandbox;
  base: string;
  settings: Record<string, string>;
  /** What has come to Baton's place. */
  arrivals: Arrival[];
  methods: string[];
  /** What is answered to data webhooks; 200 when there is nothing left. */
  statuses: number[];
  headStatus: number;
  /** What is answered as the bot. */
  bot: (call: Json) => BotAnswer | Promise<BotAnswer>;
  webhookUrl: string;
  /** Of the calls of `call`; undefined: a new one of an org is made. */
  token: string | undefined;
}

/** The simulated portal of this file's tests, and the place where Baton would be. */
export const on = { arrivals: [], methods: [], statuses: [], headStatus: 200 } as unknown as Stage;

async function receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  on.methods.push(request.method ?? '');
  if (request.method === 'HEAD') return void response.writeHead(on.headStatus).end();
  const raw = Buffer.concat(chunks).toString('utf8');
  const body = JSON.parse(raw) as Json;
  on.arrivals.push({ body, raw, signature: request.headers['x-siqsignature'] as string | undefined });
  if (body['handler'] === undefined) return void response.writeHead(on.statuses.shift() ?? 200).end();
  const { status = 200, json = {} } = await on.bot(body);
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(json));
}

/** A new portal for each test, connected. */
export function useZohoSandbox(): void {
  const baton = createServer((request, response) => {
    receive(request, response).catch(() => response.destroy());
  });
  beforeAll(async () => {
    await new Promise<void>((resolve) => baton.listen(0, '127.0.0.1', resolve));
    on.webhookUrl = `http://127.0.0.1:${(baton.address() as AddressInfo).port}/in`;
  });
  afterAll(async () => {
    baton.closeAllConnections();
    await new Promise((resolve) => baton.close(resolve));
  });
  beforeEach(async () => {
    Object.assign(on, { arrivals: [], methods: [], statuses: [], headStatus: 200 });
    on.bot = () => ({ json: { action: 'reply', replies: ['I am the bot'] } });
    await begin();
  });
  afterEach(() => on.sandbox.stop());
}

/** Instead of the portal that is there. */
export async function begin(options: Parameters<typeof createZohoSalesiqSandbox>[0] = {}): Promise<void> {
  await on.sandbox?.stop();
  on.sandbox = createZohoSalesiqSandbox({ retryScale: 0.0001, ...options });
  on.base = await on.sandbox.listen();
  on.settings = on.sandbox.settings(on.base, 'external') as Record<string, string>;
  on.methods = [];
  on.sandbox.connect({ webhookUrl: on.webhookUrl });
  await until(() => on.methods.includes('HEAD'), { message: 'the check of the address' });
  on.token = undefined;
}

export const events = (): Json[] => on.arrivals.filter(({ body }) => 'event' in body).map(({ body }) => body);
export const names = (): string[] => events().map(({ event }) => String(event).replace('conversation.', ''));
export const told = (name: string): Json => events().findLast(({ event }) => event === `conversation.${name}`)!;
export const botCalls = (): Json[] => on.arrivals.filter(({ body }) => 'handler' in body).map(({ body }) => body);
export const lines = (id: string): string[] =>
  on.sandbox.conversation(id)!.messages.map(({ from, text }) => `${from}: ${text}`);

/** Whether the signature is of these bytes, by this key. */
export const signed = (pem: string, { raw, signature = '' }: Arrival): boolean =>
  verify('RSA-SHA256', Buffer.from(raw), createPublicKey(pem), Buffer.from(signature, 'base64'));

export const REDIRECT = 'https://baton.example.org/api/console/bot/zoho/salesiq/org/redirect';
const SCOPES = 'SalesIQ.conversations.ALL,SalesIQ.departments.READ,SalesIQ.apps.READ,SalesIQ.webhooks.ALL';

export async function consent(change: Record<string, string> = {}): Promise<{ status: number; back: URL }> {
  const query = {
    response_type: 'code',
    client_id: on.settings['clientId']!,
    scope: SCOPES,
    redirect_uri: REDIRECT,
    access_type: 'offline',
    prompt: 'consent',
    state: 's1',
  };
  const url = `${on.base}/accounts/oauth/v2/org/auth?${new URLSearchParams({ ...query, ...change }).toString()}`;
  const { status, headers } = await fetch(url, { redirect: 'manual' });
  return { status, back: new URL(headers.get('location') ?? 'none:') };
}

export async function tokenCall(fields: Record<string, string>): Promise<{ status: number; body: Json }> {
  const { clientId: client_id, clientSecret: client_secret } = on.settings;
  const body = new URLSearchParams({ client_id: client_id!, client_secret: client_secret!, ...fields });
  const response = await fetch(`${on.base}/accounts/oauth/v2/token`, { method: 'POST', body });
  return { status: response.status, body: (await response.json()) as Json };
}
export const exchange = (code: string, redirect_uri = REDIRECT) =>
  tokenCall({ grant_type: 'authorization_code', code, redirect_uri });
export const refresh = (refresh_token: string) => tokenCall({ grant_type: 'refresh_token', refresh_token });

export async function call(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
  on.token ??= (await exchange(on.sandbox.grantCode('external'))).body['access_token'] as string;
  const isForm = body instanceof FormData;
  const response = await fetch(`${on.base}/api/${path}`, {
    method,
    headers: {
      authorization: `Zoho-oauthtoken ${on.token}`,
      ...(!isForm && body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body: isForm || typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, body: (text === '' ? {} : JSON.parse(text)) as Json };
}
export const codeOf = ({ body }: { body: Json }): unknown => body['error']?.code;

export const OPEN = 'visitor/v1/acme/conversations';
export const opening = (change: Json = {}): Json => ({
  app_id: on.settings['appId'],
  department_id: on.settings['departmentId'],
  question: 'Where is my order?',
  visitor: { user_id: 'ho_1', name: 'Lena Voss', email: 'lena@example.org' },
  ...change,
});
export async function open(change: Json = {}): Promise<string> {
  const { body } = await call('POST', OPEN, opening(change));
  return String(body['data'].conversation_id);
}
