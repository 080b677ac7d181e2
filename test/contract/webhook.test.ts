import { randomBytes } from 'node:crypto';
import type { WebhookConfig } from '../../activities/desks/webhook/config.ts';
import { webhook } from '../../activities/desks/webhook/index.ts';
import { createWebhookSandbox } from '../../api/sandbox/webhook/index.ts';
import { closedPort, type DeskBench } from './conformance/bench.ts';
import { testDesk } from './desk-conformance.ts';

const ENDPOINTS = { open: ['establish'], send: ['chat'], close: ['close'], verify: [] } as const;

/** Its agent calls other addresses than our webhooks, so this desk has a bench of its own. */
async function start(): Promise<DeskBench<WebhookConfig>> {
  const secret = `whsec_${randomBytes(32).toString('base64')}`;
  const auth = { username: 'baton', password: randomBytes(12).toString('hex'), secret };
  const sandbox = createWebhookSandbox({ auth });
  const url = await sandbox.listen({ prefix: '/human/service' });
  return {
    config: { url, ...auth },
    refused: { url, ...auth, password: randomBytes(12).toString('hex') },
    nobody: { url: `http://127.0.0.1:${await closedPort()}`, ...auth },
    said: (id) => sandbox.messages(id),
    everything(id) {
      const conversation = sandbox.conversation(id);
      return [...(conversation?.context ?? []), ...(conversation?.messages ?? [])].map(({ text }) => text);
    },
    conversations: () => sandbox.conversations.map(({ id }) => id),
    isClosed: (id) => sandbox.conversation(id)?.closed !== undefined,
    arrivals: () => sandbox.calls.length,
    fault(operation, { kind, ...fault }) {
      for (const endpoint of ENDPOINTS[operation]) {
        if (kind !== 'rate_limit') sandbox.fault(endpoint, { kind, ...fault } as Parameters<typeof sandbox.fault>[1]);
        // The contract has no word for it: HTTP's own is used.
        else sandbox.fault(endpoint, { kind: 'status', status: 429, retryAfter: 4, times: 1 });
      }
    },
    clearFaults: () => sandbox.clearFaults(),
    expireTokens: () => undefined,
    stop: () => sandbox.stop(),
  };
}

testDesk<WebhookConfig>({
  desk: webhook,
  facts: { credential: { external: 'password', native: 'password' }, tellsWhen: true },
  start,
});
