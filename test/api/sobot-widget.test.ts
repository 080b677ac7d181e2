import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createRegistry } from '../../activities/desks/registry.ts';
import { sobot } from '../../activities/desks/sobot/index.ts';
import { webhook } from '../../activities/desks/webhook/index.ts';
import { COMPANY, FORWARD_KEY, forwardHeaders, question } from '../contract/sobot-fixture.ts';
import { until } from '../support/poll.ts';
import { hookPath } from './fake-desk.ts';
import { type Answer, startApi, type Api } from './harness.ts';

let api: Api;
let botId: string;
let path: string;
let cid: string;
let turns: number;

beforeAll(async () => {
  api = await startApi({ desks: createRegistry([webhook, sobot]) });
  await api.work();
  const desk = { kind: 'sobot', groupName: 'After-sales', companyId: COMPANY, forwardKey: FORWARD_KEY };
  ({ botId } = await api.bot({ mode: 'external', desk, onWaitTimeout: 'close', waitTimeoutSeconds: 3600 }));
  path = await hookPath(api, botId);
});
afterAll(() => api.close());
beforeEach(() => {
  cid = `cid-${randomUUID()}`;
  turns = 0;
});

const deliver = (body: unknown, headers: Record<string, string> = {}): Promise<Answer> =>
  api.call('POST', path, {
    key: null,
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/json', ...headers },
  });
const ask = (text: string, change = {}): Promise<Answer> =>
  deliver(question({ question: text, ai_agent_cid: cid, runtimeid: `${cid}-${(turns += 1)}`, ...change }));
const dataOf = async (call: Promise<Answer>): Promise<Record<string, unknown>> => {
  const { status, json, text } = await call;
  expect(status, text).toBe(200);
  expect(json.ret_code).toBe('000000');
  return json.data;
};

interface Heard {
  type: string;
  data: Record<string, unknown>;
}
const heard = async (): Promise<Heard[]> =>
  (await api.call('GET', `/v1/bots/${botId}/conversations/${cid}/events`)).json.events ?? [];
const hears = (text: string): Promise<unknown> =>
  until(async () => (await heard()).some(({ data }) => data['text'] === text), { message: `the bot hears ${text}` });
const speak = async (text: string): Promise<void> => {
  const said = await api.call('POST', `/v1/bots/${botId}/conversations/${cid}/messages`, { body: { text } });
  expect(said.status, said.text).toBe(202);
};
const handoff = async (): Promise<string> => {
  const { json, text } = await api.start(botId, { conversationId: cid, channel: 'sobot' });
  expect(json.outcome, text).toBe('started');
  return json.handoff.id;
};
const viewOf = async (id: string) => (await api.call('GET', `/v1/handoffs/${id}`)).json;
const becomes = (id: string, status: string): Promise<unknown> =>
  until(async () => (await viewOf(id)).status === status, { message: `the handoff is ${status}` });
const eventsOf = async (id: string): Promise<Heard[]> =>
  (await api.call('GET', `/v1/handoffs/${id}/events`)).json.events;

/** The visitor is with the humans. */
async function transferred(): Promise<string> {
  const call = ask('A human, please');
  await hears('A human, please');
  const id = await handoff();
  expect(await dataOf(call)).toMatchObject({ third_transfer_flag: true, third_transfer_groupName: 'After-sales' });
  await becomes(id, 'connecting');
  return id;
}
const forward = async (type: string, record: object): Promise<void> => {
  const body = { type, sys_code: 'comp-1', content: [{ cid, companyid: COMPANY, ...record }] };
  expect((await deliver(body, forwardHeaders())).status).toBe(200);
};
const line = (msg: string, sender_type: number, receiver_type: number) =>
  forward('msg', {
    timems: Date.now(),
    senderid: `s-${sender_type}`,
    sender_name: 'Alex',
    msg,
    sender_type,
    receiver_type,
  });
const ends = () =>
  forward('conversation', { end_time: Date.now(), staff_name: 'Alex', transfer_tohuman_time: Date.now() - 1_000 });

