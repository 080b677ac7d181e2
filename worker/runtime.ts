import { DefaultLogger, Runtime } from '@temporalio/worker';

import type { Logger } from '../activities/platform/log.ts';

/** Once per process, before anything else of the SDK: its logs go to ours, and signals are ours too. */
export function installRuntime(log: Logger): void {
  // The SDK would stop the workers on a signal by itself, before the API has drained.
  Runtime.install({
    shutdownSignals: [],
    logger: runtimeLogger(log),
    telemetryOptions: { logging: { forward: {}, filter: { core: 'WARN', other: 'ERROR' } } },
  });
}

function runtimeLogger(log: Logger): DefaultLogger {
  const level = { TRACE: 'trace', DEBUG: 'debug', INFO: 'debug', WARN: 'warn', ERROR: 'error' } as const;
  return new DefaultLogger('INFO', ({ level: of, message, meta }) => {
    // The queue of lagging callbacks has activities only, on purpose.
    log[message.startsWith('No workflows registered') ? 'debug' : level[of]]({ ...meta }, message);
  });
}
