import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { axe, openBrowser, screenshot, type Browser } from '../support/browser.ts';
import { sharedBaton, type Link } from '../support/console.ts';

let browser: Browser;
let link: Link;

beforeAll(async () => {
  [browser, link] = await Promise.all([openBrowser(), sharedBaton()]);
});
afterAll(() => browser?.close());

describe('a browser has nothing to complain about', () => {
  it('the description of the API', async () => {
    const { page, expectClean, close } = await browser.newPage();
    await page.goto(`${link.address}/docs`);
    await page.getByText('/v1/handoffs', { exact: true }).first().waitFor();
    await screenshot(page, 'docs');
    expectClean();
    await close();
  });

  it.each(['/', '/playground'])('%s, also under a narrow window, in the dark and in French', async (path) => {
    for (const options of [{}, { width: 320, colorScheme: 'dark', locale: 'fr-FR' } as const]) {
      const { page, expectClean, close } = await browser.newPage(options);
      await page.goto(link.address + path);
      await page.getByRole('heading').first().waitFor();
      await screenshot(page, `smoke${path.replace('/', '-')}-${options.width ?? 1280}`);
      expect(await axe(page)).toEqual([]);
      expect(await page.evaluate('document.documentElement.scrollWidth - innerWidth')).toBeLessThanOrEqual(0);
      // Nobody has signed in yet.
      expectClean(/401/);
      await close();
    }
  });
});
