import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../../worker/local/processes.ts';
import { CALLBACK_SECRET } from '../support/callback.ts';
import { until } from '../support/poll.ts';
import { readmeExamples, runExample, type RunningExample } from '../support/readme-examples.ts';
import { read } from '../architecture/sources.ts';
import { openStream, startApi, type Api } from './harness.ts';

let api: Api;
const running: RunningExample[] = [];

beforeAll(async () => {
  api = await startApi();
  await api.work();
});
afterAll(async () => {
  await Promise.all(running.map((example) => example.stop()));
  await api.close();
});

/** As a reader has it: the address, a key of his bot, and what the example asks for besides. */
async function run(name: string, bot: { botId: string; key: string }, more: Record<string, string> = {}) {
  const env = { BATON_URL: api.url, BATON_KEY: bot.key, BOT_ID: bot.botId, ...more };
  const example = await runExample(name, env);
  running.push(example);
  const prints = (what: string): Promise<boolean> =>
    until(() => example.output().includes(what), { message: () => `${name} prints ${what}: ${example.output()}` });
  return { example, prints };
}

const newest = async (botId: string): Promise<string> =>
  await until(async () => (await api.store.handoffs.list({ botId, limit: 1 })).handoffs[0]?.id, { message: 'started' });

describe('the examples of the README', () => {
  it('are all run here', () => {
    const named = readmeExamples().map(({ name, language }) => `${language} ${name}`);
    expect(named).toEqual(['js function-calling', 'js mcp', 'js callback', 'js browser']);
    expect(read('README.md').match(/^```js$/gm)).toHaveLength(named.length);
  });

  it('function-calling: stops the model when the desk has it, and lets it speak when nobody comes', async () => {
    const open = await api.bot();
    const closed = await api.bot({ enabled: true, hours: NEVER, outOfHoursReply: 'We open in 2099.' });
    const [started, refused] = await Promise.all([run('function-calling', open), run('function-calling', closed)]);
    expect([await started.example.exited, await refused.example.exited]).toEqual([0, 0]);
    const result = JSON.parse(started.example.output());
    expect(result).toMatchObject({
      outcome: 'started',
      handoff: { status: 'connecting', question: 'Is somebody there?' },
    });
    expect(refused.example.output()).toBe('We open in 2099.\n');
  });

  it('mcp: asks, and follows the agent to the end', async () => {
    const bot = await api.bot({ texts: { en: { closed_by_agent: 'All done.' } } });
    const { example, prints } = await run('mcp', bot);
    await prints('4 started One moment, please.');
    const handoffId = await newest(bot.botId);
    await api.desk.reply(handoffId, 'Hello, this is Nora.');
    await prints('agent: Hello, this is Nora.');
    await api.desk.close(handoffId);
    expect(await example.exited, example.output()).toBe(0);
    expect(example.output()).toContain('All done.');
  });

  it('callback: takes what is ours, once, and nothing else', async () => {
    const port = await freePort();
    const url = `http://127.0.0.1:${port}/`;
    const bot = await api.bot({ callback: { url } });
    const { example, prints } = await run('callback', bot, { CALLBACK_SECRET, PORT: String(port) });
    await until(async () => (await fetch(url, { method: 'POST', body: '{}' }).catch(() => undefined))?.status === 400, {
      message: 'it refuses what is not signed',
    });
    await api.start(bot.botId);
    await prints('handoff.connecting One moment, please.');
    await api.desk.close(await newest(bot.botId));
    await prints('handoff.closed');
    expect(example.output().match(/handoff\.connecting/g)).toHaveLength(1);
  });

  it('browser: serves a page, and passes on the stream from where the browser was', async () => {
    const bot = await api.bot();
    const HANDOFF_ID: string = (await api.start(bot.botId, {}, { headers: { prefer: 'wait=20' } })).json.handoff.id;
    await api.desk.close(HANDOFF_ID);
    const port = await freePort();
    const { example } = await run('browser', bot, { HANDOFF_ID, PORT: String(port) });
    const url = `http://127.0.0.1:${port}`;
    const page = await until(async () => (await fetch(url).catch(() => undefined))?.text(), { message: 'it listens' });
    expect(page).toContain("new EventSource('/events')");
    expect(page).not.toContain(bot.key);
    const whole = await openStream(`${url}/events`, 'no key');
    await whole.ended;
    const types = whole.messages.flatMap(({ event }) => event ?? []);
    expect([types[0], types.at(-1)]).toEqual(['handoff.connecting', 'handoff.closed']);
    const rest = await openStream(`${url}/events`, 'no key', { 'last-event-id': '1' });
    await rest.ended;
    expect(rest.messages.flatMap(({ event }) => event ?? [])).toEqual(types.slice(1));
    expect(example.output()).toBe('');
  });
});

const NEVER = { timezone: 'UTC', periods: [{ kind: 'date', date: '2099-01-05', from: '09:00', to: '12:00' }] };
