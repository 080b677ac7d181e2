import { randomUUID } from 'node:crypto';

import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { openBrowser, type Browser, type BrowserPage } from '../support/browser.ts';
import { sharedBaton, type Link } from '../support/console.ts';
import { soon, until } from '../support/poll.ts';
import { openConsole, operatorOf } from './console-page.ts';

let browser: Browser;
let baton: Link;
let api: ReturnType<typeof operatorOf>;

beforeAll(async () => {
  [browser, baton] = await Promise.all([openBrowser(), sharedBaton()]);
  api = operatorOf(baton);
});
afterAll(() => browser?.close());

type Settings = Record<string, unknown>;
const settingsOf = async (id: string): Promise<Settings> =>
  (await api<{ settings: Settings }>('GET', `/v1/bots/${id}`)).settings;

async function onTab(
  tab: string,
  settings: Settings,
  work: (page: Page, id: string, shown: BrowserPage) => Promise<void>,
): Promise<void> {
  const id = `bot-${randomUUID().slice(0, 8)}`;
  await api('PUT', `/v1/bots/${id}`, settings);
  const shown = await openConsole(browser, baton, `#/bots/${id}?tab=${tab}`);
  await work(shown.page, id, shown);
  await shown.close();
}

async function save(page: Page): Promise<void> {
  const button = page.getByRole('button', { name: 'Save', exact: true });
  await button.click();
  await button.waitFor({ state: 'hidden' });
}

describe('what users may have when no human is there', () => {
  it('is switched on, and refused where the desk has the users', async () => {
    await onTab('hours', {}, async (page, id, { expectClean }) => {
      await page.getByLabel('Leave a message').check();
      await page.getByLabel('Connect at the next opening').check();
      await save(page);
      expect(await settingsOf(id)).toMatchObject({ leaveMessage: true, connectAtOpening: true });
      expectClean();
    });
    const intercom = await api<Settings>('GET', '/sandbox/intercom-native/_control/settings?mode=native');
    await onTab('hours', { mode: 'native', desk: { kind: 'intercom', ...intercom } }, async (page, id) => {
      await page.getByLabel('Connect at the next opening').check();
      await page.getByRole('button', { name: 'Save', exact: true }).click();
      await page.getByText('not for users in the desk').first().waitFor();
      expect(await settingsOf(id)).toMatchObject({ connectAtOpening: false });
    });
  });
});

