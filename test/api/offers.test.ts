import { randomUUID } from 'node:crypto';
import { DateTime } from 'luxon';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../support/poll.ts';
import { startApi, type Api } from './harness.ts';

let api: Api;
let closedBot: { botId: string; key: string };
let openBot: { botId: string; key: string };

const day = (plus: number): string => DateTime.utc().plus({ days: plus }).toISODate();
const onDay = (date: string) => ({
  timezone: 'UTC',
  periods: [{ kind: 'date', date, from: '09:00', to: '17:00' }],
});
const OFFERED = { leaveMessage: true, connectAtOpening: true };
const OPENS = `${day(2)}T09:00:00.000Z`;

beforeAll(async () => {
  api = await startApi();
  await api.work();
  closedBot = await api.bot({ ...OFFERED, hours: onDay(day(2)) });
  openBot = await api.bot(OFFERED);
});
afterAll(() => api.close());

const handoff = async (id: string) => (await api.call('GET', `/v1/handoffs/${id}`)).json;
const events = async (id: string) => (await api.call('GET', `/v1/handoffs/${id}/events`)).json.events;
const closed = (id: string) =>
  until(async () => ((await handoff(id)).status === 'closed' ? true : undefined), {
    message: 'the end',
    timeoutMs: 60_000,
  });
const prefer = { headers: { prefer: 'wait=20' } };

describe('what a refusal outside the hours offers', () => {
  it('both, in the language of the user', async () => {
    const { status, json } = await api.start(closedBot.botId, { user: { locale: 'fr' } });
    expect(status).toBe(200);
    expect(json).toMatchObject({
      outcome: 'refused',
      reason: 'out_of_hours',
      nextOpening: OPENS,
      offers: [
        { kind: 'message', text: 'Laisser un message' },
        { kind: 'next_opening', text: 'Me mettre en relation au retour de l’équipe' },
      ],
    });
  });

  it('no opening when none lies ahead, and nothing that the bot does not offer', async () => {
    const never = await api.bot({ ...OFFERED, hours: onDay(day(-2)) });
    expect((await api.start(never.botId)).json.offers).toMatchObject([{ kind: 'message' }]);
    expect((await api.start(never.botId, { kind: 'next_opening' })).json).toMatchObject({ reason: 'out_of_hours' });
    const nothing = await api.bot({ hours: onDay(day(2)) });
    expect((await api.start(nothing.botId)).json).not.toHaveProperty('offers');
  });

  it('what is not offered is refused, with what is', async () => {
    const onlyOpening = await api.bot({ connectAtOpening: true, hours: onDay(day(2)) });
    const { json } = await api.start(onlyOpening.botId, { kind: 'message' });
    expect(json).toMatchObject({ outcome: 'refused', reason: 'not_offered', offers: [{ kind: 'next_opening' }] });
    const onlyMessage = await api.bot({ leaveMessage: true });
    const refused = await api.start(onlyMessage.botId, { kind: 'next_opening' });
    expect(refused.json).toMatchObject({ outcome: 'refused', reason: 'not_offered' });
  });
});

describe('a message that is left', () => {
  it('is taken outside the hours, never silences the bot, and an answer of the desk is late', async () => {
    const { botId, key } = closedBot;
    const { status, json } = await api.start(botId, { kind: 'message', user: { email: 'lea@example.org' } }, prefer);
    expect(status).toBe(201);
    const { id } = json.handoff;
    expect(json.handoff).toMatchObject({ status: 'closed', closeReason: 'message_left', kind: 'message' });
    expect(api.desk.conversation(id)?.closed).toBeUndefined();
    const body = { conversation_id: id, timestamp: Date.now(), body: 'We have it in stock.', from: 'AGENT' };
    const answer = await api.call('POST', '/v1/human/message/receive', { key, body });
    expect(answer.json).toMatchObject({ code: 40356 });
    const { lateMessages } = await handoff(id);
    expect(lateMessages).toMatchObject([{ from: 'agent', text: 'We have it in stock.' }]);
    expect((await events(id)).at(-1)).toMatchObject({
      type: 'handoff.closed',
      data: { reason: 'message_left', packet: { outcome: 'message_left' }, text: expect.stringContaining('message') },
    });
  });

  it('asks for the address on a web channel, and the bot speaks while the desk is down', async () => {
    const started = await api.start(closedBot.botId, { kind: 'message', channel: 'widget' });
    const { id, status } = started.json.handoff;
    expect(status).toBe('awaiting_email');
    api.desk.fault('establish', { kind: 'status', status: 503 });
    await api.call('POST', `/v1/handoffs/${id}/email`, { body: { email: 'lea@example.org' } });
    expect(await handoff(id)).toMatchObject({ status: 'opening', botSilent: false, deadline: null });
    api.desk.clearFaults();
    await closed(id);
    expect(await handoff(id)).toMatchObject({ closeReason: 'message_left' });
  });
});

