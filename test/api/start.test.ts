import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../../worker/local/processes.ts';
import { until } from '../support/poll.ts';
import { startApi, type Api } from './harness.ts';

let api: Api;
let botId: string;

beforeAll(async () => {
  api = await startApi();
  await api.work();
  ({ botId } = await api.bot());
});
afterAll(() => api.close());

const runs = async (conversationId: string): Promise<number> => {
  const { handoffs } = await api.store.handoffs.list({ conversationId, limit: 10 });
  return handoffs.length;
};

describe('outcomes', () => {
  it('starts, then finds the open one', async () => {
    const conversationId = randomUUID();
    const metadata = { cart: [1, 2] };
    const first = await api.start(botId, { conversationId, metadata });
    expect(first.status).toBe(201);
    expect(first.json).toMatchObject({
      outcome: 'started',
      handoff: {
        id: expect.stringMatching(/^ho_[\w-]+$/),
        botId,
        conversationId,
        desk: 'webhook',
        status: 'opening',
        metadata,
      },
    });
    const second = await api.start(botId, { conversationId });
    expect([second.status, second.json.outcome, second.json.handoff.id]).toEqual([
      200,
      'existing',
      first.json.handoff.id,
    ]);
  });

  it('makes one handoff of requests at the same moment', async () => {
    const conversationId = randomUUID();
    const answers = await Promise.all(Array.from({ length: 10 }, () => api.start(botId, { conversationId })));
    expect(new Set(answers.map((a) => a.json.handoff?.id)).size).toBe(1);
    expect(answers.filter((a) => a.json.outcome === 'started')).toHaveLength(1);
    expect(await runs(conversationId)).toBe(1);
    const { id } = answers[0]?.json.handoff ?? {};
    await until(() => api.desk.conversation(id), { message: 'the desk has it' });
    expect(
      api.desk.calls.filter(
        (c) => c.endpoint === 'establish' && (c.body as { conversation_id: string }).conversation_id === id,
      ),
    ).toHaveLength(1);
  });

  it('refuses with a reason: disabled, not configured', async () => {
    const { botId: off } = await api.bot({ enabled: false });
    expect((await api.start(off)).json).toEqual({ outcome: 'refused', reason: 'disabled' });
    const { botId: bare } = await api.bot({ desk: null });
    const refused = await api.start(bare);
    expect([refused.status, refused.json]).toEqual([200, { outcome: 'refused', reason: 'not_configured' }]);
  });

  it('refuses out of hours in the language of the user, without calling the desk [97]', async () => {
    const { botId: closedBot } = await api.bot({
      hours: { timezone: 'UTC', periods: [{ kind: 'date', date: '2099-01-05', from: '09:00', to: '12:00' }] },
      texts: { fr: { out_of_hours: 'Revenez lundi.' } },
    });
    const conversationId = randomUUID();
    const french = await api.start(closedBot, { conversationId, user: { locale: 'fr-CA' } });
    expect(french.json).toEqual({
      outcome: 'refused',
      reason: 'out_of_hours',
      reply: 'Revenez lundi.',
      nextOpening: '2099-01-05T09:00:00.000Z',
    });
    expect(await runs(conversationId)).toBe(0);
  });

  it('lets an open handoff of the conversation win over a refusal', async () => {
    const { botId: changing } = await api.bot();
    const conversationId = randomUUID();
    const first = await api.start(changing, { conversationId });
    await api.call('PATCH', `/v1/bots/${changing}`, { body: { enabled: false } });
    const again = await api.start(changing, { conversationId });
    expect([again.json.outcome, again.json.handoff.id]).toEqual(['existing', first.json.handoff.id]);
    expect((await api.start(changing)).json.reason).toBe('disabled');
  });

  it('starts the run that a crash has left out', async () => {
    const conversationId = randomUUID();
    const row = await api.store.handoffs.open({
      id: `ho_${randomUUID()}`,
      botId,
      conversationId,
      desk: 'webhook',
      channel: 'api',
      mode: 'external',
      status: 'opening',
      user: {},
      question: 'asked before the crash',
      metadata: null,
    });
    const again = await api.start(botId, { conversationId });
    expect([again.json.outcome, again.json.handoff.id]).toEqual(['existing', row.handoff.id]);
    const conversation = await until(() => api.desk.conversation(row.handoff.id), { message: 'the desk has it' });
    expect(conversation).toBeDefined();
    expect((await api.store.handoffs.get(row.handoff.id))?.runStarted).toBe(true);
  });
});

