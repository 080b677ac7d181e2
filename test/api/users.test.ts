import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runState } from '../../activities/platform/runs.ts';
import { userExport } from '../../api/schemas/users.ts';
import { callbackTailWorkflowId } from '../../workflows/ids.ts';
import { until } from '../support/poll.ts';
import { administer } from '../support/postgres.ts';
import { freePort } from '../../worker/local/processes.ts';
import { OPERATOR_KEY, startApi, type Api } from './harness.ts';

let api: Api;
let bot: { botId: string; key: string };

beforeAll(async () => {
  api = await startApi();
  await api.work();
  bot = await api.bot();
});
afterAll(() => api.close());

const users = (what: 'export' | 'erase', body: unknown, key = bot.key, botId = bot.botId) =>
  api.call('POST', `/v1/bots/${botId}/users/${what}`, { key, body });

interface User {
  id: string;
  email: string;
  phone: string;
}
const someone = (): User => {
  const name = randomUUID();
  return {
    id: `id-${name}`,
    email: `${name}@example.com`,
    phone: `+49 30 ${Date.now()}${Math.floor(Math.random() * 1e6)}`,
  };
};

/** A handoff in which user and agent have said something with this mark in it. */
async function talk(user: Partial<User>, mark: string, conversationId = `conv-${mark}`): Promise<string> {
  const history = [{ role: 'user', text: `before ${mark}` }];
  const more = { conversationId, user, question: `question ${mark}`, history, metadata: { mark } };
  const id = (await api.start(bot.botId, more)).json.handoff.id;
  expect((await api.call('POST', `/v1/handoffs/${id}/messages`, { body: { text: `message ${mark}` } })).status).toBe(
    202,
  );
  await until(async () => (await api.store.journal.read(id, 0, 50)).some((event) => event.type === 'message.user'), {
    message: 'the message in the journal',
    timeoutMs: 60_000,
  });
  return id;
}

async function end(id: string): Promise<void> {
  expect((await api.call('POST', `/v1/handoffs/${id}/close`, { body: { by: 'bot' } })).status).toBeLessThan(300);
  const gone = async () => (await runState(api.temporal.client, id)) === 'gone';
  await until(gone, { message: 'the end of the run', timeoutMs: 60_000 });
}

/** Everything in the database as one text. */
async function dump(): Promise<string> {
  const tables = (await administer(
    api.databaseUrl,
    `select table_name from information_schema.tables where table_schema = 'public'`,
  )) as { table_name: string }[];
  const rows = await Promise.all(tables.map((t) => administer(api.databaseUrl, `select * from ${t.table_name}`)));
  return JSON.stringify(rows);
}

it('exports all that is kept of one user, by whatever he is known, and nothing of others', async () => {
  const ann = someone();
  const [first, second, other] = await Promise.all([
    talk(ann, 'first-of-ann'),
    talk({ phone: ann.phone.replaceAll(' ', '-') }, 'second-of-ann'),
    talk(someone(), 'of-somebody-else'),
  ]);
  await Promise.all([first, second, other].map(end));
  await api.store.journal.append({
    handoffId: first,
    botId: bot.botId,
    events: [],
    late: [{ id: 'late-1', at: new Date().toISOString(), from: 'agent', text: 'late-for-ann' }],
  });
  // As a version without marks has stored it.
  await administer(api.databaseUrl, `update handoffs set user_marks = null where id = '${first}'`);

  const byEmail = await users('export', { email: ann.email.toUpperCase() });
  expect(byEmail.status).toBe(200);
  expect(byEmail.headers.get('content-disposition')).toContain('attachment');
  const { handoffs } = userExport.parse(byEmail.json);
  expect(handoffs.map(({ transcript }) => transcript.handoff.id)).toEqual([first]);
  expect(handoffs[0]).toMatchObject({
    metadata: { mark: 'first-of-ann' },
    transcript: { question: 'question first-of-ann', before: [{ text: 'before first-of-ann' }] },
  });
  expect(byEmail.text).toContain('message first-of-ann');
  expect(byEmail.text).toContain('late-for-ann');
  const both = userExport.parse((await users('export', { phone: ann.phone })).json);
  expect(both.handoffs.map(({ transcript }) => transcript.handoff.id).toSorted()).toEqual([first, second].toSorted());
  expect(JSON.stringify(both)).not.toContain('of-somebody-else');
});

