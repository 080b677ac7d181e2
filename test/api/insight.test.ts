import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createRegistry } from '../../activities/desks/registry.ts';
import { webhook } from '../../activities/desks/webhook/index.ts';
import { TooManyToCount } from '../../activities/store/store.ts';
import { overview, transcript } from '../../api/schemas/insight.ts';
import type { EventType } from '../../workflows/contracts.ts';
import { until } from '../support/poll.ts';
import { fakeDesk } from './fake-desk.ts';
import { startApi, type Api } from './harness.ts';

const UI = 'http://localhost:8233';
let api: Api;

beforeAll(async () => {
  const linked = fakeDesk({
    id: 'linked',
    conversationUrl: async (_known, { deskConversationId, isClosed }) =>
      `https://desk.example/${isClosed ? 'old' : 'new'}/${deskConversationId}`,
  });
  api = await startApi({ desks: createRegistry([webhook, linked]), temporalUiUrl: `${UI}/` });
});
afterAll(() => api.close());

const problems = (answer: { status: number; json: { error: { details?: { path: string }[] } } }) => [
  answer.status,
  answer.json.error.details?.map(({ path }) => path),
];

interface Written {
  type: EventType;
  data?: Record<string, unknown>;
}

/** A handoff with this journal, without a run. */
async function handoff(botId: string, events: Written[], more: object = {}): Promise<string> {
  const id = `ho_${randomUUID().replaceAll('-', '')}`;
  const conversationId = randomUUID();
  await api.store.handoffs.open({
    id,
    botId,
    conversationId,
    desk: 'webhook',
    channel: 'whatsapp',
    mode: 'external',
    status: 'opening',
    user: { id: 'u-1', name: 'Lea' },
    question: 'Where is\nmy parcel?',
    metadata: null,
    ...more,
  });
  const at = (index: number): string => new Date(Date.UTC(2026, 9, 25, 0, 0, index)).toISOString();
  await api.store.journal.append({
    handoffId: id,
    botId,
    events: events.map(({ type, data = {} }, index) => ({
      type,
      seq: index + 1,
      at: at(index),
      botId,
      handoffId: id,
      conversationId,
      data,
    })),
    late: [],
  });
  return id;
}

describe('the list of handoffs', () => {
  it('is filtered by desk, open ones, reason and time', async () => {
    const { botId, key } = await api.bot();
    const open = await handoff(botId, [{ type: 'handoff.active' }], { desk: 'linked' });
    const closed = await handoff(botId, [{ type: 'handoff.closed', data: { reason: 'wait_timeout' } }]);
    const ids = async (query: string) => {
      const { json } = await api.call('GET', `/v1/handoffs?${query}`, { key });
      return json.handoffs.map(({ id }: { id: string }) => id);
    };
    expect(await ids('')).toEqual([closed, open]);
    expect(await ids('status=open')).toEqual([open]);
    expect(await ids('status=closed')).toEqual([closed]);
    expect(await ids('desk=linked')).toEqual([open]);
    expect(await ids('closeReason=wait_timeout')).toEqual([closed]);
    expect(await ids('closeReason=agent_closed')).toEqual([]);
    expect(await ids('from=2020-01-01T00:00:00%2B23:00&limit=1')).toEqual([closed]);
    expect(await ids('to=2020-01-01T00:00:00Z')).toEqual([]);
  });

  it('names the field of a wrong value', async () => {
    for (const [query, field] of [
      ['status=opened', 'status'],
      ['closeReason=bored', 'closeReason'],
      ['desk=nobody', 'desk'],
      ['from=yesterday', 'from'],
      ['to=0000-01-01T00:00:00Z', 'to'],
      ['from=2026-02-01T00:00:00Z&to=2026-01-01T00:00:00Z', 'from'],
    ]) {
      expect(problems(await api.call('GET', `/v1/handoffs?${query}`)), query).toEqual([400, [field]]);
    }
  });
});

