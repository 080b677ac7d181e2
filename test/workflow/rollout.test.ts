import { randomUUID } from 'node:crypto';
import { NativeConnection } from '@temporalio/worker';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { desks } from '../../activities/desks/registry.ts';
import { createLogger } from '../../activities/platform/log.ts';
import type { Rollout } from '../../activities/platform/rollout.ts';
import { workflowBundle } from '../../worker/bundle.ts';
import { replayOpenRuns } from '../../worker/replay.ts';
import { createRuns } from '../../worker/runs.ts';
import { createBatonWorker } from '../../worker/worker.ts';
import { startTestBaton, textsAtDesk, type Handoff, type TestBaton } from '../support/baton.ts';
import { until } from '../support/poll.ts';

let baton: TestBaton;
const stops: (() => Promise<void>)[] = [];

beforeAll(async () => {
  baton = await startTestBaton();
});
afterAll(async () => {
  for (const stop of stops.splice(0)) await stop();
  expect(await baton?.replayAll()).toEqual([]);
  await baton?.stop();
});

/** A worker beside others, as another process has it. */
async function startWorker(rollout: Rollout): Promise<() => Promise<void>> {
  const { client, address, namespace, store, http, metrics } = baton;
  const connection = await NativeConnection.connect({ address: address! });
  const deps = {
    store,
    desks,
    http,
    runs: createRuns(client),
    publicUrl: 'https://baton.example.org',
    clock: { now: () => Date.now() },
    log: createLogger('silent'),
    metrics,
  };
  const worker = await createBatonWorker({ connection, namespace, deps, bundle: await workflowBundle(), rollout });
  const running = worker.run();
  let stopped: Promise<void> | undefined;
  const stop = (): Promise<void> =>
    (stopped ??= (async () => {
      worker.shutdown();
      await running;
      await connection.close();
    })());
  stops.push(stop);
  return stop;
}

const held: Rollout = { version: undefined, holdPatches: true };

const patchesOf = async (handoff: Handoff): Promise<number> => {
  const [history] = await baton.histories(handoff.id);
  return (history?.events ?? []).filter((event) => event.markerRecordedEventAttributes?.markerName === 'core_patch')
    .length;
};

/** Ends a handoff whose last message waits in a long pause between two tries: this way is younger than the others. */
async function hurriedEnd(): Promise<Handoff> {
  const handoff = await baton.start();
  await handoff.sees('handoff.connecting');
  const before = baton.desk.raw.chat;
  baton.desk.fault('chat', { kind: 'status', status: 429, retryAfter: 60, times: 2 });
  await handoff.says('u1');
  await until(() => baton.desk.raw.chat >= before + 2, { message: 'two tries' });
  await handoff.closes('user');
  await handoff.sees('handoff.closed', 60_000);
  return handoff;
}

describe('before a new version is deployed', () => {
  it('open runs are replayed under it, and what cannot go on is named', async () => {
    const open = await baton.start();
    const { client } = baton;
    const bundle = await workflowBundle();
    await open.sees('handoff.connecting');
    const isListed = async (): Promise<boolean> => (await replayOpenRuns({ client, bundle, limit: 10 })).replayed === 1;
    await until(isListed, { message: 'the open handoff in the list' });
    expect(await replayOpenRuns({ client, bundle, limit: 10 })).toEqual({ replayed: 1, failed: [] });
    const broken = { code: bundle.code.replaceAll('openConversation', 'openSomethingElse') };
    const { replayed, failed } = await replayOpenRuns({ client, bundle: broken, limit: 10 });
    expect(replayed).toBe(1);
    expect(failed).toEqual([{ workflowId: open.id, message: expect.stringMatching(/[Nn]ondeterminis/) }]);
    expect((await replayOpenRuns({ client, bundle, limit: 0 })).replayed).toBe(0);
    await open.closes('user');
    await open.ended();
  });
});

describe('a new version beside the one before', () => {
  it('takes no new way while patches are held, and a history of that time replays without the hold', async () => {
    const usual = await hurriedEnd();
    expect(await patchesOf(usual)).toBeGreaterThan(0);
    await baton.stopWorker();
    const stop = await startWorker(held);
    const handoff = await hurriedEnd();
    expect(await patchesOf(handoff)).toBe(0);
    await handoff.ended();
    await stop();
    await baton.startWorker();
    // The end of the test replays all of them with the code as it is.
  });

  it('gets the open handoffs when its build is made the current one, and not before', async () => {
    const deploymentName = `baton-${randomUUID().slice(0, 8)}`;
    const rollout = (buildId: string): Rollout => ({ version: { deploymentName, buildId }, holdPatches: false });
    const makeCurrent = (buildId: string): Promise<unknown> =>
      until(
        async () => {
          // Known to the server from the first poll of its worker on.
          await baton.client.workflowService.setWorkerDeploymentCurrentVersion({
            namespace: baton.namespace,
            deploymentName,
            buildId,
            identity: 'operator',
          });
          return true;
        },
        { timeoutMs: 60_000, everyMs: 200, message: `build ${buildId} as the current one` },
      );
    const doneBy = async (): Promise<(string | undefined)[]> => {
      const histories = await baton.histories(handoff.id);
      const tasks = histories
        .flatMap(({ events }) => events ?? [])
        .map((it) => it.workflowTaskCompletedEventAttributes);
      return [...new Set(tasks.flatMap((it) => (it ? [it.deploymentVersion?.buildId ?? undefined] : [])))];
    };
    const says = async (id: string): Promise<void> => {
      await handoff.says(id);
      await until(() => textsAtDesk(baton, handoff.id).includes(`user ${id}`), { timeoutMs: 60_000, message: id });
    };

    const handoff = await baton.start();
    await handoff.sees('handoff.connecting');
    await says('without a version');
    const stopOne = await startWorker(rollout('1'));
    await makeCurrent('1');
    await baton.stopWorker();
    await says('on build 1');
    await startWorker(rollout('2'));
    await says('on build 1, beside build 2');
    expect(await doneBy()).toEqual([undefined, '1']);
    await makeCurrent('2');
    await says('on build 2');
    await stopOne();
    await says('on build 2, alone');
    await handoff.closes('user');
    await handoff.ended();
    expect(await doneBy()).toEqual([undefined, '1', '2']);
    const messages = (await handoff.events()).filter(({ type }) => type === 'message.user').length;
    expect(textsAtDesk(baton, handoff.id)).toHaveLength(messages);
  });
});
