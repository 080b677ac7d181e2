import { afterAll, beforeAll, expect, it } from 'vitest';
import type { HandoffEvent } from '../../workflows/contracts.ts';
import { until } from '../support/poll.ts';
import { administer } from '../support/postgres.ts';
import { openStream, startApi, type Api } from './harness.ts';

let api: Api;
let bot: { botId: string; key: string };

beforeAll(async () => {
  api = await startApi();
  await api.work();
  bot = await api.bot();
});
afterAll(() => api.close());

/** From now on PostgreSQL answers every write as it does when its disk is full; reading works. */
async function fillDisk(): Promise<() => Promise<unknown>> {
  const tables = (await administer(
    api.databaseUrl,
    `select relname as name from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace`,
  )) as { name: string }[];
  const refuse = tables.map(
    ({ name }) => `create trigger disk_full before insert or update on "${name}" execute function disk_full();`,
  );
  await administer(
    api.databaseUrl,
    `create function disk_full() returns trigger language plpgsql as
       $$ begin raise exception 'could not extend file: No space left on device' using errcode = 'disk_full'; end $$;
     ${refuse.join('\n')}`,
  );
  return () => administer(api.databaseUrl, 'drop function disk_full cascade');
}

const agentSays = (id: string, body: string) =>
  api.call('POST', '/v1/human/message/receive', {
    key: bot.key,
    body: { conversation_id: id, timestamp: 1_700_000_000_000, body },
  });

it('a full disk of PostgreSQL is 503 for what has to be stored, and nothing that was accepted is lost', async () => {
  const { id } = (await api.start(bot.botId, {}, { headers: { prefer: 'wait=20' } })).json.handoff;
  const stream = await openStream(`${api.url}/v1/handoffs/${id}/events`, bot.key);
  const types = () => stream.events().map(({ type }: HandoffEvent) => type);
  await until(() => types().length === 1, { message: 'the stream' });

  const makeRoom = await fillDisk();
  const start = await api.start(bot.botId);
  expect([start.status, start.json.error.code, start.headers.get('retry-after')]).toEqual([
    503,
    'postgresql_unavailable',
    '2',
  ]);
  const reply = await agentSays(id, 'hello');
  expect([reply.status, reply.json.code]).toEqual([503, 50_000]);
  // What goes to Temporal alone is taken, and reading goes on.
  const said = await api.call('POST', `/v1/handoffs/${id}/messages`, { key: bot.key, body: { id: 'u1', text: 'hi' } });
  expect(said.status).toBe(202);
  expect((await api.call('GET', `/v1/handoffs/${id}`, { key: bot.key })).json.status).toBe('connecting');

  await makeRoom();
  await until(async () => (await agentSays(id, 'hello')).status === 200, { message: 'the reply is taken' });
  await until(() => types().length === 4, { message: 'all of it in the stream' });
  expect(types().toSorted()).toEqual(['handoff.active', 'handoff.connecting', 'message.agent', 'message.user']);
  await until(() => api.desk.messages(id).length > 0, { message: 'the message at the desk', timeoutMs: 60_000 });
  expect(api.desk.messages(id).map(({ text }) => text)).toEqual(['hi']);
  await api.call('POST', `/v1/handoffs/${id}/close`, { key: bot.key, body: { by: 'user' } });
  await stream.ended;
  expect(types().at(-1)).toBe('handoff.closed');
  expect(stream.events().map(({ seq }: HandoffEvent) => seq)).toEqual([1, 2, 3, 4, 5]);
});

it('what a Webhook desk does not send again after a 503 is not heard, and what it does is heard once', async () => {
  const { id } = (await api.start(bot.botId, {}, { headers: { prefer: 'wait=20' } })).json.handoff;
  const makeRoom = await fillDisk();
  for (const body of ['forgotten', 'again']) expect((await agentSays(id, body)).status).toBe(503);
  await makeRoom();
  for (const body of ['again', 'new']) {
    await until(async () => (await agentSays(id, body)).status === 200, { message: `${body} is taken` });
  }
  const texts = async () =>
    (await api.call('GET', `/v1/handoffs/${id}/events`, { key: bot.key })).json.events
      .filter(({ type }: HandoffEvent) => type === 'message.agent')
      .map(({ data }: HandoffEvent) => data['text']);
  await until(async () => (await texts()).includes('new'), { message: 'the newest word' });
  await api.call('POST', `/v1/handoffs/${id}/close`, { key: bot.key, body: { by: 'user' } });
  await until(async () => (await api.call('GET', `/v1/handoffs/${id}`, { key: bot.key })).json.status === 'closed', {
    message: 'the end',
  });
  expect(await texts()).toEqual(['again', 'new']);
});