it('erases one user everywhere once all of his has ended, and says what lies elsewhere', async () => {
  const bob = someone();
  const mark = `mark-${randomUUID()}`;
  const [closed, open, neighbour] = await Promise.all([
    talk(bob, mark, `a-${mark}`),
    talk({ email: bob.email }, mark, `b-${mark}`),
    talk(someone(), 'stays'),
  ]);
  await Promise.all([end(closed), end(neighbour)]);

  const refused = await users('erase', { id: bob.id, email: bob.email });
  expect([refused.status, refused.json.error.code]).toEqual([409, 'user_not_gone']);
  expect(refused.json.error.details.map((problem: { path: string }) => problem.path)).toEqual([open]);
  expect(await api.store.handoffs.get(closed)).toBeDefined();
  expect(await dump()).toContain(mark);

  await end(open);
  const answer = await users('erase', { id: bob.id, email: bob.email });
  expect(answer.status).toBe(200);
  expect(answer.json).toMatchObject({ complete: true, handoffs: 2, conversations: 0, histories: 'deleted' });
  expect(answer.json.events).toBeGreaterThan(3);
  const places = answer.json.remains.map(({ where }: { where: string }) => where);
  expect(places).toEqual(expect.arrayContaining(['webhook', 'temporal', 'backups', "the bot's backend"]));

  const left = await dump();
  for (const trace of [mark, bob.id, bob.email, closed, open]) expect(left).not.toContain(trace);
  expect(left).toContain('stays');
  for (const id of [closed, open]) {
    expect((await api.call('GET', `/v1/handoffs/${id}`)).status).toBe(404);
  }
  expect(await runState(api.temporal.client, callbackTailWorkflowId(closed))).toBe('gone');
  expect((await users('erase', { id: bob.id })).json).toMatchObject({ complete: true, handoffs: 0, events: 0 });

  const audit = api.log.filter((line) => line.includes('"audit":true'));
  expect(audit.some((line) => line.includes('was erased') && line.includes('"handoffs":2'))).toBe(true);
  for (const trace of [bob.id, bob.email, bob.phone, mark]) expect(api.log.join('\n')).not.toContain(trace);
});

it('finds the journal of a native conversation, also without a handoff, and refuses while the bot has it', async () => {
  const { store, temporal } = api;
  const deskConversationId = `talk-${randomUUID()}`;
  const row = await store.conversations.open({ botId: bot.botId, desk: 'signed', deskConversationId });
  const said = (seq: number) => ({
    type: 'conversation.message' as const,
    seq,
    at: new Date().toISOString(),
    botId: bot.botId,
    conversationId: deskConversationId,
    data: { messageId: `m-${seq}`, text: `said in ${deskConversationId}`, from: 'user' },
  });
  await store.journal.append({ handoffId: row.id, botId: bot.botId, events: [said(1), said(2)], late: [] });
  const exported = userExport.parse((await users('export', { conversationId: deskConversationId })).json);
  expect(exported.conversations).toMatchObject([{ id: row.id, deskConversationId, events: [{ seq: 1 }, { seq: 2 }] }]);

  // A run that nobody works on is one that goes on.
  await temporal.client.workflow.start('conversation', { taskQueue: 'nobody', workflowId: row.id, args: [] });
  const refused = await users('erase', { conversationId: deskConversationId });
  expect([refused.status, refused.json.error.details[0].path]).toEqual([409, deskConversationId]);
  await temporal.client.workflow.getHandle(row.id).terminate('by the test');
  const answer = await users('erase', { conversationId: deskConversationId });
  expect(answer.json).toMatchObject({ handoffs: 0, conversations: 1, events: 2 });
  expect(await dump()).not.toContain(deskConversationId);
});

it('takes only a key of that bot, at least one field, and not the address that all share', async () => {
  const stranger = await api.bot();
  expect((await users('erase', { id: 'x' }, stranger.key)).status).toBe(404);
  expect((await users('export', { id: 'x' }, stranger.key)).status).toBe(404);
  expect((await users('erase', {})).status).toBe(400);
  expect((await users('erase', { name: 'Ann' })).status).toBe(400);
  const shared = await api.bot({ defaultEmail: 'Everybody@example.com' });
  const refused = await users('erase', { email: 'everybody@EXAMPLE.com' }, shared.key, shared.botId);
  expect([refused.status, refused.json.error.details[0].path]).toEqual([400, 'email']);
});

it('reaches what a deleted bot has left, with the operator key', async () => {
  const deleted = await api.bot();
  const user = someone();
  const { id } = (await api.start(deleted.botId, { user })).json.handoff;
  await end(id);
  expect((await api.call('DELETE', `/v1/bots/${deleted.botId}`)).status).toBe(204);
  expect((await users('export', { id: user.id }, OPERATOR_KEY, deleted.botId)).json.handoffs).toHaveLength(1);
  expect((await users('erase', { id: user.id }, OPERATOR_KEY, deleted.botId)).json).toMatchObject({ handoffs: 1 });
});

it('erases nothing while Temporal cannot be asked whether it has ended', async () => {
  const lonely = await startApi({ temporalAddress: `127.0.0.1:${await freePort()}` });
  try {
    const { botId, key } = await lonely.bot();
    const handoff = { id: `ho_${randomUUID()}`, botId, conversationId: 'c', desk: 'webhook', channel: 'api' };
    const more = { mode: 'external', status: 'opening', user: { id: 'u' }, question: 'q', metadata: null } as const;
    await lonely.store.handoffs.open({ ...handoff, ...more });
    await administer(lonely.databaseUrl, `update handoffs set status = 'closed'`);
    const answer = await lonely.call('POST', `/v1/bots/${botId}/users/erase`, { key, body: { id: 'u' } });
    expect([answer.status, answer.json.error.code]).toEqual([503, 'temporal_unavailable']);
    expect(answer.headers.get('retry-after')).not.toBeNull();
    expect(await lonely.store.handoffs.get(handoff.id)).toBeDefined();
  } finally {
    await lonely.close();
  }
});
