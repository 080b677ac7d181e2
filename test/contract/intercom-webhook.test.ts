import { createHmac } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { RawRequest } from '../../activities/desks/desk.ts';
import { type IntercomConfig, intercomConfig } from '../../activities/desks/intercom/config.ts';
import { intercom } from '../../activities/desks/intercom/index.ts';
import { createIntercomSandbox } from '../../api/sandbox/intercom/index.ts';
import { webhookOf } from '../support/desk-requests.ts';
import { testSeed } from '../support/seed.ts';

const BOT = '7001000';
const TEAM = '5510021';
const SECRET = 'test_client_secret';

const config = intercomConfig.parse({ accessToken: 't', clientSecret: SECRET, adminId: BOT, teamId: TEAM });
const { webhook } = intercom;
if (webhook === undefined) throw new Error('the desk has no webhook');

const request = (body: unknown, headers?: RawRequest['headers']): RawRequest => webhookOf('intercom', body, headers);
const parse = (body: unknown, by: IntercomConfig = config) => webhook.parse(request(body), by);

type Json = Record<string, unknown>;
const human = { type: 'admin', id: '7001001', name: 'Dana Reyes', email: 'dana@acme.example' };
const ana = { type: 'user', id: '6762f0dd1bb69f9f2193bb83', name: 'Ana Silva', email: 'ana@example.com' };
let nextId = 30010000000;
const part = (more: Json = {}): Json => ({
  type: 'conversation_part',
  id: String((nextId += 1)),
  part_type: 'comment',
  body: 'Looking into it',
  created_at: 1_790_000_200,
  updated_at: 1_790_000_200,
  notified_at: 1_790_000_200,
  assigned_to: null,
  author: human,
  attachments: [],
  external_id: null,
  redacted: false,
  metadata: {},
  state: 'open',
  tags: [],
  event_details: null,
  app_package_code: null,
  ...more,
});
/** The example of the reference note. */
const notice = (topic: string, parts: Json[] = [], item: Json = {}): Json => ({
  type: 'notification_event',
  app_id: 'abc12xyz',
  topic,
  id: 'notif_7a1f2e60-1111-4a7b-9a44-2f0b8d0c1234',
  created_at: 1_790_000_201,
  delivery_attempts: 1,
  first_sent_at: 1_790_000_201,
  self: null,
  data: {
    type: 'notification_event_data',
    item: {
      type: 'conversation',
      id: '215400000000042',
      created_at: 1_790_000_000,
      updated_at: 1_790_000_200,
      open: true,
      state: 'open',
      read: true,
      waiting_since: null,
      snoozed_until: null,
      priority: 'none',
      admin_assignee_id: 7001001,
      team_assignee_id: 5510021,
      source: {
        type: 'conversation',
        id: '403900001',
        delivered_as: 'customer_initiated',
        subject: '',
        body: 'My invoice is wrong',
        author: ana,
        attachments: [],
        url: null,
        redacted: false,
      },
      contacts: { type: 'contact.list', contacts: [{ type: 'contact', id: ana.id, external_id: 'cust_881' }] },
      teammates: { type: 'admin.list', teammates: [{ type: 'admin', id: '7001001' }] },
      tags: { type: 'tag.list', tags: [] },
      statistics: null,
      conversation_parts: { type: 'conversation_part.list', total_count: parts.length, conversation_parts: parts },
      ...item,
    },
  },
});
const signals = (topic: string, parts: Json[] = [], item: Json = {}, by = config) =>
  parse(notice(topic, parts, item), by).map(({ signal: { id: _id, ...signal } }) => signal);
const replied = (more: Json) => signals('conversation.admin.replied', [part(more)]);

