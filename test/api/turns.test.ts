import { randomUUID } from 'node:crypto';
import { request } from 'node:http';
import { pino } from 'pino';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createRegistry } from '../../activities/desks/registry.ts';
import { webhook } from '../../activities/desks/webhook/index.ts';
import { createStore } from '../../activities/store/store.ts';
import { freePort } from '../../worker/local/processes.ts';
import { until } from '../support/poll.ts';
import { deliverTo, type FakeEvent, hookPath, SECRET, sign } from './fake-desk.ts';
import { type Answer, startApi, type Api } from './harness.ts';
import { turnDesk, type TurnAnswer } from './turn-desk.ts';

const CHANNEL = 'messenger-of-signed';
const PATIENT_MS = 15_000;
const HASTY_MS = 1_500;

let api: Api;
/** As another process has it: the desk calls here, the bot speaks at `api`, and the worker has a store of its own. */
let other: Pick<Api, 'call'>;
let patient: string;
let hasty: string;
let paths: Record<string, string>;
let conversation: string;

beforeAll(async () => {
  const desks = createRegistry([webhook, turnDesk('patient', PATIENT_MS), turnDesk('hasty', HASTY_MS)]);
  api = await startApi({ desks });
  await api.work();
  const { url } = await api.another();
  other = { call: (method, path, options) => api.call(method, `${url}${path}`, options) };
  const botOn = async (kind: string): Promise<string> =>
    (await api.bot({ mode: 'native', desk: { kind, secret: SECRET } })).botId;
  [patient, hasty] = [await botOn('patient'), await botOn('hasty')];
  paths = { [patient]: await hookPath(api, patient), [hasty]: await hookPath(api, hasty) };
});
afterAll(() => api.close());
beforeEach(() => {
  conversation = `talk-${randomUUID()}`;
});

const event = (id: string, more: Partial<FakeEvent> = {}): FakeEvent => ({
  id: `${conversation}-${id}`,
  conversation,
  kind: 'userMessage',
  text: id,
  ...more,
});
const ask = (bot: string, ...events: FakeEvent[]): Promise<Answer> => deliverTo(other, paths[bot] ?? '', events);
const answerOf = async (call: Promise<Answer>): Promise<TurnAnswer> => {
  const { status, json, text } = await call;
  expect(status, text).toBe(201);
  return json;
};
const known = (bot: string): Promise<unknown> =>
  until(() => api.store.conversations.find(bot, bot === patient ? 'patient' : 'hasty', conversation), {
    message: 'the conversation is known',
  });
const speak = async (bot: string, text: string): Promise<void> => {
  const said = await api.call('POST', `/v1/bots/${bot}/conversations/${conversation}/messages`, { body: { text } });
  expect(said.status, said.text).toBe(202);
};
const items = async (bot: string, desk: string): Promise<{ item: { text?: string }; takenBy?: string }[]> => {
  const box = await api.store.memory(bot, desk).get<{ items: [] }>(`mailbox.${conversation}`);
  return box?.items ?? [];
};

