import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { OutboundMessage } from '../../activities/desks/desk.ts';
import { createRegistry } from '../../activities/desks/registry.ts';
import { webhook } from '../../activities/desks/webhook/index.ts';
import { DeskError } from '../../activities/errors.ts';
import { until } from '../support/poll.ts';
import { deliverTo, fakeDesk, SECRET, type FakeEvent } from './fake-desk.ts';
import { startApi, type Api } from './harness.ts';

const sent: Pick<OutboundMessage, 'handoffId' | 'text'>[] = [];
let refuses = false;

/** A desk with webhooks of its own. */
const signed = fakeDesk({
  async verify() {
    if (!refuses) return { detail: 'Signed of the test' };
    throw new DeskError({ desk: 'signed', operation: 'verify', kind: 'auth', field: 'secret', reason: 'no entry' });
  },
  async send(_ctx, { handoffId, text }) {
    sent.push({ handoffId, text });
    return {};
  },
  subscribe: async (_ctx, { url }) => ({ done: true, detail: url }),
});

let api: Api;
beforeAll(async () => {
  api = await startApi({ desks: createRegistry([webhook, signed]) });
  await api.work();
});
afterAll(() => api.close());

const second = { kind: 'signed', secret: SECRET };
const WAIT_SECONDS = 5;

/** A bot with both desks, and the path of the webhook of the one that has webhooks. */
async function bothDesks(settings: Record<string, unknown> = {}) {
  const made = await api.bot({ secondDesk: second, waitTimeoutSeconds: WAIT_SECONDS, ...settings });
  const { json } = await api.call('GET', `/v1/bots/${made.botId}`);
  const hook = new URL(json.webhookUrl ?? json.secondDesk.webhookUrl).pathname;
  return { ...made, hook, view: json };
}

async function started(botId: string) {
  const { json } = await api.start(botId);
  const id: string = json.handoff.id;
  return {
    id,
    view: async () => (await api.call('GET', `/v1/handoffs/${id}`)).json,
    says: (text: string) => api.call('POST', `/v1/handoffs/${id}/messages`, { body: { id: text, text } }),
    sees: (type: string) =>
      until(
        async () => {
          const { json: page } = await api.call('GET', `/v1/handoffs/${id}/events`);
          return page.events.findLast((event: { type: string }) => event.type === type);
        },
        { timeoutMs: 60_000, message: `${type} in ${id}` },
      ),
    deliveries: async () => (await api.call('GET', `/v1/handoffs/${id}/deliveries`)).json.messages,
  };
}

describe('the settings', () => {
  it('show both desks, each with its service, its address and its guide, and no secret', async () => {
    const { botId, view } = await bothDesks();
    expect(view.settings.secondDesk).toEqual({ kind: 'signed', secret: 'set' });
    expect(view).toMatchObject({ service: { state: 'available' }, webhookUrl: null });
    expect(view.secondDesk).toMatchObject({
      service: { state: 'available' },
      webhookGuide: { topics: ['external.replied'] },
    });
    expect(view.secondDesk.webhookUrl).toMatch(/\/webhooks\/signed\/[\w-]{20,}$/);
    expect(JSON.stringify(view)).not.toContain(SECRET);
    const { json } = await api.call('GET', `/v1/bots/${botId}/status`);
    expect(json).toMatchObject({ service: 'available', secondDesk: { state: 'available' } });
    await api.call('PATCH', `/v1/bots/${botId}`, { body: { secondDesk: null } });
    expect((await api.call('GET', `/v1/bots/${botId}`)).json).toMatchObject({ secondDesk: null });
  });

  it('verify, subscription and webhooks are asked for by `desk`', async () => {
    const { botId, view } = await bothDesks();
    const path = `/v1/bots/${botId}`;
    const { json: made } = await api.call('POST', `${path}/subscription?desk=second`);
    expect(made).toMatchObject({ subscribed: true, detail: view.secondDesk.webhookUrl });
    expect((await api.call('POST', `${path}/subscription`)).json.error.code).toBe('no_webhooks');
    refuses = true;
    const { json } = await api.call('POST', `${path}/verify?desk=second`);
    refuses = false;
    expect(json).toMatchObject({ ok: false, field: 'secret', service: { state: 'unavailable' } });
    const after = (await api.call('GET', path)).json;
    expect([after.service.state, after.secondDesk.service.state]).toEqual(['available', 'unavailable']);
    expect((await api.call('POST', `${path}/verify`)).json).toMatchObject({
      ok: true,
      service: { state: 'available' },
    });
    const { botId: plain } = await api.bot();
    for (const call of ['verify', 'subscription', 'consent']) {
      const answer = await api.call('POST', `/v1/bots/${plain}/${call}?desk=second`);
      expect([call, answer.status, answer.json.error.code]).toEqual([call, 409, 'not_configured']);
    }
  });

  it('are verified when the second one is new, and only then', async () => {
    const { botId } = await api.bot();
    refuses = true;
    const { json } = await api.call('PATCH', `/v1/bots/${botId}`, { body: { secondDesk: second } });
    refuses = false;
    expect(json.secondDesk.service).toMatchObject({ state: 'unavailable', why: expect.stringContaining('no entry') });
    const { json: later } = await api.call('PATCH', `/v1/bots/${botId}`, { body: { contextRounds: 3 } });
    expect(later.secondDesk.service.state).toBe('unavailable');
  });
});