describe('the signature', () => {
  const body = '{"type":"notification_event","topic":"ping","id":"notif_test_1"}';
  const good = 'sha1=71ce0ef4475110dd8d89a73b068453d6e002a9cc';
  const check = (signature: string | string[] | undefined, more: Partial<IntercomConfig> = {}, bytes = body) =>
    webhook.authenticate(request(bytes, { 'x-hub-signature': signature }), { ...config, ...more }).ok;

  it('of the test vector is right, in either case of letters', () => {
    expect(check(good)).toBe(true);
    expect(check(`sha1=${good.slice(5).toUpperCase()}`)).toBe(true);
  });

  it('covers the bytes, not what they mean', () => {
    const bytes = Buffer.from([0x7b, 0xff, 0xfe, 0x0a, 0x7d]);
    const signature = `sha1=${createHmac('sha1', SECRET).update(bytes).digest('hex')}`;
    const raw = { ...request(''), headers: { 'x-hub-signature': signature }, body: bytes };
    expect(webhook.authenticate(raw, config).ok).toBe(true);
  });

  it('is refused when the secret is another one', () => {
    expect(check(good, { clientSecret: 'another' })).toBe(false);
  });

  it('is refused when it is missing, shorter, longer, of another form or there twice', () => {
    for (const wrong of [
      undefined,
      '',
      'sha1=',
      good.slice(0, -1),
      `${good}0`,
      good.slice(5),
      `sha256=${good.slice(5)}`,
    ])
      expect(check(wrong), String(wrong)).toBe(false);
    expect(check([good, good])).toBe(false);
    expect(check(`${good} `)).toBe(false);
    expect(check(good.replace('7', 'g'))).toBe(false);
  });

  it('is refused when one byte of it or of the body is another', () => {
    fc.assert(
      fc.property(fc.nat({ max: body.length - 1 }), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const bytes = Buffer.from(body);
        bytes[at] = (bytes[at] ?? 0) ^ flip;
        const raw = { ...request(''), headers: { 'x-hub-signature': good }, body: bytes };
        expect(webhook.authenticate(raw, config).ok).toBe(false);
      }),
    );
    expect(check(good.replace('71ce', '71cf'))).toBe(false);
  });

  it('is refused when no secret is configured, also one made with an empty secret', () => {
    const { clientSecret: _secret, ...none } = config;
    const signature = `sha1=${createHmac('sha1', '').update(body).digest('hex')}`;
    for (const by of [none, { ...config, clientSecret: '' }]) {
      const raw = request(body, { 'x-hub-signature': signature });
      expect(webhook.authenticate(raw, by as IntercomConfig).ok).toBe(false);
    }
  });
});

describe('what is for the user', () => {
  it('a comment of a human, plain or HTML, with files and pictures', () => {
    const files = [
      { type: 'upload', name: 'note.pdf', url: 'https://d.example/n.pdf?s=1', content_type: 'application/pdf' },
    ];
    expect(replied({ attachments: files })).toEqual([
      {
        kind: 'agentReply',
        text: 'Looking into it',
        attachments: [{ url: 'https://d.example/n.pdf?s=1', name: 'note.pdf', contentType: 'application/pdf' }],
        agent: { id: '7001001', name: 'Dana Reyes' },
      },
    ]);
    expect(
      replied({ body: '<p>See <a href="https://x.example">this</a></p><img src="https://d.example/1.png">' }),
    ).toMatchObject([{ text: 'See this (https://x.example)', attachments: [{ url: 'https://d.example/1.png' }] }]);
    expect(replied({ body: 'a < b && c > d &amp; e' })).toMatchObject([{ text: 'a < b && c > d &amp; e' }]);
    expect(replied({ body: null, attachments: files })).toMatchObject([{ text: '' }]);
  });

  it('several parts of one notification, in the order in which they were made', () => {
    const parts = [
      part({ id: '1000', body: 'third', created_at: 1_790_000_300 }),
      part({ id: '999', body: 'second', created_at: 1_790_000_300 }),
      part({ id: '2000', body: 'first', created_at: 1_790_000_100 }),
    ];
    expect(signals('conversation.admin.replied', parts)).toMatchObject([
      { text: 'first' },
      { text: 'second' },
      { text: 'third' },
    ]);
  });

  it('the words on a closing or opening part, before the close', () => {
    const close = part({ part_type: 'close', body: 'Bye' });
    expect(signals('conversation.admin.closed', [close])).toMatchObject([
      { kind: 'agentReply', text: 'Bye' },
      { kind: 'close', by: 'agent' },
    ]);
    expect(signals('conversation.admin.opened', [part({ part_type: 'open', body: 'Again' })])).toMatchObject([
      { kind: 'agentReply', text: 'Again' },
    ]);
  });

  it.each([
    ['a note', { part_type: 'note' }],
    ['a note that opens', { part_type: 'note_and_reopen' }],
    ['the words of an assignment', { part_type: 'assignment', body: 'please take it' }],
    ['something redacted', { redacted: true }],
    ['a bot', { author: { type: 'bot', id: '1', name: 'Fin' } }],
    ['our own teammate', { author: { type: 'admin', id: BOT, name: 'Bot' } }],
    ['our own teammate with a number as id', { author: { type: 'admin', id: Number(BOT), name: 'Bot' } }],
    ['the user', { author: ana }],
    ['a system part', { part_type: 'conversation_attribute_updated_by_admin' }],
    ['an unknown kind', { part_type: 'never_heard_of' }],
    ['nothing at all', { body: '<p> </p>' }],
  ])('not %s', (_what, more) => {
    expect(replied(more)).toEqual([]);
  });

  it('is one event, whichever topic tells of it', () => {
    const same = part();
    const keys = ['conversation.admin.replied', 'conversation.admin.closed', 'conversation.admin.assigned'].map(
      (topic) => parse(notice(topic, [same]))[0]?.dedupeKey,
    );
    expect(new Set(keys)).toEqual(new Set([`part:${String(same['id'])}`]));
  });
});

