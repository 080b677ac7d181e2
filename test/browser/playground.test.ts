import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

import { placesOf } from '../../api/console/playground/places.ts';
import { openBrowser, tabOrder, type Browser } from '../support/browser.ts';
import { ownBaton, type OwnBaton } from '../support/console.ts';
import { soon, until } from '../support/poll.ts';
import { expectGood, operatorOf } from './console-page.ts';
import { openPlayground, ready } from './playground-page.ts';

vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000, maxConcurrency: 5 });

const ALEX = 'Hello, this is Alex.';
/** What a connection that is cut leaves in the browser's log. */
const CUT = /net::ERR_|no answer: /;

let browser: Browser;
// Not the shared one: the desks of this test fail, and it is killed.
let baton: OwnBaton;
let api: ReturnType<typeof operatorOf>;

beforeAll(async () => {
  [browser, baton] = await Promise.all([openBrowser(), ownBaton()]);
  api = operatorOf(baton);
});
afterAll(async () => {
  await browser?.close();
  await baton?.stop();
});

const PLACES = [
  'webhook/external',
  'intercom/external',
  'intercom/native',
  'livechat/external',
  'livechat/native',
  'livedesk/external',
  'livedesk/native',
  'zoho-salesiq/external',
  'zoho-salesiq/native',
  'sobot/external',
];
const WAITS_FOR_ITS_BOT = ['zoho-salesiq/native', 'sobot/external'];
const IN_MESSENGER = PLACES.filter((place) => place.endsWith('/native') || place === 'sobot/external');

describe.concurrent('a handoff in the playground', () => {
  it.each(PLACES)('at %s: bot, agent, and the bot that goes on', async (place) => {
    const { say, user, userReads, agentReads, sees, press, act, events, expectClean, close, page } =
      await openPlayground(browser, baton, place);
    await say('Where is my order?');
    await userReads('What is your order number?');
    await say('human');
    await userReads('The bot calls the tool request_handoff');
    await userReads(ALEX);
    await sees('with an agent');
    await sees('user’s silence ends it');
    await say('It is late');
    await userReads('I am looking at this: “It is late”.');
    await act('Note', 'a note among agents', 'Add a note');
    await agentReads('a note among agents');
    await act('Reply to the user', 'It comes tomorrow', 'Reply');
    await userReads('It comes tomorrow');
    if (!IN_MESSENGER.includes(place)) await userReads('One moment, please.');
    await press('Close it');
    await sees('agent closed');
    if (WAITS_FOR_ITS_BOT.includes(place)) await say('thanks');
    await user.getByText(/I am the bot again\. Your colleague .* said: “It comes tomorrow”/).waitFor();
    expect(await user.innerText()).not.toContain('a note among agents');
    await until(async () => (await events()).includes('handoff.closed'), { message: 'the end among the events' });
    await soon(async () =>
      expect(await page.getByRole('link', { name: 'This run in Temporal' }).getAttribute('href')).toMatch(/^http/),
    );
    expectClean();
    await close();
  });
});

// Between the others, which must not meet at the same desks.
describe('the playground', () => {
  it('is there for every desk in each of its modes', async () => {
    const { desks } = await api<{ desks: Parameters<typeof placesOf>[0] }>('GET', '/v1/desks');
    const { sandboxes } = await api<{ sandboxes: string[] }>('GET', '/v1/service');
    expect(
      placesOf(desks, sandboxes)
        .map(({ desk, mode }) => `${desk}/${mode}`)
        .toSorted(),
    ).toEqual(PLACES.toSorted());
  });
});

describe('outside the hours', () => {
  it('the user leaves a message, then is to be connected at the opening and does not wait', async () => {
    const { page, say, userReads, user, sees, press, events, expectClean, close } = await openPlayground(
      browser,
      baton,
      'webhook/external',
    );
    await press('Outside the hours');
    await page.getByRole('button', { name: 'Outside the hours', pressed: true }).waitFor();
    await say('I need a human for order 4711');
    await userReads('Our team is not available right now.');
    await press('Leave a message');
    await userReads('Your message has reached our team.');
    await sees('left a message');
    await userReads('Is there anything else that I can do meanwhile?');
    await say('human');
    await press('Connect me when the team is back');
    await userReads('You will be connected to our team as soon as they are back.');
    await sees('connected at the next opening');
    await sees('opening at the desk');
    await say('Where is my order?');
    await userReads('What is your order number?');
    await press('Leave');
    await sees('user left');
    await soon(async () =>
      expect(await user.getByRole('listitem').filter({ hasText: 'Connect me when the team is back' }).count()).toBe(1),
    );
    await soon(async () => expect(await events()).toEqual(['handoff.closed', 'handoff.scheduled', 'handoff.closed']));
    await press('Outside the hours');
    await page.getByRole('button', { name: 'Outside the hours', pressed: false }).waitFor();
    expectClean();
    await close();
  });
});

