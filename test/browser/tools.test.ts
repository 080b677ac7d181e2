import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { axe, openBrowser, tabOrder, type Browser, type BrowserPage } from '../support/browser.ts';
import { until } from '../support/poll.ts';

const page = (body: string): string =>
  `<!doctype html><html lang="en"><head><title>A page</title><link rel="icon" href="data:,"></head>
  <body><main><h1>A page</h1>${body}</main></body></html>`;
const PAGES: Record<string, string> = {
  '/good': page(
    '<label for="a">Name</label><input id="a"><button>Save</button><a href="/good" aria-label="Back to the list">x</a>',
  ),
  '/inline': page('<script>document.title = "never"</script>'),
  '/error': page('<script src="/error.js"></script>'),
  '/error.js': 'console.error("it is broken"); setTimeout(() => { throw new Error("nobody caught it") })',
  '/missing': page('<img alt="nothing" src="/not-there.png">'),
  '/dead': page('<script src="/dead.js"></script>'),
  '/unlabelled': page('<input><p style="color: #bbb">hard to read</p>'),
  '/trap': page('<button>One</button><script src="/trap.js"></script>'),
  '/trap.js': `document.addEventListener('keydown', () => {
    const next = document.createElement('button');
    next.textContent = 'another';
    document.querySelector('main').append(next);
  });`,
};

let browser: Browser;
let server: Server;
let url: string;

beforeAll(async () => {
  server = createServer((request, response) => {
    if (request.url === '/dead.js') return void request.socket.destroy();
    const body = PAGES[request.url!];
    const type = request.url!.endsWith('.js') ? 'text/javascript' : 'text/html; charset=utf-8';
    const styles = request.url === '/unlabelled' ? "; style-src 'unsafe-inline'" : '';
    response.writeHead(body === undefined ? 404 : 200, {
      'content-type': type,
      'content-security-policy': `default-src 'self'; img-src 'self' data:${styles}`,
    });
    response.end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  browser = await openBrowser();
});
afterAll(async () => {
  await browser?.close();
  server?.closeAllConnections();
  server?.close();
});

async function onPage(path: string, work: (shown: BrowserPage) => Promise<void>): Promise<void> {
  const shown = await browser.newPage();
  await shown.page.goto(url + path);
  await work(shown);
  await shown.close();
}

describe('the tools of the browser tests', () => {
  it('find nothing on a page without faults, also under a strict CSP', async () => {
    await onPage('/good', async ({ page, expectClean }) => {
      expect(await axe(page)).toEqual([]);
      expect(await tabOrder(page)).toEqual(['input Name', 'button Save', 'a Back to the list']);
      expectClean();
    });
  });

  it.each([
    ['a script that the CSP keeps out', '/inline', [/Content Security Policy/]],
    ['an error in the log and one that nobody caught', '/error', [/it is broken/, /nobody caught it/]],
    ['a file that is not there', '/missing', [/404.*not-there\.png/]],
    ['a request without an answer', '/dead', [/no answer: GET .*dead\.js/]],
  ])('fail on %s', async (_, path, says) => {
    await onPage(path, async ({ problems, expectClean }) => {
      for (const pattern of says)
        await until(() => problems().some((problem) => pattern.test(problem)), {
          message: () => `${pattern} in ${JSON.stringify(problems())}`,
        });
      expect(() => expectClean()).toThrow();
      expect(() => expectClean(/./)).not.toThrow();
    });
  });

  it('name what people cannot read or operate, and where it is', async () => {
    await onPage('/unlabelled', async ({ page }) => {
      const found = await axe(page);
      expect(found.map((text) => text.split(' ')[0])).toEqual(['color-contrast', 'label']);
      expect(found[1]).toContain('<input>');
    });
  });

  it('fail when the focus never comes round', async () => {
    await onPage('/trap', async ({ page }) => {
      await expect(tabOrder(page, 20)).rejects.toThrow('does not come round');
    });
  });
});