describe('the hours of a bot', () => {
  const day = (page: Page, name: string) => page.locator('.week-day', { hasText: name });

  it('are a picture of the week while they are typed', async () => {
    await onTab('hours', {}, async (page, id, { expectClean }) => {
      await page.getByLabel('Always open').uncheck();
      await page.getByLabel('Time zone').fill('Asia/Tokyo');
      await day(page, 'Wed').getByText('09:00–17:00').waitFor();
      await soon(async () => expect(await day(page, 'Wed').locator('rect.open').count()).toBe(1));
      await day(page, 'Sat').getByText('closed').waitFor();

      await page.getByRole('button', { name: 'Add a weekly period' }).click();
      const second = page.getByRole('group', { name: 'Period 2: every week' });
      await second.getByLabel('Monday').uncheck();
      await second.getByLabel('From').fill('8');
      await second.getByLabel('To').fill('930');
      await second.getByLabel('To').press('Tab');
      await page.getByLabel('Time zone').focus();
      await soon(async () => expect(await second.getByLabel('To').inputValue()).toBe('09:30'));
      // Two periods that overlap are one.
      await day(page, 'Tue').getByText('08:00–17:00').waitFor();
      await day(page, 'Mon').getByText('09:00–17:00').waitFor();
      await soon(async () =>
        expect(await day(page, 'Tue').locator('rect.open').getAttribute('width')).toBe(String(9 * 60)),
      );
      await save(page);
      expect((await settingsOf(id))['hours']).toEqual({
        timezone: 'Asia/Tokyo',
        periods: [
          { kind: 'weekly', days: [1, 2, 3, 4, 5], from: '09:00', to: '17:00' },
          { kind: 'weekly', days: [2, 3, 4, 5], from: '08:00', to: '09:30' },
        ],
      });
      await page.getByLabel('Always open').check();
      await save(page);
      expect((await settingsOf(id))['hours']).toBeNull();
      expectClean();
    });
  });

  it('show what is wrong at the field before they are saved, and whether it is open now', async () => {
    const periods = [{ kind: 'weekly', days: [1, 2, 3, 4, 5, 6, 7], from: '00:00', to: '24:00' }];
    await onTab('hours', { hours: { timezone: 'Europe/Paris', periods } }, async (page) => {
      await page.getByText('open now').waitFor();
      await page.getByText('Never closes.').waitFor();
      const wrong = (text: string) => page.locator('.field.wrong, .period').getByText(text).first();
      await page.getByLabel('To', { exact: true }).fill('00:00');
      await wrong('`to` must be after `from`').waitFor();
      await page.getByText('(as it was before the last change)').waitFor();
      await page.getByLabel('Time zone').fill('Mars/Olympus');
      await page.locator('.field.wrong').getByText('must be an IANA time zone').waitFor();
      await page.getByRole('button', { name: 'Remove period 1' }).click();
      await page.getByLabel('Time zone').fill('Europe/Paris');
      await page.getByRole('button', { name: 'Add one date' }).click();
      await page.getByLabel('Date').fill('2037-05-01');
      await page.getByText('closed now').waitFor();
      await page.getByText(/Opens next May 1, 2037/).waitFor();
    });
  });

  it('are at most ten periods', async () => {
    const one = { kind: 'weekly', days: [1], from: '09:00', to: '10:00' };
    await onTab('hours', { hours: { timezone: 'UTC', periods: Array(9).fill(one) } }, async (page) => {
      await page.getByRole('button', { name: 'Add a weekly period' }).click();
      await page.getByText('There can be at most 10 periods.').waitFor();
      await soon(async () =>
        expect(await page.getByRole('button', { name: 'Add a weekly period' }).isDisabled()).toBe(true),
      );
    });
  });
});

describe('the texts of a bot', () => {
  it('are own sentences, silence or the built-in ones, and are shown as the user reads them', async () => {
    const texts = { de: { active: 'Hallo!' } };
    await onTab('texts', { texts }, async (page, id, { expectClean }) => {
      const preview = page.locator('.texts-preview');
      await preview.getByText('You are now talking to a member of our team.').waitFor();
      const placeholder = (name: string, pattern: RegExp): Promise<void> =>
        soon(async () =>
          expect(await page.getByRole('textbox', { name }).getAttribute('placeholder')).toMatch(pattern),
        );
      await placeholder('Connecting', /^One moment, please/);
      await page.getByRole('textbox', { name: 'A human is there' }).fill('Ada is here.');
      await preview.getByText('Ada is here.').waitFor();
      await page.getByRole('checkbox', { name: /^Say nothing ?: Connecting/ }).check();
      await preview.getByText('(nothing is said)').waitFor();
      await page.getByLabel('What happens').selectOption('waits');
      await preview.getByText('Keep waiting', { exact: true }).waitFor();

      await page.getByRole('textbox', { name: 'Another language' }).fill('pt-BR');
      await page.getByRole('textbox', { name: 'Another language' }).press('Enter');
      // A region falls back to its language, a language without a sentence to English.
      await placeholder('Question after the wait time', /esperando\?$/);
      await page.getByRole('textbox', { name: 'Question after the wait time' }).fill('Quer esperar?');
      await preview.getByText('Quer esperar?').waitFor();
      await page.getByLabel('Language', { exact: true }).selectOption('de');
      const german = page.getByRole('textbox', { name: 'A human is there' });
      // It is the field of the language before until the page is drawn again.
      await soon(async () => expect(await german.inputValue()).toBe('Hallo!'));
      await german.fill('');
      await save(page);
      expect((await settingsOf(id))['texts']).toEqual({
        en: { active: 'Ada is here.', connecting: null },
        'pt-BR': { wait_timeout: 'Quer esperar?' },
      });
      expectClean();
    });
  });
});

