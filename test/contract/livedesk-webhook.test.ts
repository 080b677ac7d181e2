import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { livedeskConfig } from '../../activities/desks/livedesk/config.ts';
import { livedesk } from '../../activities/desks/livedesk/index.ts';
import { authenticate } from '../../activities/desks/livedesk/webhook.ts';
import { testSeed } from '../support/seed.ts';
import { rawRequest, SETTINGS, TOKEN } from './livedesk-fixture.ts';

type Json = Record<string, unknown>;

const config = livedeskConfig.parse(SETTINGS);
const parse = (body: unknown, by: Json = {}) => livedesk.webhook?.parse(rawRequest(body), { ...config, ...by }) ?? [];
const signals = (body: unknown, by: Json = {}) => parse(body, by).map(({ signal: { id: _id, ...signal } }) => signal);

const alex = { id: 3, name: 'Alex', email: 'alex@desk.example.test', type: 'user' };
const dana = {
  id: 910001,
  name: 'Dana Reyes',
  email: 'dana@example.test',
  identifier: 'hh-user-8f2c',
  type: 'contact',
};

/** The examples of the reference note. */
const said = (more: Json = {}): Json => ({
  event: 'message_created',
  id: 77010,
  content: 'Hello Dana, I am looking into it.',
  created_at: '2026-09-21T14:14:02.113Z',
  message_type: 'outgoing',
  content_type: 'text',
  content_attributes: {},
  private: false,
  source_id: null,
  sender: alex,
  inbox: { id: 611, name: 'AI handoff' },
  account: { id: 55, name: 'Demo project' },
  conversation: { id: 4301, inbox_id: 611, status: 'open', channel: 'Channel::Api', meta: { assignee: alex } },
  ...more,
});
const changed = (more: Json = {}): Json => ({
  event: 'conversation_status_changed',
  id: 4301,
  inbox_id: 611,
  status: 'resolved',
  channel: 'Channel::Api',
  account: { id: 55, name: 'Demo project' },
  meta: { sender: { id: 910001, type: 'contact' }, assignee: alex, team: null },
  changed_attributes: [{ status: { previous_value: 'open', current_value: 'resolved' } }],
  created_at: 1_790_000_000,
  updated_at: 1_790_000_600.5,
  timestamp: 1_790_000_600,
  ...more,
});
const moved = (previous_value: string, current_value: string, more: Json = {}): Json =>
  changed({ status: current_value, changed_attributes: [{ status: { previous_value, current_value } }], ...more });

describe('a message of a human', () => {
  it('is a reply, with who said it', () => {
    expect(parse(said())).toEqual([
      {
        dedupeKey: 'message:77010',
        deskConversationId: '4301',
        signal: {
          kind: 'agentReply',
          id: '',
          text: 'Hello Dana, I am looking into it.',
          agent: { id: '3', name: 'Alex' },
        },
      },
    ]);
  });

  it.each([
    { message_type: 1 },
    { sender: { id: 3, name: 'Alex' } },
    { sender: { ...alex, type: 'Agent' } },
    { content_attributes: { in_reply_to: 7 } },
    { content_attributes: null, attachments: null },
    { conversation: undefined, conversation_id: 4301 },
    { inbox: undefined, account: undefined },
    { created_at: 1_790_000_200, id: '77010' },
  ])('is one in other forms too: %j', (more) => {
    expect(signals(said(more))).toMatchObject([{ kind: 'agentReply', agent: { id: '3', name: 'Alex' } }]);
  });

  it('has its files by reference, named by their address', () => {
    const attachments = [
      {
        id: 501,
        file_type: 'image',
        extension: null,
        data_url: 'https://files.example.test/a/r%C3%A9cu.png',
        file_size: 1,
      },
      { data_url: 'https://files.example.test/blobs/501', file_name: 'bill.pdf', content_type: 'application/pdf' },
      { data_url: 'https://files.example.test/blobs/%zz.x' },
      { data_url: 'javascript:alert(1)' },
      { file_type: 'location' },
    ];
    expect(signals(said({ content: null, attachments }))).toMatchObject([
      {
        text: '',
        attachments: [
          { url: 'https://files.example.test/a/r%C3%A9cu.png', name: 'récu.png' },
          { url: 'https://files.example.test/blobs/501', name: 'bill.pdf', contentType: 'application/pdf' },
          { url: 'https://files.example.test/blobs/%zz.x', name: '%zz.x' },
        ],
      },
    ]);
  });
});

