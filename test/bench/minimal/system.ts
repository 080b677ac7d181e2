import { fileURLToPath } from 'node:url';
import type { Client } from '@temporalio/client';
import { bundleWorkflowCode, DefaultLogger, NativeConnection, Worker } from '@temporalio/worker';
import type { BenchDesk } from '../desk.ts';
import { addressOf } from '../post.ts';
import { relayedBy } from '../relayed.ts';
import type { System } from '../system.ts';
import { relayActivities } from './activities.ts';
import type * as workflows from './workflow.ts';

/** Relays without anything else, one workflow for each conversation. */
export async function startMinimal(
  address: string,
  client: Client,
  desk: BenchDesk,
  type: keyof typeof workflows,
): Promise<System> {
  const taskQueue = `minimal-${type}`;
  const connection = await NativeConnection.connect({ address });
  const workflowBundle = await bundleWorkflowCode({
    workflowsPath: fileURLToPath(new URL('./workflow.ts', import.meta.url)),
    logger: new DefaultLogger('ERROR'),
  });
  const { namespace } = client.options;
  const activities = relayActivities;
  const worker = await Worker.create({ connection, namespace, taskQueue, workflowBundle, activities });
  const running = worker.run();
  return await relayedBy(
    desk,
    (way, conversationId, id, text) =>
      client.workflow.getHandle(conversationId).signal('message', { url: addressOf(desk, way), id, text }),
    {
      temporal: true,
      open: (workflowId) =>
        client.workflow.start<(conversationId: string) => Promise<void>>(type, {
          workflowId,
          taskQueue,
          args: [workflowId],
        }),
    },
    async () => {
      worker.shutdown();
      await running;
      await connection.close();
    },
  );
}
