import { afterAll, beforeAll, expect, it } from 'vitest';
import { startCallbackReceiver } from '../support/callback.ts';
import { until } from '../support/poll.ts';
import { startApi, type Api } from './harness.ts';

let api: Api;

beforeAll(async () => {
  api = await startApi();
  await api.work();
});
afterAll(() => api.close());

const WAIT = { headers: { prefer: 'wait=20' } };

it('a call that works makes the service available again, also when somebody else had found it unavailable', async () => {
  const { botId, key } = await api.bot();
  const { id } = (await api.start(botId, {}, WAIT)).json.handoff;
  api.desk.setAuth({ username: 'baton', password: 'changed' });
  expect((await api.call('POST', `/v1/bots/${botId}/verify`)).json.service.state).toBe('unavailable');
  api.desk.setAuth({});
  await until(
    async () => {
      await api.call('POST', `/v1/handoffs/${id}/messages`, { key, body: { text: 'anybody there?' } });
      return (await api.call('GET', `/v1/bots/${botId}/status`)).json.service === 'available';
    },
    { timeoutMs: 60_000, everyMs: 500, message: 'the service is available again' },
  );
});

it('a callback that works is healthy again, also when another process had found it failing', async () => {
  const receiver = await startCallbackReceiver();
  const { botId, key } = await api.bot({ callback: { url: receiver.url } });
  const { id } = (await api.start(botId, {}, WAIT)).json.handoff;
  await until(() => receiver.taken(id).length === 1, { message: 'the first event' });
  const other = await api.another();
  await other.store.callbacks.failing(botId, 'callback answered 500');
  const health = async () => (await api.call('GET', `/v1/bots/${botId}/status`)).json.callback;
  expect((await health()).failingSince).not.toBeNull();
  await until(
    async () => {
      await api.call('POST', `/v1/handoffs/${id}/messages`, { key, body: { text: 'hello' } });
      return (await health()).failingSince === null;
    },
    { timeoutMs: 60_000, everyMs: 500, message: 'the callback is healthy again' },
  );
  await receiver.stop();
});

it('two files of one moment are two replies, and the same file again is a repeat', async () => {
  const { botId, key } = await api.bot();
  const { id } = (await api.start(botId, {}, WAIT)).json.handoff;
  const timestamp = Date.now();
  for (const name of ['a', 'b', 'a', 'c']) {
    const body = { conversation_id: id, timestamp, attachments: [{ url: `https://files.example.org/${name}` }] };
    expect((await api.call('POST', '/v1/human/message/receive', { key, body })).json.code).toBe(200);
  }
  const files = async () => {
    const events = await api.store.journal.read(id, 0, 100);
    return events.flatMap(({ type, data }) => (type === 'message.agent' ? [data['attachments']] : []));
  };
  await until(async () => (await files()).length >= 3, { message: 'the files' });
  const file = (name: string) => [{ url: `https://files.example.org/${name}` }];
  expect(await files()).toEqual([file('a'), file('b'), file('c')]);
});
