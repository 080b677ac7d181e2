import { randomUUID } from 'node:crypto';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { text } from 'node:stream/consumers';
import { ServiceError, type Client } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRegistry } from '../../activities/desks/registry.ts';
import { webhook } from '../../activities/desks/webhook/index.ts';
import type { EventType } from '../../workflows/contracts.ts';
import { until } from '../support/poll.ts';
import { fakeDesk, SECRET } from './fake-desk.ts';
import { OPERATOR_KEY, startApi, type Api } from './harness.ts';
import { connectModel, type Model } from './mcp-client.ts';

let api: Api;
let own: { botId: string; key: string };
let model: Model;

beforeAll(async () => {
  api = await startApi({ desks: createRegistry([webhook, fakeDesk()]) });
  own = await api.bot({ trigger: 'Call this when the user is angry.', texts: { en: { connecting: 'Hold on.' } } });
  model = await connectModel(api.url, own.key);
});
afterAll(() => api.close());

const conversation = (): string => `conv-${randomUUID()}`;
const ask = (more: Record<string, unknown> = {}) => ({
  conversationId: conversation(),
  question: 'A person?',
  ...more,
});
const modelOf = async (settings: Record<string, unknown>): Promise<Model> =>
  await connectModel(api.url, (await api.bot(settings)).key);

describe('the list of tools', () => {
  it.each(['legacy', 'auto'] as const)('has the four with schemas and hints (%s)', async (era) => {
    const { client } = await connectModel(api.url, own.key, era);
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name)).toEqual([
      'request_handoff',
      'handoff_status',
      'send_user_message',
      'end_handoff',
    ]);
    for (const tool of tools) {
      expect(tool.description?.length, tool.name).toBeGreaterThan(60);
      expect([tool.inputSchema.type, tool.outputSchema?.type], tool.name).toEqual(['object', 'object']);
      expect(JSON.stringify(tool), 'not every provider follows references').not.toContain('$ref');
      expect(tool.inputSchema.required ?? []).not.toContain('botId');
    }
    expect(tools.filter((tool) => tool.annotations?.readOnlyHint).map(({ name }) => name)).toEqual(['handoff_status']);
    expect(client.getInstructions()).toContain('word for word');
    await client.close();
  });

  it('names the bot where the operator asks', async () => {
    const { client } = await connectModel(api.url, OPERATOR_KEY);
    const { tools } = await client.listTools();
    for (const tool of tools) expect(tool.inputSchema.required, tool.name).toContain('botId');
  });

  it("has the bot's tool as every other form gives it", async () => {
    const { tools } = await model.client.listTools();
    const { json } = await api.call('GET', `/v1/bots/${own.botId}/tool`, { key: own.key });
    const { name, title, description, inputSchema } = tools[0]!;
    expect(json.mcp).toEqual({ name, title, description, inputSchema });
    expect(description).toContain('Call this when the user is angry.');
    const { parameters, ...head } = json.openai.function;
    expect(head).toEqual({ name, description });
    expect(json.anthropic).toEqual({ name, description, input_schema: parameters });
    const asked = inputSchema.properties as Record<string, { type: string; description: string; enum?: string[] }>;
    for (const [field, schema] of Object.entries(parameters.properties as typeof asked)) {
      const { type, description: said, enum: choices } = asked[field] ?? {};
      expect({ type, description: said, ...(choices && { enum: choices }) }, field).toEqual(schema);
    }
    expect(inputSchema.required).toEqual(expect.arrayContaining(parameters.required));
  });
});

describe('a request that gets no human', () => {
  it('is refused out of hours, with the next opening and the words for the user in his language', async () => {
    const closed = await modelOf({
      hours: { timezone: 'UTC', periods: [{ kind: 'date', date: '2099-01-05', from: '09:00', to: '12:00' }] },
      texts: { fr: { out_of_hours: 'Revenez lundi.' } },
    });
    const result = await closed.use('request_handoff', ask({ user: { locale: 'fr-CA' } }));
    expect(result).toMatchObject({
      outcome: 'refused',
      reason: 'out_of_hours',
      nextOpening: '2099-01-05T09:00:00.000Z',
      say: 'Revenez lundi.',
      botMustBeSilent: false,
      isError: false,
    });
    expect(result.handoffId).toBeUndefined();
  });

  it('is refused with the reason of the API, and with a true sentence', async () => {
    const signed = { kind: 'signed', secret: SECRET };
    const cases = [
      [{ enabled: false }, {}, 'disabled'],
      [{ desk: null }, {}, 'not_configured'],
      [{ mode: 'native', desk: signed }, { channel: 'whatsapp' }, 'channel_not_supported'],
    ] as const;
    for (const [settings, more, reason] of cases) {
      const result = await (await modelOf({ ...settings })).use('request_handoff', ask(more));
      expect(result, reason).toMatchObject({ outcome: 'refused', reason, botMustBeSilent: false });
      expect(result.say, reason).toBe(
        'Sorry, our team cannot be reached at the moment. I will go on helping you here.',
      );
    }
  });
});

