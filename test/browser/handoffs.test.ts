import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';

import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { openBrowser, type Browser, type BrowserPage, type PageOptions } from '../support/browser.ts';
import { ownBaton, type OwnBaton } from '../support/console.ts';
import { soon, until } from '../support/poll.ts';
import { expectGood, openConsole, operatorOf } from './console-page.ts';

interface Event {
  type: string;
  seq: number;
  data: { text?: string };
}

/** What a lost connection, a 404 or a 503 leaves in the browser's log. */
const LOST = /Failed to load resource|ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED_ENCODING|no answer: /;

/** Starting a Baton takes seconds, and long on a machine that does much else. */
const START_MS = 150_000;

let browser: Browser;
let baton: OwnBaton;
let api: ReturnType<typeof operatorOf>;
const desk = (path: string, body?: unknown, method = 'POST') => api(method, `/sandbox/webhook/_control/${path}`, body);

beforeAll(async () => {
  [browser, baton] = await Promise.all([openBrowser(), ownBaton()]);
  api = operatorOf(baton);
  await desk('script', { name: 'silent' });
}, START_MS);
afterAll(async () => {
  await browser?.close();
  await baton?.stop();
});

async function startHandoff(over: Record<string, unknown> = {}): Promise<string> {
  const { handoff } = await api<{ handoff: { id: string } }>('POST', '/v1/handoffs', {
    botId: 'demo',
    conversationId: `c-${randomUUID()}`,
    channel: 'api',
    user: { id: 'u-1', name: 'Léa Martin', email: 'lea@example.org', locale: 'en' },
    question: 'Where is my order?',
    history: [
      { role: 'user', text: 'Hello' },
      { role: 'bot', text: 'Hello, how can I help?' },
    ],
    ...over,
  });
  return handoff.id;
}

const eventsOf = async (id: string): Promise<Event[]> =>
  (await api<{ events: Event[] }>('GET', `/v1/handoffs/${id}/events`)).events;

const sees = (id: string, type: string) =>
  until(async () => (await eventsOf(id)).some((event) => event.type === type), { message: `${type} in ${id}` });

const say = (id: string, messageId: string, text: string) =>
  api('POST', `/v1/handoffs/${id}/messages`, { id: messageId, text });

/** A handoff in which the agent has answered. */
async function activeHandoff(over: Record<string, unknown> = {}): Promise<string> {
  const id = await startHandoff(over);
  await sees(id, 'handoff.connecting');
  await desk('human/reply', { conversationId: id, text: 'Hello, this is Nora.', agent: 'Nora' });
  await sees(id, 'message.agent');
  return id;
}

async function onPage(hash: string, work: (shown: BrowserPage, page: Page) => Promise<void>, options?: PageOptions) {
  const shown = await openConsole(browser, baton, hash, options);
  await work(shown, shown.page);
  await shown.close();
}

const ledgerRow = (page: Page, text: string) =>
  page.getByRole('region', { name: 'Messages' }).getByRole('row').filter({ hasText: text });

