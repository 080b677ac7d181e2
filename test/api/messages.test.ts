import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../support/poll.ts';
import { startApi, type Api } from './harness.ts';

let api: Api;
let botId: string;
let key: string;

beforeAll(async () => {
  api = await startApi();
  await api.work();
  ({ botId, key } = await api.bot());
});
afterAll(() => api.close());

const connected = async (more: Record<string, unknown> = {}): Promise<string> => {
  const { json } = await api.start(botId, more, { headers: { prefer: 'wait=20' } });
  return json.handoff.id;
};
const post = (id: string, what: string, body: unknown, bearer = key) =>
  api.call('POST', `/v1/handoffs/${id}/${what}`, { body, key: bearer });
const events = async (id: string): Promise<{ type: string; seq: number; data: Record<string, unknown> }[]> =>
  (await api.call('GET', `/v1/handoffs/${id}/events`)).json.events;
const sees = (id: string, type: string) =>
  until(async () => (await events(id)).find((e) => e.type === type), {
    message: `${type} of ${id}`,
    timeoutMs: 60_000,
  });

describe("a user's message", () => {
  it('travels to the desk in order; the same id again changes nothing', async () => {
    const id = await connected();
    for (let i = 0; i < 5; i += 1) {
      const answer = await post(id, 'messages', { id: `m-${i}`, text: `text ${i}` });
      expect([answer.status, answer.json]).toEqual([202, { id: `m-${i}`, handoffId: id }]);
      expect((await post(id, 'messages', { id: `m-${i}`, text: `text ${i}` })).status).toBe(202);
    }
    await until(() => api.desk.messages(id).length >= 5, { message: 'five at the desk' });
    expect(api.desk.messages(id).map((m) => m.text)).toEqual([0, 1, 2, 3, 4].map((i) => `text ${i}`));
  });

  it('without an id gets one; attachments may stand alone', async () => {
    const id = await connected();
    const first = await post(id, 'messages', { text: 'same' });
    const second = await post(id, 'messages', { text: 'same' });
    expect(first.json.id).not.toBe(second.json.id);
    expect((await post(id, 'messages', { attachments: [{ url: 'https://files.example.org/a.png' }] })).status).toBe(
      202,
    );
    expect((await post(id, 'messages', { text: '' })).status).toBe(400);
    await until(() => api.desk.messages(id).length >= 3, { message: 'three at the desk' });
  });

  it('to a closed handoff is refused with 409', async () => {
    const id = await connected();
    await post(id, 'close', { by: 'user' });
    await sees(id, 'handoff.closed');
    const late = await post(id, 'messages', { text: 'too late' });
    expect([late.status, late.json.error.code]).toEqual([409, 'handoff_closed']);
  });
});

describe('email', () => {
  it('lets the handoff go on; the same again is the same answer, another is refused', async () => {
    const { json } = await api.start(botId, { channel: 'iframe', user: {} }, { headers: { prefer: 'wait=20' } });
    const { id } = json.handoff;
    expect((await post(id, 'email', { email: 'nobody' })).status).toBe(400);
    const given = await post(id, 'email', { email: 'lea@example.org' });
    expect(given.status).toBe(202);
    await sees(id, 'handoff.connecting');
    expect((await api.call('GET', `/v1/handoffs/${id}`)).json.user.email).toBe('lea@example.org');
    const again = await post(id, 'email', { email: 'lea@example.org' });
    expect([again.status, again.json]).toEqual([given.status, given.json]);
    const other = await post(id, 'email', { email: 'other@example.org' });
    expect([other.status, other.json.error.code]).toEqual([409, 'email_not_expected']);
  });
});