describe('email', () => {
  it.each(['iframe', 'widget', 'share'])('is asked for on %s when unknown [70]', async (channel) => {
    const { botId: withDefault } = await api.bot({ defaultEmail: 'support@example.org' });
    const asked = await api.start(withDefault, { channel, user: {} }, { headers: { prefer: 'wait=15' } });
    expect(asked.json.handoff).toMatchObject({ status: 'awaiting_email', user: {} });
    const events = await api.call('GET', `/v1/handoffs/${asked.json.handoff.id}/events`);
    expect(events.json.events.map((e: { type: string }) => e.type)).toEqual(['handoff.email_required']);
    const known = await api.start(withDefault, { channel, user: { email: 'a@example.org' } });
    expect(known.json.handoff.status).toBe('opening');
  });

  it('falls back to the default of the bot on other channels [75] [77]', async () => {
    const { botId: withDefault } = await api.bot({ defaultEmail: 'support@example.org' });
    for (const channel of ['whatsapp', 'telegram', 'api', 'anything']) {
      const { json } = await api.start(withDefault, { channel, user: {} });
      expect(json.handoff).toMatchObject({ status: 'opening', user: { email: 'support@example.org' } });
    }
  });
});

describe('Prefer: wait', () => {
  it('answers with the state after the desk has accepted', async () => {
    const answer = await api.start(botId, {}, { headers: { prefer: 'respond-async, wait=20' } });
    expect(answer.status).toBe(201);
    expect(answer.headers.get('preference-applied')).toBe('wait=20');
    expect(answer.json.handoff.status).toBe('connecting');
  });

  it('answers with the closed handoff when the desk refuses', async () => {
    const { botId: broken } = await api.bot({ waitTimeoutSeconds: 5 });
    api.desk.fault('establish', { kind: 'status', status: 400 });
    const answer = await api.start(broken, {}, { headers: { prefer: 'wait=25' } });
    expect(answer.status).toBe(201);
    await until(async () => (await api.store.handoffs.get(answer.json.handoff.id))?.status === 'closed', {
      message: 'closed',
    });
    expect((await api.store.handoffs.get(answer.json.handoff.id))?.closeReason).toBe('desk_unavailable');
  });

  it('answers after N seconds when nothing happens', async () => {
    const idle = await startApi();
    const { botId: lonely } = await idle.bot();
    const startedAt = Date.now();
    const answer = await idle.start(lonely, {}, { headers: { prefer: 'wait=1' } });
    expect([answer.status, answer.json.handoff.status]).toEqual([201, 'opening']);
    expect(Date.now() - startedAt).toBeGreaterThanOrEqual(990);
    await idle.close();
  });
});

describe('list', () => {
  it('goes through all handoffs by its cursor, newest first', async () => {
    const { botId: listed } = await api.bot();
    const ids: string[] = [];
    for (let i = 0; i < 5; i += 1) ids.unshift((await api.start(listed)).json.handoff.id);
    const seen: string[] = [];
    let cursor = '';
    do {
      const { json } = await api.call('GET', `/v1/handoffs?botId=${listed}&limit=2${cursor && `&cursor=${cursor}`}`);
      seen.push(...json.handoffs.map((h: { id: string }) => h.id));
      cursor = json.nextCursor ?? '';
    } while (cursor !== '');
    expect(seen).toEqual(ids);
  });
});

describe('without Temporal', () => {
  it('a start answers 503 with Retry-After and says which part, and a retry works later', async () => {
    const dead = await startApi({ temporalAddress: `127.0.0.1:${await freePort()}` });
    const { botId: waiting } = await dead.bot();
    const conversationId = randomUUID();
    const refused = await dead.start(waiting, { conversationId });
    expect([refused.status, refused.json.error.code]).toEqual([503, 'temporal_unavailable']);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    const ready = await dead.call('GET', '/readyz');
    expect([ready.status, ready.json.parts]).toMatchObject([503, { postgresql: 'ok', temporal: 'down' }]);

    const alive = await dead.another({ client: api.temporal.client });
    const response = await fetch(`${alive.url}/v1/handoffs`, {
      method: 'POST',
      headers: { authorization: 'Bearer operator-key-of-the-tests', 'content-type': 'application/json' },
      body: JSON.stringify({ botId: waiting, conversationId, channel: 'api', question: 'again' }),
    });
    const body = (await response.json()) as { outcome: string; handoff: { id: string } };
    expect(body.outcome).toBe('existing');
    const description = await api.temporal.client.workflow.getHandle(body.handoff.id).describe();
    expect(description.status.name).toBe('RUNNING');
    await dead.close();
  });
});
