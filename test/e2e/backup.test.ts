import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { TASK_QUEUE, WORKFLOW } from '../../workflows/ids.ts';
import { auditSettled, sequenceProblems } from '../support/audit.ts';
import { baseBackup, restoreBackup } from '../support/base-backup.ts';
import type { Bot, Talk } from '../support/bots.ts';
import { startCallbackReceiver, type CallbackReceiver } from '../support/callback.ts';
import { startCluster, type Cluster } from '../support/cluster.ts';
import { until } from '../support/poll.ts';

let cluster: Cluster;
let callback: CallbackReceiver;
let bot: Bot;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'baton-backup-'));
  callback = await startCallbackReceiver();
  cluster = await startCluster({ own: 'postgres' });
  bot = await cluster.bot({ callback: { url: callback.url } });
}, 120_000);
afterAll(async () => {
  await cluster?.stop();
  await callback?.stop();
  await rm(folder, { recursive: true, force: true });
});

const PATIENCE_MS = 60_000;

async function answered(name: string, user = { email: 'u@example.com' }): Promise<Talk> {
  const talk = await bot.start({
    user,
    history: [{ role: 'user', text: `before ${name}` }],
    question: `question ${name}`,
  });
  await talk.sees('handoff.connecting', PATIENCE_MS);
  await talk.say(`user of ${name}`, { retryForMs: PATIENCE_MS });
  await talk.reply(`agent of ${name}`, { retryForMs: PATIENCE_MS });
  await talk.sees('message.agent', PATIENCE_MS);
  return talk;
}

async function ended(talk: Talk): Promise<Talk> {
  await talk.end('user', PATIENCE_MS);
  await talk.sees('handoff.closed', PATIENCE_MS);
  return talk;
}

/** What a row says, without its links, its deadline, and the exact moment of its start, which is not the run's. */
async function stateOf(talk: Talk): Promise<Record<string, unknown>> {
  const { json } = await bot.call('GET', `/v1/handoffs/${talk.id}`);
  const { status, closeReason, user, question, agent, lastSeq, activeAt, closedAt, counts, deskConversationId } = json;
  return { status, closeReason, user, question, agent, lastSeq, activeAt, closedAt, counts, deskConversationId };
}

/** Ended, and also its run and its callbacks: nothing would change when it is asked again. */
async function settled(talks: Talk[]): Promise<void> {
  for (const talk of talks) {
    const count = (await talk.events()).length;
    await until(() => callback.taken(talk.id).length === count, {
      timeoutMs: PATIENCE_MS,
      message: () => `callbacks of ${talk.id}: ${callback.taken(talk.id).length} of ${count}`,
    });
  }
}

it('a database that is restored from a backup gets back what only Temporal still has, and all talks go on', async () => {
  const [before, goesOn, ends] = await Promise.all([
    answered('before').then(ended),
    answered('goes on'),
    answered('ends'),
  ]);
  const erased = await answered('erased', { email: 'somebody@example.com' }).then(ended);
  const erase = () => bot.call('POST', `/v1/bots/${bot.id}/users/erase`, { email: 'somebody@example.com' });
  // Its run goes on until the desk knows of the end.
  await until(async () => (await erase()).json.handoffs === 1, { message: 'the erasure', timeoutMs: PATIENCE_MS });
  const since = new Date().toISOString();
  const { data } = await baseBackup(cluster.env['DATABASE_URL']!, folder);

  await goesOn.say('said after the backup');
  await goesOn.reply('answered after the backup');
  await until(async () => (await goesOn.events()).at(-1)?.data['text'] === 'answered after the backup', {
    message: 'the answer in the journal',
    timeoutMs: PATIENCE_MS,
  });
  const [later, laterEnded] = await Promise.all([
    answered('later'),
    answered('later and ended').then(ended),
    ended(ends),
  ]);
  await settled([before, goesOn, ends, later, laterEnded]);
  const all = [before, goesOn, ends, later, laterEnded];
  const journals = new Map(await Promise.all(all.map(async (talk) => [talk, await talk.events()] as const)));
  const states = new Map(await Promise.all(all.map(async (talk) => [talk, await stateOf(talk)] as const)));

  await cluster.postgres!.down('SIGKILL');
  await restoreBackup(folder, data);
  await cluster.postgres!.up();
  await until(async () => (await bot.call('GET', `/v1/handoffs/${goesOn.id}`)).status === 200, {
    message: 'the restored database',
    timeoutMs: PATIENCE_MS,
  });
  expect((await bot.call('GET', `/v1/handoffs/${laterEnded.id}`)).status).toBe(404);

  const { client } = cluster.temporal;
  const recover = (workflowId: string): Promise<unknown> =>
    client.workflow.execute(WORKFLOW.recovery, { taskQueue: TASK_QUEUE, workflowId, args: [{ since }] });
  expect(await recover('recovery-1')).toMatchObject({ ahead: [], failed: [] });
  for (const [talk, journal] of journals) expect(await talk.events()).toEqual(journal);
  for (const [talk, state] of states) expect(await stateOf(talk)).toEqual(state);
  const transcript = await bot.call('GET', `/v1/handoffs/${later.id}/transcript?format=json`);
  expect(transcript.json.before).toMatchObject([{ text: 'before later' }]);
  expect(await recover('recovery-2')).toMatchObject({ restored: 0, ahead: [], failed: [] });

  for (const talk of [goesOn, later]) {
    await talk.say('and on', { retryForMs: PATIENCE_MS });
    await talk.reply('and on', { retryForMs: PATIENCE_MS });
    await ended(talk);
  }
  await settled(all);
  expect((await auditSettled(all, cluster.desk, 20_000)).problems).toEqual([]);
  // Temporal deletes in its own time, half a minute later.
  const history = () => client.workflow.getHandle(erased.id).describe();
  const isGone = () =>
    history().then(
      () => false,
      (error: Error) => error.name === 'WorkflowNotFoundError',
    );
  await until(isGone, { message: 'Temporal to delete what was erased', timeoutMs: 90_000 });
  for (const talk of all) expect(sequenceProblems(callback.taken(talk.id))).toEqual([]);
});
