import type { TestWorkflowEnvironment } from '@temporalio/testing';
import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startTestBaton, textsAtDesk } from '../support/baton.ts';
import type { Handoff, TestBaton } from '../support/baton.ts';
import { until } from '../support/poll.ts';
import { timeSkippingServer } from '../support/temporal.ts';

/** A database that is away for much longer than any limit of a desk, on a server that skips the waiting. */
let env: TestWorkflowEnvironment;
let baton: TestBaton;
let database: pg.Client;

beforeAll(async () => {
  env = await timeSkippingServer();
  baton = await startTestBaton({ env });
  database = new pg.Client({ connectionString: baton.databaseUrl });
  await database.connect();
});
afterAll(async () => {
  await database.end();
  await baton.stop();
  await env.teardown();
});

async function withoutLedger(work: () => Promise<void>, minutes: number): Promise<void> {
  await database.query('alter table ledger rename to ledger_away');
  try {
    await work();
    for (let minute = 0; minute < minutes; minute += 1) await env.sleep('60s');
  } finally {
    await database.query('alter table ledger_away rename to ledger');
  }
}

it('an opening that failed meanwhile ends as busy once the ledger is back', async () => {
  baton.desk.fault('establish', { kind: 'status', status: 400, times: 1 });
  let handoff: Handoff | undefined;
  await withoutLedger(async () => {
    handoff = await baton.start();
  }, 20);
  await env.sleep('60s');
  await handoff?.sees('handoff.closed');
  expect(await handoff?.types()).toEqual(['handoff.busy', 'handoff.closed']);
});

it('a message that expired meanwhile has failed once the ledger is back, and the next one goes on', async () => {
  const handoff = await baton.start();
  await handoff.replies('a1');
  await handoff.sees('handoff.active');
  await withoutLedger(() => handoff.says('u1'), 35);
  await env.sleep('60s');
  expect((await handoff.sees('message.failed')).data).toMatchObject({ messageId: 'u1', reason: 'expired' });
  await handoff.says('u2');
  await env.sleep('60s');
  await until(() => textsAtDesk(baton, handoff.id).includes('user u2'), { message: 'u2 at the desk' });
  expect(textsAtDesk(baton, handoff.id)).toEqual(['user u2']);
});
