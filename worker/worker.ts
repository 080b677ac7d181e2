import { Worker } from '@temporalio/worker';
import type { NativeConnection, WorkerOptions } from '@temporalio/worker';
import type { DataConverter } from '@temporalio/common';
import { createActivities } from '../activities/index.ts';
import type { Deps } from '../activities/deps.ts';
import { CALLBACK_TASK_QUEUE, TASK_QUEUE } from '../workflows/ids.ts';

export interface BatonWorkerOptions {
  connection: NativeConnection;
  namespace: string;
  deps: Deps;
  bundle: { code: string };
  dataConverter?: DataConverter;
  /** Handoffs kept ready in memory; 0 replays each one at every step. */
  maxCachedWorkflows?: number;
}

export interface BatonWorker {
  /** Works until `shutdown`; rejects when a worker dies. */
  run(): Promise<void>;
  /** Lets calls under way end, then resolves `run`. */
  shutdown(): void;
  readonly healthy: boolean;
}

/** How many cached handoffs one process keeps ready; an idle one costs about 130 KB. */
const MAX_CACHED = 1_000;

/**
 * Workflow tasks at the same time. Few on purpose: a handoff that waits for its turn collects what arrives, and all of it
 * goes out in one quick round. Bursts in 50 handoffs: 1.8 events a message and half the CPU time of the SDK's 40. A quick
 * try that hangs keeps its place for 2 s at most, and its desk or callback is then left to regular activities.
 */
const WORKFLOW_TASKS = 12;

/**
 * The worker of one process: handoffs with journal and desk on one task queue, lagging callbacks on another with slots
 * of its own, so that a bot's backend that hangs never takes a desk's place.
 */
export async function createBatonWorker(options: BatonWorkerOptions): Promise<BatonWorker> {
  const { connection, namespace, bundle } = options;
  const activities = createActivities(options.deps);
  const common: Omit<WorkerOptions, 'taskQueue'> = {
    connection,
    namespace,
    activities,
    // Longer than the longest HTTP time-out, so that a call under way is not cut.
    shutdownGraceTime: '12s',
    shutdownForceTime: '20s',
    ...(options.dataConverter ? { dataConverter: options.dataConverter } : {}),
  };
  const main = await Worker.create({
    ...common,
    taskQueue: TASK_QUEUE,
    workflowBundle: bundle,
    maxCachedWorkflows: options.maxCachedWorkflows ?? MAX_CACHED,
    maxConcurrentWorkflowTaskExecutions: WORKFLOW_TASKS,
    // After a worker was killed, its handoffs wait this long before another one gets them.
    stickyQueueScheduleToStartTimeout: '3s',
    maxConcurrentActivityTaskExecutions: 200,
    maxConcurrentLocalActivityExecutions: 200,
  });
  const callbacks = await Worker.create({
    ...common,
    taskQueue: CALLBACK_TASK_QUEUE,
    maxConcurrentActivityTaskExecutions: 200,
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
    get healthy() {
      return workers.every((worker) => worker.getState() === 'RUNNING');
    },
  };
}
