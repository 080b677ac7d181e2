import { afterAll, beforeAll, describe, it } from 'vitest';

import { openBrowser, screenshot, type Browser } from '../support/browser.ts';
import { sharedBaton, type Link } from '../support/console.ts';

let browser: Browser;
let link: Link;

beforeAll(async () => {
  [browser, link] = await Promise.all([openBrowser(), sharedBaton()]);
});
afterAll(() => browser?.close());

describe('a browser', () => {
  it('shows the description of the API, and has nothing to complain about', async () => {
    const { page, expectClean, close } = await browser.newPage();
    await page.goto(`${link.address}/docs`);
    await page.getByText('/v1/handoffs', { exact: true }).first().waitFor();
    await screenshot(page, 'docs');
    expectClean();
    await close();
  });
});
