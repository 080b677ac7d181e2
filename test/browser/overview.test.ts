import { randomUUID } from 'node:crypto';

import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { openBrowser, type Browser, type BrowserPage, type PageOptions } from '../support/browser.ts';
import { sharedBaton, type Link } from '../support/console.ts';
import { soon, until } from '../support/poll.ts';
import { expectGood, openConsole, operatorOf } from './console-page.ts';

/** Ours alone: others use the same Baton. */
const botId = `figures-${randomUUID().slice(0, 8)}`;
/** Starting a Baton takes seconds, and long on a machine that does much else. */
const START_MS = 150_000;

let browser: Browser;
let link: Link;

beforeAll(async () => {
  [browser, link] = await Promise.all([openBrowser(), sharedBaton()]);
  await makeFigures();
}, START_MS);
afterAll(() => browser?.close());

/** Two handoffs: one answered and open, one that its user left before an answer; and a request that was refused. */
async function makeFigures(): Promise<void> {
  const api = operatorOf(link);
  const start = async (): Promise<string> => {
    const body = { botId, conversationId: randomUUID(), channel: 'api', user: { id: 'u-1' }, question: 'A human?' };
    const { handoff } = await api<{ handoff?: { id: string } }>('POST', '/v1/handoffs', body);
    return handoff?.id ?? '';
  };
  const becomes = (id: string, status: string) =>
    until(async () => (await api<{ status: string }>('GET', `/v1/handoffs/${id}`)).status === status, {
      message: `${id} is ${status}`,
    });
  await api('PUT', `/v1/bots/${botId}`, {
    enabled: true,
    desk: { kind: 'webhook', url: `${link.address}/sandbox/webhook` },
  });
  const { key } = await api<{ key: string }>('POST', `/v1/bots/${botId}/keys`, {});
  await api('POST', '/sandbox/webhook/_control/connect', { botId, apiKey: key });
  await api('POST', '/sandbox/webhook/_control/script', { botId, name: 'silent' });
  const abandoned = await start();
  await becomes(abandoned, 'connecting');
  await api('POST', `/v1/handoffs/${abandoned}/close`, { by: 'user' });
  await becomes(abandoned, 'closed');
  await api('POST', '/sandbox/webhook/_control/script', { botId, name: 'agent', afterMs: 0 });
  await becomes(await start(), 'active');
  await api('PATCH', `/v1/bots/${botId}`, { enabled: false });
  expect(await start()).toBe('');
}

async function onPage(query: string, work: (shown: BrowserPage, page: Page) => Promise<void>, options?: PageOptions) {
  const shown = await openConsole(browser, link, `#/?${query}`, options);
  await work(shown, shown.page);
  await shown.close();
}

const tile = async (page: Page, name: string): Promise<string> =>
  (await page.locator('.tile').filter({ hasText: name }).innerText()).replaceAll(/\s+/g, ' ');