describe('a handoff whose first desk does not answer', () => {
  it('goes on at the second: one view, one history, numbered deliveries; its agent answers by his own webhook', async () => {
    const { botId, key, hook } = await bothDesks();
    const handoff = await started(botId);
    await handoff.sees('handoff.connecting');
    await handoff.says('one');
    await until(() => api.desk.messages(handoff.id).length === 1, { message: 'the message at the first desk' });
    await handoff.sees('handoff.desk_changed');
    await until(async () => (await handoff.view()).desk === 'signed', { message: 'the second desk' });
    await handoff.says('two');
    await until(() => sent.filter(({ handoffId }) => handoffId === handoff.id).length === 2, { message: 'both there' });
    expect(sent.filter(({ handoffId }) => handoffId === handoff.id).map(({ text }) => text)).toEqual(['one', 'two']);
    const conversation = `desk-${handoff.id}`;
    expect(await handoff.view()).toMatchObject({
      desk: 'signed',
      deskConversationId: conversation,
      earlierDesks: [{ desk: 'webhook', deskConversationId: handoff.id, why: 'wait_timeout' }],
    });

    // The agent of the first desk comes back from lunch: he learns that nobody reads it.
    const late = await api.call('POST', '/v1/human/message/receive', {
      key,
      body: { conversation_id: handoff.id, timestamp: 1_767_225_600_000, body: 'sorry, I am here now' },
    });
    expect([late.status, late.json.code]).toEqual([404, 40356]);
    const close = { conversation_id: handoff.id, timestamp: 1_767_225_600_001 };
    const closing = await api.call('POST', '/v1/human/close', { key, body: close });
    expect(closing.json.code).toBe(200);
    await until(async () => (await handoff.view()).lateMessages.length === 1, { message: 'the late words' });
    expect((await handoff.view()).lateMessages[0]).toMatchObject({ text: 'sorry, I am here now', desk: 'webhook' });

    const reply: FakeEvent = { id: 'r-1', conversation, text: 'hello from the second' };
    expect((await deliverTo(api, hook, [reply])).status).toBe(200);
    expect((await handoff.sees('message.agent')).data).toMatchObject({ text: 'hello from the second' });
    expect((await handoff.view()).status).toBe('active');
    await until(
      async () => (await handoff.deliveries()).every(({ state }: { state: string }) => /sent|delivered/.test(state)),
      { message: 'all of it arrived' },
    );
    await api.call('POST', `/v1/handoffs/${handoff.id}/close`, { body: { by: 'user' } });
    await handoff.sees('handoff.closed');
    const { text } = await api.call('GET', `/v1/handoffs/${handoff.id}/transcript?format=text`);
    expect(text).toContain('Before at: webhook');
    const { json } = await api.call('GET', `/v1/overview?botId=${botId}`);
    expect(json.totals).toMatchObject({ started: 1, moved: 1 });
    expect(json.desks).toEqual([{ desk: 'signed', started: 1, failures: 0 }]);
  });

  it('hears no more from the first one by its webhook, which knows the conversation still', async () => {
    const { botId, key, hook } = await bothDesks({ desk: second, secondDesk: { kind: 'webhook', url: api.deskUrl } });
    api.desk.connect({ botId, apiKey: key });
    const handoff = await started(botId);
    await handoff.sees('handoff.connecting');
    const conversation = `desk-${handoff.id}`;
    await handoff.sees('handoff.desk_changed');
    await until(() => api.desk.conversation(handoff.id) !== undefined, { message: 'the second desk' });
    const events: FakeEvent[] = [
      { id: 'r-2', conversation, text: 'too late' },
      { id: 'c-2', conversation, kind: 'close' },
    ];
    expect((await deliverTo(api, hook, events)).status).toBe(200);
    await until(async () => (await handoff.view()).lateMessages.length === 1, { message: 'the late words' });
    expect((await handoff.view()).lateMessages[0]).toMatchObject({ text: 'too late', desk: 'signed' });
    await api.desk.reply(handoff.id, 'hello');
    await handoff.sees('message.agent');
    await api.call('POST', `/v1/handoffs/${handoff.id}/close`, { body: { by: 'bot' } });
    await handoff.sees('handoff.closed');
    // Also when it is over.
    expect((await deliverTo(api, hook, [{ id: 'r-3', conversation, text: 'still there?' }])).status).toBe(200);
    await until(async () => (await handoff.view()).lateMessages.length === 2, { message: 'the last words' });
    expect((await handoff.view()).lateMessages[1]).toMatchObject({ text: 'still there?', desk: 'signed' });
  });
});