describe('a bot that is the robot of the Sobot widget', () => {
  it('answers question after question in one conversation, also as a stream', async () => {
    for (const [n, req_stream] of [false, true, false].entries()) {
      const call = ask(`question ${n}`, { req_stream });
      await hears(`question ${n}`);
      await speak(`answer ${n}`);
      const { status, text } = await call;
      expect(status).toBe(200);
      expect(text.startsWith('data:')).toBe(req_stream);
      expect(JSON.parse(text.replace(/^data:/, ''))).toMatchObject({
        data: { llm_answer: `answer ${n}`, runtimeid: `${cid}-${n + 1}` },
      });
    }
    expect((await heard()).map(({ type }) => type)).toEqual([
      'conversation.started',
      ...Array.from({ length: 3 }, () => 'conversation.message'),
    ]);
  });

  it('is refused on any other channel', async () => {
    const { json } = await api.start(botId, { conversationId: cid, channel: 'whatsapp' });
    expect(json).toMatchObject({ outcome: 'refused', reason: 'channel_not_supported' });
  });

  it('has the visitor back when Sobot asks again, and hears that question', async () => {
    const id = await transferred();
    const call = ask('I am back');
    await becomes(id, 'closed');
    await hears('I am back');
    await speak('Welcome back');
    expect(await dataOf(call)).toMatchObject({ llm_answer: 'Welcome back' });
    expect((await viewOf(id)).closeReason).toBe('agent_closed');
    expect((await eventsOf(id)).map(({ type }) => type)).toEqual(['handoff.connecting', 'handoff.closed']);
    const second = await transferred();
    expect(second).not.toBe(id);
  });

  it('gets the same answer for a repeated question, which does not end the handoff', async () => {
    const call = ask('A human, please', { runtimeid: `${cid}-same` });
    await hears('A human, please');
    const id = await handoff();
    const first = await dataOf(call);
    await becomes(id, 'connecting');
    expect(await dataOf(ask('A human, please', { runtimeid: `${cid}-same` }))).toEqual(first);
    await line('Hello, this is Alex', 2, 0);
    await until(async () => ['active', 'closed'].includes((await viewOf(id)).status), { message: 'something happens' });
    expect((await eventsOf(id)).map(({ type }) => type).slice(0, 2)).toEqual(['handoff.connecting', 'handoff.active']);
    expect((await heard()).filter(({ data }) => data['text'] === 'A human, please')).toHaveLength(1);
  });

  it('transfers at the next question when it asks for a human too late for this one', async () => {
    const call = ask('Are you there?');
    await hears('Are you there?');
    await speak('Yes');
    await dataOf(call);
    const id = await handoff();
    expect((await viewOf(id)).status).toBe('opening');
    expect(await dataOf(ask('A human, please'))).toMatchObject({ third_transfer_flag: true });
    await becomes(id, 'connecting');
  });

  it('has its late word said together with the transfer, and hears of no failure', async () => {
    const call = ask('Are you there?');
    await hears('Are you there?');
    await speak('Yes');
    await dataOf(call);
    const row = await api.store.conversations.find(botId, 'sobot', cid);
    const delivered = async (): Promise<number> => (await api.store.ledger.get(row?.id ?? '', 'desk')).sent;
    const before = await until(delivered, { message: 'the first word is delivered' });
    await speak('By the way');
    // Between two tries: the next one finds the handoff open.
    await pause(3_500);
    const id = await handoff();
    expect(await dataOf(ask('A human, please'))).toMatchObject({
      llm_answer: 'By the way',
      third_transfer_flag: true,
    });
    await becomes(id, 'connecting');
    await until(async () => (await delivered()) > before, { message: 'the late word is known as delivered' });
    expect((await heard()).map(({ type }) => type)).not.toContain('message.failed');
  });

  it('sees the human chat when Sobot forwards it, and its end', async () => {
    const id = await transferred();
    await line('Hello, this is Alex', 2, 0);
    await becomes(id, 'active');
    await line('I have a question', 0, 2);
    await line('said to the robot', 0, 1);
    await ends();
    await becomes(id, 'closed');
    const events = await eventsOf(id);
    expect(events.map(({ type }) => type)).toEqual([
      'handoff.connecting',
      'handoff.active',
      'message.agent',
      'message.user',
      'handoff.closed',
    ]);
    expect(events[2]?.data).toMatchObject({ text: 'Hello, this is Alex', agent: { name: 'Alex' } });
    const call = ask('And now you again');
    await hears('And now you again');
    await speak('Gladly');
    expect(await dataOf(call)).toMatchObject({ llm_answer: 'Gladly' });
  });

  it('hears nothing of chats that no handoff has', async () => {
    const call = ask('Hello');
    await hears('Hello');
    await speak('Hello yourself');
    await dataOf(call);
    await line('A human without a handoff', 2, 0);
    await line('To a human without a handoff', 0, 2);
    await ends();
    const again = ask('Hello again');
    await hears('Hello again');
    await speak('Still here');
    expect(await dataOf(again)).toMatchObject({ llm_answer: 'Still here' });
    const told = await heard();
    expect(told.map(({ type }) => type)).toEqual([
      'conversation.started',
      'conversation.message',
      'conversation.message',
    ]);
  });
});