/** No worker runs yet, so no desk decides anything. */
describe('a request that the desk has not decided', () => {
  it('is pending and has no words that a human comes', async () => {
    const args = ask({ waitSeconds: 0 });
    const result = await model.use('request_handoff', args);
    expect(result).toMatchObject({ outcome: 'pending', status: 'opening', say: null, botMustBeSilent: true });
    const again = await model.use('request_handoff', args);
    expect([again.outcome, again.handoffId]).toEqual(['pending', result.handoffId]);
    const status = await model.use('handoff_status', { conversationId: args.conversationId });
    expect(status).toMatchObject({
      outcome: 'open',
      say: null,
      events: [],
      agentMessages: [],
      lastSeq: 0,
      more: false,
    });
  });

  it('goes on when the model hangs up, and the next call finds it', async () => {
    const args = ask({ waitSeconds: 40 });
    const hangUp = new AbortController();
    const asked = model.use('request_handoff', args, hangUp.signal);
    const refused = expect(asked).rejects.toThrow();
    await until(async () => (await listed(args.conversationId)).length === 1, { message: 'the row is there' });
    hangUp.abort();
    await refused;
    const again = await model.use('request_handoff', { ...args, waitSeconds: 0 });
    expect(again.handoffId).toBe((await listed(args.conversationId))[0]?.id);
    expect(api.log.filter((line) => JSON.parse(line).level >= 40)).toEqual([]);
  });

  it('does not keep an app that closes', async () => {
    const { app, url } = await api.another();
    const patient = await connectModel(url, own.key, 'legacy');
    const args = ask({ waitSeconds: 40 });
    const asked = patient.use('request_handoff', args);
    await until(async () => (await listed(args.conversationId)).length === 1, { message: 'the row is there' });
    const began = Date.now();
    await app.close();
    expect(Date.now() - began).toBeLessThan(20_000);
    expect((await asked).outcome).toBe('pending');
  });

  it("takes the user's choice to wait only while he is asked", async () => {
    const { handoffId } = await model.use('request_handoff', ask({ waitSeconds: 0 }));
    const early = await model.use('send_user_message', { handoffId, waitChoice: 'wait' });
    expect(early).toMatchObject({ isError: true, outcome: 'failed', error: { code: 'wait_not_asked' } });
    const choices = [
      { choice: 'wait', text: 'Keep waiting' },
      { choice: 'end', text: 'Stop waiting' },
    ];
    await journaled(handoffId!, 'handoff.wait_timeout', { text: 'Still waiting?', choices });
    const asked = await model.use('handoff_status', { handoffId });
    expect(asked).toMatchObject({ status: 'asking', say: 'Still waiting?', choices, botMustBeSilent: true });
    const taken = await model.use('send_user_message', { handoffId, waitChoice: 'wait' });
    expect(taken).toMatchObject({ outcome: 'accepted', isError: false });
    expect(taken.messageId).toBeUndefined();
  });

  it('passes on what desks tell of agents and files, also what no schema knows', async () => {
    const { handoffId } = await model.use('request_handoff', ask({ waitSeconds: 0 }));
    const agent = { id: 'a1', name: 'Nora', team: 'Blue' };
    const attachments = [{ url: 'desk-file:4471', size: 3 }];
    await journaled(handoffId!, 'message.agent', { messageId: 'm', text: 'Look.', agent, attachments });
    const { agentMessages, say } = await model.use('handoff_status', { handoffId });
    expect(agentMessages).toMatchObject([{ messageId: 'm', text: 'Look.', agent, attachments }]);
    expect(say).toBeNull();
  });

  it('gives no place to go on from behind words that it has not told', async () => {
    const args = ask({ waitSeconds: 0 });
    const { handoffId, lastSeq } = await model.use('request_handoff', args);
    expect(lastSeq).toBe(0);
    await journaled(handoffId!, 'message.agent', { messageId: 'm', text: 'Here I am.', agent: null });
    const again = await model.use('request_handoff', args);
    const { agentMessages } = await model.use('handoff_status', { handoffId, after: again.lastSeq ?? lastSeq });
    expect(agentMessages).toMatchObject([{ text: 'Here I am.' }]);
    const ending = await model.use('end_handoff', { handoffId, waitSeconds: 0 });
    expect([ending.outcome, ending.lastSeq]).toEqual(['ending', undefined]);
  });

  it('refuses a place to go on from that no journal reaches', async () => {
    const { handoffId } = await model.use('request_handoff', ask({ waitSeconds: 0 }));
    const refused = await model.client.callTool({ name: 'handoff_status', arguments: { handoffId, after: 2 ** 31 } });
    expect([refused.isError, JSON.stringify(refused.content)]).toEqual([true, expect.stringContaining('after')]);
  });
});

