import { DefaultLogger, Runtime } from '@temporalio/worker';

import type { Logger } from '../activities/platform/log.ts';

/**
 * Sets up the SDK's runtime of this process, once and before any worker. With `metricsAddress` (host:port) it serves its
 * own metrics there, at `/metrics`, by the names that Temporal's documentation and our alert rules use. An address that is
 * taken throws.
 */
export function installRuntime(log: Logger, metricsAddress: string | undefined): void {
  Runtime.install({
    // The SDK would stop the workers on a signal by itself, before the API has drained.
    shutdownSignals: [],
    logger: runtimeLogger(log),
    telemetryOptions: {
      logging: { forward: {}, filter: { core: 'WARN', other: 'ERROR' } },
      ...(metricsAddress === undefined
        ? {}
        : {
            // Without the three flags the names lack `_total` and `_seconds`, and no published rule matches.
            metrics: {
              prometheus: {
                bindAddress: metricsAddress,
                countersTotalSuffix: true,
                unitSuffix: true,
                useSecondsForDurations: true,
              },
            },
          }),
    },
  });
}

function runtimeLogger(log: Logger): DefaultLogger {
  const level = { TRACE: 'trace', DEBUG: 'debug', INFO: 'debug', WARN: 'warn', ERROR: 'error' } as const;
  return new DefaultLogger('INFO', ({ level: of, message, meta }) => {
    // The queue of lagging callbacks has activities only, on purpose.
    log[message.startsWith('No workflows registered') ? 'debug' : level[of]]({ ...meta }, message);
  });
}
