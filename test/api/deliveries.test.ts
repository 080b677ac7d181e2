import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EventType } from '../../workflows/contracts.ts';
import { until } from '../support/poll.ts';
import { startApi, type Api } from './harness.ts';

let api: Api;
beforeAll(async () => {
  api = await startApi();
  await api.work();
});
afterAll(() => api.close());

const deliveriesIn = async (of: Api, id: string) => (await of.call('GET', `/v1/handoffs/${id}/deliveries`)).json;
const statesOf = (json: { messages: Record<string, string>[] }) =>
  json.messages.map((m) => [m['messageId'], m['state'], ...(m['reason'] ? [m['reason']] : [])]);

describe('messages of an open handoff', () => {
  async function talking() {
    const { botId, key } = await api.bot();
    const { json } = await api.start(botId, {}, { headers: { prefer: 'wait=20' } });
    const id: string = json.handoff.id;
    const post = (path: string, body?: unknown, bearer?: string) =>
      api.call('POST', `/v1/handoffs/${id}/${path}`, { body, ...(bearer === undefined ? {} : { key: bearer }) });
    const states = async () => statesOf(await deliveriesIn(api, id));
    return {
      id,
      key,
      post,
      says: (messageId: string) => post('messages', { id: messageId, text: `text ${messageId}` }),
      act: async (messageId: string, what: string, bearer?: string) => {
        const answer = await post(`messages/${messageId}/${what}`, undefined, bearer);
        return [answer.status, answer.json.error?.code ?? answer.json.handoffId];
      },
      states,
      become: (...expected: string[][]) =>
        until(async () => JSON.stringify(await states()) === JSON.stringify(expected), {
          message: JSON.stringify(expected),
        }),
      /** The desk wants a long pause after each of the next two tries: the quick one and a regular one. */
      async pauses(send: () => Promise<unknown>) {
        const before = api.desk.raw.chat;
        api.desk.fault('chat', { kind: 'status', status: 429, retryAfter: 60, times: 2 });
        await send();
        await until(() => api.desk.raw.chat >= before + 2, { message: 'two tries' });
      },
      atDesk: () => api.desk.messages(id).map(({ text }) => text),
    };
  }

  it('a failed one is tried again on demand, and only then', async () => {
    const talk = await talking();
    api.desk.fault('chat', { kind: 'status', status: 422, times: 1 });
    await talk.says('m1');
    await talk.become(['m1', 'failed', 'rejected']);
    expect(await talk.act('m1', 'retry', talk.key)).toEqual([403, 'operator_only']);
    expect(await talk.act('m1', 'give-up')).toEqual([409, 'not_waiting']);
    expect(await talk.act('nobody', 'retry')).toEqual([404, 'message_not_found']);
    expect(await talk.act('m1', 'retry')).toEqual([202, talk.id]);
    await talk.become(['m1', 'sent']);
    expect(talk.atDesk()).toEqual(['text m1']);
    const { json } = await api.call('GET', `/v1/handoffs/${talk.id}/events`, { key: talk.key });
    const event = json.events.find(({ type }: { type: string }) => type === 'message.retried');
    expect(event.data).toEqual({ messageId: 'm1', text: null });
    expect(await talk.act('m1', 'retry')).toEqual([409, 'not_failed']);
    expect((await api.call('GET', `/v1/handoffs/${talk.id}`)).json.counts).toMatchObject({ user: 1, failed: 0 });
    await talk.post('close', { by: 'user' });
  });

  it('one that sits in a pause between two tries is given up, and those behind it go on', async () => {
    const talk = await talking();
    await talk.pauses(async () => {
      await talk.says('m1');
      await talk.says('m2');
    });
    await talk.become(['m1', 'waiting'], ['m2', 'waiting']);
    expect(await talk.act('m1', 'give-up')).toEqual([202, talk.id]);
    await talk.become(['m1', 'failed', 'given_up'], ['m2', 'sent']);
    expect(talk.atDesk()).toEqual(['text m2']);
    await talk.post('close', { by: 'user' });
  });

  it('one that sits in a pause is tried at once; a handoff that has ended takes neither', async () => {
    const talk = await talking();
    await talk.pauses(() => talk.says('m1'));
    expect(await talk.act('m1', 'retry')).toEqual([202, talk.id]);
    await talk.become(['m1', 'sent']);
    await talk.post('close', { by: 'user' });
    await until(async () => (await api.store.handoffs.get(talk.id))?.status === 'closed', { message: 'the end' });
    expect(await talk.act('m1', 'retry')).toEqual([409, 'handoff_closed']);
    expect(await talk.act('m1', 'give-up')).toEqual([409, 'handoff_closed']);
    expect(await talk.states()).toEqual([['m1', 'sent']]);
  });

  it('are nobody else’s', async () => {
    const talk = await talking();
    const other = await api.bot();
    const path = `/v1/handoffs/${talk.id}/deliveries`;
    expect((await api.call('GET', path, { key: other.key })).status).toBe(404);
    expect((await api.call('GET', path, { key: talk.key })).status).toBe(200);
    await talk.post('close', { by: 'user' });
  });
});