describe('the list of handoffs', () => {
  it('shows what begins without a reload, and keeps its filters in the address', async () => {
    const botId = `shop-${randomUUID().slice(0, 8)}`;
    await api('PUT', `/v1/bots/${botId}`, {
      enabled: true,
      desk: { kind: 'webhook', url: `${baton.address}/sandbox/webhook` },
    });
    const first = await startHandoff({ botId, question: 'The first one' });
    await startHandoff({ question: 'Of another bot' });
    await api('POST', `/v1/handoffs/${first}/close`, { by: 'bot' });
    await sees(first, 'handoff.closed');
    await onPage('#/handoffs', async (shown, page) => {
      const rows = page.getByRole('table').locator('tbody tr');
      await rows.filter({ hasText: 'Of another bot' }).waitFor();
      await page.getByLabel('Bot').selectOption(botId);
      await until(async () => (await rows.count()) === 1, { message: 'one row of that bot' });
      await soon(async () => expect(await rows.first().innerText()).toMatch(/bot closed[^]*The first one/));
      expect(page.url()).toContain(`botId=${botId}`);
      await startHandoff({ botId, question: 'The second one' });
      await rows.filter({ hasText: 'The second one' }).waitFor();
      await page.getByLabel('State').selectOption('open');
      await until(async () => !(await page.getByText('The first one').isVisible()), { message: 'only open ones' });
      await page.getByLabel('End').selectOption('user_closed');
      await page.getByText('No handoff matches the filters.').waitFor();
      await page.getByLabel('State').selectOption('');
      await page.getByLabel('End').selectOption('bot_closed');
      await page.getByLabel('Desk').selectOption('webhook');
      await page.getByText('The first one').waitFor();
      await page.getByLabel('Started from').fill('2037-01-01T00:00');
      await page.getByText('No handoff matches the filters.').waitFor();
      await page.reload();
      await soon(async () => expect(await page.getByLabel('Started from').inputValue()).toBe('2037-01-01T00:00'));
      await page.getByRole('button', { name: 'Clear filters' }).click();
      await page.getByText('Of another bot').waitFor();
      shown.expectClean();
    });
  });

  it('gives back the place where somebody left it for one handoff', async () => {
    const id = await startHandoff({ question: 'The one that is looked at' });
    await onPage('#/handoffs?botId=demo&status=open', async (shown, page) => {
      await page.getByRole('row').filter({ hasText: 'The one that is looked at' }).getByRole('link').press('Enter');
      await page.getByRole('heading', { level: 1, name: 'Handoff of Léa Martin' }).waitFor();
      await page.getByRole('link', { name: 'All handoffs' }).press('Enter');
      await page.locator(`#handoff-${id}:focus`).waitFor();
      expect(page.url()).toContain('#/handoffs?botId=demo&status=open');
      shown.expectClean();
    });
  });

  it('says that it reconnects, and goes on, when the API is away for a moment', async () => {
    await startHandoff();
    await onPage('#/handoffs', async (shown, page) => {
      await page.getByRole('table').waitFor();
      await page.route('**/v1/handoffs?*', (route) => route.abort('connectionrefused'));
      await page.getByText('reconnecting…').waitFor();
      await soon(async () => expect(await page.getByRole('table').isVisible()).toBe(true));
      await page.unroute('**/v1/handoffs?*');
      await page.getByText('live', { exact: true }).waitFor();
      shown.expectClean(LOST);
    });
  });

  it('tells what the API could not do, and tries again when asked to', async () => {
    const error = { code: 'unavailable', message: 'The database cannot be reached.', requestId: 'r-503' };
    await startHandoff();
    const shown = await openConsole(browser, baton, '#/bots');
    const { page } = shown;
    await page.route('**/v1/handoffs?*', (route) => route.fulfill({ status: 503, json: { error } }));
    await page.goto(`${baton.address}/#/handoffs`);
    const alert = page.getByRole('alert');
    await alert.getByText('The database cannot be reached.').waitFor();
    await alert.getByText('Request r-503').waitFor();
    await expectGood(shown, 'handoffs-unavailable');
    await page.unroute('**/v1/handoffs?*');
    await alert.getByRole('button', { name: 'Try again' }).click();
    await page.getByRole('table').waitFor();
    shown.expectClean(LOST);
    await shown.close();
  });

  it('asks for the key when there is none, or another one', async () => {
    const shown = await browser.newPage();
    const { page } = shown;
    await page.goto(`${baton.address}/#/handoffs`);
    await page.getByLabel('Operator key').fill('not-the-operator-key');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('This is not the operator key.').waitFor();
    await page.getByLabel('Operator key').fill(baton.key);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('heading', { level: 1, name: 'Handoffs' }).waitFor();
    shown.expectClean(LOST);
    await shown.close();
  });
});

