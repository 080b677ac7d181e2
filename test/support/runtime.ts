import { DefaultLogger, Runtime } from '@temporalio/worker';

const INSTALLED = Symbol.for('baton.test.runtime');

/** The SDK without its chatter about servers that a test takes away. Once per process: test files share one. */
export function quietRuntime(): void {
  const known = globalThis as { [INSTALLED]?: true };
  if (known[INSTALLED]) return;
  known[INSTALLED] = true;
  Runtime.install({
    logger: new DefaultLogger('ERROR'),
    shutdownSignals: [],
    telemetryOptions: { logging: { forward: {}, filter: { core: 'ERROR', other: 'ERROR' } } },
  });
}