describe('what is never sent to a user', () => {
  it.each<[string, Json]>([
    ['a private note', { private: true }],
    ['a private note in another form', { private: 'true' }],
    ['an activity', { message_type: 'activity' }],
    ['an activity as a number', { message_type: 2, sender: null }],
    ['a template: greeting or survey', { message_type: 'template', sender: null }],
    ['a template as a number', { message_type: 3 }],
    ['a survey', { content_type: 'input_csat' }],
    ['a message without a type', { message_type: null }],
    ['a message of an AI Agent', { sender: { id: 9, name: 'Bot', type: 'agent_bot' } }],
    ['a message of another bot', { sender: { id: 9, name: 'Bot', type: 'AgentBot' } }],
    ['a message of an assistant', { sender: { id: 9, type: 'captain_assistant' } }],
    ['a message of a kind of sender that nobody knows', { sender: { id: 9, type: 'robot' } }],
    ['a message of an automation', { sender: null }],
    ['our own, by its mark', { echo_id: 'baton:ho_1.d2#0' }],
    ['our own, by its other mark', { content_attributes: { baton: 'baton:ho_1.d2#0' } }],
    ['our own with a prefix', { content: '[Customer] Hello' }],
    ['nothing', { content: '  ', attachments: [] }],
    ['a message of another channel', { inbox: { id: 612 } }],
    ['an edit', { event: 'message_updated' }],
  ])('%s', (_name, more) => {
    expect(parse(said(more))).toEqual([]);
  });

  it('what the sender of the API key writes, where marks do not come back', () => {
    expect(parse(said(), { senderId: '3' })).toEqual([]);
    expect(parse(said(), { senderId: '4' })).toHaveLength(1);
  });

  it('what another project has sent, when ours is known', () => {
    expect(parse(said(), { accountId: '56' })).toEqual([]);
    expect(parse(changed(), { accountId: '56' })).toEqual([]);
    expect(parse(said(), { accountId: '55' })).toHaveLength(1);
  });
});

describe('a message of a user', () => {
  const incoming = (status: string, more: Json = {}) =>
    said({ message_type: 'incoming', content: 'Hello?', sender: dana, conversation: { id: 4301, status }, ...more });

  it('[27] in native mode goes to the bot, with who he is', () => {
    expect(signals(incoming('pending'))).toEqual([
      {
        kind: 'userMessage',
        text: 'Hello?',
        user: { id: 'hh-user-8f2c', name: 'Dana Reyes', email: 'dana@example.test' },
      },
    ]);
    expect(signals(incoming('pending', { message_type: 0, sender: { id: 910001 } }))).toMatchObject([
      { kind: 'userMessage', user: { id: '910001' } },
    ]);
  });

  it.each([
    ['open', true],
    ['snoozed', true],
    ['pending', undefined],
    ['resolved', undefined],
  ])('in a conversation that is %s: a human has it: %s', (status, human) => {
    const [signal] = signals(incoming(status));
    expect(signal && 'human' in signal ? signal.human : undefined).toBe(human);
  });

  it('of our own making has our mark and is nothing', () => {
    expect(parse(incoming('open', { echo_id: 'baton:ho_1.d2#0' }))).toEqual([]);
  });

  it('comes from every channel in native mode, when none is chosen', () => {
    expect(parse(incoming('pending', { inbox: { id: 612 } }), { inboxId: undefined })).toHaveLength(1);
  });
});