describe('the deliveries of a handoff that has moved', () => {
  it('are numbered anew from there on, as the run does it: without a run the ledger says where they are', async () => {
    const { botId } = await api.bot();
    const id = `ho_${randomUUID()}`;
    const conversationId = `c-${id}`;
    const row = {
      id,
      botId,
      conversationId,
      desk: 'signed',
      channel: 'api',
      mode: 'external',
      status: 'opening',
    } as const;
    await api.store.handoffs.open({ ...row, user: {}, question: 'A person?', metadata: null });
    const at = new Date().toISOString();
    const said = (messageId: string) => ['message.user', { messageId, text: messageId }] as const;
    const happened = [
      ['handoff.connecting', {}],
      said('one'),
      said('two'),
      said('three'),
      ['message.failed', { messageId: 'two', reason: 'rejected' }],
      ['handoff.desk_changed', { from: 'webhook', to: 'signed', messages: 2 }],
      said('four'),
    ] as const;
    const events = happened.map(([type, data], index) => ({
      type,
      data,
      at,
      botId,
      conversationId,
      handoffId: id,
      seq: index + 1,
    }));
    await api.store.journal.append({ handoffId: id, botId, events, late: [] });
    const states = async () => {
      const { json } = await api.call('GET', `/v1/handoffs/${id}/deliveries`);
      return json.messages.map(({ state }: { state: string }) => state);
    };
    // The opening has 1, the messages 2 to 4, the word to the first desk 5, the second opening 6.
    await api.store.ledger.sent(id, 'desk', 6);
    expect(await states()).toEqual(['waiting', 'failed', 'waiting', 'waiting']);
    await api.store.ledger.sent(id, 'desk', 7);
    expect(await states()).toEqual(['sent', 'failed', 'waiting', 'waiting']);
    await api.store.ledger.sent(id, 'desk', 8);
    expect(await states()).toEqual(['sent', 'failed', 'sent', 'waiting']);
    await api.store.ledger.sent(id, 'desk', 9);
    expect(await states()).toEqual(['sent', 'failed', 'sent', 'sent']);
  });
});

describe('a second desk', () => {
  it.each([
    ['takes part in a handoff', true, {}, {}],
    ['takes no part where the channel is of its own messenger', false, { channel: 'messenger-of-signed' }, {}],
    ['takes no part where the user only leaves a message', false, { kind: 'message' }, { leaveMessage: true }],
  ])('%s', async (_what, takesPart, request, settings) => {
    const desk = { kind: 'webhook', url: 'http://127.0.0.1:9' };
    const { botId } = await bothDesks({ desk, ...settings });
    const { json } = await api.start(botId, request);
    expect(json.outcome).toBe('started');
    const { events } = await api.temporal.client.workflow.getHandle(json.handoff.id).fetchHistory();
    const input = events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads?.[0]?.data;
    expect(Buffer.from(input ?? []).includes('"secondDesk":"signed"')).toBe(takesPart);
    await api.call('POST', `/v1/handoffs/${json.handoff.id}/close`, { body: { by: 'bot' } });
  });
});
