import type { Connection } from '@temporalio/client';
import { msToTs } from '@temporalio/common/lib/time.js';
import { TestWorkflowEnvironment } from '@temporalio/testing';

import { until } from './poll.ts';
import { administer } from './postgres.ts';
import { KEYWORD } from '../../worker/local/search-attributes.ts';
import { SEARCH_ATTRIBUTES } from '../../workflows/ids.ts';
import { findBinary, TEMPORAL_TEST_SERVER } from '../../worker/local/binaries.ts';

/** Made when the server starts: a namespace made later is usable only seconds after. */
export const NAMESPACES = Array.from({ length: 80 }, (_, index) => `test-${index + 1}`);

export const NAMESPACE_SEQUENCE = 'test_namespaces';

/** The real Temporal dev server that the set-up started, and a namespace that no other caller gets. */
export async function testTemporal(): Promise<{ address: string; namespace: string }> {
  const address = process.env['BATON_TEST_TEMPORAL'];
  const server = process.env['BATON_TEST_POSTGRES'];
  if (!address || !server) throw new Error('BATON_TEST_TEMPORAL is not set: run the tests through npm test.');
  const [row] = (await administer(server, `select nextval('${NAMESPACE_SEQUENCE}')::int as n`)) as { n: number }[];
  const namespace = NAMESPACES[(row?.n ?? 0) - 1];
  if (!namespace)
    throw new Error(`All ${NAMESPACES.length} namespaces are taken: make more in test/support/temporal.ts.`);
  return { address, namespace };
}

/** A time-skipping test server of its own. It skips for all of its workflows at once: use one per test file. */
export async function timeSkippingServer(): Promise<TestWorkflowEnvironment> {
  const path = await findBinary(TEMPORAL_TEST_SERVER, process.env, console.log);
  const env = await TestWorkflowEnvironment.createTimeSkipping({
    server: { executable: { type: 'existing-path', path } },
  });
  // This server cannot list what it has, so there is nothing to compare with.
  await env.connection.operatorService.addSearchAttributes({
    searchAttributes: Object.fromEntries(Object.values(SEARCH_ATTRIBUTES).map((name) => [name, KEYWORD])),
  });
  return env;
}

/** The path of the Temporal CLI, for tests that start and kill a server of their own. */
export function temporalCliPath(): string {
  const path = process.env['TEMPORAL_CLI_PATH'];
  if (!path) throw new Error('TEMPORAL_CLI_PATH is not set: run the tests through npm test.');
  return path;
}

/** Makes a namespace, also on a server that is still starting. It is known to all parts of it some seconds later. */
export async function makeNamespace({ workflowService }: Connection, namespace: string): Promise<void> {
  const register = async (): Promise<boolean> => {
    await workflowService
      .registerNamespace({ namespace, workflowExecutionRetentionPeriod: msToTs('24h') })
      .catch((error: { code?: number }) => {
        // 6: it exists, so the try before was heard.
        if (error.code !== 6) throw error;
      });
    return true;
  };
  await until(register, { timeoutMs: 120_000, everyMs: 500, message: 'a Temporal server that makes a namespace' });
}