describe('a change of status', () => {
  it.each(['resolved', 'closed', 'pending'])('to %s ends the handoff', (status) => {
    expect(signals(moved('open', status))).toEqual([{ kind: 'close', by: 'agent' }]);
  });

  it('to snoozed parks it, with and without an end', () => {
    expect(signals(moved('open', 'snoozed', { snoozed_until: 1_790_003_600 }))).toEqual([
      { kind: 'snooze', until: '2026-09-21T15:13:20.000Z' },
    ]);
    expect(signals(moved('open', 'snoozed', { snoozed_until: null }))).toEqual([{ kind: 'snooze' }]);
  });

  it('from snoozed to open wakes it; a reopening and a hand-over are nothing', () => {
    expect(signals(moved('snoozed', 'open'))).toEqual([{ kind: 'unsnooze' }]);
    expect(signals(moved('resolved', 'open'))).toEqual([]);
    expect(signals(moved('pending', 'open'))).toEqual([]);
  });

  it('told by two events is one', () => {
    const keys = ['conversation_status_changed', 'conversation_updated', 'conversation_resolved'].flatMap((event) =>
      parse(changed({ event })).map(({ dedupeKey }) => dedupeKey),
    );
    expect(keys).toHaveLength(3);
    expect(new Set(keys).size).toBe(1);
  });

  it('that happens again later is another', () => {
    const [first] = parse(changed());
    const [later] = parse(changed({ updated_at: 1_790_000_700 }));
    expect(first?.dedupeKey).not.toBe(later?.dedupeKey);
  });

  it('without any time counts once in each handoff', () => {
    const timeless = { updated_at: undefined, timestamp: undefined };
    expect(parse(changed(timeless))).toMatchObject([{ perHandoff: true }]);
    expect(parse(changed()).map(({ perHandoff }) => perHandoff)).toEqual([undefined]);
  });

  it('is read without the list of changes where the event has it in its name, and only there', () => {
    const bare = (event: string, status = 'resolved') =>
      signals(changed({ event, status, changed_attributes: undefined }));
    expect(bare('conversation_resolved')).toEqual([{ kind: 'close', by: 'agent' }]);
    expect(bare('conversation_opened', 'open')).toEqual([{ kind: 'unsnooze' }]);
    expect(bare('conversation_updated')).toEqual([]);
    expect(bare('conversation_created')).toEqual([]);
  });

  it('of another channel is nothing', () => {
    expect(parse(changed({ inbox_id: 612 }))).toEqual([]);
  });
});

describe('a new assignee', () => {
  const assigned = (assignee: unknown, more: Json = {}) =>
    changed({
      event: 'conversation_updated',
      status: 'open',
      changed_attributes: [{ assignee_id: { previous_value: 3, current_value: 4 } }],
      meta: { assignee },
      ...more,
    });

  it('is another agent', () => {
    const sam = { id: 4, name: 'Sam Okoye', avatar_url: 'https://x.example.test/s.png', type: 'user' };
    expect(signals(assigned(sam))).toEqual([
      { kind: 'agentChanged', agent: { id: '4', name: 'Sam Okoye', avatar: 'https://x.example.test/s.png' } },
    ]);
  });

  it('who is nobody, or a bot, is none', () => {
    expect(signals(assigned(null))).toEqual([]);
    expect(signals(assigned({ id: 9, type: 'agent_bot' }))).toEqual([]);
  });

  it('is none when something else has changed', () => {
    expect(
      signals(assigned(alex, { changed_attributes: [{ labels: { previous_value: [], current_value: ['x'] } }] })),
    ).toEqual([]);
  });
});