/** As if the workflow had written it as its first event. */
async function journaled(handoffId: string, type: EventType, data: Record<string, unknown>): Promise<void> {
  const { botId, conversationId } = (await api.store.handoffs.get(handoffId))!;
  const event = { type, seq: 1, at: new Date().toISOString(), botId, handoffId, conversationId, data };
  await api.store.journal.append({ handoffId, botId, late: [], events: [event] });
}

const listed = async (conversationId: string) =>
  (await api.store.handoffs.list({ botId: own.botId, conversationId, limit: 5 })).handoffs;

describe('with a worker', () => {
  beforeAll(() => api.work());

  it('gets the offers of the bot with their words, and what the user chooses', async () => {
    const closed = await modelOf({
      hours: { timezone: 'UTC', periods: [{ kind: 'date', date: '2099-01-05', from: '09:00', to: '12:00' }] },
      leaveMessage: true,
      connectAtOpening: true,
    });
    const refused = await closed.use('request_handoff', ask({}));
    expect(refused).toMatchObject({
      outcome: 'refused',
      offers: [
        { kind: 'message', text: 'Leave a message' },
        { kind: 'next_opening', text: expect.any(String) },
      ],
      whatToDo: expect.stringContaining('call request_handoff again with that `kind`'),
    });
    const left = await closed.use('request_handoff', ask({ kind: 'message', waitSeconds: 20 }));
    expect(left).toMatchObject({
      outcome: 'message_left',
      say: 'Your message has reached our team. They will get back to you.',
      botMustBeSilent: false,
      packet: { outcome: 'message_left' },
    });
    const waits = await closed.use('request_handoff', ask({ kind: 'next_opening', waitSeconds: 20 }));
    expect(waits).toMatchObject({
      outcome: 'scheduled',
      opensAt: '2099-01-05T09:00:00.000Z',
      say: expect.stringContaining('as soon as they are back'),
      botMustBeSilent: false,
    });
    const ended = await closed.use('end_handoff', { handoffId: waits.handoffId, waitSeconds: 20 });
    expect(ended).toMatchObject({ outcome: 'closed', closeReason: 'user_closed' });
  });

  it('is told that a message still waits for the desk, and may go on', async () => {
    const bot = await modelOf({ leaveMessage: true, desk: { kind: 'webhook', url: 'http://127.0.0.1:9' } });
    const asked = await bot.use('request_handoff', ask({ kind: 'message', waitSeconds: 0 }));
    expect(asked).toMatchObject({ outcome: 'pending', say: null, botMustBeSilent: false });
    expect(asked.whatToDo).toContain('do not say that they have it');
    await bot.use('end_handoff', { handoffId: asked.handoffId, waitSeconds: 20 });
  });

  it.each(['legacy', 'auto'] as const)('carries a whole handoff (%s)', async (era) => {
    const talking = await connectModel(api.url, own.key, era);
    const conversationId = conversation();
    const started = await talking.use('request_handoff', ask({ conversationId, waitSeconds: 20 }));
    expect(started).toMatchObject({
      outcome: 'started',
      status: 'connecting',
      say: 'Hold on.',
      botMustBeSilent: true,
    });
    const handoffId = started.handoffId!;
    await api.desk.reply(handoffId, 'Hello, this is Nora.', { agent: { id: 'a1', name: 'Nora' } });
    const news = await talking.use('handoff_status', { handoffId, after: 1, waitSeconds: 20 });
    const rest = news.agentMessages?.length === 0 ? { after: news.lastSeq, waitSeconds: 20 } : { after: 1 };
    const answered = await talking.use('handoff_status', { handoffId, ...rest });
    expect(answered).toMatchObject({
      outcome: 'open',
      status: 'active',
      agent: { name: 'Nora' },
      agentMessages: [{ text: 'Hello, this is Nora.', agent: { name: 'Nora' } }],
      deadline: { kind: 'inactivity', at: expect.stringMatching(/Z$/) },
      botMustBeSilent: true,
    });
    expect(news.say).toBe('You are now talking to a member of our team.');

    const again = await talking.use('request_handoff', ask({ conversationId }));
    expect(again).toMatchObject({ outcome: 'existing', handoffId, status: 'active', botMustBeSilent: true });

    const message = { conversationId, text: 'My order is 4471.', messageId: 'u-1' };
    const [one, two] = [
      await talking.use('send_user_message', message),
      await talking.use('send_user_message', message),
    ];
    expect([one, two]).toMatchObject([
      { outcome: 'accepted', messageId: 'u-1', say: null },
      { outcome: 'accepted', messageId: 'u-1' },
    ]);
    const received = () => api.desk.conversation(handoffId)?.messages.map(({ text }) => text) ?? [];
    await until(() => received().includes(message.text), { message: 'the desk has it' });

    const ended = await talking.use('end_handoff', { handoffId, by: 'bot', waitSeconds: 20 });
    expect(ended).toMatchObject({ outcome: 'closed', closeReason: 'bot_closed', botMustBeSilent: false });
    expect(ended.say).toBe('The conversation with our team has ended. I am here again for you.');
    expect(received().filter((text) => text === message.text)).toHaveLength(1);
    expect(await talking.use('end_handoff', { handoffId })).toMatchObject({
      outcome: 'closed',
      closeReason: 'bot_closed',
    });

    const after = await talking.use('handoff_status', { handoffId, after: 0, waitSeconds: 20 });
    const journal = await api.call('GET', `/v1/handoffs/${handoffId}/events`, { key: own.key });
    expect(after.events?.map(({ type, seq }) => [type, seq])).toEqual(
      journal.json.events.map((event: { type: string; seq: number }) => [event.type, event.seq]),
    );
    const { packet } = journal.json.events.at(-1).data;
    expect([after.packet, ended.packet]).toEqual([packet, packet]);
    const late = await talking.use('send_user_message', { handoffId, text: 'Still there?' });
    expect(late).toMatchObject({ isError: true, outcome: 'failed', say: null, error: { code: 'handoff_closed' } });
    expect(late.whatToDo).toContain('request_handoff');
  });

  it('asks for an address, and calls the desk once it is given', async () => {
    const args = ask({ channel: 'widget', waitSeconds: 20 });
    const asked = await model.use('request_handoff', args);
    expect(asked).toMatchObject({ outcome: 'email_required', status: 'awaiting_email', botMustBeSilent: false });
    expect(asked.say).toContain('e-mail');
    const given = await model.use('request_handoff', { ...args, email: 'ann@example.org' });
    expect(given).toMatchObject({ outcome: 'existing', handoffId: asked.handoffId, status: 'connecting' });
    const { handoffs } = await api.store.handoffs.list({ botId: own.botId, limit: 1 });
    expect(handoffs[0]?.user.email).toBe('ann@example.org');
  });

  it('says busy when the desk refuses, and claims nothing', async () => {
    api.desk.fault('establish', { kind: 'status', status: 400, times: 1 });
    const result = await model.use('request_handoff', ask({ waitSeconds: 20 }));
    expect(result).toMatchObject({ outcome: 'busy', isError: false });
    expect(result.say).toBe('Sorry, our team cannot be reached at the moment. I will go on helping you here.');
    const status = await until(
      async () => {
        const now = await model.use('handoff_status', { handoffId: result.handoffId, after: 0 });
        return now.outcome === 'closed' ? now : undefined;
      },
      { message: 'closed' },
    );
    expect(status).toMatchObject({ closeReason: 'desk_unavailable', botMustBeSilent: false, agentMessages: [] });
  });

  it("has native handoffs under the desk's own conversation", async () => {
    const native = await modelOf({ mode: 'native', desk: { kind: 'signed', secret: SECRET } });
    const args = ask({ channel: 'messenger-of-signed', waitSeconds: 20 });
    const started = await native.use('request_handoff', args);
    expect(started).toMatchObject({ outcome: 'started', conversationId: args.conversationId, botMustBeSilent: true });
    const ended = await native.use('end_handoff', { conversationId: args.conversationId, waitSeconds: 20 });
    expect(ended).toMatchObject({ outcome: 'closed', closeReason: 'user_closed', botMustBeSilent: false });
  });
});

