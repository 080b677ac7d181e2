import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { newDataDir, removeDataDir, startBaton, type BatonProcess } from './baton-process.ts';
import { findChromium } from './chromium.ts';
import { CONSOLE_ENV } from './console.ts';

/** Finds the browser, and has the Baton that the test files share: it is started when the first of them asks for it. */
export default async function setup(): Promise<() => Promise<void>> {
  process.env['CHROMIUM_PATH'] = await findChromium(process.env, console.log);
  const dataDir = await newDataDir();
  let baton: BatonProcess | undefined;
  const door = createServer((_, response) => {
    baton ??= startBaton(dataDir, CONSOLE_ENV);
    baton.ready().then(
      (link) => response.end(JSON.stringify(link)),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  });
  await new Promise<void>((resolve) => door.listen(0, '127.0.0.1', resolve));
  process.env['BATON_TEST_CONSOLE'] = `http://127.0.0.1:${(door.address() as AddressInfo).port}`;
  return async () => {
    door.close();
    baton?.signal('SIGTERM');
    await baton?.exit();
    await removeDataDir(dataDir);
  };
}