describe('what happens to the conversation', () => {
  it('a close, snooze and unsnooze, read, deletion', () => {
    expect(signals('conversation.admin.closed', [], { state: 'closed' })).toEqual([{ kind: 'close', by: 'agent' }]);
    expect(
      signals('conversation.admin.snoozed', [part({ part_type: 'snoozed', body: null })], {
        snoozed_until: 1_790_100_000,
      }),
    ).toEqual([{ kind: 'snooze', until: '2026-09-22T18:00:00.000Z' }]);
    expect(signals('conversation.admin.unsnoozed')).toEqual([{ kind: 'unsnooze' }]);
    expect(signals('conversation.read')).toEqual([{ kind: 'read' }]);
    const deleted = {
      ...notice('conversation.deleted'),
      data: { item: { type: 'conversation', id: 42, deleted: true } },
    };
    expect(parse(deleted)).toMatchObject([{ deskConversationId: '42', signal: { kind: 'close', by: 'agent' } }]);
  });

  it('not a close of our own', () => {
    const own = part({ part_type: 'close', body: null, author: { type: 'admin', id: BOT } });
    expect(signals('conversation.admin.closed', [own], { state: 'closed' })).toEqual([]);
  });

  const assignment = (to: Json | null, author: Json = human) =>
    signals('conversation.admin.assigned', [part({ part_type: 'assignment', body: null, assigned_to: to, author })]);

  it('another agent, but no team and nobody', () => {
    expect(assignment({ type: 'admin', id: 7001002 })).toEqual([{ kind: 'agentChanged', agent: { id: '7001002' } }]);
    expect(assignment({ type: 'admin', id: '7001001' })).toEqual([
      { kind: 'agentChanged', agent: { id: '7001001', name: 'Dana Reyes' } },
    ]);
    expect(assignment({ type: 'team', id: TEAM })).toEqual([]);
    expect(assignment({ type: 'admin', id: '0' })).toEqual([]);
    expect(assignment(null)).toEqual([]);
  });

  it('a human gives it back to the bot; what we assign ourselves is an echo', () => {
    expect(assignment({ type: 'admin', id: BOT })).toEqual([{ kind: 'close', by: 'agent' }]);
    expect(assignment({ type: 'admin', id: BOT }, { type: 'admin', id: BOT })).toEqual([]);
    expect(assignment({ type: 'admin', id: BOT }, { type: 'bot', id: '1' })).toEqual([]);
  });

  it('the same assignment told by two topics is one event', () => {
    const same = part({ part_type: 'assignment', body: null, assigned_to: { type: 'admin', id: '7001002' } });
    const keys = ['conversation.admin.assigned', 'conversation.admin.open.assigned'].map(
      (topic) => parse(notice(topic, [same]))[0]?.dedupeKey,
    );
    expect(keys[0]).toBe(keys[1]);
  });

  it('nothing of topics that we do not know, and of pings', () => {
    for (const topic of ['conversation.closed', 'conversation.admin.noted', 'contact.merged', 'ping', 'constructor'])
      expect(signals(topic, [part()]), topic).toEqual([]);
    expect(parse({ type: 'notification_event', topic: 'ping', id: 'n', data: { item: { type: 'ping' } } })).toEqual([]);
  });
});

