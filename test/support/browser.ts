import { mkdir } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

import type { AxeResults, RunOptions } from 'axe-core';
import { chromium, type Browser as Chromium, type BrowserContext, type Page } from 'playwright-core';
import { expect } from 'vitest';

/** For a container; and nothing goes to the network but what the page asks for. */
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
const WAIT_MS = 45_000;
const HEIGHT = 800;

export interface PageOptions {
  /** Width of the window in CSS pixels; 1280 by default. */
  width?: number;
  colorScheme?: 'light' | 'dark';
  /** What the browser says its user reads, for example `fr-FR`; `en-US` by default. */
  locale?: string;
  /** Sessions are shared by pages of one context: give the context of another page to share with it. */
  context?: BrowserContext;
}

export interface BrowserPage {
  page: Page;
  /** What went wrong so far: errors in the log, uncaught errors, requests without an answer, violations of the CSP. */
  problems(): string[];
  /** Fails with what went wrong. `but` names what the test has brought about itself, such as a 401. */
  expectClean(but?: RegExp): void;
  close(): Promise<void>;
}

export interface Browser {
  /** A page of a new context: no cookies, no storage. */
  newPage(options?: PageOptions): Promise<BrowserPage>;
  close(): Promise<void>;
}

/** The Chromium that the set-up has found. About half a second: open one per file, and a page per test. */
export async function openBrowser(): Promise<Browser> {
  const executablePath = process.env['CHROMIUM_PATH'];
  if (!executablePath) throw new Error('CHROMIUM_PATH is not set: run the tests through npm test.');
  const browser = await chromium.launch({ executablePath, args: FLAGS });
  return {
    newPage: (options = {}) => newPage(browser, options),
    close: () => browser.close(),
  };
}

async function newPage(browser: Chromium, options: PageOptions): Promise<BrowserPage> {
  const { width = 1280, colorScheme = 'light', locale = 'en-US' } = options;
  const viewport = { width, height: HEIGHT };
  // The order on the screen does not depend on the clock of this machine, nor do the times that are shown.
  const context =
    options.context ??
    (await browser.newContext({ viewport, colorScheme, locale, timezoneId: 'UTC', reducedMotion: 'reduce' }));
  const page = await context.newPage();
  page.setDefaultTimeout(WAIT_MS);
  const found = collectProblems(page);
  return {
    page,
    problems: () => [...found],
    expectClean(but) {
      expect(
        found.filter((problem) => !but?.test(problem)),
        `what the browser had to say about ${page.url()}`,
      ).toEqual([]);
    },
    close: () => (options.context ? page.close() : context.close()),
  };
}

function collectProblems(page: Page): string[] {
  const found: string[] = [];
  // A broken rule of the CSP is an error in the log, with the rule.
  page.on('console', (message) => {
    if (!['error', 'warning'].includes(message.type())) return;
    found.push(`${message.type()}: ${message.text()} (${message.location().url})`);
  });
  page.on('pageerror', (error) => found.push(`uncaught: ${error.stack ?? error.message}`));
  page.on('requestfailed', (request) => {
    const why = request.failure()?.errorText ?? 'unknown';
    // A page that is left or a stream that the page itself ends.
    if (why !== 'net::ERR_ABORTED') found.push(`no answer: ${request.method()} ${request.url()} ${why}`);
  });
  return found;
}

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const AXE_RULES: RunOptions = {
  runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
  resultTypes: ['violations'],
};

/**
 * What axe finds on the page as it is now, by the rules of WCAG 2.2 AA and best practice; one text for each element.
 * The debugger's door brings axe in, so that a strict CSP neither keeps it out nor has to be switched off.
 */
export async function axe(page: Page, within?: string): Promise<string[]> {
  await page.evaluate(`${AXE};undefined`);
  const call = `axe.run(${JSON.stringify(within ?? null)} ?? document, ${JSON.stringify(AXE_RULES)})`;
  const { violations } = await page.evaluate<AxeResults>(call);
  return violations.flatMap(({ id, impact, help, nodes }) =>
    nodes.map(({ target, html, failureSummary }) =>
      [`${id} (${impact}): ${help}`, `at ${target.join(' ')}: ${html.slice(0, 200)}`, failureSummary].join('\n  '),
    ),
  );
}

/** A picture of the whole page, written only when BATON_SCREENSHOTS names a folder. */
export async function screenshot(page: Page, name: string): Promise<void> {
  const folder = process.env['BATON_SCREENSHOTS'];
  if (!folder) return;
  await mkdir(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
}

/**
 * Presses Tab until the focus has gone round, and tells where it was each time: tag and accessible name, such as
 * `button Save`. Fails when it does not come round within `limit` steps.
 */
export async function tabOrder(page: Page, limit = 200): Promise<string[]> {
  const order: string[] = [];
  await page.evaluate('window.__first = undefined; document.activeElement?.blur()');
  for (let step = 0; step < limit; step += 1) {
    await page.keyboard.press('Tab');
    const name = await page.evaluate<string | null>(FOCUSED);
    if (name === null) return order;
    order.push(name);
  }
  throw new Error(`The focus does not come round in ${limit} steps: ${order.slice(-10).join(', ')}`);
}

/** Null when the focus has left the page, or is back at the first element. */
const FOCUSED = `(() => {
  const element = document.activeElement;
  if (!element || element === document.body || element === window.__first) return null;
  window.__first ??= element;
  const labelled = (element.getAttribute('aria-labelledby') ?? '').split(' ').flatMap((id) => document.getElementById(id)?.innerText ?? []);
  const name = element.getAttribute('aria-label') || labelled.join(' ') || element.labels?.[0]?.innerText ||
    element.innerText || element.title || element.id;
  return (element.tagName.toLowerCase() + ' ' + (name ?? '').trim().split('\\n')[0]).trim();
})()`;
