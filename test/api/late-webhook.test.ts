import { afterAll, beforeAll, expect, it } from 'vitest';
import { createRegistry } from '../../activities/desks/registry.ts';
import { webhook } from '../../activities/desks/webhook/index.ts';
import { until } from '../support/poll.ts';
import { deliverTo, fakeDesk, hookPath, SECRET } from './fake-desk.ts';
import { startApi, type Api } from './harness.ts';

let api: Api;
beforeAll(async () => {
  const desk = fakeDesk({ looksByWords: true });
  api = await startApi({ desks: createRegistry([webhook, desk]) });
  await api.work();
});
afterAll(() => api.close());

it('a webhook that comes behind the look is no second message; the same words said again are', async () => {
  const { botId } = await api.bot({ desk: { kind: 'signed', secret: SECRET } });
  const path = await hookPath(api, botId);
  const { id } = (await api.start(botId, {}, { headers: { prefer: 'wait=20' } })).json.handoff;
  const conversation = `desk-${id}`;
  const texts = async (): Promise<string[]> => {
    const { json } = await api.call('GET', `/v1/handoffs/${id}/events`);
    return json.events.flatMap((e: { type: string; data: { text: string } }) =>
      e.type === 'message.agent' ? [e.data.text] : [],
    );
  };
  await api.store.inbox.receive({
    botId,
    desk: 'signed',
    dedupeKey: 'line-1',
    deskConversationId: conversation,
    handoffId: id,
    signal: { kind: 'agentReply', id: 'line-1', text: 'hello', recovered: true },
    awaitsWebhook: true,
  });
  const told = async (id: string, text: string) =>
    expect((await deliverTo(api, path, [{ id, conversation, text }])).status).toBe(200);
  // What waits in the inbox goes with the next one.
  await told('m0', 'welcome');
  await until(async () => (await texts()).length === 2, { message: 'what the look found' });
  await told('m1', 'hello');
  await told('m1', 'hello');
  await told('m2', 'hello');
  await told('m3', 'bye');
  await until(async () => (await texts()).includes('bye'), { message: 'the last one' });
  expect(await texts()).toEqual(['hello', 'welcome', 'hello', 'bye']);
  const { text: metrics } = await api.call('GET', '/metrics');
  expect(metrics).toContain('baton_duplicates_total{source="signed"} 2');
});
