import { afterAll, beforeAll, expect, it } from 'vitest';
import { freePort } from '../../worker/local/processes.ts';
import { audit, auditSettled } from '../support/audit.ts';
import { createBots } from '../support/bots.ts';
import { startCluster, type Cluster } from '../support/cluster.ts';
import { until } from '../support/poll.ts';
import { killAll, startRole, type RoleProcess } from '../support/role-process.ts';

const RETRY_MS = 60_000;

let cluster: Cluster;
const started: RoleProcess[] = [];

beforeAll(async () => {
  cluster = await startCluster({ worker: false });
});
afterAll(async () => {
  await killAll(started);
  await cluster?.stop();
});

async function role(name: RoleProcess['role'], settings: Record<string, string>): Promise<RoleProcess> {
  const one = await startRole(name, { ...cluster.env, BATON_OPERATOR_KEY: cluster.operatorKey, ...settings });
  started.push(one);
  await one.answers('/readyz', 200);
  return one;
}

it('a worker with fewer places than the load needs is late, and loses, doubles and reorders nothing', async () => {
  const metrics = `127.0.0.1:${await freePort()}`;
  const worker = await role('worker', {
    BATON_TEMPORAL_METRICS_ADDRESS: metrics,
    BATON_ACTIVITIES: '1',
    BATON_WORKFLOW_TASKS: '2',
    BATON_CACHED_HANDOFFS: '2',
  });
  cluster.desk.fault('chat', { kind: 'slow', ms: 30, times: 1_000 });
  const bot = await cluster.bot({ waitTimeoutSeconds: 600 });
  const talks = await Promise.all(Array.from({ length: 10 }, () => bot.start({}, RETRY_MS)));
  const isFull = async (): Promise<boolean> =>
    /^temporal_worker_task_slots_available\{.*\} 0$/m.test(await (await fetch(`http://${metrics}/metrics`)).text());
  const [, ...replies] = await Promise.all([
    until(isFull, { everyMs: 20, timeoutMs: RETRY_MS, message: 'a worker without a free place' }),
    ...talks.map(async (talk) => {
      for (let n = 1; n <= 8; n += 1) await talk.say(`user ${n}`, { retryForMs: RETRY_MS });
      await until(() => cluster.desk.conversation(talk.id), { timeoutMs: RETRY_MS, message: `${talk.id} at the desk` });
      return await talk.reply('agent 1', { retryForMs: RETRY_MS });
    }),
  ]);
  expect(new Set(replies)).toEqual(new Set(['accepted']));
  expect((await auditSettled(talks, cluster.desk, RETRY_MS)).problems).toEqual([]);
  cluster.desk.clearFaults();
  worker.signal('SIGTERM');
  expect(await worker.exit()).toBe(0);
}, 180_000);

it('an API with more calls than one core can answer refuses some, and what it takes arrives once', async () => {
  await role('worker', {});
  const api = await role('api', { BATON_LOAD_DELAY_MS: '50', BATON_RATE_LIMIT: '1000000000' });
  const { desk, deskUrl, operatorKey } = cluster;
  const bot = await createBots({ desk, deskUrl, link: () => ({ url: api.url, key: operatorKey }) })();
  const talk = await bot.start({}, RETRY_MS);
  await until(() => desk.conversation(talk.id), { timeoutMs: RETRY_MS, message: 'it is at the desk' });

  // Read and checked as a whole before it is refused.
  const history = Array.from({ length: 5_000 }, (_, n) => ({ role: 'user', text: `${n} ${'x'.repeat(150)}` }));
  const init = {
    method: 'POST',
    headers: { authorization: `Bearer ${bot.key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ botId: bot.id, conversationId: 'c-1', channel: 1, question: 'A person?', history }),
  };
  const answers = new Map<string, number>();
  let isOver = false;
  const callers = Array.from({ length: 24 }, async () => {
    while (!isOver) {
      const answer = await fetch(`${api.url}/v1/handoffs`, init);
      await answer.arrayBuffer();
      const told = [answer.status, answer.headers.get('retry-after')].filter((one) => one !== null).join(' ');
      answers.set(told, (answers.get(told) ?? 0) + 1);
    }
  });
  try {
    await until(() => answers.has('503 2'), { timeoutMs: RETRY_MS, message: () => JSON.stringify([...answers]) });
    for (let n = 1; n <= 5; n += 1) await talk.say(`user ${n}`, { retryForMs: RETRY_MS });
    await until(async () => (await api.probe('/readyz')).body.parts?.['load'] === 'down', {
      timeoutMs: RETRY_MS,
      message: 'an API that says that it is overloaded',
    });
    expect((await api.probe('/livez')).status).toBe(200);
  } finally {
    isOver = true;
    await Promise.all(callers);
  }
  expect([...answers.keys()].toSorted()).toEqual(['400', '503 2']);
  await api.answers('/readyz', 200);
  expect(talk.said.map(({ outcome }) => outcome)).toEqual(Array.from({ length: 5 }, () => 'accepted'));
  await until(() => desk.messages(talk.id).length >= 5, { timeoutMs: RETRY_MS, message: 'all messages at the desk' });
  expect((await audit(talk, desk)).problems).toEqual([]);
}, 180_000);