describe("the user's messages (native mode)", () => {
  const by = (assignee: Json, more: Json = {}) =>
    signals('conversation.user.replied', [part({ author: ana, body: 'Hi', ...more })], assignee)[0];
  const user = { id: 'cust_881', name: 'Ana Silva', email: 'ana@example.com' };

  it('the first one, from the source', () => {
    const [first] = parse(notice('conversation.user.created', [], { admin_assignee_id: 0, team_assignee_id: 0 }));
    expect(first).toMatchObject({ dedupeKey: 'source:403900001', deskConversationId: '215400000000042' });
    expect(first?.signal).toEqual({ kind: 'userMessage', id: '', text: 'My invoice is wrong', user });
  });

  it('say when a human has the conversation', () => {
    expect(by({ admin_assignee_id: null, team_assignee_id: null })).toEqual({ kind: 'userMessage', text: 'Hi', user });
    expect(by({ admin_assignee_id: Number(BOT) })).not.toHaveProperty('human');
    expect(by({ admin_assignee_id: 7001001 })).toMatchObject({ human: true });
    expect(by({ admin_assignee_id: 0, team_assignee_id: 5510021 })).toMatchObject({ human: true });
  });

  it('are for the bot again when a human has closed and nobody took it since', () => {
    expect(by({}, { part_type: 'open' })).not.toHaveProperty('human');
    const statistics = { last_close_at: 1_790_000_150, last_assignment_at: 1_790_000_100, last_admin_reply_at: null };
    expect(by({ statistics })).not.toHaveProperty('human');
    expect(by({ statistics: { ...statistics, last_admin_reply_at: 1_790_000_180 } })).toMatchObject({ human: true });
  });

  it('are left out without the native settings, and when they are not the user’s', () => {
    const external = intercomConfig.parse({ accessToken: 't', clientSecret: SECRET });
    expect(signals('conversation.user.replied', [part({ author: ana })], {}, external)).toEqual([]);
    expect(signals('conversation.user.created', [], {}, external)).toEqual([]);
    expect(signals('conversation.user.replied', [part()])).toEqual([]);
    expect(by({}, { redacted: true })).toBeUndefined();
  });
});

describe('whatever arrives', () => {
  const TOPICS = [...webhook.guide('native').topics, 'conversation.admin.open.assigned'];
  const example = (topic: string): string =>
    JSON.stringify(
      notice(
        topic,
        [part({ assigned_to: { type: 'admin', id: '1' }, attachments: [{ url: 'https://d.example/1', name: 'n' }] })],
        { statistics: { last_close_at: 1 }, snoozed_until: 1_790_100_000 },
      ),
    );

  it('never throws on JSON, with any value anywhere in a known payload', () => {
    const values = fc.oneof(fc.jsonValue(), fc.constantFrom(null, [], {}, '', 0, -1, 1e308, '0', true));
    fc.assert(
      fc.property(fc.constantFrom(...TOPICS), fc.nat(), values, (topic, at, value) => {
        const body = JSON.parse(example(topic)) as Json;
        const places: [Json, string][] = [];
        const walk = (node: unknown): void => {
          if (typeof node !== 'object' || node === null) return;
          for (const key of Object.keys(node)) {
            places.push([node as Json, key]);
            walk((node as Json)[key]);
          }
        };
        walk(body);
        const place = places[at % places.length];
        if (place) place[0][place[1]] = value;
        for (const event of parse(body)) {
          expect(event.deskConversationId).not.toBe('');
          expect(event.dedupeKey).not.toBe('');
        }
      }),
      { seed: testSeed('intercom parse'), numRuns: 2_000 },
    );
  });

  it('never throws on any JSON at all, and throws on what is none', () => {
    fc.assert(fc.property(fc.jsonValue(), (value) => parse(JSON.stringify(value)).length === 0));
    for (const wrong of ['', '{', 'topic=ping', '<html>']) expect(() => parse(wrong)).toThrow(SyntaxError);
  });
});