describe('a request for the next opening', () => {
  it('is scheduled, the bot goes on, what the user writes is kept, and he may end it', async () => {
    const conversationId = randomUUID();
    const ask = { conversationId, kind: 'next_opening' };
    const { json } = await api.start(closedBot.botId, ask, prefer);
    expect(json).toMatchObject({
      outcome: 'started',
      handoff: {
        status: 'scheduled',
        kind: 'next_opening',
        opensAt: OPENS,
        botSilent: false,
        deadline: { kind: 'opening', at: OPENS },
      },
    });
    const { id } = json.handoff;
    expect((await events(id))[0]).toMatchObject({ type: 'handoff.scheduled', data: { opensAt: OPENS } });
    expect((await api.start(closedBot.botId, ask)).json).toMatchObject({ outcome: 'existing', handoff: { id } });
    const said = await api.call('POST', `/v1/handoffs/${id}/messages`, { body: { id: 'm1', text: 'still here' } });
    expect(said.status).toBe(202);
    const deliveries = () => api.call('GET', `/v1/handoffs/${id}/deliveries`);
    await until(async () => (await deliveries()).json.messages?.[0]?.state === 'waiting', { message: 'it waits' });
    await api.call('POST', `/v1/handoffs/${id}/close`, { body: { by: 'user' } });
    await closed(id);
    expect((await events(id)).map(({ type }: { type: string }) => type)).toEqual([
      'handoff.scheduled',
      'message.user',
      'message.failed',
      'handoff.closed',
    ]);
    expect(api.desk.conversation(id)).toBeUndefined();
  });

  it('asks for the address first', async () => {
    const { json } = await api.start(closedBot.botId, { kind: 'next_opening', channel: 'widget' });
    const { id, status } = json.handoff;
    expect(status).toBe('awaiting_email');
    await api.call('POST', `/v1/handoffs/${id}/email`, { body: { email: 'lea@example.org' } });
    expect(await handoff(id)).toMatchObject({ status: 'scheduled', botSilent: false });
    await until(async () => (await events(id)).length === 2, { message: 'the schedule in the journal' });
    expect(await handoff(id)).toMatchObject({ status: 'scheduled', deadline: { kind: 'opening', at: OPENS } });
    await api.call('POST', `/v1/handoffs/${id}/close`, { body: { by: 'bot' } });
    await closed(id);
  });

  it('is a request for a human while the hours are open', async () => {
    const { json } = await api.start(openBot.botId, { kind: 'next_opening' }, prefer);
    expect(json.handoff).toMatchObject({ status: 'connecting', kind: 'now', opensAt: null, botSilent: true });
    await api.call('POST', `/v1/handoffs/${json.handoff.id}/close`, { body: { by: 'user' } });
  });
});

it('a handoff whose desk was away ends with the offer to leave a message', async () => {
  api.desk.fault('establish', { kind: 'status', status: 422, times: 1 });
  const { json } = await api.start(openBot.botId, {}, prefer);
  await closed(json.handoff.id);
  expect((await events(json.handoff.id)).at(-1)).toMatchObject({
    data: { reason: 'desk_unavailable', offers: [{ kind: 'message', text: 'Leave a message' }] },
  });
});

describe('the settings', () => {
  const put = (settings: Record<string, unknown>) =>
    api.call('PUT', `/v1/bots/offers-${randomUUID().slice(0, 8)}`, {
      body: { desk: { kind: 'webhook', url: api.deskUrl }, ...settings },
    });

  it('are off by default', async () => {
    const { json } = await put({});
    expect(json.settings).toMatchObject({ leaveMessage: false, connectAtOpening: false });
  });
});