describe('a desk that waits for the bot', () => {
  it("is answered in the desk's own form with what the bot says meanwhile in another process", async () => {
    const call = ask(patient, event('hello'));
    await known(patient);
    await speak(patient, 'Hello yourself.');
    const { status, headers, json } = await call;
    expect([status, json]).toEqual([201, { said: ['Hello yourself.'], then: 'bot' }]);
    expect([headers.get('content-type'), headers.get('x-account')]).toEqual(['application/vnd.turn+json', 'none']);
    await until(async () => (await items(patient, 'patient')).length === 1, { message: 'one item' });
  });

  it('gets both of two messages in one answer', async () => {
    const call = ask(patient, event('hello'));
    await known(patient);
    await Promise.all([speak(patient, 'one'), speak(patient, 'two')]);
    expect((await answerOf(call)).said.toSorted()).toEqual(['one', 'two']);
  });

  it('gets the same again for the same turn, and the bot hears of it once', async () => {
    const call = ask(patient, event('hello'));
    await known(patient);
    await speak(patient, 'first');
    const first = await answerOf(call);
    const next = ask(patient, event('and now?'));
    await speak(patient, 'second');
    expect(await answerOf(next)).toEqual({ said: ['second'], then: 'bot' });
    expect(await answerOf(ask(patient, event('hello')))).toEqual(first);
    const { json } = await api.call('GET', `/v1/bots/${patient}/conversations/${conversation}/events`);
    const heard = json.events.filter((one: { data: { from?: string } }) => one.data.from === 'user');
    expect(heard.map((one: { data: { text: string } }) => one.data.text)).toEqual(['hello', 'and now?']);
  });

  it('gets its word for nothing within its time, and what comes later with the next turn', async () => {
    const before = performance.now();
    expect(await answerOf(ask(hasty, event('hello')))).toEqual({ said: [], then: 'bot' });
    expect(performance.now() - before).toBeLessThan(HASTY_MS + 5_000);
    await speak(hasty, 'sorry, I was slow');
    await until(async () => (await items(hasty, 'hasty')).length === 1, { message: 'the item lies there' });
    expect((await answerOf(ask(hasty, event('still there?')))).said).toEqual(['sorry, I was slow']);
  });

  it('gets the handoff, with what the bot has said before it', async () => {
    const call = ask(patient, event('a human please'));
    await known(patient);
    await speak(patient, 'I call somebody.');
    await until(async () => (await items(patient, 'patient')).some(({ takenBy }) => takenBy !== undefined), {
      everyMs: 5,
      message: 'the message is taken',
    });
    const started = await api.start(patient, { conversationId: conversation, channel: CHANNEL });
    expect(started.json.outcome).toBe('started');
    const answer = await answerOf(call);
    // How fast the opening is decides whether it is in this answer or in that of the next turn.
    expect(answer.said).toEqual(['I call somebody.']);
    const then = answer.then === 'handoff' ? answer : await answerOf(ask(patient, event('hello?')));
    expect(then.then).toBe('handoff');
    await until(
      async () => (await api.call('GET', `/v1/handoffs/${started.json.handoff.id}`)).json.status === 'connecting',
      { message: 'the handoff is open at the desk' },
    );
  });

  it('that reports something without a turn is answered at once', async () => {
    const before = performance.now();
    const { status, json } = await ask(patient, event('read', { kind: 'read' }));
    expect([status, json]).toEqual([200, {}]);
    expect(performance.now() - before).toBeLessThan(PATIENT_MS - 1_000);
  });

  it('is refused before any turn: wrong signature 401, a turn that cannot be read 400', async () => {
    const forged = await deliverTo(other, paths[patient] ?? '', [event('x')], { signature: 'forged' });
    expect(forged.status).toBe(401);
    expect((await ask(patient, event('x', { text: 'a turn that cannot be read' }))).status).toBe(400);
  });

  it('that hangs up takes nothing: what is said then is for the next turn', async () => {
    const { url, app } = await api.another();
    const noticed = new Promise<void>((resolve) => {
      app.server.once('connection', (socket) => socket.once('close', () => resolve()));
    });
    const body = JSON.stringify([event('hello')]);
    const headers = { 'x-signature': sign(SECRET, body) };
    const call = request(`${url}${paths[patient]}`, { method: 'POST', headers, agent: false });
    call.on('error', () => undefined).end(body);
    await known(patient);
    call.destroy();
    await noticed;
    await speak(patient, 'are you there?');
    await until(async () => (await items(patient, 'patient')).length === 1, { message: 'the item lies there' });
    expect(await items(patient, 'patient')).toMatchObject([{ item: { text: 'are you there?' } }]);
    expect((await items(patient, 'patient'))[0]?.takenBy).toBeUndefined();
    expect((await answerOf(ask(patient, event('yes')))).said).toEqual(['are you there?']);
    await app.close();
  });

  it('is not kept waiting by an app that closes', async () => {
    const { url, app } = await api.another();
    const call = deliverTo({ call: (m, p, o) => api.call(m, `${url}${p}`, o) }, paths[patient] ?? '', [event('hello')]);
    await known(patient);
    const before = performance.now();
    await app.close();
    expect(await answerOf(call)).toEqual({ said: [], then: 'bot' });
    expect(performance.now() - before).toBeLessThan(PATIENT_MS - 2_000);
  });
});

describe('while the store is away', () => {
  it('the desk gets its word for nothing in time, once the event was kept; the bot is heard in the next turn', async () => {
    const client = new pg.Client({ connectionString: api.databaseUrl });
    await client.connect();
    await client.query('begin');
    await client.query('lock table desk_memory in access exclusive mode');
    const before = performance.now();
    expect(await answerOf(ask(hasty, event('hello')))).toEqual({ said: [], then: 'bot' });
    expect(performance.now() - before).toBeLessThan(HASTY_MS + 5_000);
    await client.query('rollback');
    await client.end();
    await known(hasty);
    await speak(hasty, 'back again');
    await until(async () => (await items(hasty, 'hasty')).length === 1, { message: 'the item lies there' });
    expect((await answerOf(ask(hasty, event('and now?')))).said).toEqual(['back again']);
  });

  it('the desk gets 503 when the event could not be kept', async () => {
    const databaseUrl = `postgres://nobody:none@127.0.0.1:${await freePort()}/none`;
    const store = createStore({ databaseUrl, secretKeys: api.secretKeys, log: pino({ level: 'silent' }) });
    const { url } = await api.another({ store });
    const lost: Pick<Api, 'call'> = { call: (method, path, options) => api.call(method, `${url}${path}`, options) };
    const { status, headers } = await deliverTo(lost, paths[hasty] ?? '', [event('hello')]);
    expect([status, headers.get('retry-after')]).toEqual([503, '2']);
    await store.close();
  });
});