describe('with the simulator', () => {
  const sandbox = createIntercomSandbox();
  const heard: { ok: boolean; signals: unknown[] }[] = [];
  let server: Server;
  let settings: IntercomConfig;

  beforeAll(async () => {
    settings = intercomConfig.parse(sandbox.settings(await sandbox.listen(), 'native'));
    server = createServer((incoming, answer) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => void chunks.push(chunk));
      incoming.on('end', () => {
        const raw = { method: 'POST', url: incoming.url ?? '', headers: incoming.headers, body: Buffer.concat(chunks) };
        if (incoming.method === 'POST') {
          heard.push({
            ok: webhook.authenticate(raw, settings).ok,
            signals: webhook.parse(raw, settings).map(({ signal }) => signal),
          });
        }
        answer.writeHead(200).end();
      });
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    sandbox.connect({ webhookUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook` });
  });
  afterEach(() => void heard.splice(0));
  afterAll(async () => {
    await sandbox.stop();
    server.close();
  });

  it.each(['2.14', '2.16'])('understands version %s', async (appVersion) => {
    sandbox.switch({ appVersion });
    const id = await sandbox.user.writes('Hello <b>');
    await sandbox.human.note(id, 'secret');
    await sandbox.human.reply(id, 'One\nTwo & <three>', {
      files: [{ url: 'https://d.example/a.pdf', name: 'a.pdf', contentType: 'application/pdf' }],
    });
    await sandbox.several(id, ['first', 'second']);
    await sandbox.operatorReply(id, 'I am Fin');
    await sandbox.human.unknownPart(id);
    await sandbox.snooze(id);
    await sandbox.unsnooze(id);
    await sandbox.replyAndClose(id, 'Bye');
    expect(heard.every(({ ok }) => ok)).toBe(true);
    expect(heard.flatMap((one) => one.signals)).toMatchObject([
      { kind: 'userMessage', text: 'Hello <b>' },
      { kind: 'agentReply', text: 'One\nTwo & <three>', attachments: [{ url: 'https://d.example/a.pdf' }] },
      { kind: 'agentReply', text: 'first' },
      { kind: 'agentReply', text: 'second' },
      { kind: 'snooze' },
      { kind: 'unsnooze' },
      { kind: 'agentReply', text: 'Bye' },
      { kind: 'close', by: 'agent' },
    ]);
  });

  it('refuses its wrong signatures', async () => {
    sandbox.webhooks({ wrongSecret: true });
    await sandbox.user.writes('Hello');
    expect(heard.length).toBeGreaterThan(0);
    expect(heard.some(({ ok }) => ok)).toBe(false);
  });
});

describe('the guide', () => {
  it('names every topic that the desk understands, those of the user in native mode only', () => {
    const required = ['closed', 'replied', 'snoozed'].map((name) => `conversation.admin.${name}`);
    expect(webhook.guide('external').topics).toEqual(expect.arrayContaining([...required, 'conversation.read']));
    expect(webhook.guide('external').topics).not.toContain('conversation.user.replied');
    expect(webhook.guide('native').topics).toContain('conversation.user.replied');
    expect(webhook.guide('external').where).toContain('Developer Hub');
  });
});
