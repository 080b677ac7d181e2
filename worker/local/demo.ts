import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { DeskRegistry } from '../../activities/desks/registry.ts';
import { parseSettings } from '../../activities/settings.ts';
import type { Store } from '../../activities/store/store.ts';

import { keepSecret } from './data-folder.ts';

export const DEMO_BOT = 'demo';
export const SANDBOX_PATH = '/sandbox/webhook';

/**
 * Makes the bot `demo` on our own sandbox desk and the key with which its scripted agent answers. Our address may have
 * changed since the last start; a bot that somebody has given another desk is left as it is.
 */
export async function ensureDemo(options: {
  store: Store;
  desks: DeskRegistry;
  folder: string;
  address: string;
}): Promise<{ apiKey: string }> {
  const { store, desks, folder, address } = options;
  const url = address + SANDBOX_PATH;
  const settings = await store.bots.withSecrets(DEMO_BOT);
  if (!settings) {
    const fresh = parseSettings({ enabled: true, desk: { kind: 'webhook', url } }, undefined, desks, {
      partial: false,
    });
    await store.bots.put(DEMO_BOT, fresh, { service: { state: 'available' } });
  } else if (settings.desk?.kind === 'webhook' && isSandbox(settings.desk['url']) && settings.desk['url'] !== url) {
    await store.bots.put(DEMO_BOT, parseSettings({ desk: { kind: 'webhook', url } }, settings, desks), {
      service: { state: 'available' },
    });
  }
  return { apiKey: await sandboxKey(store, folder) };
}

function isSandbox(url: unknown): boolean {
  return typeof url === 'string' && URL.canParse(url) && new URL(url).pathname === SANDBOX_PATH;
}

async function sandboxKey(store: Store, folder: string): Promise<string> {
  const create = async (): Promise<string> => (await store.keys.create(DEMO_BOT, 'sandbox agent')).key;
  const { value, fresh, path } = await keepSecret(folder, 'sandbox.key', () => 'none');
  if (!fresh && (await store.keys.verify(value))?.botId === DEMO_BOT) return value;
  const key = await create();
  await writeFile(path ?? join(folder, 'sandbox.key'), `${key}\n`, { mode: 0o600 });
  return key;
}