describe('what a key may touch', () => {
  it("is one bot's own: foreign and unknown handoffs answer alike", async () => {
    const { handoffId, conversationId } = await model.use('request_handoff', ask({ waitSeconds: 0 }));
    const stranger = await modelOf({});
    for (const name of ['handoff_status', 'send_user_message', 'end_handoff'] as const) {
      const tries = [{ handoffId }, { handoffId: 'ho_unknown' }, { conversationId }].map((which) =>
        stranger.use(name, { ...which, ...(name === 'send_user_message' && { text: 'hi' }) }),
      );
      const answers = await Promise.all(tries);
      expect(answers[0], name).toMatchObject({ isError: true, error: { code: 'handoff_not_found' } });
      expect(answers[1], name).toEqual(answers[0]);
      expect(answers[2], name).toEqual(answers[0]);
    }
    const foreign = await stranger.use('request_handoff', ask({ botId: own.botId }));
    expect(foreign).toMatchObject({ isError: true, error: { code: 'bot_not_found' } });
    expect((await model.use('handoff_status', { handoffId })).outcome).toBe('open');
  });

  it('is the bot that the operator names, and no other', async () => {
    const operator = await connectModel(api.url, OPERATOR_KEY);
    const { handoffId } = await operator.use('request_handoff', ask({ botId: own.botId, waitSeconds: 0 }));
    expect((await model.use('handoff_status', { handoffId })).handoffId).toBe(handoffId);
    const { botId: other } = await api.bot();
    const wrong = await operator.use('handoff_status', { botId: other, handoffId });
    expect(wrong).toMatchObject({ isError: true, error: { code: 'handoff_not_found' } });
    const nobody = await operator.use('request_handoff', ask({ botId: 'no-such-bot' }));
    expect(nobody.error?.code).toBe('bot_not_found');
  });
});

