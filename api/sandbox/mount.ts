import type { FastifyPluginAsync } from 'fastify';
import type { SandboxMount } from './desk-sandbox.ts';
import { sandboxes } from './sandboxes.ts';
import { createWebhookSandbox } from './webhook/index.ts';

export interface MountOptions {
  /** Where Baton's API is reached from this machine. */
  address: string;
  /** Bearer token of the control calls. */
  controlToken: string;
  /** With which the Webhook desk answers bots that have given it no key of their own. */
  apiKey?: string;
}

export interface Mounted {
  /** To be mounted under `/sandbox/{name}`. */
  plugins: Record<string, FastifyPluginAsync<SandboxMount>>;
  stop(): Promise<void>;
}

/** Calls and conversations that each remembers. */
const MEMORY = 10_000;

/**
 * A simulated desk of each kind, with an agent who answers. Desks with a messenger are there twice, as `{desk}` and
 * `{desk}-native`: a real account is set up for one mode, and so bots of both modes do not disturb each other.
 */
export function mountSandboxes({ address, controlToken, apiKey }: MountOptions): Mounted {
  const common = (name: string) => ({ controlToken, keep: MEMORY, baseUrl: `${address}/sandbox/${name}` });
  const webhook = createWebhookSandbox({
    ...common('webhook'),
    batonUrl: address,
    ...(apiKey !== undefined && { apiKey }),
    script: { name: 'agent' },
    takeUnknown: true,
  });
  const others = Object.entries(sandboxes).flatMap(([desk, create]) => {
    const account = (name: string) => ({ name, sandbox: create({ ...common(name), complete: true }) });
    const first = account(desk);
    return first.sandbox.modes.includes('native') ? [first, account(`${desk}-native`)] : [first];
  });
  for (const { sandbox } of others) sandbox.setScript('agent');
  return {
    plugins: {
      webhook: webhook.plugin(),
      ...Object.fromEntries(others.map(({ name, sandbox }) => [name, sandbox.plugin()])),
    },
    async stop() {
      await Promise.all([webhook, ...others.map(({ sandbox }) => sandbox)].map((one) => one.stop()));
    },
  };
}
