import { randomBytes } from 'node:crypto';
import { createServer, type AddressInfo } from 'node:net';
import type { WebhookConfig } from '../../activities/desks/webhook/config.ts';
import { webhook } from '../../activities/desks/webhook/index.ts';
import { createWebhookSandbox } from '../../api/sandbox/webhook.ts';
import { testDesk } from './desk-conformance.ts';

const ENDPOINTS = { open: 'establish', send: 'chat', close: 'close' } as const;

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

testDesk<WebhookConfig>({
  desk: webhook,
  async start() {
    const secret = `whsec_${randomBytes(32).toString('base64')}`;
    const auth = { username: 'baton', password: randomBytes(12).toString('hex'), secret };
    const sandbox = createWebhookSandbox({ auth });
    const url = await sandbox.listen({ prefix: '/human/service' });
    return {
      config: { url, ...auth },
      refused: { url, ...auth, password: randomBytes(12).toString('hex') },
      nobody: { url: `http://127.0.0.1:${await freePort()}`, ...auth },
      messages: (id) => sandbox.messages(id),
      conversations: () => sandbox.conversations.length,
      isClosed: (id) => sandbox.conversation(id)?.closed !== undefined,
      arrivals: () => sandbox.calls.length,
      failNext: (operation, fault) => sandbox.fault(ENDPOINTS[operation], { ...fault, times: 1 }),
      stop: () => sandbox.stop(),
    };
  },
});