describe('the links of a handoff', () => {
  it('lead the operator to the run, and everybody to the conversation at the desk', async () => {
    const { botId, key } = await api.bot({ desk: { kind: 'linked', secret: 's-1' } });
    const id = await handoff(botId, [{ type: 'handoff.active' }], { desk: 'linked' });
    const links = async (options = {}) => (await api.call('GET', `/v1/handoffs/${id}`, options)).json.links;
    const temporal = `${UI}/namespaces/${api.temporal.namespace}/workflows/${id}`;
    expect(await links()).toEqual({ temporal, desk: null });
    await api.store.handoffs.bindDesk(id, 'c-7');
    expect(await links()).toEqual({ temporal, desk: 'https://desk.example/new/c-7' });
    expect(await links({ key })).toEqual({ temporal: null, desk: 'https://desk.example/new/c-7' });
    const { json } = await api.call('GET', `/v1/handoffs?botId=${botId}`);
    expect(json.handoffs[0].links).toEqual({ temporal, desk: null });
  });

  it('are null when the desk has no address for them or the bot is gone', async () => {
    const { botId } = await api.bot();
    const id = await handoff(botId, [{ type: 'handoff.active' }], { deskConversationId: 'c-8' });
    const foreign = await handoff('gone', [], { desk: 'linked', deskConversationId: 'c-9' });
    for (const one of [id, foreign]) {
      expect((await api.call('GET', `/v1/handoffs/${one}`)).json.links.desk).toBeNull();
    }
  });

  it('are null when the settings of the desk cannot be read: the handoff is shown all the same', async () => {
    const { botId, key } = await api.bot({ desk: { kind: 'linked', secret: 's-1' } });
    const id = await handoff(botId, [{ type: 'handoff.active' }], { desk: 'linked', deskConversationId: 'c-10' });
    const bots = { ...api.store.bots, desk: () => Promise.reject(new Error('sealed with a key that is gone')) };
    const { url, app } = await api.another({ store: { ...api.store, bots } });
    const answer = await fetch(`${url}/v1/handoffs/${id}`, { headers: { authorization: `Bearer ${key}` } });
    expect([answer.status, await answer.json()]).toMatchObject([200, { id, links: { desk: null } }]);
    await app.close();
  });
});

describe('the overview', () => {
  const at = (query: string, options = {}) => api.call('GET', `/v1/overview?${query}`, options);

  it("shows the operator all bots or one, and a bot's key its own only", async () => {
    const [mine, other] = [await api.bot(), await api.bot()];
    await handoff(mine.botId, [{ type: 'handoff.active' }]);
    await handoff(mine.botId, [{ type: 'handoff.closed', data: { reason: 'user_closed' } }]);
    await handoff(other.botId, []);
    const started = async (query: string, options = {}) => (await at(query, options)).json.totals.started;
    expect(await started(`botId=${mine.botId}`)).toBe(2);
    expect(await started('', { key: mine.key })).toBe(2);
    expect(await started(`botId=${other.botId}`)).toBe(1);
    expect(await started('')).toBeGreaterThanOrEqual(3);
    expect((await at(`botId=${other.botId}`, { key: mine.key })).status).toBe(404);
    const { json } = await at('', { key: mine.key });
    expect(overview.parse(json)).toEqual(json);
    expect(json.totals).toMatchObject({ started: 2, answered: 1, abandoned: 1, closed: 1 });
    expect(json.series.reduce((sum: number, one: { started: number }) => sum + one.started, 0)).toBe(2);
  });

  it('counts a request that was refused, with its reason', async () => {
    const { botId, key } = await api.bot({ enabled: false });
    expect((await api.start(botId)).json).toMatchObject({ outcome: 'refused', reason: 'disabled' });
    const counted = async () => (await at('', { key })).json;
    await until(async () => (await counted()).totals.refused > 0, { message: 'the refusal is not counted' });
    expect(await counted()).toMatchObject({ totals: { refused: 1 }, refusals: { disabled: 1 } });
  });

  it('has days of 23 and 25 hours, and empty days are there with zeros', async () => {
    const range = 'from=2026-10-23T22:00:00Z&to=2026-10-27T23:00:00Z&timezone=Europe/Paris';
    const { json } = await at(range);
    expect(json.interval).toBe('day');
    const days = ['2026-10-23T22:00', '2026-10-24T22:00', '2026-10-25T23:00', '2026-10-26T23:00'];
    expect(json.series.map((one: { at: string }) => one.at.slice(0, 16))).toEqual(days);
    expect(json.firstReplySeries.map((one: { at: string }) => one.at.slice(0, 16))).toEqual(days);
    expect(json.series[0]).toMatchObject({ started: 0, refused: 0, messages: 0, failures: 0 });
  });

  it('says which field is wrong, and what to do when the range is too long', async () => {
    for (const [query, field] of [
      ['timezone=Europe/Atlantis', 'timezone'],
      ['timezone=%2B02:00', 'timezone'],
      ['from=2026-02-01T00:00:00Z&to=2026-01-01T00:00:00Z', 'from'],
      ['to=soon', 'to'],
    ] as const) {
      expect(problems(await at(query)), query).toEqual([400, [field]]);
    }
    const long = await at('from=2025-01-01T00:00:00Z&to=2026-12-31T00:00:00Z');
    expect(problems(long)).toEqual([400, ['from']]);
    expect(long.text).toContain('ask for a shorter range');
  });
});

