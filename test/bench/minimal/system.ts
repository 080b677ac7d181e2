import { fileURLToPath } from 'node:url';
import type { Client } from '@temporalio/client';
import { bundleWorkflowCode, DefaultLogger, NativeConnection, Worker } from '@temporalio/worker';
import type { BenchDesk } from '../desk.ts';
import { addressOf } from '../post.ts';
import { relayedBy } from '../relayed.ts';
import type { System } from '../system.ts';
import { relayActivities } from './activities.ts';
import type { relay } from './workflow.ts';

const TASK_QUEUE = 'minimal-relay';

export async function startMinimal(address: string, client: Client, desk: BenchDesk): Promise<System> {
  const connection = await NativeConnection.connect({ address });
  const workflowBundle = await bundleWorkflowCode({
    workflowsPath: fileURLToPath(new URL('./workflow.ts', import.meta.url)),
    logger: new DefaultLogger('ERROR'),
  });
  const { namespace } = client.options;
  const activities = relayActivities;
  const worker = await Worker.create({ connection, namespace, taskQueue: TASK_QUEUE, workflowBundle, activities });
  const running = worker.run();
  return await relayedBy(
    desk,
    (way, conversationId, id, text) =>
      client.workflow.getHandle(conversationId).signal('message', { url: addressOf(desk, way), id, text }),
    {
      temporal: true,
      open: (workflowId) =>
        client.workflow.start<typeof relay>('relay', { workflowId, taskQueue: TASK_QUEUE, args: [workflowId] }),
    },
    async () => {
      worker.shutdown();
      await running;
      await connection.close();
    },
  );
}
