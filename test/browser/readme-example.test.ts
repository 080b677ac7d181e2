import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { freePort } from '../../worker/local/processes.ts';
import { openBrowser, type Browser } from '../support/browser.ts';
import { sharedBaton, type Link } from '../support/console.ts';
import { until } from '../support/poll.ts';
import { runExample } from '../support/readme-examples.ts';
import { operatorOf } from './console-page.ts';

let browser: Browser;
let baton: Link;

beforeAll(async () => {
  [browser, baton] = await Promise.all([openBrowser(), sharedBaton()]);
});
afterAll(() => browser?.close());

/** A bot at the simulated Webhook desk whose agent says only what the test has him say. */
async function quietBot() {
  const api = operatorOf(baton);
  const desk = (path: string, body: unknown) => api('POST', `/sandbox/webhook/_control/${path}`, body);
  const botId = `readme-${randomUUID().slice(0, 8)}`;
  const settings = await api<Record<string, unknown>>('GET', '/sandbox/webhook/_control/settings');
  await api('PUT', `/v1/bots/${botId}`, { enabled: true, desk: { kind: 'webhook', ...settings } });
  const { key } = await api<{ key: string }>('POST', `/v1/bots/${botId}/keys`, {});
  await desk('connect', { botId, apiKey: key });
  await desk('script', { botId, name: 'silent' });
  return { botId, key, api, desk };
}

describe('the browser example of the README', () => {
  it('shows a handoff as it goes, also over a lost connection, each line once', async () => {
    const { botId, key, api, desk } = await quietBot();
    const start = { botId, conversationId: 'c-1', channel: 'api', question: 'Is somebody there?' };
    const { handoff } = await api<{ handoff: { id: string } }>('POST', '/v1/handoffs', start);
    const reply = (text: string) => desk('reply', { conversationId: handoff.id, text });
    const PORT = String(await freePort());
    const address = `http://127.0.0.1:${PORT}/`;
    const env = { BATON_URL: baton.address, BATON_KEY: key, HANDOFF_ID: handoff.id, PORT };
    const first = await runExample('browser', env);
    await until(() => fetch(address), { message: 'the example listens' });

    const { page, expectClean, close } = await browser.newPage();
    await page.goto(address);
    await page.getByText('One moment, please.').waitFor();
    await reply('Hello, this is Nora.');
    await page.getByText('Hello, this is Nora.').waitFor();

    await first.stop();
    await reply('Are you still there?');
    const second = await runExample('browser', env);
    await page.getByText('Are you still there?').waitFor();
    await desk('close', { conversationId: handoff.id });
    await page.getByText('Our team has ended the conversation.').waitFor();
    expect(await page.getByRole('listitem').allTextContents()).toEqual([
      expect.stringContaining('One moment, please.'),
      expect.stringContaining('You are now talking'),
      'Hello, this is Nora.',
      'Are you still there?',
      expect.stringContaining('Our team has ended'),
    ]);
    // What the test has brought about itself: the connection that was cut.
    expectClean(/ERR_|no answer: /);
    expect(second.output()).toBe('');
    await close();
    await second.stop();
  });
});
