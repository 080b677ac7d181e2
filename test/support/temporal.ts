import { TestWorkflowEnvironment } from '@temporalio/testing';

import { findBinary, TEMPORAL_TEST_SERVER } from '../../worker/local/binaries.ts';

/** The real Temporal dev server that the set-up started. One for all files: use random workflow ids and task queues. */
export function testTemporal(): { address: string; namespace: string } {
  const address = process.env['BATON_TEST_TEMPORAL'];
  if (!address) throw new Error('BATON_TEST_TEMPORAL is not set: run the tests through npm test.');
  return { address, namespace: 'default' };
}

/** A time-skipping test server of its own. It skips for all of its workflows at once: use one per test file. */
export async function timeSkippingServer(): Promise<TestWorkflowEnvironment> {
  const path = await findBinary(TEMPORAL_TEST_SERVER, process.env, console.log);
  return TestWorkflowEnvironment.createTimeSkipping({ server: { executable: { type: 'existing-path', path } } });
}

/** The path of the Temporal CLI, for tests that start and kill a server of their own. */
export function temporalCliPath(): string {
  const path = process.env['TEMPORAL_CLI_PATH'];
  if (!path) throw new Error('TEMPORAL_CLI_PATH is not set: run the tests through npm test.');
  return path;
}