describe('one handoff', () => {
  it('goes on in the page: question, messages, what the user reads, ledger, deadline and end', async () => {
    const id = await startHandoff({ metadata: { order: 4471 } });
    await sees(id, 'handoff.connecting');
    await onPage(`#/handoffs/${id}`, async (shown, page) => {
      const log = page.getByRole('log');
      await log.getByText('We are connecting you').waitFor();
      await page.getByText('wait time ends').waitFor();
      await desk('human/reply', { conversationId: id, text: 'Hello, this is Nora.', agent: 'Nora' });
      await log.getByText('Hello, this is Nora.').waitFor();
      await page.getByText('user’s silence ends it').waitFor();
      await say(id, 'm-1', 'My order is 4471.');
      await log.getByText('My order is 4471.').waitFor();
      await ledgerRow(page, 'My order is 4471.').getByText('sent', { exact: true }).waitFor();
      await ledgerRow(page, 'Hello, this is Nora.').getByText('delivered').waitFor();
      await page.getByText('Before: the talk with the bot').click();
      await page.getByText('Hello, how can I help?').waitFor();
      await page.getByText('Metadata').click();
      await page.getByText('"order": 4471').waitFor();
      await expectGood(shown, 'handoff');
      await desk('human/close', { conversationId: id });
      await log.getByText('Ended: agent closed').waitFor();
      await until(async () => !(await page.getByRole('button', { name: 'Close handoff' }).isVisible()), {
        message: 'nothing to close any more',
      });
      const lines = await log.getByRole('listitem').allInnerTexts();
      expect(lines.map((line) => line.split(' · ')[0])).toEqual([
        'Léa Martin, question',
        'The desk has it, waiting for an agent',
        'Nora has answered',
        'Nora',
        'Léa Martin',
        'Ended: agent closed',
      ]);
      shown.expectClean();
    });
  });

  it('shows what arrived after the end', async () => {
    const id = await activeHandoff();
    await api('POST', `/v1/handoffs/${id}/close`, { by: 'user' });
    await sees(id, 'handoff.closed');
    await onPage(`#/handoffs/${id}`, async (shown, page) => {
      await page.getByText('Ended: user left').waitFor();
      await desk('human/reply', { conversationId: id, text: 'Are you still there?' });
      const late = page.getByRole('region', { name: 'Arrived too late' });
      await late.getByText('Are you still there?').waitFor();
      await page.getByText('Late: 1').waitFor();
      shown.expectClean();
    });
  });

  it('is closed by an operator with the keyboard alone, who may also think better of it', async () => {
    const id = await activeHandoff();
    await onPage(`#/handoffs/${id}`, async (shown, page) => {
      const close = page.getByRole('button', { name: 'Close handoff' });
      await close.press('Enter');
      const dialog = page.getByRole('dialog', { name: 'Close this handoff?' });
      await dialog.waitFor();
      await expectGood(shown, 'handoff-close');
      await page.keyboard.press('Escape');
      // Out of the page, and not only closed: the page hears of a closed dialog a moment later.
      await page.locator('dialog').waitFor({ state: 'detached' });
      await page.locator('button:focus', { hasText: 'Close handoff' }).waitFor();
      await page.keyboard.press('Enter');
      await dialog.getByRole('button', { name: 'Close handoff' }).press('Enter');
      await page.getByRole('status').getByText('The handoff is being closed.').waitFor();
      await page.getByRole('log').getByText('Ended: operator closed').waitFor();
      shown.expectClean();
    });
  });

  it('sends a failed message again, and gives up one that waits', async () => {
    const id = await activeHandoff();
    await desk('faults', { operation: 'send', kind: 'status', status: 400, times: 1 });
    await say(id, 'm-1', 'This is refused once.');
    await onPage(`#/handoffs/${id}`, async (shown, page) => {
      const refused = ledgerRow(page, 'This is refused once.');
      await refused.getByText('refused by the desk').waitFor();
      await expectGood(shown, 'handoff-failed');
      await refused.getByRole('button', { name: 'Send again' }).click();
      await page.getByRole('status').getByText('The message goes to the desk again.').waitFor();
      await refused.getByText('sent', { exact: true }).waitFor();
      await page.getByRole('log').getByText('Sent to the desk again: This is refused once.').waitFor();

      await desk('faults', { operation: 'send', kind: 'status', status: 503, times: 1_000 });
      await say(id, 'm-2', 'This waits.');
      const waiting = ledgerRow(page, 'This waits.');
      await waiting.getByRole('button', { name: 'Give up' }).click();
      await waiting.getByText('given up by an operator').waitFor();
      await desk('faults', undefined, 'DELETE');
      await waiting.getByRole('button', { name: 'Send again' }).click();
      await waiting.getByText('sent', { exact: true }).waitFor();
      shown.expectClean();
    });
  });

  it('tries a waiting message now, and says what the API answers when it is too late', async () => {
    const id = await activeHandoff();
    await desk('faults', { operation: 'send', kind: 'status', status: 503, times: 1_000 });
    await say(id, 'm-1', 'This waits, too.');
    await onPage(`#/handoffs/${id}`, async (shown, page) => {
      const waiting = ledgerRow(page, 'This waits, too.');
      await waiting.getByRole('button', { name: 'Try now' }).waitFor();
      await desk('faults', undefined, 'DELETE');
      await waiting.getByRole('button', { name: 'Try now' }).click();
      await waiting.getByText('sent', { exact: true }).waitFor();
      await page.route('**/retry', (route) =>
        route.fulfill({ status: 409, json: { error: { code: 'not_failed', message: 'It has not failed.' } } }),
      );
      await desk('faults', { operation: 'send', kind: 'status', status: 400, times: 1 });
      await say(id, 'm-2', 'Refused.');
      await ledgerRow(page, 'Refused.').getByRole('button', { name: 'Send again' }).click();
      await page.getByRole('alert').getByText('It has not failed.').waitFor();
      shown.expectClean(LOST);
    });
  });

  it('is exported as text and as JSON', async () => {
    const id = await activeHandoff();
    await onPage(`#/handoffs/${id}`, async (shown, page) => {
      for (const [name, file] of [
        ['Export text', `handoff-${id}.txt`],
        ['Export JSON', `handoff-${id}.json`],
      ] as const) {
        const [download] = await Promise.all([
          page.waitForEvent('download'),
          page.getByRole('link', { name, exact: true }).click(),
        ]);
        expect(download.suggestedFilename()).toBe(file);
        const text = await readFile(await download.path(), 'utf8');
        expect(text).toContain('Where is my order?');
        expect(text).toContain('Hello, this is Nora.');
      }
      shown.expectClean();
    });
  });

  it('says so when there is no such handoff', async () => {
    await onPage('#/handoffs/ho_unknown', async (shown, page) => {
      await page.getByRole('heading', { level: 1, name: 'Handoff ho_unknown' }).waitFor();
      await page.getByRole('alert').getByText('There is no such handoff.').waitFor();
      await expectGood(shown, 'handoff-unknown');
      await page.getByRole('link', { name: 'All handoffs' }).click();
      await page.getByRole('heading', { level: 1, name: 'Handoffs' }).waitFor();
      shown.expectClean(LOST);
    });
  });
});

