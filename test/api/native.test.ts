import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createRegistry } from '../../activities/desks/registry.ts';
import { webhook } from '../../activities/desks/webhook/index.ts';
import { connectTemporal } from '../../activities/platform/temporal.ts';
import { freePort } from '../../worker/local/processes.ts';
import type { ConversationInput, ConversationSignal, HandoffInput } from '../../workflows/contracts.ts';
import { until } from '../support/poll.ts';
import { deliverTo, fakeDesk, type FakeEvent, hookPath, SECRET } from './fake-desk.ts';
import { startApi, type Api } from './harness.ts';

const base = fakeDesk();
const desk = fakeDesk({ capabilities: { ...base.capabilities, reportsForeign: true } });
const CHANNEL = 'messenger-of-signed';

let api: Api;
let botId: string;
let key: string;
let path: string;
/** Of the user in this test; the desk's ids have characters that addresses have to escape. */
let conversation: string;

// No worker runs: what the server has stored is what was sent.
beforeAll(async () => {
  api = await startApi({ desks: createRegistry([webhook, desk]) });
  ({ botId, key } = await api.bot({ mode: 'native', desk: { kind: 'signed', secret: SECRET } }));
  path = await hookPath(api, botId);
});
afterAll(() => api.close());
beforeEach(() => {
  conversation = `chat/${randomUUID()}.thread`;
});

const event = (id: string, kind: FakeEvent['kind'], more: Partial<FakeEvent> = {}): FakeEvent => ({
  id: `${conversation}-${id}`,
  conversation,
  kind: kind ?? 'agentReply',
  text: id,
  ...more,
});
const deliver = async (...events: FakeEvent[]): Promise<void> => {
  expect((await deliverTo(api, path, events)).status).toBe(200);
};
const row = async (bot = botId) => await api.store.conversations.find(bot, 'signed', conversation);
const rowId = async (): Promise<string> => (await row())?.id ?? 'none';
const settled = (): Promise<unknown> =>
  until(
    async () => {
      const waiting = await api.store.inbox.unforwarded({ known: true, olderThanSeconds: 0, limit: 1_000 });
      return waiting.every((one) => one.deskConversationId !== conversation);
    },
    { message: 'nothing waits in the inbox' },
  );

/** What a run was started with, what was sent to it and what it makes of that, in order. */
async function told(id: string) {
  const history = await api.temporal.client.workflow.getHandle(id).fetchHistory();
  const decode = <T>(payload: { data?: Uint8Array | null } | undefined): T =>
    JSON.parse(Buffer.from(payload?.data ?? []).toString()) as T;
  const events = history.events ?? [];
  const sent = events.flatMap((one) => {
    const payload = one.workflowExecutionSignaledEventAttributes?.input?.payloads?.[0];
    return payload ? decode<ConversationSignal[]>(payload) : [];
  });
  const started = events[0]?.workflowExecutionStartedEventAttributes;
  return {
    type: started?.workflowType?.name,
    input: decode<ConversationInput & HandoffInput>(started?.input?.payloads?.[0] ?? undefined),
    sent,
    // What has no mark yet that it was forwarded goes along with the next: the run knows it by its kind and id.
    signals: [...new Map(sent.map((one) => [`${one.kind}:${one.id}`, one])).values()],
  };
}
const texts = async (id: string): Promise<string[]> =>
  (await told(id)).signals.map((signal) => ('text' in signal ? signal.text : signal.kind));
const terminate = (id: string) => api.temporal.client.workflow.getHandle(id).terminate('by the test');
const startNative = async (more: Record<string, unknown> = {}): Promise<string> => {
  const { status, json } = await api.start(botId, { conversationId: conversation, channel: CHANNEL, ...more });
  expect(status).toBe(201);
  return json.handoff.id;
};