describe('the callback of a bot', () => {
  it('gets a secret that is shown once, and loses its authorization again', async () => {
    await onTab('callback', {}, async (page, id) => {
      await page.getByLabel('Send every event to an address').check();
      await page.getByRole('textbox', { name: 'Address' }).fill('https://bot.example.com/events');
      await page.getByRole('button', { name: 'Make one: Signing secret' }).click();
      const secret = await page.locator('.copyable code').innerText();
      expect(Buffer.from(secret.replace(/^whsec_/, ''), 'base64')).toHaveLength(32);
      await page.getByLabel('Authorization').selectOption('basic');
      await page.getByLabel('User name').fill('baton');
      await page.getByLabel('Password').fill('a password');
      await save(page);
      const auth = { type: 'basic', username: 'baton', password: 'set' };
      expect((await settingsOf(id))['callback']).toEqual({
        url: 'https://bot.example.com/events',
        secret: 'set',
        auth,
      });
      await soon(async () => expect(await page.getByText(secret).count()).toBe(0));
      await page.getByLabel('Authorization').selectOption('');
      await save(page);
      expect((await settingsOf(id))['callback']).toEqual({ url: 'https://bot.example.com/events', secret: 'set' });
      await page.getByText('Nothing was sent yet.').waitFor();
    });
  });
});

describe('the keys of a bot', () => {
  it('are shown once, work, and end when they are deleted', async () => {
    await onTab('keys', {}, async (page, id, { expectClean }) => {
      await page.getByText('There is no key yet.').waitFor();
      await page.getByLabel('Name').fill('production');
      await page.getByLabel('Name').press('Enter');
      await page.getByText('Copy the key now.').waitFor();
      const key = await page.locator('.copyable code').innerText();
      const status = async (): Promise<number> =>
        (await fetch(`${baton.address}/v1/bots/${id}`, { headers: { authorization: `Bearer ${key}` } })).status;
      expect(await status()).toBe(200);
      await page.getByRole('button', { name: 'I have copied it' }).click();
      await soon(async () => expect(await page.getByText(key).count()).toBe(0));
      await page.getByRole('button', { name: 'Delete the key production' }).click();
      await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
      await page.getByText('There is no key yet.').waitFor();
      await until(async () => (await status()) === 401, { message: 'the end of the key' });
      expectClean();
    });
  });
});

describe('the tool of a bot', () => {
  it('is shown in three forms, with the trigger in it', async () => {
    await onTab('tool', { trigger: 'Only for refunds.' }, async (page) => {
      const shown = async (form: string): Promise<Record<string, unknown>> => {
        await page.getByLabel('Form').selectOption(form);
        return JSON.parse(await page.getByLabel('Definition as JSON').innerText());
      };
      await soon(async () =>
        expect(await shown('openai')).toMatchObject({ type: 'function', function: { name: 'request_handoff' } }),
      );
      await soon(async () =>
        expect(await shown('anthropic')).toMatchObject({ name: 'request_handoff', input_schema: {} }),
      );
      const mcp = await shown('mcp');
      expect(mcp['description']).toContain('Only for refunds.');
    });
  });
});

describe('desks that Baton sets up itself', () => {
  it('makes and removes the webhooks at LiveChat', async () => {
    const settings = await api<Settings>('GET', '/sandbox/livechat/_control/settings?mode=native');
    await onTab('desk', { mode: 'native', desk: { kind: 'livechat', ...settings } }, async (page) => {
      await page.getByRole('button', { name: 'Make them for me' }).click();
      await page.locator('.note.good').getByText('Done.').waitFor();
      await page.getByRole('button', { name: 'Remove them' }).click();
      await page.getByText('has no webhook that leads here any more').waitFor();
    });
  });

  it('connects Zoho by consent, and notices when it is given', async () => {
    const settings = await api<Settings>('GET', '/sandbox/zoho-salesiq/_control/settings?mode=external');
    await onTab('desk', { desk: { kind: 'zoho-salesiq', ...settings } }, async (page) => {
      await page.getByRole('button', { name: 'Begin' }).click();
      await page.getByText('Register this address').waitFor();
      const opened = page.waitForEvent('popup');
      await page.getByRole('link', { name: 'Open the page of' }).click();
      await (await opened).getByText(/is connected/).waitFor();
      await page.getByText(/is connected\./).waitFor();
    });
  });
});
