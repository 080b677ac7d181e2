import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRegistry } from '../../activities/desks/registry.ts';
import { webhook } from '../../activities/desks/webhook/index.ts';
import { until } from '../support/poll.ts';
import { deliverTo, fakeDesk, type FakeEvent, hookPath, SECRET, sign } from './fake-desk.ts';
import { startApi, type Api } from './harness.ts';

const signed = fakeDesk();

let api: Api;
let botId: string;
let path: string;
let handoffId: string;

beforeAll(async () => {
  api = await startApi({ desks: createRegistry([webhook, signed]) });
  await api.work();
  ({ botId } = await api.bot({ desk: { kind: 'signed', secret: SECRET } }));
  path = await hookPath(api, botId);
  handoffId = (await api.start(botId, {}, { headers: { prefer: 'wait=20' } })).json.handoff.id;
});
afterAll(() => api.close());

const deliver = (
  events: FakeEvent[] | string,
  options: { signature?: string; to?: string; headers?: Record<string, string> } = {},
) => deliverTo(api, options.to ?? path, events, options);
const replies = async (id = handoffId): Promise<string[]> => {
  const { json } = await api.call('GET', `/v1/handoffs/${id}/events`);
  return json.events
    .filter((e: { type: string }) => e.type === 'message.agent')
    .map((e: { data: { text: string } }) => e.data.text);
};

describe('what a desk calls', () => {
  it('reaches the handoff of the conversation, each event once, in order', async () => {
    const conversation = `desk-${handoffId}`;
    const events = [1, 2, 3].map((n) => ({ id: `e-${n}`, conversation, text: `reply ${n}` }));
    expect((await deliver(events)).status).toBe(200);
    expect((await deliver(events)).status).toBe(200);
    await deliver([{ id: 'e-4', conversation, text: 'last \u0000' }]);
    await until(async () => (await replies()).length >= 4, { message: 'four replies' });
    expect(await replies()).toEqual(['reply 1', 'reply 2', 'reply 3', 'last \ufffd']);
  });

  it('rule 14: echoes, notes and unknown parts are taken with 2xx and never reach the user', async () => {
    const conversation = `desk-${handoffId}`;
    const parts = ['echo', 'note', 'system', 'a part that nobody knows'];
    const events = parts.map((part, n) => ({ id: `part-${n}`, conversation, text: `secret ${part}`, part }));
    expect((await deliver(events)).status).toBe(200);
    await deliver([{ id: 'after-parts', conversation, text: 'for the user' }]);
    await until(async () => (await replies()).includes('for the user'), { message: 'the reply behind them' });
    const { text } = await api.call('GET', `/v1/handoffs/${handoffId}/events`);
    expect(text).not.toContain('secret');
  });

  it('is refused without the right signature over the very bytes', async () => {
    const events = [{ id: randomUUID(), conversation: `desk-${handoffId}`, text: 'forged' }];
    for (const signature of [
      '',
      'x',
      sign('other', JSON.stringify(events)),
      sign(SECRET, JSON.stringify(events, null, 1)),
    ]) {
      const answer = await deliver(events, { signature });
      expect([answer.status, answer.json.error.code]).toEqual([401, 'unauthorized']);
    }
    expect(await replies()).not.toContain('forged');
  });

  it('is refused as 400 when signed nonsense, and 413 when too large', async () => {
    expect((await deliver('{"not": "a list"')).status).toBe(400);
    expect((await deliver(`[${' '.repeat(1_100_000)}]`)).status).toBe(413);
  });

  it('takes bodies of any content type', async () => {
    const body = [{ id: randomUUID(), conversation: `desk-${handoffId}`, text: 'as a form' }];
    expect((await deliver(body, { headers: { 'content-type': 'application/x-www-form-urlencoded' } })).status).toBe(
      200,
    );
    await until(async () => (await replies()).includes('as a form'), { message: 'the reply' });
  });

  it('is read with the config: what belongs to another account is left out', async () => {
    const conversation = `desk-${handoffId}`;
    const events = [
      { id: 'other-account', conversation, text: 'of somebody else', account: 'other' },
      { id: 'own-account', conversation, text: 'of ours' },
    ];
    expect((await deliver(events)).status).toBe(200);
    await until(async () => (await replies()).includes('of ours'), { message: 'the reply' });
    expect(await replies()).not.toContain('of somebody else');
  });

  it('answers HEAD and a plain GET with 200 where the address is right, without a signature', async () => {
    const head = await api.call('HEAD', path, { key: null });
    expect([head.status, head.text]).toEqual([200, '']);
    const get = await api.call('GET', path, { key: null });
    expect([get.status, get.json]).toEqual([200, {}]);
    for (const method of ['HEAD', 'GET']) {
      expect((await api.call(method, '/webhooks/signed/wrong', { key: null })).status, method).toBe(404);
    }
  });

  it('is never answered 429 at an address that is right, whatever came before', async () => {
    const { url, app } = await api.another({ config: { ...api.config, rateLimit: 3 } });
    const other = { call: (method: string, to: string, options = {}) => api.call(method, `${url}${to}`, options) };
    const guesses = [];
    for (let i = 0; i < 62; i += 1) guesses.push((await deliverTo(other, `/webhooks/signed/guess-${i}`, [])).status);
    expect([guesses[0], guesses.at(-1)]).toEqual([404, 429]);
    for (let i = 0; i < 6; i += 1) expect((await deliverTo(other, path, [])).status).toBe(200);
    await app.close();
  });

  it('answers a challenge in the words of the desk', async () => {
    const answer = await api.call('GET', `${path}?challenge=say-this`, { key: null });
    expect([answer.status, answer.text, answer.headers.get('content-type')]).toEqual([200, 'say-this', 'text/plain']);
  });

  it('is unknown with a wrong token, a wrong desk, and for a desk that calls other addresses', async () => {
    const token = path.split('/').at(-1);
    for (const to of ['/webhooks/signed/wrong', `/webhooks/none/${token}`, `/webhooks/webhook/${token}`]) {
      const answer = await deliver([], { to });
      expect([answer.status, answer.json.error.code], to).toEqual([404, 'not_found']);
    }
  });

  it('is kept for a conversation that nobody knows yet', async () => {
    const conversation = `desk-later-${randomUUID()}`;
    expect((await deliver([{ id: randomUUID(), conversation, text: 'early' }])).status).toBe(200);
    const kept = await api.store.inbox.unforwarded({ known: false, olderThanSeconds: 0, limit: 100 });
    expect(kept.map((k) => k.deskConversationId)).toContain(conversation);
  });
});

it("a channel of the desk's own messenger is refused in external mode", async () => {
  expect((await api.start(botId, { channel: 'messenger-of-signed' })).json).toEqual({
    outcome: 'refused',
    reason: 'channel_not_supported',
  });
});