describe('the wait prompt', () => {
  it('takes an answer only when asked', async () => {
    const { botId: hasty, key: hastyKey } = await api.bot({ waitTimeoutSeconds: 5 });
    const { json } = await api.start(hasty, {}, { headers: { prefer: 'wait=20' } });
    const { id } = json.handoff;
    const early = await post(id, 'wait', { choice: 'wait' }, hastyKey);
    expect([early.status, early.json.error.code]).toEqual([409, 'wait_not_asked']);
    await sees(id, 'handoff.wait_timeout');
    expect((await api.call('GET', `/v1/handoffs/${id}`)).json.status).toBe('asking');
    expect((await post(id, 'wait', { choice: 'wait' }, hastyKey)).status).toBe(202);
    await until(async () => (await api.store.handoffs.get(id))?.status === 'connecting', { message: 'waits again' });
    await until(async () => (await api.store.handoffs.get(id))?.status === 'asking', {
      message: 'is asked again',
      timeoutMs: 60_000,
    });
    expect((await post(id, 'wait', { choice: 'end' }, hastyKey)).status).toBe(202);
    await sees(id, 'handoff.closed');
  });
});

describe('close', () => {
  it.each([
    [{}, 'user_closed'],
    [{ by: 'user' }, 'user_closed'],
    [{ by: 'bot' }, 'bot_closed'],
  ] as const)('%j ends it as %s, and again is the same answer', async (body, reason) => {
    const id = await connected();
    const first = await post(id, 'close', body);
    expect([first.status, first.json]).toEqual([200, { handoffId: id }]);
    const closed = await sees(id, 'handoff.closed');
    expect((await api.call('GET', `/v1/handoffs/${id}`)).json).toMatchObject({ status: 'closed', closeReason: reason });
    const again = await post(id, 'close', { by: 'bot' });
    expect([again.status, again.json]).toEqual([first.status, first.json]);
    expect((await events(id)).at(-1)?.seq).toBe(closed.seq);
  });

  it("without any body is the user's", async () => {
    const id = await connected();
    expect((await api.call('POST', `/v1/handoffs/${id}/close`, { key })).status).toBe(200);
    await sees(id, 'handoff.closed');
    expect((await api.store.handoffs.get(id))?.closeReason).toBe('user_closed');
  });

  it('as the operator needs the operator key', async () => {
    const id = await connected();
    const refused = await post(id, 'close', { by: 'operator' });
    expect([refused.status, refused.json.error.code]).toEqual([403, 'operator_only']);
    expect((await api.call('POST', `/v1/handoffs/${id}/close`, { body: { by: 'operator' } })).status).toBe(200);
    await sees(id, 'handoff.closed');
    expect((await api.store.handoffs.get(id))?.closeReason).toBe('operator_closed');
  });

  it('of a handoff whose run was terminated succeeds', async () => {
    const id = await connected();
    await api.temporal.client.workflow.getHandle(id).terminate('by the test');
    expect((await post(id, 'close', { by: 'user' })).status).toBe(200);
    expect((await post(id, 'messages', { text: 'hello?' })).json.error.code).toBe('handoff_closed');
  });

  it('lets the conversation ask again [106]', async () => {
    const conversationId = randomUUID();
    const first = await connected({ conversationId });
    await post(first, 'close', {});
    await sees(first, 'handoff.closed');
    const second = await api.start(botId, { conversationId });
    expect(second.json.outcome).toBe('started');
    expect(second.json.handoff.id).not.toBe(first);
  });
});

it('rule 4: says that the bot is silent from opening to closed', async () => {
  const silent = async (id: string): Promise<boolean> =>
    (await api.call('GET', `/v1/handoffs/${id}`)).json.botSilent as boolean;
  const { json } = await api.start(botId, { channel: 'widget', user: {} });
  const id = json.handoff.id as string;
  await sees(id, 'handoff.email_required');
  expect(await silent(id)).toBe(false);
  await post(id, 'email', { email: 'lea@example.org' });
  expect(await silent(id)).toBe(true);
  expect((await api.call('GET', `/v1/handoffs/${id}`)).json.status).not.toBe('awaiting_email');
  await sees(id, 'handoff.connecting');
  expect(await silent(id)).toBe(true);
  await post(id, 'close', {});
  await sees(id, 'handoff.closed');
  expect(await silent(id)).toBe(false);
});

describe('native conversations', () => {
  it('do not exist for a bot in external mode', async () => {
    const answer = await api.call('POST', `/v1/bots/${botId}/conversations/c-1/messages`, {
      body: { text: 'hi' },
      key,
    });
    expect([answer.status, answer.json.error.code]).toEqual([409, 'not_native']);
  });
});