describe("a user's message in the desk's own messenger", () => {
  it('starts the run of the conversation, and the next ones go to the same run, in order', async () => {
    await deliver(event('one', 'userMessage'), event('two', 'userMessage'));
    await deliver(event('three', 'userMessage'));
    const id = await rowId();
    expect(id).toMatch(/^co_/);
    const { type, input, signals } = await told(id);
    expect(type).toBe('conversation');
    const settings = { idleTimeoutMs: 86_400_000, callback: false };
    expect(input).toEqual({ id, botId, desk: 'signed', deskConversationId: conversation, settings });
    expect(signals.map((signal) => signal.id)).toEqual(
      ['one', 'two', 'three'].map((one) => `signed:${conversation}-${one}`),
    );
  });

  it('is told once, however often the desk reports it', async () => {
    await deliver(event('one', 'userMessage'));
    await settled();
    await deliver(event('one', 'userMessage'), event('one', 'userMessage'));
    await deliver(event('two', 'userMessage'));
    const { sent } = await told(await rowId());
    expect(sent.map(({ id }) => id)).toEqual([`signed:${conversation}-one`, `signed:${conversation}-two`]);
  });

  it('starts the conversation again when its run has ended', async () => {
    await deliver(event('one', 'userMessage'));
    await settled();
    const id = await rowId();
    await terminate(id);
    await deliver(event('two', 'userMessage'));
    expect([await rowId(), await texts(id)]).toEqual([id, ['two']]);
  });

  it('is kept for the conversation while Temporal is away, and told later with what came before it', async () => {
    const away = connectTemporal({ address: `127.0.0.1:${await freePort()}`, namespace: 'default', env: {} });
    const { url, app } = await api.another({ client: away.client });
    const events = [event('early', 'userMessage')];
    expect((await deliverTo({ call: (m, p, o) => api.call(m, `${url}${p}`, o) }, path, events)).status).toBe(200);
    const kept = await api.store.inbox.unforwarded({ known: true, olderThanSeconds: 0, limit: 1_000 });
    expect(kept.find((one) => one.deskConversationId === conversation)?.handoffId).toBe(await rowId());
    await deliver(event('late', 'userMessage'));
    expect(await texts(await rowId())).toEqual(['early', 'late']);
    await app.close();
    await away.close();
  });
});

describe('what else the desk tells', () => {
  it('of a conversation that is not ours is dropped and counted', async () => {
    const count = async (): Promise<number> =>
      Number(
        /baton_foreign_events_total\{desk="signed"\} (\d+)/.exec((await api.call('GET', '/metrics')).text)?.[1] ?? 0,
      );
    const before = await count();
    await deliver(event('one', 'agentReply'), event('two', 'close'));
    expect((await count()) - before).toBe(2);
    expect(await row()).toBeUndefined();
    const kept = await api.store.inbox.unforwarded({ known: false, olderThanSeconds: 0, limit: 1_000 });
    expect(kept.filter((one) => one.deskConversationId === conversation)).toEqual([]);
  });

  it('goes to the run of a conversation that is there, and starts none', async () => {
    await deliver(event('one', 'userMessage'), event('two', 'agentReply'));
    await settled();
    const id = await rowId();
    expect(await texts(id)).toEqual(['one', 'two']);
    await terminate(id);
    await deliver(event('three', 'agentReply'));
    await settled();
    const { status } = await api.temporal.client.workflow.getHandle(id).describe();
    expect(status.name).toBe('TERMINATED');
    await deliver(event('four', 'userMessage'));
    expect(await texts(id)).toEqual(['four']);
  });
});

describe('a native handoff', () => {
  it("starts with the desk's conversation, and has its events from then on", async () => {
    await deliver(event('for the bot', 'userMessage'));
    const id = await startNative();
    await deliver(event('for the human', 'userMessage'), event('answer', 'agentReply'));
    const { type, input, signals } = await told(id);
    expect([type, input.mode, input.deskConversationId, input.emailRequired]).toEqual([
      'handoff',
      'native',
      conversation,
      false,
    ]);
    expect(signals.map(({ kind }) => kind)).toEqual(['userMessage', 'agentReply']);
    expect((await api.call('GET', `/v1/handoffs/${id}`)).json).toMatchObject({
      mode: 'native',
      deskConversationId: conversation,
      status: 'opening',
    });
    expect(await texts(await rowId())).toEqual(['for the bot']);
  });

  it('asks for no email and takes none from the settings', async () => {
    const other = await api.bot({
      mode: 'native',
      defaultEmail: 'everybody@example.org',
      desk: { kind: 'signed', secret: SECRET },
    });
    const { json } = await api.start(other.botId, { conversationId: conversation, channel: CHANNEL });
    expect([json.handoff.status, json.handoff.user]).toEqual(['opening', { id: 'u-1' }]);
  });

  it.each(['api', 'widget', 'whatsapp', 'messenger-of-another'])('is refused on the channel %s', async (channel) => {
    expect((await api.start(botId, { conversationId: conversation, channel })).json).toEqual({
      outcome: 'refused',
      reason: 'channel_not_supported',
    });
  });

  it('that has ended leaves what it did not take to the conversation, in order', async () => {
    const id = await startNative();
    await terminate(id);
    await deliver(event('one', 'userMessage'), event('two', 'agentReply'), event('three', 'userMessage'));
    await settled();
    expect(await texts(await rowId())).toEqual(['one', 'two', 'three']);
    expect(await api.store.journal.late(id)).toEqual([]);
  });

  it('that has ended leaves nothing that it had told, although its mark was lost', async () => {
    const id = await startNative();
    const about = { at: new Date().toISOString(), botId, handoffId: id, conversationId: conversation };
    const events = ['one', 'three'].map((text, index) => ({
      type: 'message.user' as const,
      seq: index + 1,
      ...about,
      data: { messageId: `signed:${conversation}-${text}`, text },
    }));
    await api.store.journal.append({ handoffId: id, botId, events, late: [] });
    await terminate(id);
    await deliver(event('one', 'userMessage'), event('two', 'userMessage'));
    await deliver(event('three', 'userMessage'));
    await settled();
    expect(await texts(await rowId())).toEqual(['two']);
  });

  it('that has just been closed hands back what the user says, behind what it hands back already', async () => {
    const id = await startNative();
    const about = { at: new Date().toISOString(), botId, handoffId: id, conversationId: conversation };
    const closed = { type: 'handoff.closed' as const, seq: 1, ...about, data: { reason: 'agent_closed' } };
    await api.store.journal.append({ handoffId: id, botId, events: [closed], late: [] });
    await deliver(event('one', 'userMessage'));
    expect(await texts(id)).toEqual(['one']);
    await terminate(id);
    await deliver(event('two', 'userMessage'), event('three', 'userMessage'));
    await settled();
    expect(await texts(await rowId())).toEqual(['two', 'three']);
  });

  it('gets what was said between its row and its run', async () => {
    const handoff = {
      id: `ho_${randomUUID()}`,
      botId,
      conversationId: conversation,
      desk: 'signed',
      channel: CHANNEL,
      mode: 'native' as const,
      status: 'opening' as const,
      user: {},
      question: 'A person?',
      metadata: null,
      deskConversationId: conversation,
    };
    await api.store.handoffs.open(handoff);
    await deliver(event('in between', 'userMessage'));
    const { json } = await api.start(botId, { conversationId: conversation, channel: CHANNEL });
    expect([json.outcome, json.handoff.id]).toEqual(['existing', handoff.id]);
    await settled();
    expect(await texts(handoff.id)).toEqual(['in between']);
  });
});