describe.concurrent("the user's address", () => {
  it('is asked for on a channel of the web, and a wrong one is not taken', async () => {
    const { page, say, userReads, sees, press, expectClean, close } = await openPlayground(
      browser,
      baton,
      'intercom/external',
    );
    await page.getByLabel('Channel').selectOption('widget');
    await say('human');
    await sees('waiting for an email');
    await userReads('Please enter your e-mail address');
    await page.getByLabel('Your email address').fill('lea at home');
    await press('Give the address');
    await page.getByText('This is no email address.').waitFor();
    await page.getByLabel('Your email address').fill('lea@example.org');
    await press('Give the address');
    await userReads(ALEX);
    expectClean();
    await close();
  });

  it('[73] that a script of the page tells with Baton.setEmail is not asked for', async () => {
    const { page, say, userReads, sees, events, press, expectClean, close } = await openPlayground(
      browser,
      baton,
      'livechat/external',
    );
    await page.getByLabel('Channel').selectOption('widget');
    await page.evaluate("window.Baton.setEmail('mia@example.org')");
    await page.getByText('The page knows the user’s address: mia@example.org').waitFor();
    await say('human');
    await userReads(ALEX);
    expect(await events()).not.toContain('handoff.email_required');
    const { handoffs } = await api<{ handoffs: { user: { email?: string } }[] }>(
      'GET',
      '/v1/handoffs?botId=playground-livechat-external&limit=1',
    );
    expect(handoffs[0]?.user.email).toBe('mia@example.org');
    await press('Leave');
    await sees('user left');
    expectClean();
    await close();
  });

  it('[74] in the query of an iframe is not asked for', async () => {
    const search = '?email=noa@example.org';
    const { page, say, userReads, events, expectClean, close } = await openPlayground(
      browser,
      baton,
      'zoho-salesiq/external',
      {
        search,
      },
    );
    await page.getByLabel('Channel').selectOption('iframe');
    await page.getByText('The page knows the user’s address: noa@example.org').waitFor();
    await say('human');
    await userReads(ALEX);
    expect(await events()).not.toContain('handoff.email_required');
    expectClean();
    await close();
  });
});

