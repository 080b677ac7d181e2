import { randomUUID } from 'node:crypto';

import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { openBrowser, screenshot, type Browser, type BrowserPage, type PageOptions } from '../support/browser.ts';
import { sharedBaton, type Link } from '../support/console.ts';
import { soon, until } from '../support/poll.ts';
import { expectGood, openConsole, operatorOf } from './console-page.ts';

interface Bot {
  settings: Record<string, unknown> & { desk: Record<string, unknown> | null };
  service: { state: string };
}

/** What a 4xx or a cut connection leaves in the browser's log. */
const REFUSED = /Failed to load resource|no answer: /;

let browser: Browser;
let baton: Link;
let api: ReturnType<typeof operatorOf>;
let intercom: Record<'accessToken' | 'clientSecret' | 'baseUrl', string>;

beforeAll(async () => {
  [browser, baton] = await Promise.all([openBrowser(), sharedBaton()]);
  api = operatorOf(baton);
  intercom = await api('GET', '/sandbox/intercom/_control/settings');
});
afterAll(() => browser?.close());

const newId = (): string => `bot-${randomUUID().slice(0, 8)}`;
const botOf = (id: string): Promise<Bot> => api<Bot>('GET', `/v1/bots/${id}`);
const save = (page: Page): Promise<void> => page.getByRole('button', { name: 'Save', exact: true }).click();

async function onBot(
  settings: Record<string, unknown>,
  tab: string,
  work: (page: Page, id: string, shown: BrowserPage) => Promise<void>,
): Promise<void> {
  const id = newId();
  await api('PUT', `/v1/bots/${id}`, settings);
  const shown = await openConsole(browser, baton, `#/bots/${id}?tab=${tab}`);
  await work(shown.page, id, shown);
  await shown.close();
}

/** Presses Tab until the focus is on what has this label, as its first words. */
async function tabTo(page: Page, label: string, key = 'Tab'): Promise<void> {
  await until(
    async () => {
      await page.keyboard.press(key);
      return (await page.evaluate<string>(FOCUSED)).startsWith(label);
    },
    { message: `the focus on ${label}`, everyMs: 1 },
  );
}

/** A click that leads to a field moves the focus when the page has drawn it. */
const focusComesTo = (page: Page, label: string) =>
  until(async () => (await page.evaluate<string>(FOCUSED)).startsWith(label), { message: `the focus on ${label}` });

const FOCUSED = `(() => {
  const at = document.activeElement;
  if (at?.role === 'tabpanel') return '';
  return at?.getAttribute('aria-label') ?? at?.labels?.[0]?.innerText ?? at?.innerText ?? '';
})()`;