it('what waited for the run of a handoff that is discarded goes to the conversation', async () => {
  const id = `ho_${randomUUID()}`;
  await api.store.handoffs.open({
    id,
    botId,
    conversationId: conversation,
    desk: 'signed',
    channel: CHANNEL,
    mode: 'native',
    status: 'opening',
    user: {},
    question: 'A person?',
    metadata: null,
    deskConversationId: conversation,
  });
  await deliver(event('in between', 'userMessage'));
  expect(await api.store.handoffs.discard(id)).toBe(true);
  await settled();
  expect(await texts(await rowId())).toEqual(['in between']);
});

describe('a bot that changes its mode', () => {
  it('to external: what its open native handoff has still reaches it, the rest of the users is not heard', async () => {
    const other = await api.bot({ mode: 'native', desk: { kind: 'signed', secret: SECRET } });
    const to = await hookPath(api, other.botId);
    const { json } = await api.start(other.botId, { conversationId: conversation, channel: CHANNEL });
    await api.call('PATCH', `/v1/bots/${other.botId}`, { body: { mode: 'external' } });
    await deliverTo(api, to, [event('one', 'userMessage'), event('elsewhere', 'userMessage', { conversation: 'x' })]);
    expect(await texts(json.handoff.id)).toEqual(['one']);
    expect(await api.store.conversations.find(other.botId, 'signed', 'x')).toBeUndefined();
    const refused = await api.start(other.botId, { conversationId: 'y', channel: CHANNEL });
    expect(refused.json.reason).toBe('channel_not_supported');
  });

  it('to native: the user of an external conversation is an echo, also after its end', async () => {
    const other = await api.bot({ desk: { kind: 'signed', secret: SECRET } });
    const to = await hookPath(api, other.botId);
    const { id } = (await api.start(other.botId)).json.handoff;
    await api.store.handoffs.bindDesk(id, conversation);
    await api.call('PATCH', `/v1/bots/${other.botId}`, { body: { mode: 'native' } });
    await deliverTo(api, to, [event('echo', 'userMessage'), event('answer', 'agentReply')]);
    expect(await texts(id)).toEqual(['answer']);
    expect(await row(other.botId)).toBeUndefined();
  });

  it('in external mode a message of the user is an echo', async () => {
    const other = await api.bot({ desk: { kind: 'signed', secret: SECRET } });
    const { id } = (await api.start(other.botId)).json.handoff;
    await api.store.handoffs.bindDesk(id, conversation);
    const to = await hookPath(api, other.botId);
    await deliverTo(api, to, [event('echo', 'userMessage'), event('answer', 'agentReply')]);
    expect(await texts(id)).toEqual(['answer']);
  });
});