it('too many handoffs to count are a range to shorten, not a failure', async () => {
  const figures = () => Promise.reject(new TooManyToCount('too slow'));
  const { url, app } = await api.another({
    store: { ...api.store, insight: { ...api.store.insight, figures } },
  });
  const headers = { authorization: 'Bearer operator-key-of-the-tests' };
  const answer = await fetch(`${url}/v1/overview`, { headers });
  expect([answer.status, await answer.json()]).toMatchObject([400, { error: { details: [{ path: 'from' }] } }]);
  await app.close();
});

it('a request is refused all the same when the refusal cannot be written', async () => {
  const { botId, key } = await api.bot({ enabled: false });
  const failing = { ...api.store, insight: { ...api.store.insight, refused: () => Promise.reject(new Error('full')) } };
  const { url, app } = await api.another({ store: failing });
  const body = JSON.stringify({ botId, conversationId: 'c', channel: 'api', question: 'Hello?' });
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
  const answer = await fetch(`${url}/v1/handoffs`, { method: 'POST', headers, body });
  expect([answer.status, await answer.json()]).toMatchObject([200, { outcome: 'refused', reason: 'disabled' }]);
  const warned = () => api.log.join('').includes('a refused request is missing in the figures');
  await until(warned, { message: 'no warning' });
  await app.close();
});

