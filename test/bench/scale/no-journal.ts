/** A worker whose messages are not journaled, only for the benchmark: what does the journal cost? */
import { NativeConnection } from '@temporalio/worker';
import { desks } from '../../../activities/desks/registry.ts';
import { createHttpClient } from '../../../activities/http/client.ts';
import { loadConfig } from '../../../activities/platform/config.ts';
import { createLogger } from '../../../activities/platform/log.ts';
import { createMetrics } from '../../../activities/platform/metrics.ts';
import { connectTemporal, temporalTarget } from '../../../activities/platform/temporal.ts';
import { createStore, type Journal } from '../../../activities/store/store.ts';
import { workflowBundle } from '../../../worker/bundle.ts';
import { createRuns } from '../../../worker/runs.ts';
import { createBatonWorker } from '../../../worker/worker.ts';

const config = loadConfig(process.env);
const log = createLogger('error');
const target = { address: config.temporalAddress!, namespace: undefined };
const temporal = connectTemporal({ ...target, payloadKeys: undefined });
const store = createStore({ databaseUrl: config.databaseUrl!, secretKeys: config.secretKeys!, log });
const isTalk = (entry: Parameters<Journal['append']>[0]): boolean =>
  entry.events.every(({ type }) => type === 'message.user' || type === 'message.agent');
const journal: Journal = {
  ...store.journal,
  // Whoever opens and ends a handoff reads its record, so that stays.
  append: async (entry) => (isTalk(entry) ? undefined : store.journal.append(entry)),
};
const worker = await createBatonWorker({
  connection: await NativeConnection.connect(temporalTarget(target).connectionOptions),
  namespace: temporalTarget(target).namespace,
  deps: {
    store: { ...store, journal },
    desks,
    http: createHttpClient({ allowedNetworks: config.allowedNetworks }),
    runs: createRuns(temporal.client),
    publicUrl: config.publicUrl!,
    clock: { now: () => Date.now() },
    log,
    metrics: createMetrics(),
  },
  bundle: await workflowBundle(),
});
const running = worker.run();
console.log('the worker runs');
await running;
process.exit(0);
