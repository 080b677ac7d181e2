import type { Client } from '@temporalio/client';

const CHECK_MS = 1_500;

/** `down`: an error, or no answer within 1.5 seconds. */
export async function answers(check: Promise<unknown>): Promise<'ok' | 'down'> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'down'>((resolve) => {
    timer = setTimeout(() => resolve('down'), CHECK_MS);
  });
  const outcome = await Promise.race([check.then(() => 'ok' as const).catch(() => 'down' as const), late]);
  clearTimeout(timer);
  return outcome;
}

/**
 * Asks for our namespace: a frontend whose own database is away still answers what needs none.
 * One call at a time: the client tries again inside its deadline, and probes may come faster than it gives up.
 */
export function createTemporalPing(client: Client): () => Promise<unknown> {
  let running: Promise<unknown> | undefined;
  const call = (): Promise<unknown> =>
    client.withDeadline(Date.now() + CHECK_MS, () =>
      client.workflowService.describeNamespace({ namespace: client.options.namespace }),
    );
  return () => (running ??= call().finally(() => (running = undefined)));
}
