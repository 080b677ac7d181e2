/** A worker of bare workflows as a process of its own: `child.ts ADDRESS NAMESPACE TASK_QUEUE CACHED_WORKFLOWS`. */
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { relayActivities } from '../../minimal/activities.ts';

const [address = '', namespace = '', taskQueue = '', cached = '1000'] = process.argv.slice(2);
const logger = new DefaultLogger('ERROR');
Runtime.install({ logger, shutdownSignals: ['SIGTERM'] });
const worker = await Worker.create({
  connection: await NativeConnection.connect({ address }),
  namespace,
  taskQueue,
  workflowBundle: await bundleWorkflowCode({
    workflowsPath: fileURLToPath(new URL('./workflow.ts', import.meta.url)),
    logger,
  }),
  activities: relayActivities,
  maxCachedWorkflows: Number(cached),
});
console.log('the worker runs');
await worker.run();
process.exit(0);
