/** Lines of the feature checklist that no other test shows; the numbers are those of test/architecture/checklist.ts. */
import { randomUUID } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { Desk } from '../../activities/desks/desk.ts';
import { createRegistry } from '../../activities/desks/registry.ts';
import { webhook } from '../../activities/desks/webhook/index.ts';
import { startCallbackReceiver } from '../support/callback.ts';
import { until } from '../support/poll.ts';
import { startApi, type Api } from './harness.ts';

/** A desk with a messenger of its own, in which bots can speak. */
const messenger: Desk<{ token: string }> = {
  ...(webhook as unknown as Desk<{ token: string }>),
  id: 'messenger',
  title: 'Messenger',
  capabilities: { ...webhook.capabilities, modes: ['external', 'native'] },
  config: z.strictObject({ token: z.string() }),
  ownChannels: ['messenger'],
  verify: async () => ({ detail: 'fine' }),
  open: async (_ctx, request) => ({ deskConversationId: request.handoffId }),
  send: async () => ({}),
  close: async () => undefined,
};

let api: Api;

beforeAll(async () => {
  api = await startApi({ desks: createRegistry([webhook, messenger]) });
  await api.work();
});
afterAll(() => api.close());

const WAIT = { headers: { prefer: 'wait=20' } };
const outcomeOf = async (botId: string, channel: string): Promise<unknown> => {
  const { json } = await api.start(botId, { channel, user: { email: 'lea@example.org' } });
  return json.outcome === 'refused' ? json.reason : json.outcome;
};
const typesOf = async (id: string): Promise<string[]> =>
  (await api.store.journal.read(id, 0, 100)).map((event) => event.type);
const establishOf = (id: string) =>
  api.desk.calls.find(({ endpoint, body }) => {
    return endpoint === 'establish' && (body as { conversation_id: string }).conversation_id === id;
  })?.body as { email: string; body: unknown[] } | undefined;

/** Always open, or for one minute of tomorrow. In UTC. */
const hoursAt = (open: boolean) => {
  const now = new Date();
  const tomorrow = new Date(now.getTime() + 86_400_000).toISOString().slice(0, 10);
  const weekly = { kind: 'weekly', days: [1, 2, 3, 4, 5, 6, 7], from: '00:00', to: '24:00' };
  return { timezone: 'UTC', periods: [open ? weekly : { kind: 'date', date: tomorrow, from: '23:58', to: '23:59' }] };
};

describe('modes', () => {
  const channels = ['whatsapp', 'line', 'telegram', 'iframe', 'widget', 'share', 'api', 'something-new'];

  it('[11] in external mode a request may come from every channel', async () => {
    const { botId } = await api.bot();
    for (const channel of channels) expect(await outcomeOf(botId, channel), channel).toBe('started');
  });

  it("[13] [14] in native mode only from the desk's own messenger", async () => {
    const { botId } = await api.bot({ mode: 'native', desk: { kind: 'messenger', token: 't' } });
    expect(await outcomeOf(botId, 'messenger')).toBe('started');
    for (const channel of channels) expect(await outcomeOf(botId, channel), channel).toBe('channel_not_supported');
  });
});

describe('the request', () => {
  it('[71] a known address is not asked for and goes to the desk', async () => {
    const { botId } = await api.bot({ defaultEmail: 'default@example.org' });
    const { json } = await api.start(botId, { channel: 'iframe', user: { email: 'lea@example.org' } }, WAIT);
    expect(json.handoff.status).toBe('connecting');
    expect(await typesOf(json.handoff.id)).not.toContain('handoff.email_required');
    expect(establishOf(json.handoff.id)?.email).toBe('lea@example.org');
  });

  it('[99] N rounds of the talk and the question reach the desk', async () => {
    const { botId } = await api.bot({ contextRounds: 1 });
    const history = [
      { role: 'user', text: 'one' },
      { role: 'bot', text: 'first' },
      { role: 'user', text: 'two' },
      { role: 'bot', text: 'second' },
    ];
    const { json } = await api.start(botId, { history, question: 'a person, please' }, WAIT);
    expect(establishOf(json.handoff.id)?.body).toEqual([
      { message_type: 'QUESTION', text: 'two' },
      { message_type: 'ANSWER', text: 'second' },
      { message_type: 'QUESTION', text: 'a person, please' },
      { message_type: 'ANSWER', text: '' },
    ]);
  });

  it('[80] after busy the handoff is over, and the same conversation may ask again', async () => {
    const { botId } = await api.bot();
    const conversationId = randomUUID();
    api.desk.fault('establish', { kind: 'status', status: 400, times: 1 });
    const first = await api.start(botId, { conversationId }, WAIT);
    const { id } = first.json.handoff;
    await until(async () => (await typesOf(id)).includes('handoff.closed'), { message: 'closed' });
    expect(await typesOf(id)).toEqual(['handoff.busy', 'handoff.closed']);
    const second = await api.start(botId, { conversationId }, WAIT);
    expect([second.json.outcome, second.json.handoff.status]).toEqual(['started', 'connecting']);
  });
});

describe('hours', () => {
  it('[96] inside a period a request goes to the desk', async () => {
    const { botId } = await api.bot({ hours: hoursAt(true) });
    const { json } = await api.start(botId, {}, WAIT);
    expect([json.outcome, json.handoff.status]).toEqual(['started', 'connecting']);
    expect(establishOf(json.handoff.id)).toBeDefined();
  });

  it('[98] an open handoff outlives the period it began in', async () => {
    const { botId, key } = await api.bot();
    const { id } = (await api.start(botId, {}, WAIT)).json.handoff;
    await api.call('PATCH', `/v1/bots/${botId}`, { body: { hours: hoursAt(false) } });
    expect((await api.start(botId)).json).toMatchObject({ outcome: 'refused', reason: 'out_of_hours' });
    const said = await api.call('POST', `/v1/handoffs/${id}/messages`, { key, body: { text: 'still here' } });
    expect(said.status).toBe(202);
    await until(() => api.desk.messages(id).length === 1, { message: 'the message is at the desk' });
    await api.desk.reply(id, 'so are we');
    await until(async () => (await api.store.handoffs.get(id))?.status === 'active', { message: 'active' });
  });
});

describe('[110] the callback', () => {
  const SECRET = `whsec_${Buffer.from('a signing secret of the tests').toString('base64')}`;

  it.each([
    ['bearer', { type: 'bearer', token: 'token-of-the-bot' }, 'Bearer token-of-the-bot'],
    [
      'basic',
      { type: 'basic', username: 'ann', password: 'pass:word' },
      `Basic ${Buffer.from('ann:pass:word').toString('base64')}`,
    ],
    ['no', undefined, undefined],
  ] as const)('gets what the agent writes, signed, with %s authorization', async (_name, auth, expected) => {
    const receiver = await startCallbackReceiver();
    const { botId } = await api.bot({ callback: { url: receiver.url, secret: SECRET, ...(auth && { auth }) } });
    const { id } = (await api.start(botId, {}, WAIT)).json.handoff;
    await api.desk.reply(id, 'hello from the desk');
    const types = () => receiver.taken(id).map((event) => event.type);
    await until(() => types().includes('message.agent'), { message: 'the reply is at the callback' });
    expect(types()).toEqual(['handoff.connecting', 'handoff.active', 'message.agent']);
    for (const { headers, body, event } of receiver.calls) {
      expect(headers.authorization).toBe(expected);
      expect(headers['webhook-id']).toBe(`${id}.${event.seq}`);
      expect(new Webhook(SECRET).verify(body, headers as Record<string, string>)).toEqual(event);
    }
    await receiver.stop();
  });
});