describe('a call that fails', () => {
  it('names every wrong argument and is a result that a model reads', async () => {
    const call = (args: Record<string, unknown>) =>
      model.client.callTool({ name: 'request_handoff', arguments: args }).then(({ isError, content }) => ({
        isError,
        text: (content[0] as { text: string }).text,
      }));
    const wrong = await call({ question: '  ', email: 'nobody', channel: 'Über' });
    expect(wrong.isError).toBe(true);
    for (const field of ['conversationId', 'question', 'email', 'channel']) expect(wrong.text).toContain(field);
    expect((await call(ask({ colour: 'red' }))).text).toContain('colour');
    const neither = await model.client.callTool({ name: 'handoff_status', arguments: {} });
    expect([neither.isError, JSON.stringify(neither.content)]).toEqual([true, expect.stringContaining('handoffId')]);
    const { handoffId } = await model.use('request_handoff', ask({ waitSeconds: 0 }));
    const empty = await model.use('send_user_message', { handoffId, text: ' ' });
    expect(empty).toMatchObject({ error: { code: 'invalid_request', details: [{ path: 'text' }] } });
    await expect(model.client.callTool({ name: 'no_such_tool', arguments: {} })).rejects.toThrow('no_such_tool');
  });

  it('says when to try again while Temporal is away', async () => {
    const result = await failing(new ServiceError('connection refused'));
    expect(result).toMatchObject({
      isError: true,
      outcome: 'failed',
      say: null,
      error: { code: 'temporal_unavailable', retryAfterSeconds: 2 },
    });
    expect(result.whatToDo).toContain('same call again');
  });

  it('shows nothing of our inside', async () => {
    const result = await failing(new Error('a secret of ours'));
    expect(result).toMatchObject({ isError: true, error: { code: 'internal' } });
    expect(JSON.stringify(result)).not.toMatch(/secret of ours|\.ts|node_modules/);
    expect(api.log.join('')).toContain('a secret of ours');
  });
});

/** What a request answers whose run cannot be started. */
async function failing(error: Error) {
  const start = () => Promise.reject(error);
  const client = { withDeadline: (_at: number, call: () => unknown) => call(), workflow: { start } };
  const { app, url } = await api.another({ client: client as unknown as Client });
  const result = await (await connectModel(url, own.key)).use('request_handoff', ask());
  await app.close();
  return result;
}

