import { createHmac, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import type { Desk, DeskEvent, RawRequest } from '../../activities/desks/desk.ts';
import type { Api, CallOptions } from './harness.ts';

const config = z.strictObject({
  secret: z.string().meta({ title: 'Secret', description: 'Signs.', secret: true }),
  account: z.string().exactOptional().meta({ title: 'Account', description: 'Whose events are ours.' }),
});
export type FakeConfig = z.output<typeof config>;

export const SECRET = 'hmac-secret-of-the-test';

export const sign = (secret: string, body: Buffer | string): string =>
  createHmac('sha256', secret).update(body).digest('hex');

/** What the fake desk sends: `kind` is that of the signal, a `part` is something that nobody may see. */
export interface FakeEvent {
  id: string;
  conversation: string;
  text?: string;
  kind?: 'agentReply' | 'userMessage' | 'agentJoined' | 'close' | 'read';
  part?: string;
  account?: string;
}

function signalOf({ kind = 'agentReply', text = '' }: FakeEvent): DeskEvent['signal'] {
  if (kind === 'agentReply' || kind === 'userMessage') return { kind, id: '', text };
  if (kind === 'agentJoined') return { kind, id: '', agent: { name: 'Nora' } };
  return kind === 'close' ? { kind, id: '', by: 'agent' } : { kind, id: '' };
}

/** A desk with a messenger of its own that calls back with an HMAC over the raw bytes. */
export const fakeDesk = (over: Partial<Desk<FakeConfig>> = {}): Desk<FakeConfig> => ({
  id: 'signed',
  wireName: 'Signed',
  title: 'Signed',
  docs: 'https://example.org',
  capabilities: {
    modes: ['external', 'native'],
    files: false,
    closeFromOurSide: true,
    keepsMessages: true,
    echoesOwnMessages: false,
    lookup: false,
    reportsForeign: false,
    signsWebhooks: 'hmac',
  },
  limits: { textMax: 1_000, requestsPerSecond: 10 },
  config,
  ownChannels: ['messenger-of-signed'],
  verify: async () => ({ detail: 'fine' }),
  open: async (_ctx, request) => ({ deskConversationId: request.deskConversationId ?? `desk-${request.handoffId}` }),
  send: async () => ({}),
  close: async () => undefined,
  webhook: {
    guide: (mode) => ({ where: 'Settings, webhooks.', topics: [`${mode}.replied`] }),
    challenge: ({ method, url }: RawRequest) => {
      const echo = new URL(url, 'http://x').searchParams.get('challenge');
      return method === 'GET' && echo !== null
        ? { status: 200, headers: { 'content-type': 'text/plain' }, body: echo }
        : undefined;
    },
    authenticate: ({ headers, body }, { secret }) => {
      const given = Buffer.from(String(headers['x-signature'] ?? ''));
      const expected = Buffer.from(sign(secret, body));
      const ok = given.length === expected.length && timingSafeEqual(given, expected);
      return ok ? { ok } : { ok: false, reason: 'signature' };
    },
    parse: ({ body }, { account }) =>
      (JSON.parse(body.toString()) as FakeEvent[])
        .filter((one) => one.part === undefined && one.account === account)
        .map((one) => ({ dedupeKey: one.id, deskConversationId: one.conversation, signal: signalOf(one) })),
  },
  ...over,
});

/** Calls Baton as the desk does. */
export async function deliverTo(
  api: Pick<Api, 'call'>,
  path: string,
  events: FakeEvent[] | string,
  { signature, ...options }: CallOptions & { signature?: string } = {},
) {
  const body = typeof events === 'string' ? events : JSON.stringify(events);
  return await api.call('POST', path, {
    key: null,
    ...options,
    body,
    headers: {
      'content-type': 'application/json',
      'x-signature': signature ?? sign(SECRET, body),
      ...options.headers,
    },
  });
}

/** The path of the bot's webhook. */
export async function hookPath(api: Api, botId: string): Promise<string> {
  const { json } = await api.call('GET', `/v1/bots/${botId}`);
  return new URL(json.webhookUrl).pathname;
}
