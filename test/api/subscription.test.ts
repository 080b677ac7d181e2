import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import type { DeskContext } from '../../activities/desks/desk.ts';
import { createRegistry } from '../../activities/desks/registry.ts';
import { webhook } from '../../activities/desks/webhook/index.ts';
import { DeskError } from '../../activities/errors.ts';
import type { Mode } from '../../workflows/contracts.ts';
import { fakeDesk, type FakeConfig, SECRET } from './fake-desk.ts';
import { startApi, type Api } from './harness.ts';

const refused = (operation: string): DeskError =>
  new DeskError({ desk: 'able', operation, kind: 'auth', status: 403, field: 'account', reason: 'no permission' });

const calls: { what: string; url?: string; mode?: Mode; ctx: DeskContext<FakeConfig> }[] = [];
let answer: 'done' | 'cannot' | 'fails' = 'done';

/** A desk whose webhooks can be made by API, by those who may. */
const able = fakeDesk({
  id: 'able',
  title: 'Able',
  async verify(ctx, mode) {
    calls.push({ what: 'verify', mode, ctx });
    if (answer === 'fails') throw refused('verify');
    await ctx.memory.put('seen', { by: 'verify' }, { ttlMs: 60_000 });
    return { detail: 'Workspace of the test', ...(answer === 'cannot' && { warnings: ['The plan ends soon.'] }) };
  },
  async subscribe(ctx, { url, mode }) {
    calls.push({ what: 'subscribe', url, mode, ctx });
    if (answer === 'fails') throw refused('subscribe');
    return answer === 'done' ? { done: true, detail: '3 webhooks' } : { done: false, detail: 'Needs an owner.' };
  },
  async unsubscribe(ctx, { url }) {
    calls.push({ what: 'unsubscribe', url, ctx });
    if (answer === 'fails') throw refused('unsubscribe');
  },
});

let api: Api;
let botId: string;
let key: string;

beforeAll(async () => {
  api = await startApi({ desks: createRegistry([webhook, able, fakeDesk()]) });
  ({ botId, key } = await api.bot({ mode: 'native', desk: { kind: 'able', secret: SECRET } }));
});
beforeEach(() => {
  answer = 'done';
  calls.length = 0;
});
afterAll(() => api.close());

const call = (method: 'POST' | 'DELETE', bot = botId, as?: string) =>
  api.call(method, `/v1/bots/${bot}/subscription`, as === undefined ? {} : { key: as });
const view = async (bot = botId) => (await api.call('GET', `/v1/bots/${bot}`)).json;
const GUIDE = { where: 'Settings, webhooks.', topics: ['native.replied'] };

it('makes the webhooks of the mode at the address of the bot, and says what to do by hand besides', async () => {
  const { webhookUrl, webhookGuide } = await view();
  expect(webhookGuide).toEqual(GUIDE);
  const { status, json } = await call('POST', botId, key);
  expect([status, json]).toEqual([200, { subscribed: true, detail: '3 webhooks', webhookUrl, guide: GUIDE }]);
  expect(calls).toMatchObject([
    {
      what: 'subscribe',
      url: webhookUrl,
      mode: 'native',
      ctx: { config: { secret: SECRET }, publicUrl: 'http://baton.test' },
    },
  ]);
});

it('says why it cannot, and which field is to blame', async () => {
  answer = 'cannot';
  expect((await call('POST')).json).toMatchObject({ subscribed: false, detail: 'Needs an owner.', guide: GUIDE });
  answer = 'fails';
  const { webhookUrl } = await view();
  expect((await call('POST')).json).toEqual({
    subscribed: false,
    detail: '[able] subscribe: 403 no permission',
    field: 'account',
    webhookUrl,
    guide: GUIDE,
  });
});

it('removes them, and knows that they stay when that fails', async () => {
  const { webhookUrl } = await view();
  expect((await call('DELETE')).json).toMatchObject({ subscribed: false, webhookUrl, guide: GUIDE });
  expect(calls).toMatchObject([{ what: 'unsubscribe', url: webhookUrl }]);
  answer = 'fails';
  expect((await call('DELETE')).json).toMatchObject({ subscribed: true, field: 'account' });
});

it('leaves it to the operator where the desk has no such API', async () => {
  const other = await api.bot({ desk: { kind: 'signed', secret: SECRET } });
  const guide = { ...GUIDE, topics: ['external.replied'] };
  for (const method of ['POST', 'DELETE'] as const) {
    const { status, json } = await call(method, other.botId);
    expect([status, json.detail], method).toEqual([200, expect.stringContaining('by hand')]);
    expect([json.guide, json.webhookUrl], method).toEqual([guide, (await view(other.botId)).webhookUrl]);
  }
});

it('is refused without a desk, and at a desk that calls other addresses', async () => {
  const none = await api.bot({ desk: null });
  const own = await api.bot();
  for (const method of ['POST', 'DELETE'] as const) {
    const without = await call(method, none.botId);
    expect([without.status, without.json.error.code]).toEqual([409, 'not_configured']);
    const { status, json } = await call(method, own.botId);
    expect([status, json.error.code]).toEqual([409, 'no_webhooks']);
    expect(json.error.message).toContain('http://baton.test/v1/human/message/receive');
  }
  expect(await view(own.botId)).toMatchObject({ webhookUrl: null, webhookGuide: null });
  expect((await call('POST', none.botId, key)).status).toBe(404);
});

it('verifies in the mode of the bot, with its memory, and says what is missing', async () => {
  const verify = async () => (await api.call('POST', `/v1/bots/${botId}/verify`)).json;
  expect(await verify()).toEqual({ ok: true, detail: 'Workspace of the test', service: expect.any(Object) });
  expect(calls).toMatchObject([{ what: 'verify', mode: 'native', ctx: { publicUrl: 'http://baton.test' } }]);
  expect(await api.store.memory(botId, 'able').get('seen')).toEqual({ by: 'verify' });
  answer = 'cannot';
  expect(await verify()).toMatchObject({ ok: true, warnings: ['The plan ends soon.'] });
  answer = 'fails';
  expect(await verify()).toMatchObject({
    ok: false,
    field: 'account',
    detail: '[able] verify: 403 no permission',
    service: { state: 'unavailable' },
  });
});

it('verifies again when only the mode changes: it needs other permissions', async () => {
  await api.call('PATCH', `/v1/bots/${botId}`, { body: { contextRounds: 3 } });
  expect(calls).toEqual([]);
  await api.call('PATCH', `/v1/bots/${botId}`, { body: { mode: 'external' } });
  expect(calls).toMatchObject([{ what: 'verify', mode: 'external' }]);
});