describe('the check of a webhook', () => {
  const body = '{"event":"message_created"}';
  const nowMs = 1_700_000_000_000;
  const signed = (signature: unknown, timestamp: unknown = '1700000000', raw = body) => {
    const headers = { 'x-chatwoot-signature': signature as string, 'x-chatwoot-timestamp': timestamp as string };
    return authenticate(rawRequest(raw, { headers }), { ...config, webhookSecret: 'whsec_demo' }, nowMs).ok;
  };
  const good = 'sha256=c693a7870e67514c58568aced72419bb2c4e901493ad3e806c2761c22efe6c15';
  const signOf = (secret: string, timestamp: string) =>
    `sha256=${createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex')}`;

  it('needs the token in the address, once', () => {
    const at = (url: string) => authenticate({ ...rawRequest(body), url }, config).ok;
    expect(at(`/webhooks/livedesk/hook?token=${TOKEN}`)).toBe(true);
    expect(at(`/webhooks/livedesk/hook?x=1&token=${TOKEN}`)).toBe(true);
    for (const query of ['', '?', '?token=', `?token=${TOKEN}x`, `?token=${TOKEN}&token=${TOKEN}`, `?Token=${TOKEN}`]) {
      expect(at(`/webhooks/livedesk/hook${query}`), query).toBe(false);
    }
    expect(at(`/webhooks/livedesk/${TOKEN}`)).toBe(false);
    expect(at('http://[')).toBe(false);
  });

  it('takes nothing while no token is configured', () => {
    for (const webhookToken of [undefined, '']) {
      const { webhookToken: _, ...rest } = config;
      const without = webhookToken === undefined ? rest : { ...rest, webhookToken };
      expect(authenticate(rawRequest(body, { token: '' }), without).ok).toBe(false);
      expect(authenticate(rawRequest(body), without).ok).toBe(false);
    }
  });

  it('with a webhook secret needs the signature besides: the test vector is right, in either case of letters', () => {
    expect(signed(good)).toBe(true);
    expect(signed(`sha256=${good.slice(7).toUpperCase()}`)).toBe(true);
  });

  it('refuses wrong, missing, shorter, longer and altered signatures', () => {
    const wrong = [
      undefined,
      '',
      good.slice(0, -1),
      `${good}0`,
      good.slice(7),
      `${good.slice(0, -1)}6`,
      [good, good],
      signOf('another', '1700000000'),
      signOf('', '1700000000'),
    ];
    for (const signature of wrong) expect(signed(signature), String(signature)).toBe(false);
    expect(signed(good, '1700000000', `${body} `)).toBe(false);
    expect(signed(good, '1700000001')).toBe(false);
    for (const time of [null, '', 'x', '1700000000 ', ['1700000000']])
      expect(signed(good, time), String(time)).toBe(false);
  });

  it('refuses what was signed more than five minutes ago, or is ahead of time', () => {
    for (const [seconds, ok] of [
      [0, true],
      [-299, true],
      [299, true],
      [-301, false],
      [301, false],
    ] as const) {
      const at = String(1_700_000_000 + seconds);
      expect(signed(signOf('whsec_demo', at), at), at).toBe(ok);
    }
  });

  it('a wrong token is refused with a right signature too, and an empty secret takes nothing', () => {
    const headers = { 'x-chatwoot-signature': good, 'x-chatwoot-timestamp': '1700000000' };
    const secret = { ...config, webhookSecret: 'whsec_demo' };
    expect(authenticate(rawRequest(body, { token: 'wrong', headers }), secret, nowMs).ok).toBe(false);
    expect(authenticate(rawRequest(body, { headers }), { ...config, webhookSecret: '' }, nowMs).ok).toBe(false);
  });
});

describe('the parser', () => {
  it('throws for what is no JSON, and only for that', () => {
    expect(() => parse('{')).toThrow();
    for (const body of ['null', '[]', '1', '"x"', '{}', '{"event":"message_created"}', '{"event":7}']) {
      expect(parse(body), body).toEqual([]);
    }
  });

  it('finds the same in every form that LiveDesk may use, and never words that are not for users', () => {
    const form = fc.record({
      type: fc.constantFrom('outgoing', 1),
      isPrivate: fc.constantFrom(true, false, undefined, null),
      sender: fc.constantFrom(alex, { id: 3, name: 'Alex' }, { ...alex, type: 'agent_bot' }, null),
      content: fc.string({ minLength: 1 }),
      id: fc.oneof(fc.nat(), fc.uuid()),
      extra: fc.dictionary(fc.string(), fc.jsonValue(), { maxKeys: 3 }),
    });
    fc.assert(
      fc.property(form, ({ type, isPrivate, sender, content, id, extra }) => {
        const body = { ...extra, ...said({ message_type: type, private: isPrivate, sender, content, id }) };
        const isFor = isPrivate !== true && sender !== null && !('type' in sender && sender.type === 'agent_bot');
        const isSaid = content.trim() !== '' && !content.startsWith('[Customer] ');
        expect(signals(body).map((signal) => 'text' in signal && signal.text)).toEqual(
          isFor && isSaid ? [content] : [],
        );
      }),
      { seed: testSeed('livedesk forms'), numRuns: 500 },
    );
  });

  it('takes any JSON', () => {
    const event = fc.constantFrom('message_created', 'conversation_updated', 'conversation_status_changed', 'x');
    fc.assert(
      fc.property(
        event,
        fc.dictionary(fc.constantFrom(...Object.keys({ ...said(), ...changed() })), fc.jsonValue()),
        (name, fields) => {
          for (const { dedupeKey, deskConversationId } of parse({ ...fields, event: name })) {
            expect(dedupeKey).toBeTruthy();
            expect(deskConversationId).toBeTruthy();
          }
        },
      ),
      { seed: testSeed('livedesk any'), numRuns: 1_000 },
    );
  });
});

describe('the guide', () => {
  it.each(['external', 'native'] as const)('says where to paste the address and the token: %s', (mode) => {
    const guide = livedesk.webhook?.guide(mode);
    expect(guide?.where).toContain('?token=');
    expect(guide?.topics).toContain('message_created');
  });
});