const LIST = { jsonrpc: '2.0', id: 1, method: 'tools/list' };
const MCP = { accept: 'application/json, text/event-stream', 'content-type': 'application/json' };

/** As a program without an SDK: `fetch` would not let us say who we are. */
function post(headers: Record<string, string>, body: unknown = LIST, method = 'POST', url = api.url) {
  return new Promise<{ status: number; headers: IncomingHttpHeaders; text: string }>((resolve, reject) => {
    const sent = httpRequest(new URL('/mcp', url), { method, agent: false, headers: { ...MCP, ...headers } });
    sent.on('error', reject).on('response', (answer) => {
      const { statusCode = 0, headers: answered } = answer;
      text(answer).then((said) => resolve({ status: statusCode, headers: answered, text: said }), reject);
    });
    sent.end(method === 'POST' ? (typeof body === 'string' ? body : JSON.stringify(body)) : undefined);
  });
}

describe('over HTTP', () => {
  const bearer = () => ({ authorization: `Bearer ${own.key}` });

  it('asks for a key as the API does, before anything else', async () => {
    for (const headers of [{}, { authorization: 'Bearer wrong' }]) {
      const answer = await post(headers);
      expect([answer.status, answer.headers['www-authenticate']]).toEqual([401, 'Bearer']);
      expect(JSON.parse(answer.text).error.code).toBe('unauthorized');
    }
    await expect(connectModel(api.url, 'wrong', 'legacy')).rejects.toThrow();
    await expect(connectModel(api.url, 'wrong', 'auto')).rejects.toThrow();
  });

  it('answers browsers only on pages of ours, by names that cannot be pointed elsewhere', async () => {
    const { host } = new URL(api.url);
    const status = async (headers: Record<string, string>) => (await post({ ...bearer(), ...headers })).status;
    expect(await status({})).toBe(200);
    expect(await status({ origin: 'http://baton.test' })).toBe(200);
    expect(await status({ origin: `http://${host}`, 'sec-fetch-site': 'same-origin' })).toBe(200);
    // A proxy of ours may call us by a name of its own.
    expect(await status({ host: 'backend.internal' })).toBe(200);
    const foreign = [
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { origin: 'not an origin' },
      { 'sec-fetch-site': 'cross-site' },
      { origin: `http://${host}.evil.example`, host },
      // DNS rebinding: the page's own name points here now.
      { origin: 'http://evil.example:8080', host: 'evil.example:8080', 'sec-fetch-site': 'same-origin' },
      { host: 'evil.example', 'sec-fetch-site': 'same-origin' },
    ];
    for (const headers of foreign) expect(await status(headers), JSON.stringify(headers)).toBe(403);
  });

  it('has no sessions: GET and DELETE are 405, with the headers of every answer', async () => {
    for (const method of ['GET', 'DELETE']) {
      const answer = await post(bearer(), undefined, method);
      expect([answer.status, answer.headers.allow], method).toEqual([405, 'POST']);
      expect(answer.headers['x-request-id']).toBeDefined();
      expect(answer.headers['content-security-policy']).toContain("default-src 'none'");
      expect((await post({}, undefined, method)).status).toBe(401);
    }
    const initialized = await post(bearer(), {
      ...LIST,
      method: 'initialize',
      params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'x', version: '1' } },
    });
    expect([initialized.status, initialized.headers['mcp-session-id']]).toEqual([200, undefined]);
  });

  it('takes one message of JSON that is not too large', async () => {
    const refused = async (body: unknown, headers: Record<string, string> = {}) =>
      (await post({ ...bearer(), ...headers }, body)).status;
    expect(await refused([LIST, LIST])).toBe(400);
    expect(await refused('{"jsonrpc":')).toBe(400);
    expect(await refused('')).toBe(400);
    expect(await refused({ ...LIST, params: { filler: 'x'.repeat(1024 * 1024) } })).toBe(413);
    expect(await refused(LIST, { 'content-type': 'text/plain' })).toBe(415);
    const unknown = await post(bearer(), { ...LIST, method: 'no/such' });
    expect(unknown.text).toContain('-32601');
  });

  it('counts calls with those of the API', async () => {
    const { app, url } = await api.another({ config: { ...api.config, rateLimit: 2 } });
    const statuses = [];
    for (let i = 0; i < 3; i += 1) statuses.push((await post(bearer(), LIST, 'POST', url)).status);
    expect(statuses).toEqual([200, 200, 429]);
    await app.close();
  });
});
