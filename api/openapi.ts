import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Client } from '@temporalio/client';
import { desks } from '../activities/desks/registry.ts';
import { createHttpClient } from '../activities/http/client.ts';
import { loadConfig } from '../activities/platform/config.ts';
import { createLogger } from '../activities/platform/log.ts';
import { createMetrics } from '../activities/platform/metrics.ts';
import type { Store } from '../activities/store/store.ts';
import { buildApp } from './app.ts';

export const OPENAPI_FILE = fileURLToPath(new URL('./openapi.json', import.meta.url));

/** The document of the app as it is built, as text. No server is needed: building the app opens nothing. */
export async function openApiDocument(): Promise<string> {
  const app = await buildApp({
    config: { ...loadConfig({}), publicUrl: 'http://localhost', operatorKey: 'document' },
    store: {} as Store,
    client: {} as Client,
    desks,
    http: createHttpClient({ allowedNetworks: [] }),
    log: createLogger('silent'),
    metrics: createMetrics(),
  });
  const document = app.swagger();
  await app.close();
  return `${JSON.stringify(document, null, 2)}\n`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await writeFile(OPENAPI_FILE, await openApiDocument());
  console.log(`wrote ${OPENAPI_FILE}`);
}
