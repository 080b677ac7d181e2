import { Worker } from '@temporalio/worker';
import type { NativeConnection, WorkerOptions, WorkerStatus } from '@temporalio/worker';
import type { DataConverter } from '@temporalio/common';
import { createActivities } from '../activities/index.ts';
import type { Deps } from '../activities/deps.ts';
import type { Limits } from '../activities/platform/limits.ts';
import type { Rollout } from '../activities/platform/rollout.ts';
import { CALLBACK_TASK_QUEUE, TASK_QUEUE } from '../workflows/ids.ts';
import { NEW_PATCHES } from '../workflows/patches.ts';

export interface BatonWorkerOptions {
  connection: NativeConnection;
  namespace: string;
  deps: Deps;
  bundle: { code: string };
  dataConverter?: DataConverter;
  /** Handoffs kept ready in memory; 0 replays each one at every step. */
  maxCachedWorkflows?: number;
  limits?: WorkerLimits;
  rollout?: Rollout;
}

/** `polling`: takes work. `stopping`: told to end, or has ended as told. `failed`: takes no work and must be started again. */
export type WorkerState = 'polling' | 'stopping' | 'failed';

export interface BatonWorker {
  /** Works until `shutdown`; rejects when a worker dies. */
  run(): Promise<void>;
  /** Lets calls under way end, then resolves `run`. */
  shutdown(): void;
  readonly state: WorkerState;
}

type WorkerLimits = Pick<
  Limits,
  'cachedHandoffs' | 'workflowTasks' | 'activities' | 'workerGraceSeconds' | 'workerForceSeconds'
>;

/**
 * Workflow tasks are few on purpose: a handoff that waits for its turn collects what arrives, and all of it goes out in
 * one quick round. Bursts in 50 handoffs: 1.8 events a message and half the CPU time of the SDK's 40. A quick try that
 * hangs keeps its place for 2 s at most, and its desk or callback is then left to regular activities. The grace is longer
 * than the longest HTTP time-out, so that a call under way is not cut.
 */
const LIMITS: WorkerLimits = {
  cachedHandoffs: 1_000,
  workflowTasks: 12,
  activities: 200,
  workerGraceSeconds: 12,
  workerForceSeconds: 20,
};

/**
 * The worker of one process: handoffs with journal and desk on one task queue, lagging callbacks on another with slots
 * of its own, so that a bot's backend that hangs never takes a desk's place.
 */
export async function createBatonWorker(options: BatonWorkerOptions): Promise<BatonWorker> {
  const { connection, namespace, bundle, limits = LIMITS } = options;
  const activities = createActivities(options.deps);
  const common: Omit<WorkerOptions, 'taskQueue'> = {
    connection,
    namespace,
    activities,
    shutdownGraceTime: limits.workerGraceSeconds * 1_000,
    shutdownForceTime: limits.workerForceSeconds * 1_000,
    ...(options.dataConverter ? { dataConverter: options.dataConverter } : {}),
    ...versioning(options.rollout?.version),
  };
  const main = await Worker.create({
    ...common,
    taskQueue: TASK_QUEUE,
    workflowBundle: bundle,
    maxCachedWorkflows: options.maxCachedWorkflows ?? limits.cachedHandoffs,
    maxConcurrentWorkflowTaskExecutions: limits.workflowTasks,
    // After a worker was killed, its handoffs wait this long before another one gets them.
    stickyQueueScheduleToStartTimeout: '3s',
    maxConcurrentActivityTaskExecutions: limits.activities,
    maxConcurrentLocalActivityExecutions: limits.activities,
    ...(options.rollout?.holdPatches === true
      ? { patchActivationCallback: ({ patchId }) => !NEW_PATCHES.has(patchId) }
      : {}),
  });
  const callbacks = await Worker.create({
    ...common,
    taskQueue: CALLBACK_TASK_QUEUE,
    maxConcurrentActivityTaskExecutions: limits.activities,
  });
  const workers = [main, callbacks];
  const stop = (): void => {
    for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
  };
  return {
    async run() {
      // One that dies takes the other down, so that the process ends and is started again.
      await Promise.all(
        workers.map(async (worker) => {
          try {
            await worker.run();
          } finally {
            stop();
          }
        }),
      );
    },
    shutdown: stop,
    get state() {
      const states = workers.map((worker) => stateOf(worker.getStatus()));
      return states.find((state) => state === 'failed') ?? states.find((state) => state === 'stopping') ?? 'polling';
    },
  };
}

/**
 * `AUTO_UPGRADE`: open handoffs go on under the current version, as in a rolling restart. `PINNED` would keep each on the
 * workers that it began with, for days, and no correction would reach it.
 */
const versioning = (version: Rollout['version']): Pick<WorkerOptions, 'workerDeploymentOptions'> =>
  version === undefined
    ? {}
    : { workerDeploymentOptions: { version, useWorkerVersioning: true, defaultVersioningBehavior: 'AUTO_UPGRADE' } };

const ENDING = new Set(['STOPPING', 'DRAINING', 'DRAINED', 'STOPPED']);

function stateOf({ runState, workflowPollerState, activityPollerState }: WorkerStatus): WorkerState {
  if (ENDING.has(runState)) return 'stopping';
  // The queue of callbacks has no workflows: there that poller is shut down from the beginning.
  const polls = workflowPollerState !== 'FAILED' && activityPollerState === 'POLLING';
  return runState !== 'FAILED' && polls ? 'polling' : 'failed';
}
