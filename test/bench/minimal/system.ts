import { fileURLToPath } from 'node:url';
import type { Client } from '@temporalio/client';
import { bundleWorkflowCode, DefaultLogger, NativeConnection, Worker } from '@temporalio/worker';
import { until } from '../../support/poll.ts';
import type { BenchDesk } from '../desk.ts';
import { checkDesk, type System } from '../system.ts';
import { relayActivities } from './activities.ts';
import type { relay } from './workflow.ts';

const TASK_QUEUE = 'minimal-relay';

export async function startMinimal(address: string, client: Client, desk: BenchDesk): Promise<System> {
  const connection = await NativeConnection.connect({ address });
  const workflowBundle = await bundleWorkflowCode({
    workflowsPath: fileURLToPath(new URL('./workflow.ts', import.meta.url)),
    logger: new DefaultLogger('ERROR'),
  });
  const worker = await Worker.create({
    connection,
    taskQueue: TASK_QUEUE,
    workflowBundle,
    activities: relayActivities,
  });
  const running = worker.run();
  const prefix = `minimal-${Date.now()}`;
  let opened = 0;
  return {
    open: (count) =>
      Promise.all(
        Array.from({ length: count }, async () => {
          const workflowId = `${prefix}-${(opened += 1)}`;
          await client.workflow.start<typeof relay>('relay', {
            workflowId,
            taskQueue: TASK_QUEUE,
            args: [workflowId, desk.url],
          });
          return workflowId;
        }),
      ),
    send: (id, text) => client.workflow.getHandle(id).signal('message', text),
    async settle(id, sent) {
      await until(() => desk.texts(id).length >= sent, { timeoutMs: 60_000, message: `all messages of ${id}` });
      checkDesk(desk, id, sent);
    },
    async stop() {
      worker.shutdown();
      await running;
      await connection.close();
    },
  };
}
