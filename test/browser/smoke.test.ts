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

  it.each(['/', '/playground'])('%s, of which the first load is under 60 KB', async (path) => {
    const { page, expectClean, close } = await browser.newPage();
    await page.goto(`${link.address}${path}#key=${link.key}`);
    const heading = page.getByRole('heading', { level: 1, name: /^(Overview|Baton playground|Playground)/ });
    await heading.waitFor();
    await page.waitForLoadState('networkidle').catch(() => undefined);
    const loaded = (await page.evaluate(`performance.getEntries()
      .filter(({ entryType, name }) => entryType === 'navigation' || (entryType === 'resource' && !/\\/(v1|sandbox)\\//.test(name)))
      .map(({ name, encodedBodySize }) => [new URL(name).pathname, encodedBodySize])`)) as [string, number][];
    console.log(path, loaded);
    expect(loaded.map(([name]) => name)).toContainEqual(expect.stringMatching(/\.js$/));
    expect(loaded.reduce((sum, [, size]) => sum + size, 0)).toBeLessThan(60 * 1024);
    expect(new URL(page.url()).hash, 'the key leaves the address bar').not.toContain('key');
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
      expectClean();
      await close();
    }
  });
});
