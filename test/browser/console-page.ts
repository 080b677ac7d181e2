import { expect } from 'vitest';

import { axe, screenshot, type Browser, type BrowserPage, type PageOptions } from '../support/browser.ts';
import type { Link } from '../support/console.ts';
import { soon, until } from '../support/poll.ts';

/** A page of the console that is signed in, at `hash` such as `#/handoffs`. */
export async function openConsole(
  browser: Browser,
  link: Link,
  hash: string,
  options?: PageOptions,
): Promise<BrowserPage> {
  const shown = await browser.newPage(options);
  await shown.page.goto(`${link.address}/#key=${encodeURIComponent(link.key)}`);
  await shown.page.getByRole('navigation').waitFor();
  await shown.page.goto(`${link.address}/${hash}`);
  return shown;
}

/** Nothing for axe to say, nothing wider than the window; and a picture. */
export async function expectGood({ page }: BrowserPage, name: string): Promise<void> {
  await screenshot(page, name);
  await soon(async () => expect(await axe(page)).toEqual([]));
  const tooWide = await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth');
  expect(tooWide, 'pixels beside the window').toBeLessThanOrEqual(0);
}

/** Calls of the API with the operator's key; again while the machine is overloaded. Fails with what was answered instead of 2xx. */
export const operatorOf =
  (link: Link) =>
  async <T = unknown>(method: string, path: string, body?: unknown): Promise<T> => {
    const send = () =>
      fetch(link.address + path, {
        method,
        headers: {
          authorization: `Bearer ${link.key}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
    const response = await until(async () => unlessOverloaded(await send()), {
      timeoutMs: 30_000,
      everyMs: 200,
      message: `${method} ${path}: 503`,
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return (text === '' ? undefined : JSON.parse(text)) as T;
  };

const unlessOverloaded = (response: Response): Response | undefined => (response.status === 503 ? undefined : response);