describe('the overview', () => {
  it('shows the figures of a bot, as tiles, charts and tables', async () => {
    await onPage('', async (shown, page) => {
      await page.getByLabel('Bot').selectOption(botId);
      await until(async () => (await tile(page, 'Handoffs started')) === 'Handoffs started 2', {
        message: 'two handoffs of that bot',
      });
      await soon(async () => expect(await tile(page, 'Answered')).toBe('Answered 1 50% of handoffs'));
      await soon(async () => expect(await tile(page, 'Abandoned')).toBe('Abandoned 1 50% of handoffs'));
      await soon(async () => expect(await tile(page, 'Refused')).toBe('Refused 1 33.3% of requests'));
      await soon(async () => expect(await tile(page, 'First reply, median')).toMatch(/(< 1|\d+) s$/));
      const handoffs = page.getByRole('region', { name: 'Handoffs', exact: true });
      await soon(async () =>
        expect(await handoffs.locator('.legend').innerText()).toMatch(/Whole time\s+Answered 1\s+Abandoned 1\s+Open/),
      );
      await soon(async () => expect(await handoffs.locator('svg.drawing rect.bar').count()).toBeGreaterThanOrEqual(2));
      await handoffs.getByText('Figures as a table').click();
      await soon(async () => expect(await handoffs.getByRole('table').locator('tbody tr').count()).toBe(24));
      const rows = (name: string) => page.getByRole('region', { name }).getByRole('table').locator('tbody').innerText();
      await soon(async () => expect(await rows('How handoffs ended')).toMatch(/^user left\s+1$/));
      await soon(async () => expect(await rows('Refused requests')).toMatch(/^switched off\s+1$/));
      await soon(async () => expect(await rows('Failed messages by desk')).toMatch(/^webhook\s+0 in 2 handoffs$/));
      await expectGood(shown, 'overview');
      expect(page.url()).toContain(`botId=${botId}`);
      shown.expectClean();
    });
  });

  it('tells the values of each hour to the keyboard and to the pointer', async () => {
    await onPage(`botId=${botId}`, async (shown, page) => {
      const plot = page.getByRole('slider', { name: 'Handoffs', exact: true });
      await plot.focus();
      // Both handoffs may have begun just before the hour was over.
      const told = async () => (await plot.getAttribute('aria-valuetext')) ?? '';
      const found: string[] = [];
      for (const [key, point] of [
        ['End', '23'],
        ['ArrowLeft', '22'],
        ['Home', '0'],
      ] as const) {
        await page.keyboard.press(key);
        await soon(async () => expect(await plot.getAttribute('aria-valuenow')).toBe(point));
        found.push(await told());
      }
      expect(new Set(found).size).toBe(3);
      expect(found.some((text) => /Answered 1, Abandoned [01]/.test(text))).toBe(true);
      expect(found[2]).toMatch(/Answered 0, Abandoned 0/);
      await expectGood(shown, 'overview-chosen');
      await plot.blur();
      const box = (await plot.boundingBox())!;
      await page.mouse.move(box.x + box.width - 20, box.y + 50);
      const legend = page.getByRole('region', { name: 'Handoffs', exact: true }).locator('.legend');
      await soon(async () => expect(await legend.innerText()).not.toContain('Whole time'));
      shown.expectClean();
    });
  });

  it('takes 7 days, 30 days and days of one’s own', async () => {
    await onPage(`botId=${botId}`, async (shown, page) => {
      const points = page.getByRole('slider', { name: 'Handoffs', exact: true });
      const last = (value: string) =>
        until(async () => (await points.getAttribute('aria-valuemax')) === value, {
          message: `${value} is the last point`,
        });
      await last('23');
      await page.getByLabel('Time', { exact: true }).selectOption('7d');
      await last('6');
      await page.getByLabel('Time', { exact: true }).selectOption('30d');
      await last('29');
      await page.getByLabel('Time', { exact: true }).selectOption('custom');
      await page.getByLabel('From').fill('2026-01-10');
      await page.getByLabel('Until').fill('2026-01-19');
      await last('9');
      await page.getByText('Nobody asked for a human in this time.').waitFor();
      await page.getByLabel('Until').fill('2026-01-01');
      await page.getByText('Choose a first and a last day.').waitFor();
      await expectGood(shown, 'overview-days');
      await page.reload();
      await soon(async () => expect(await page.getByLabel('From').inputValue()).toBe('2026-01-10'));
      shown.expectClean();
    });
  });

  it('says what the API refuses or cannot do', async () => {
    await onPage('range=custom&from=2020-01-01&to=2026-01-01', async (shown, page) => {
      await page.getByRole('alert').getByText('more than 400 days').waitFor();
      await expectGood(shown, 'overview-refused');
      const error = { code: 'unavailable', message: 'The database cannot be reached.', requestId: 'r-503' };
      await page.route('**/v1/overview?*', (route) => route.fulfill({ status: 503, json: { error } }));
      await page.getByLabel('Time', { exact: true }).selectOption('24h');
      await page.getByRole('alert').getByText('The database cannot be reached.').waitFor();
      await page.unroute('**/v1/overview?*');
      await page.getByRole('alert').getByRole('button', { name: 'Try again' }).click();
      await page.getByText('Handoffs started').waitFor();
      await page.getByRole('alert').waitFor({ state: 'detached' });
      shown.expectClean(/Failed to load resource/);
    });
  });

  it('fits 320 pixels, in the dark and in French', async () => {
    await onPage(
      `botId=${botId}&range=7d`,
      async (shown, page) => {
        await page.locator('svg.drawing').first().waitFor();
        await expectGood(shown, 'overview-320-dark-fr');
        shown.expectClean();
      },
      { width: 320, colorScheme: 'dark', locale: 'fr-FR' },
    );
  });
});