describe('on a phone', () => {
  it('list and handoff fit 320 pixels, in the dark and in French', async () => {
    const id = await activeHandoff();
    await desk('faults', { operation: 'send', kind: 'status', status: 400, times: 1 });
    await say(id, 'm-1', 'Refused.');
    await sees(id, 'message.failed');
    await onPage(
      '#/handoffs',
      async (shown, page) => {
        await page.getByRole('table').waitFor();
        await expectGood(shown, 'handoffs-320-dark-fr');
        await page.goto(`${baton.address}/#/handoffs/${id}`);
        await page.getByRole('button', { name: 'Renvoyer' }).waitFor();
        await expectGood(shown, 'handoff-320-dark-fr');
        shown.expectClean();
      },
      { width: 320, colorScheme: 'dark', locale: 'fr-FR' },
    );
  });
});

/** Last: it takes the server away from under everybody. */
describe('a lost connection', () => {
  it('comes back without a gap or a repeat after the server was killed', async () => {
    const id = await activeHandoff();
    await onPage(`#/handoffs/${id}`, async (shown, page) => {
      const log = page.getByRole('log');
      await log.getByText('Hello, this is Nora.').waitFor();
      await baton.kill();
      await page.getByText('reconnecting…').waitFor();
      await baton.restart();
      for (const n of [1, 2, 3]) await say(id, `m-${n}`, `After the restart ${n}`);
      await page.getByText('live', { exact: true }).waitFor();
      await api('POST', `/v1/handoffs/${id}/close`, { by: 'user' });
      await log.getByText('Ended: user left').waitFor();
      const times = await log.getByRole('listitem').count();
      const events = await eventsOf(id);
      expect(times, 'one line for each event, and the question').toBe(events.length + 1);
      const said = await log.locator('.line.user').filter({ hasText: 'After the restart' }).allInnerTexts();
      expect(said.map((line) => line.slice(-1))).toEqual(['1', '2', '3']);
      shown.expectClean(LOST);
    });
  });
});
