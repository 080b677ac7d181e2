import type { Page } from 'playwright-core';

import { newDataDir, removeDataDir, startBaton, type BatonProcess } from './baton-process.ts';

/** As a newcomer starts it: embedded servers, simulated desks, playground. */
export const CONSOLE_ENV = { BATON_RATE_LIMIT: '1000000', BATON_LOG_LEVEL: 'error' };

export interface Link {
  /** Where it is reached, without a slash at the end. */
  address: string;
  /** The operator's key. */
  key: string;
}

/** The Baton that all browser tests share. Its bots and handoffs are everybody's: make your own, and count only them. */
export async function sharedBaton(): Promise<Link> {
  const door = process.env['BATON_TEST_CONSOLE'];
  if (!door) throw new Error('BATON_TEST_CONSOLE is not set: run the tests through npm test.');
  const response = await fetch(door);
  const text = await response.text();
  if (!response.ok) throw new Error(`The shared Baton did not start: ${text}`);
  return JSON.parse(text) as Link;
}

/** Gives all pages of this page's context the operator's session, without the form. */
export async function signIn(page: Page, { address, key }: Link): Promise<void> {
  const answer = await page.request.post(`${address}/v1/session`, { data: { key }, headers: { origin: address } });
  if (answer.status() !== 204) throw new Error(`No session: ${answer.status()} ${await answer.text()}`);
}

export interface OwnBaton extends Link {
  /** SIGKILL, no grace: its database and its Temporal live on. Resolves when it is gone. */
  kill(): Promise<void>;
  /** On the same data at the same address. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** A Baton with nothing in it that the test may kill. It takes 3 to 5 seconds: prefer the shared one. */
export async function ownBaton(env: Record<string, string> = {}): Promise<OwnBaton> {
  const dataDir = await newDataDir();
  let baton: BatonProcess = startBaton(dataDir, { ...CONSOLE_ENV, ...env });
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    baton.signal(signal);
    await baton.exit();
  };
  const stop = async (): Promise<void> => {
    await end('SIGTERM');
    await removeDataDir(dataDir);
  };
  try {
    const link = await baton.ready();
    const { port } = new URL(link.address);
    return {
      ...link,
      kill: () => end('SIGKILL'),
      async restart() {
        baton = startBaton(dataDir, { ...CONSOLE_ENV, ...env, PORT: port });
        await baton.ready();
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
