import type { Locator } from 'playwright-core';
import { expect } from 'vitest';

import type { Browser, BrowserPage, PageOptions } from '../support/browser.ts';
import { signIn, type Link } from '../support/console.ts';
import { until } from '../support/poll.ts';

export interface PlaygroundPage extends BrowserPage {
  /** The user writes. */
  say(text: string): Promise<void>;
  /** The user's chat and what the agent sees, by their lines. */
  user: Locator;
  agent: Locator;
  /** Waits until the user reads this, and fails when it is there more than once. */
  userReads(text: string): Promise<void>;
  agentReads(text: string): Promise<void>;
  /** Waits for the state of the handoff, as it is shown. */
  sees(state: string | RegExp): Promise<void>;
  /** Types of the events that are shown, oldest first. */
  events(): Promise<string[]>;
  press(button: string): Promise<void>;
  /** The agent does something in a form of his. */
  act(field: string, text: string, button: string): Promise<void>;
}

const PATIENCE_MS = 60_000;

/** The playground at a place such as `intercom/native`, signed in, with its bot made. */
export async function openPlayground(
  browser: Browser,
  link: Link,
  place: string,
  { search = '', ...options }: PageOptions & { search?: string } = {},
): Promise<PlaygroundPage> {
  const shown = await browser.newPage(options);
  const { page } = shown;
  await signIn(page, link);
  await page.goto(`${link.address}/playground${search}#/${place}`);
  const [user, agent] = [page.getByRole('log').nth(0), page.getByRole('log').nth(1)];
  await ready(shown);
  const reads = async (log: Locator, text: string): Promise<void> => {
    const line = log.getByRole('listitem').filter({ hasText: text });
    await line.first().waitFor({ timeout: PATIENCE_MS });
    expect(await line.count(), text).toBe(1);
  };
  const press = (name: string): Promise<void> => page.getByRole('button', { name, exact: true }).click();
  return {
    ...shown,
    user,
    agent,
    async say(text) {
      const box = page.getByRole('textbox', { name: 'Message', exact: true });
      await box.fill(text);
      await box.press('Enter');
    },
    userReads: (text) => reads(user, text),
    agentReads: (text) => reads(agent, text),
    sees: (state) => page.locator('.strip').getByText(state).waitFor({ timeout: PATIENCE_MS }),
    events: async () => (await page.locator('.events summary code').allInnerTexts()).toReversed(),
    press,
    async act(field, text, button) {
      await page.getByRole('textbox', { name: field, exact: true }).fill(text);
      await press(button);
    },
  };
}

/** The bot is made: one may write. */
export async function ready({ page }: BrowserPage): Promise<void> {
  await until(() => page.locator('.composer .main').first().isEnabled(), {
    timeoutMs: PATIENCE_MS,
    message: 'a playground that is ready',
  });
}