describe('without Temporal', () => {
  let alone: Api;
  beforeAll(async () => {
    alone = await startApi({ temporalAddress: '127.0.0.1:9' });
  });
  afterAll(() => alone.close());

  async function handoff(events: [type: EventType, data?: Record<string, unknown>][], over: { mode?: 'native' } = {}) {
    const id = `ho_${randomUUID()}`;
    const about = { botId: 'shop', conversationId: id };
    const shop = {
      id,
      ...about,
      desk: 'webhook',
      channel: 'api',
      mode: 'external' as const,
      status: 'opening' as const,
    };
    await alone.store.handoffs.open({ ...shop, user: {}, question: '?', metadata: null, ...over });
    const at = '2026-01-30T09:15:00.000Z';
    const written = events.map(([type, data = {}], index) => ({
      type,
      seq: index + 1,
      at,
      handoffId: id,
      ...about,
      data,
    }));
    const counts = { user: 4, agent: 1, failed: 1, duplicates: 3, late: 0 };
    await alone.store.journal.append({ handoffId: id, botId: 'shop', events: written, late: [], counts });
    return id;
  }
  const says = (messageId: string): [EventType, Record<string, unknown>] => [
    'message.user',
    { messageId, text: messageId },
  ];
  const fails = (messageId: string, reason: string): [EventType, Record<string, unknown>] => [
    'message.failed',
    { messageId, reason },
  ];

  it('journal and ledger say where each message is', async () => {
    const id = await handoff([
      ['handoff.connecting'],
      says('read'), // delivery 2
      ['message.agent', { messageId: 'a1', text: 'hello' }],
      ['message.read'],
      says('cut'), // 3
      fails('cut', 'attachment_not_supported'),
      says('again'), // 4
      fails('again', 'rejected'),
      says('tried'), // 5
      ['message.retried', { messageId: 'again' }], // 6
      says('waits'), // 7
      says('gone'), // 8
      fails('gone', 'expired'),
    ]);
    await alone.store.ledger.sent(id, 'desk', 4);
    await alone.store.ledger.started(id, 'desk', 5);
    await alone.store.ledger.sent(id, 'callback', 9);
    expect(statesOf(await deliveriesIn(alone, id))).toEqual([
      ['read', 'read'],
      ['a1', 'delivered'],
      ['cut', 'sent', 'attachment_not_supported'],
      ['again', 'waiting'],
      ['tried', 'unclear'],
      ['waits', 'waiting'],
      ['gone', 'failed', 'expired'],
    ]);
    await alone.store.ledger.sent(id, 'desk', 6);
    const json = await deliveriesIn(alone, id);
    expect(statesOf(json).slice(3, 6)).toEqual([
      ['again', 'sent'],
      ['tried', 'sent'],
      ['waits', 'waiting'],
    ]);
    expect(json).toMatchObject({ omitted: 0, duplicatesDropped: 3, late: 0, callback: { sentSeq: 9, lastSeq: 13 } });
    expect(json.messages[6]).toMatchObject({ failedAt: '2026-01-30T09:15:00.000Z', from: 'user', text: 'gone' });
    const answer = await alone.call('POST', `/v1/handoffs/${id}/messages/gone/retry`);
    expect([answer.status, answer.json.error.code]).toEqual([503, 'temporal_unavailable']);
  });

  it('what a terminated run left is not called sent', async () => {
    const end: [EventType, Record<string, unknown>] = [
      'handoff.closed',
      { reason: 'operator_closed', detail: 'run_gone' },
    ];
    const id = await handoff([['handoff.connecting'], says('went'), says('left'), end]);
    await alone.store.ledger.sent(id, 'desk', 2);
    expect(statesOf(await deliveriesIn(alone, id))).toEqual([
      ['went', 'sent'],
      ['left', 'failed', 'handoff_closed'],
    ]);
  });

  it('in native mode the desk has what the user says already', async () => {
    const id = await handoff([says('u1')], { mode: 'native' });
    expect(statesOf(await deliveriesIn(alone, id))).toEqual([['u1', 'sent']]);
  });

  it('of a long talk it has the newest 1,000', async () => {
    const id = await handoff([...Array(1_010).keys()].map((index) => says(`u${index}`)));
    const json = await deliveriesIn(alone, id);
    expect(json.omitted).toBe(10);
    expect(json.messages).toHaveLength(1_000);
    expect(json.messages[0].messageId).toBe('u10');
  });
});