describe.concurrent('what can go wrong', () => {
  it('a desk that replies early, twice, is slow or down: every word arrives once', async () => {
    const { page, say, userReads, press, sees, events, expectClean, close } = await openPlayground(
      browser,
      baton,
      'livedesk/external',
    );
    const isPressed = (name: string) =>
      until(
        async () => (await page.getByRole('button', { name, exact: true }).getAttribute('aria-pressed')) === 'true',
        {
          message: `${name} is pressed`,
        },
      );
    await press('Reply early');
    await isPressed('Reply early');
    await press('Answer twice');
    await isPressed('Answer twice');
    await say('human');
    await userReads(ALEX);
    await soon(async () => expect(await events()).toEqual(['handoff.active', 'message.agent']));
    await press('Reply early');
    await press('Desk down');
    await isPressed('Desk down');
    await say('Are you there?');
    await userReads('the desk does not have it yet; Baton tries again');
    await press('Desk down');
    await userReads('I am looking at this: “Are you there?”.');
    await press('Slow desk');
    await isPressed('Slow desk');
    await say('And now?');
    await userReads('I am looking at this: “And now?”.');
    await press('Slow desk');
    await press('Leave');
    await sees('user left');
    await userReads('You have ended the conversation');
    expectClean();
    await close();
  });

  it('nobody answers: the user is asked whether he waits on, within the times that are set', async () => {
    const { page, say, userReads, agentReads, press, sees, expectClean, close } = await openPlayground(
      browser,
      baton,
      'webhook/external',
    );
    await page.getByLabel('Wait time, seconds').fill('5');
    await press('Save');
    await page.getByText('Saved').waitFor();
    await page.getByLabel('The agent answers by himself').click();
    await say('Is there a person?');
    await sees(/wait time ends: [1-5] s/);
    await agentReads('Is there a person?');
    await sees('asked to keep waiting');
    await press('Keep waiting');
    await sees('waiting for an agent');
    await sees('asked to keep waiting');
    await press('Do not wait');
    await sees('user left');
    await userReads('Nobody was free, I am sorry.');
    await page.getByLabel('The agent answers by himself').click();
    expectClean();
    await close();
  });

  it('a page that is loaded again goes on where it was', async () => {
    const shown = await openPlayground(browser, baton, 'livedesk/native');
    const { page, say, user, userReads, events, press, sees, expectClean, close } = shown;
    await say('When do you open?');
    await userReads('Monday to Friday');
    await say('human');
    await userReads(ALEX);
    await sees('with an agent');
    const seen = async (): Promise<string> => JSON.stringify([await user.innerText(), await events()]);
    // What was said and done is whole when nothing is added any more.
    let last = '';
    await until(async () => last === (last = await seen()), { message: 'a talk that rests', everyMs: 500 });
    const [chat, before] = JSON.parse(last) as [string, string[]];
    expect(chat).toContain('The bot calls the tool request_handoff');
    await page.reload();
    await ready(shown);
    await userReads(ALEX);
    await sees('with an agent');
    await soon(async () => expect(await events()).toEqual(before));
    await soon(async () => expect(await user.innerText()).toBe(chat));
    await say('Still there?');
    await userReads('I am looking at this: “Still there?”.');
    await press('Take it back');
    await sees('bot closed');
    await userReads('I am the bot again.');
    await press('Start over');
    await until(async () => (await events()).length === 0, { message: 'a talk without a past' });
    expectClean();
    await close();
  });
});

describe.concurrent('the page', () => {
  it('is good to look at, narrow, in the dark and in French as well', async () => {
    for (const options of [{}, { width: 320, colorScheme: 'dark', locale: 'fr-FR' } as const]) {
      const shown = await openPlayground(browser, baton, 'intercom/external', options);
      const french = options.locale !== undefined;
      const box = shown.page.locator('.composer input').first();
      await box.fill(french ? 'Je veux un conseiller' : 'human');
      await box.press('Enter');
      await shown.userReads(ALEX);
      await expectGood(shown, `playground-${options.width ?? 1280}`);
      shown.expectClean();
      await shown.close();
    }
  });

  it('can be used with the keyboard alone', async () => {
    const { page, userReads, close } = await openPlayground(browser, baton, 'intercom/external');
    const order = await tabOrder(page);
    for (const name of [
      'select Desk',
      'select Channel',
      'div Chat of the user',
      'input Message',
      'button Send',
      'button Desk down',
    ]) {
      expect(
        order.some((one) => one.startsWith(name)),
        `${name} in ${order.join(', ')}`,
      ).toBe(true);
    }
    await page.getByRole('textbox', { name: 'Message', exact: true }).focus();
    await page.keyboard.type('When do you open?');
    await page.keyboard.press('Enter');
    await userReads('Monday to Friday');
    await close();
  });
});

describe('everything at once', () => {
  it('a Baton that is killed in the middle comes back without a gap, and so do its desks', async () => {
    const { page, say, userReads, act, sees, events, expectClean, close } = await openPlayground(
      browser,
      baton,
      'webhook/external',
    );
    await say('human');
    await userReads(ALEX);
    await baton.kill();
    await page.getByText('reconnecting…').waitFor();
    await say('Does anybody hear me?');
    await page.getByText('not sent').waitFor();
    await baton.restart();
    await page.getByText('live', { exact: true }).waitFor({ timeout: 60_000 });
    await page.getByRole('button', { name: 'Try again: Does anybody hear me?' }).click();
    await userReads('I am looking at this: “Does anybody hear me?”.');
    await act('Reply to the user', 'We all do', 'Reply');
    await userReads('We all do');
    await sees('with an agent');
    const steps = ['connecting', 'active'].map((step) => `handoff.${step}`);
    const said = ['agent', 'user', 'agent', 'agent'].map((who) => `message.${who}`);
    await soon(async () => expect(await events()).toEqual([...steps, ...said]));
    expectClean(CUT);
    await close();
  });
});