describe('a bot', () => {
  it('is set up from nothing with the keyboard alone', async () => {
    const id = newId();
    const { page, expectClean, close } = await openConsole(browser, baton, '#/bots');
    await tabTo(page, 'New bot');
    await page.keyboard.press('Enter');
    await tabTo(page, 'Id');
    await page.keyboard.type(id);
    await tabTo(page, 'Desk');
    await page.keyboard.type('Inter');
    await page.keyboard.press('Tab');
    await tabTo(page, 'Create');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { level: 1, name: id }).waitFor();
    await page.getByRole('heading', { name: 'Intercom: settings' }).waitFor();

    const typed = ['Access token', 'Client secret', 'Teammate of the bot', 'Team', 'Address'];
    const values = [intercom.accessToken, intercom.clientSecret, '7001000', '5510021', intercom.baseUrl];
    for (const [at, label] of typed.entries()) {
      await tabTo(page, label);
      await page.keyboard.type(values[at] ?? '');
    }
    await page.keyboard.press('Enter');
    await page.getByRole('alert').getByText('The desk accepts the credentials.').waitFor();
    await page.getByText('conversation.admin.replied').waitFor();

    // The choice of the desk, then its tab.
    await tabTo(page, 'Desk', 'Shift+Tab');
    await tabTo(page, 'Desk', 'Shift+Tab');
    await page.keyboard.press('ArrowLeft');
    await tabTo(page, 'Handoffs allowed');
    await page.keyboard.press('Space');
    await tabTo(page, 'Save');
    await page.keyboard.press('Enter');
    await until(async () => (await botOf(id)).settings['enabled'] === true, { message: 'handoffs are allowed' });
    const { settings, service } = await botOf(id);
    expect(settings.desk).toMatchObject({
      kind: 'intercom',
      accessToken: 'set',
      adminId: '7001000',
      teamId: '5510021',
    });
    expect(service.state).toBe('available');
    // The id was looked for before it was taken.
    expectClean(/404/);
    await close();
  });

  it('is not made twice under the same id', async () => {
    await onBot({ trigger: 'Only for refunds.' }, 'general', async (page, id) => {
      await page.getByRole('link', { name: '← All bots' }).click();
      await page.getByRole('button', { name: 'New bot' }).click();
      await page.getByLabel('Id').fill(id);
      await page.getByRole('button', { name: 'Create' }).click();
      await page.getByText('There is a bot with this id already.').waitFor();
      await page.getByLabel('Id').fill('not allowed');
      await page.getByRole('button', { name: 'Create' }).click();
      await page.getByText('must be 1 to 64 letters').waitFor();
      expect((await botOf(id)).settings['trigger']).toBe('Only for refunds.');
    });
  });

  it('is found by a search that stands in the address', async () => {
    const [one, other] = [newId(), newId()];
    await Promise.all([one, other].map((id) => api('PUT', `/v1/bots/${id}`, {})));
    const { page, expectClean, close } = await openConsole(browser, baton, `#/bots?q=${one}`);
    const rows = page.getByRole('table').locator('tbody tr');
    await rows.filter({ hasText: one }).waitFor();
    await soon(async () => expect(await rows.count()).toBe(1));
    await page.getByLabel('Search').fill(other.toUpperCase());
    await rows.filter({ hasText: other }).waitFor();
    await soon(async () =>
      expect(await rows.innerText()).toMatch(/no desk\s+external\s+not configured\s+switched off\s+always open/),
    );
    expect(page.url().toLowerCase()).toContain(`q=${other}`);
    await page.getByLabel('Search').fill(`${other}-unknown`);
    await page.getByText('No bot matches.').waitFor();
    expectClean();
    await close();
  });

  it('shows each error at its field, takes the focus there, and keeps what was typed', async () => {
    await onBot({}, 'desk', async (page, id, { expectClean }) => {
      await page.getByRole('combobox', { name: 'Desk', exact: true }).selectOption('intercom');
      await page.getByLabel('Client secret').fill('secret of the app');
      await page.getByRole('textbox', { name: 'Team', exact: true }).fill('not a number');
      await save(page);
      await until(async () => (await page.evaluate<string>(FOCUSED)).startsWith('Access token'), {
        message: 'the focus on the first wrong field',
      });
      const said = async (label: string): Promise<string> => {
        const field = page.locator('.field').filter({ has: page.getByLabel(label, { exact: label === 'Team' }) });
        return field.locator('.error').innerText();
      };
      await soon(async () => expect(await said('Access token')).toBe('Needed.'));
      await soon(async () => expect(await said('Client secret')).toBe('must be without spaces'));
      await soon(async () => expect(await said('Team')).toBe('must be a number'));
      await page.getByText('Not saved. 3 to correct:').waitFor();
      await soon(async () =>
        expect(await page.getByRole('textbox', { name: 'Team', exact: true }).inputValue()).toBe('not a number'),
      );
      expect((await botOf(id)).settings.desk).toBeNull();
      await page.getByRole('tab', { name: 'General' }).click();
      await page.getByRole('button', { name: 'Desk: Team' }).click();
      await focusComesTo(page, 'Team');
      expectClean(REFUSED);
    });
  });

  it('says at the field what the desk refuses, keeps and removes secrets', async () => {
    await onBot({ desk: { kind: 'intercom', ...intercom } }, 'desk', async (page, id) => {
      await page.getByLabel('Access token').fill('wrong');
      await page.getByRole('button', { name: 'Save and check' }).click();
      await page.getByText('The field to look at: Access token.').waitFor();
      const field = page.locator('.field').filter({ has: page.getByLabel('Access token') });
      await soon(async () => expect(await field.locator('.error').innerText()).toContain('refuses the access token'));
      expect((await botOf(id)).service.state).toBe('unavailable');
      await page.getByLabel('Access token').fill(intercom.accessToken);
      await save(page);
      await page.getByRole('alert').getByText('The desk accepts the credentials.').waitFor();
      // Another address never gets the stored secrets.
      await page.getByRole('textbox', { name: 'Address' }).fill('http://127.0.0.1:9/elsewhere');
      await save(page);
      await page.getByText('The address has changed: give this secret again').first().waitFor();
      await page.getByRole('button', { name: 'Discard' }).click();
      await page.getByRole('button', { name: 'Check now' }).click();
      await page.getByRole('alert').getByText('The desk accepts the credentials.').waitFor();
      await page.getByRole('combobox', { name: 'Desk', exact: true }).selectOption('webhook');
      await page.getByRole('textbox', { name: 'Address' }).fill(`${baton.address}/sandbox/webhook`);
      await page.getByLabel('Password').fill('one');
      await page.getByLabel('User name').fill('baton');
      await save(page);
      await page.getByRole('button', { name: 'Remove: Password' }).click();
      await page.getByText('The stored one is removed when you save.').waitFor();
      await save(page);
      await until(async () => !('password' in (await botOf(id)).settings.desk!), { message: 'no password' });
      await page.getByText('/v1/human/message/receive').waitFor();
    });
  });

  it('gets a second desk, checked by itself, with an address of its own', async () => {
    const desk = { kind: 'webhook', url: `${baton.address}/sandbox/webhook` };
    await onBot({ desk }, 'desk', async (page, id, { expectClean }) => {
      await page.getByRole('combobox', { name: 'Second desk' }).selectOption('intercom');
      await page.getByLabel('Access token').fill(intercom.accessToken);
      await save(page);
      await page.getByRole('button', { name: 'Desk: Client secret' }).click();
      await focusComesTo(page, 'Client secret');
      await page.getByLabel('Client secret').fill(intercom.clientSecret);
      const address = page.getByRole('region', { name: 'Intercom as second desk' }).getByLabel('Address');
      await address.fill(intercom.baseUrl);
      await save(page);
      const connection = page.getByRole('region', { name: 'Connection of the second desk' });
      await connection.getByRole('alert').getByText('The desk accepts the credentials.').waitFor();
      await page
        .getByRole('region', { name: 'Webhooks of the second desk' })
        .getByText('/webhooks/intercom/')
        .waitFor();
      expect((await botOf(id)).settings).toMatchObject({
        desk: { kind: 'webhook' },
        secondDesk: { kind: 'intercom', accessToken: 'set', clientSecret: 'set' },
      });
      await page.getByRole('combobox', { name: 'Second desk' }).selectOption('');
      await save(page);
      await until(async () => (await botOf(id)).settings['secondDesk'] === null, { message: 'no second desk' });
      expectClean(REFUSED);
    });
  });

  it('keeps unsaved changes on the way to another page, and says what somebody else has changed', async () => {
    await onBot({ waitTimeoutSeconds: 60 }, 'general', async (page, id, { expectClean }) => {
      await page.getByRole('spinbutton', { name: 'Wait time' }).fill('90');
      await page.getByLabel('Silence of the user').fill('240');
      await page.getByText('= 1 min 30 s.').waitFor();
      await page.getByRole('link', { name: '← All bots' }).click();
      await page.getByRole('row', { name: id }).getByText('unsaved changes').waitFor();
      await page.getByRole('link', { name: id, exact: true }).click();
      await soon(async () => expect(await page.getByRole('spinbutton', { name: 'Wait time' }).inputValue()).toBe('90'));

      await api('PATCH', `/v1/bots/${id}`, { waitTimeoutSeconds: 120, contextRounds: 3 });
      await save(page);
      await page.getByText('Somebody else has changed the same meanwhile: Wait time.').waitFor();
      await soon(async () => expect(await page.getByLabel('Rounds of the talk so far').inputValue()).toBe('3'));

      await page.route('**/v1/bots/**', (route) => route.abort());
      await save(page);
      await page.getByText('Baton does not answer.').waitFor();
      await soon(async () => expect(await page.getByRole('spinbutton', { name: 'Wait time' }).inputValue()).toBe('90'));
      await page.unroute('**/v1/bots/**');
      await save(page);
      await page.getByText('Saved.').waitFor();
      expect((await botOf(id)).settings).toMatchObject({
        waitTimeoutSeconds: 90,
        inactivityTimeoutSeconds: 240,
        contextRounds: 3,
      });
      await soon(async () => expect(await page.getByText('Not saved yet').count()).toBe(0));
      expectClean(REFUSED);
    });
  });

  it('is deleted, but not while a handoff is open', async () => {
    const desk = { kind: 'webhook', url: `${baton.address}/sandbox/webhook` };
    await onBot({ enabled: true, desk }, 'general', async (page, id, { expectClean }) => {
      const { handoff } = await api<{ handoff: { id: string } }>('POST', '/v1/handoffs', {
        botId: id,
        conversationId: `c-${randomUUID()}`,
        channel: 'api',
        user: { id: 'u-1', email: 'ann@example.com' },
        question: 'Where is my order?',
        history: [],
      });
      await page.getByRole('button', { name: 'Delete this bot' }).click();
      const dialog = page.getByRole('dialog');
      await dialog.getByRole('button', { name: 'Delete' }).click();
      await dialog.getByText('The bot has open handoffs. Close them first.').waitFor();
      await api('POST', `/v1/handoffs/${handoff.id}/close`, { by: 'bot' });
      await until(
        async () => (await api<{ status: string }>('GET', `/v1/handoffs/${handoff.id}`)).status === 'closed',
        { message: 'the end of the handoff' },
      );
      await dialog.getByRole('button', { name: 'Delete' }).click();
      await page.getByRole('heading', { level: 1, name: 'Bots' }).waitFor();
      await soon(async () => expect(await page.getByRole('link', { name: id, exact: true }).count()).toBe(0));
      expectClean(REFUSED);
    });
  });
});