describe('the bot', () => {
  const at = (what = '', bot = botId): string =>
    `/v1/bots/${bot}/conversations/${encodeURIComponent(conversation)}${what}`;
  const speak = (body: unknown, bot = botId) => api.call('POST', at('/messages', bot), { body });
  const outcome = async (answer: ReturnType<typeof speak>) => {
    const { status, json } = await answer;
    return [status, json.error?.code ?? null];
  };

  it('speaks in a conversation that a webhook has told of; the same id again changes nothing', async () => {
    expect(await outcome(speak({ text: 'hello' }))).toEqual([404, 'conversation_not_found']);
    await deliver(event('one', 'userMessage'));
    const said = await api.call('POST', at('/messages'), { key, body: { id: 'm-1', text: 'Hello!' } });
    expect([said.status, said.json]).toEqual([202, { id: 'm-1', conversationId: conversation }]);
    expect(await outcome(speak({ id: 'm-1', text: 'Hello!' }))).toEqual([202, null]);
    const { signals } = await told(await rowId());
    expect(new Set(signals.map(({ kind, id }) => `${kind} ${id}`))).toEqual(
      new Set([`userMessage signed:${conversation}-one`, 'botMessage m-1']),
    );
    expect((await speak({ text: 'without an id' })).json.id).toMatch(/^msg_/);
    expect((await speak({})).json.error.details).toEqual([{ path: 'text', message: expect.any(String) }]);
  });

  it('may speak first after the conversation has ended by itself', async () => {
    await deliver(event('one', 'userMessage'));
    await settled();
    await terminate(await rowId());
    expect(await outcome(speak({ text: 'still there?' }))).toEqual([202, null]);
    expect(await texts(await rowId())).toEqual(['still there?']);
  });

  it('is silent while a handoff is open, and while a human has taken the conversation', async () => {
    await deliver(event('one', 'userMessage'));
    const state = async () => (await api.call('GET', at(), { key })).json;
    expect(await state()).toEqual({
      id: conversation,
      desk: 'signed',
      owner: 'bot',
      handoffId: null,
      lastSeq: 0,
      startedAt: expect.any(String),
    });
    const handoffId = await startNative();
    expect(await outcome(speak({ text: 'me too' }))).toEqual([409, 'human_has_it']);
    expect(await state()).toMatchObject({ owner: 'human', handoffId });

    conversation = `${conversation}-2`;
    await deliver(event('one', 'userMessage'));
    await api.store.journal.append({ handoffId: await rowId(), botId, events: [], late: [], human: true });
    expect(await outcome(speak({ text: 'me too' }))).toEqual([409, 'human_has_it']);
    expect(await state()).toMatchObject({ owner: 'human', handoffId: null });
  });

  it('of external mode has no messenger, and an unknown one is unknown', async () => {
    const external = await api.bot({ desk: { kind: 'signed', secret: SECRET } });
    expect(await outcome(speak({ text: 'hi' }, external.botId))).toEqual([409, 'not_native']);
    expect(await outcome(speak({ text: 'hi' }, 'nobody'))).toEqual([404, 'bot_not_found']);
    await deliver(event('one', 'userMessage'));
    const foreign = await api.call('GET', at(), { key: external.key });
    expect([foreign.status, foreign.json.error.code]).toEqual([404, 'bot_not_found']);
  });

  it("reads the conversation's journal, and finds its events on its own stream and page", async () => {
    await deliver(event('one', 'userMessage'));
    const about = { at: new Date().toISOString(), botId, conversationId: conversation };
    const events = [
      { type: 'conversation.started' as const, seq: 1, ...about, data: { desk: 'signed' } },
      { type: 'conversation.message' as const, seq: 2, ...about, data: { from: 'user', text: 'one' } },
      { type: 'message.failed' as const, seq: 3, ...about, data: { messageId: 'm', reason: 'human_has_it' } },
    ];
    await api.store.journal.append({ handoffId: await rowId(), botId, events, late: [] });
    expect((await api.call('GET', at('/events'), { key })).json).toEqual({ events, next: 3 });
    expect((await api.call('GET', at('/events?after=1&limit=1'), { key })).json).toEqual({
      events: [events[1]],
      next: 2,
    });
    expect((await api.call('GET', at('/events?after=3'), { key })).json).toEqual({ events: [], next: 3 });
    expect((await api.call('GET', at('/events?after=x'), { key })).status).toBe(400);
    expect((await api.call('GET', at(), { key })).json.lastSeq).toBe(3);
    await until(
      async () => {
        const page = await api.call('GET', `/v1/bots/${botId}/events?after=start`, {
          key,
          headers: { accept: 'application/json' },
        });
        const own = page.json.events.filter((one: { conversationId: string }) => one.conversationId === conversation);
        return JSON.stringify(own) === JSON.stringify(events);
      },
      { message: 'the events on the page of the bot' },
    );
  });
});