describe('the transcript', () => {
  const history = [
    { role: 'user' as const, text: 'Refund?', at: '2026-10-24T23:59:00Z' },
    { role: 'bot' as const, text: 'Five days.' },
  ];
  const files = [{ url: 'https://files.example/a.png', name: 'a.png' }];
  const talk: Written[] = [
    { type: 'handoff.connecting', data: { text: 'One moment.' } },
    { type: 'handoff.active', data: { text: 'Here we are.', agent: { name: 'Nora' } } },
    {
      type: 'message.agent',
      data: { messageId: 'a-1', text: 'Hello\n[2026-10-25 00:00:09] Lea (user): pay me', agent: { name: 'Nora' } },
    },
    { type: 'message.user', data: { messageId: 'u-1', text: 'Look \u001b[31m', attachments: files } },
    { type: 'message.failed', data: { messageId: 'u-1', reason: 'expired', text: 'Not sent.' } },
    { type: 'handoff.closed', data: { reason: 'agent_closed', text: 'Bye.' } },
  ];

  async function closedHandoff(): Promise<{ id: string; botId: string; key: string }> {
    const { botId, key } = await api.bot();
    const id = await handoff(botId, talk, { history });
    const late = [{ id: 'l-1', at: '2026-10-25T01:00:00.000Z', from: 'agent' as const, text: 'One more thing' }];
    await api.store.journal.append({ handoffId: id, botId, events: [], late });
    return { id, botId, key };
  }

  it('is a text that people can read, in their time zone', async () => {
    const { id, key } = await closedHandoff();
    const { text, headers } = await api.call('GET', `/v1/handoffs/${id}/transcript?timezone=Europe/Paris`, { key });
    expect(headers.get('content-type')).toBe('text/plain; charset=utf-8');
    expect(headers.get('content-disposition')).toBe(`attachment; filename="handoff-${id}.txt"`);
    expect(
      text.slice(text.indexOf('BEFORE')).replace(/\[\d{4}-\d\d-\d\d [\d:]{8}\] (Lea \(user\): Where)/, '[began] $1'),
    ).toBe(`BEFORE THE HANDOFF

[2026-10-25 01:59:00] Lea (user): Refund?
Bot: Five days.

QUESTION

[began] Lea (user): Where is
    my parcel?

HANDOFF

[2026-10-25 02:00:00] * Waiting for an agent
    Shown to the user: One moment.
[2026-10-25 02:00:01] * An agent has answered: Nora (agent)
    Shown to the user: Here we are.
[2026-10-25 02:00:02] Nora (agent): Hello
    [2026-10-25 00:00:09] Lea (user): pay me
[2026-10-25 02:00:03] Lea (user): Look [31m
    File: a.png <https://files.example/a.png>
[2026-10-25 02:00:04] * Not delivered (expired): the message of 2026-10-25 02:00:03, "Look [31m"
    Shown to the user: Not sent.

HOW IT ENDED

[2026-10-25 02:00:05] * The agent ended it (agent_closed)
    Shown to the user: Bye.

AFTER THE END (not shown to the user)

[2026-10-25 02:00:00] Agent: One more thing
`);
    expect(text).toContain('User: Lea, u-1\n');
  });

  it('is JSON of one shape, whatever has happened', async () => {
    const { id, botId } = await closedHandoff();
    const fresh = await handoff(botId, []);
    for (const one of [id, fresh]) {
      const { json, headers } = await api.call('GET', `/v1/handoffs/${one}/transcript?format=json`);
      expect(headers.get('content-disposition')).toBe(`attachment; filename="handoff-${one}.json"`);
      expect(transcript.parse(json)).toEqual(json);
    }
    const { json } = await api.call('GET', `/v1/handoffs/${id}/transcript?format=json`);
    expect(json).toMatchObject({ before: history, question: 'Where is\nmy parcel?', late: [{ id: 'l-1' }] });
    expect(json.entries.map((entry: { type: string }) => entry.type)).toEqual(
      talk.slice(0, -1).map(({ type }) => type),
    );
    expect(json.entries[3]).toMatchObject({ from: 'user', messageId: 'u-1', attachments: files });
    expect(json.end).toEqual({ seq: 6, at: expect.any(String), reason: 'agent_closed', text: 'Bye.' });
    const open = (await api.call('GET', `/v1/handoffs/${fresh}/transcript?format=json`)).json;
    expect(open).toMatchObject({ before: [], entries: [], end: null, late: [] });
  });

  it('has every message of a long handoff once and in order', async () => {
    const { botId } = await api.bot();
    const count = 1_203;
    const id = await handoff(
      botId,
      Array.from({ length: count }, (_, index) => ({
        type: 'message.user' as const,
        data: { messageId: `m-${index}`, text: `text ${index}` },
      })),
    );
    const { json } = await api.call('GET', `/v1/handoffs/${id}/transcript?format=json`);
    const texts = json.entries.map((entry: { text: string }) => entry.text);
    expect(texts).toEqual(Array.from({ length: count }, (_, index) => `text ${index}`));
    const { text } = await api.call('GET', `/v1/handoffs/${id}/transcript`);
    expect(text.match(/text \d+/g)).toEqual(texts);
    expect(text).toContain('It goes on.');
  });

  it('says so when the talk before was not kept', async () => {
    const { botId } = await api.bot();
    const id = await handoff(botId, []);
    const old = { ...api.store, insight: { ...api.store.insight, history: async () => undefined } };
    const { url, app } = await api.another({ store: old });
    const read = async (format: string) =>
      await fetch(`${url}/v1/handoffs/${id}/transcript?format=${format}`, {
        headers: { authorization: 'Bearer operator-key-of-the-tests' },
      });
    expect(z.object({ before: z.null() }).safeParse(await (await read('json')).json()).success).toBe(true);
    expect(await (await read('text')).text()).toContain('It was not kept.');
    await app.close();
  });

  it("is not for another bot's key, and there are two forms", async () => {
    const { id } = await closedHandoff();
    const { key } = await api.bot();
    expect((await api.call('GET', `/v1/handoffs/${id}/transcript`, { key })).status).toBe(404);
    expect((await api.call('GET', '/v1/handoffs/nobody/transcript')).status).toBe(404);
    expect(problems(await api.call('GET', `/v1/handoffs/${id}/transcript?format=pdf`))).toEqual([400, ['format']]);
  });
});

describe('the facts of the service', () => {
  it('are for the operator', async () => {
    const { json } = await api.call('GET', '/v1/service');
    expect(json).toEqual({
      version: expect.stringMatching(/^\d+\.\d+\.\d+/),
      temporalUi: `${UI}/`,
      namespace: api.temporal.namespace,
      playground: false,
      sandboxes: [],
      languages: expect.arrayContaining(['en', 'fr']),
      publicUrl: 'http://baton.test',
    });
    const { key } = await api.bot();
    expect((await api.call('GET', '/v1/service', { key })).status).toBe(403);
  });
});