describe('every tab of a bot', () => {
  const HOURS = { timezone: 'Europe/Paris', periods: [{ kind: 'weekly', days: [1, 2], from: '09:00', to: '12:00' }] };
  const CALLBACK = { url: 'https://bot.example.com/events', secret: `whsec_${Buffer.alloc(32, 7).toString('base64')}` };
  /** What each shows when it is there. */
  const READY = ['[name=trigger]', '.topics', '.week-bar', '.chat', '[type=url]', '.keys', '.json'];

  it.each<{ name: string; options: PageOptions; audited: number[] }>([
    { name: 'wide and light', options: {}, audited: [0, 1, 2, 3, 4, 5, 6] },
    { name: 'phone, dark, French', options: { width: 320, colorScheme: 'dark', locale: 'fr-FR' }, audited: [1, 2] },
  ])('fits, and axe finds nothing: $name', async ({ options, audited }) => {
    const id = newId();
    await api('PUT', `/v1/bots/${id}`, { desk: { kind: 'intercom', ...intercom }, hours: HOURS, callback: CALLBACK });
    await api('POST', `/v1/bots/${id}/keys`, { label: 'production' });
    const shown = await openConsole(browser, baton, `#/bots/${id}`, options);
    const { page } = shown;
    const picture = (what: string | number): string => `bots-${options.width ?? 1280}-${what}`;
    for (const [at, selector] of READY.entries()) {
      await page.getByRole('tab').nth(at).click();
      await page.locator(selector).first().waitFor();
      if (audited.includes(at)) await expectGood(shown, picture(at));
      else await screenshot(page, picture(at));
      expect(await page.evaluate('document.documentElement.scrollWidth - innerWidth')).toBeLessThanOrEqual(0);
    }
    await page.locator('.bot-head a').click();
    await page.getByRole('table').waitFor();
    await expectGood(shown, picture('list'));
    shown.expectClean();
    await shown.close();
  });
});
