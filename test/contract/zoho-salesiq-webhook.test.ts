import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DeskEvent, TurnItem } from '../../activities/desks/desk.ts';
import { zohoConfig } from '../../activities/desks/zoho-salesiq/config.ts';
import { zohoSalesiq } from '../../activities/desks/zoho-salesiq/index.ts';
import { testSeed } from '../support/seed.ts';
import { APP, config, DEPARTMENT, rawRequest, TALK } from './zoho-salesiq-fixture.ts';

// Payloads have the form of the reference note, sections 6 and 11.

const BASE = 'http://127.0.0.1:1';
const CONFIG = config(BASE);
const { webhook } = zohoSalesiq;
const visitor = {
  id: '510000000888001',
  type: 'lead',
  name: 'Lena Voss',
  email_id: 'lena@example.org',
  channel: 'website',
};
const mara = { id: '510000000002001', name: 'Mara', type: 'operator' };

const envelope = (event: string, entity: object, more: object = {}) => ({
  event: `conversation.${event}`,
  entity_type: 'conversation',
  entity_id: TALK,
  org_id: '60000000001',
  app_id: APP,
  webhook: { id: '510000000120011' },
  version: 1,
  attempt: 1,
  event_time: '1764000230123',
  entity: { id: TALK, visitor, ...entity },
  ...more,
});
const replied = (more: object = {}, outer: object = {}) =>
  envelope(
    'operator.replied',
    { message: { msgid: '1764000230100', text: 'Hello Lena, I can do that.', meta: {}, sender: mara, ...more } },
    outer,
  );
const parse = (body: unknown, settings = CONFIG): DeskEvent[] => webhook?.parse(rawRequest(body), settings) ?? [];
const signals = (body: unknown, settings = CONFIG) => parse(body, settings).map(({ signal }) => signal);

describe('a data webhook', () => {
  it('tells what an operator says, under the id of the conversation', () => {
    const [event] = parse(replied());
    expect(event).toMatchObject({
      deskConversationId: TALK,
      signal: {
        kind: 'agentReply',
        text: 'Hello Lena, I can do that.',
        agent: { id: '510000000002001', name: 'Mara' },
      },
    });
  });

  it('has one key for all tries, and another for another message', () => {
    const keys = [replied(), replied({}, { attempt: 3, event_time: '1764000290123', version: '1' })].map(
      (body) => parse(body)[0]?.dedupeKey,
    );
    expect(new Set(keys).size).toBe(1);
    expect(parse(replied({ msgid: '1764000230999' }))[0]?.dedupeKey).not.toBe(keys[0]);
    const nameless = { msgid: undefined };
    expect(parse(replied(nameless))[0]?.dedupeKey).toBe(parse(replied(nameless, { attempt: 2 }))[0]?.dedupeKey);
  });

  it.each(['visitor', 'bot', undefined])('is no reply when the sender is %s', (type) => {
    expect(parse(replied({ sender: { ...mara, type } }))).toEqual([]);
  });

  it('[44] has a notice in the place of a file, or only says who is there', () => {
    for (const text of [undefined, '', null]) {
      expect(signals(replied({ text }))).toMatchObject([
        { kind: 'agentReply', text: '[The agent has sent a file that cannot be shown here.]' },
      ]);
      const silent = config(BASE, { fileNotice: '' });
      expect(signals(replied({ text }), silent)).toMatchObject([{ kind: 'agentJoined', agent: { name: 'Mara' } }]);
    }
  });

  it('tells who has picked up, each time', () => {
    const owner = { ...mara, email_id: 'mara@acme.test' };
    const first = parse(envelope('attender.updated', { owner }));
    expect(first).toMatchObject([{ signal: { kind: 'agentChanged', agent: { id: mara.id, name: 'Mara' } } }]);
    const later = parse(envelope('attender.updated', { owner }, { event_time: '1764000999999' }));
    expect(later[0]?.dedupeKey).not.toBe(first[0]?.dedupeKey);
    expect(parse(envelope('attender.updated', { owner: { ...owner, type: 'bot' } }))).toEqual([]);
  });

  it.each([
    ['agent', {}, ['agent']],
    ['system', {}, ['agent']],
    ['something new', {}, ['agent']],
    ['visitor', {}, ['user']],
    ['visitor', { customer_info: { handoff_id: 'ho_1' } }, []],
    ['agent', { customer_info: { handoff_id: 'ho_1' } }, ['agent']],
  ])('ended by %s with %j closes by %j', (ended_by, more, by) => {
    const body = envelope('completed', { ended_by, end_time: '1764000900000', ...more });
    expect(signals(body).map((signal) => 'by' in signal && signal.by)).toEqual(by);
  });

  it('tells a missed chat as the end by the humans, once', () => {
    const missed = envelope('missed', { missed_time: '1764000900000' });
    expect(parse(missed)).toMatchObject([{ signal: { kind: 'close', by: 'agent' } }]);
    expect(parse(missed)[0]?.dedupeKey).toBe(parse({ ...missed, attempt: 2, event_time: '2' })[0]?.dedupeKey);
  });

  it('tells what a visitor says to a human only while a handoff is open', () => {
    const sender = { id: '$510000000888001', name: 'Lena Voss', type: 'visitor' };
    const body = envelope('visitor.replied', { message: { msgid: '1764000230200', text: 'Thank you', sender } });
    expect(parse(body)).toMatchObject([
      {
        duringHandoff: true,
        signal: {
          kind: 'userMessage',
          text: 'Thank you',
          human: true,
          user: { name: 'Lena Voss', email: 'lena@example.org' },
        },
      },
    ]);
  });

  it.each([
    'created',
    'rated',
    'reopened',
    'transfer.initiated',
    'transfer.accepted',
    'transfer.rejected',
    'message.edited',
    'message.deleted',
    'participants.added',
    'hologram.shown',
  ])('conversation.%s is no event', (name) => {
    expect(parse(envelope(name, { message: { msgid: '1', text: 'x', sender: mara } }))).toEqual([]);
  });

  it('of another brand is dropped, when the settings name ours', () => {
    expect(parse(replied({}, { app_id: '9' }), config(BASE, { appId: APP }))).toEqual([]);
    expect(parse(replied({}, { app_id: '9' }))).toHaveLength(1);
    expect(parse(replied(), config(BASE, { appId: APP }))).toHaveLength(1);
  });

  it.each(['', 'no json', '[]', 'null', '{}', '{"event":"conversation.missed"}'])('%j is nothing', (body) => {
    expect(parse(body)).toEqual([]);
  });
});

const botCall = (handler: string, more: object = {}) => ({
  handler,
  operation: 'chat',
  org_id: '60000000001',
  request: { id: 'b7c0e6a2-1', app_id: APP },
  message: { text: 'I want to talk to a person' },
  attachments: [],
  visitor: { name: 'Lena Voss', email: 'lena@example.org', phone: '', active_conversation_id: TALK, language: 'en' },
  ...more,
});
const failed = (code: number, action = 'forward', replies: unknown[] = ['Connecting you.']) =>
  botCall('failure', { message: undefined, cause: { code, desc: 'x' }, failed_response: { action, replies } });

describe('a call of the Zobot', () => {
  it('is what the user says, with who he is and his files', () => {
    const attachments = [{ url: 'https://cdn.example.org/1.png', name: '1.png' }, 'https://cdn.example.org/2.png', {}];
    expect(parse(botCall('message', { attachments }))).toEqual([
      {
        dedupeKey: 'message.b7c0e6a2-1',
        deskConversationId: TALK,
        signal: {
          kind: 'userMessage',
          id: 'message.b7c0e6a2-1',
          text: 'I want to talk to a person',
          attachments: [
            { url: 'https://cdn.example.org/1.png', name: '1.png' },
            { url: 'https://cdn.example.org/2.png' },
          ],
          user: { id: 'lena@example.org', name: 'Lena Voss', email: 'lena@example.org', locale: 'en' },
        },
      },
    ]);
    expect(signals(botCall('message', { message: 'as a text' }))).toMatchObject([{ text: 'as a text' }]);
  });

  it.each(['trigger', 'context', 'new'])('%s is nothing, and waits for nothing', (handler) => {
    expect(parse(botCall(handler))).toEqual([]);
    expect(webhook?.answer?.turn(rawRequest(botCall(handler)), CONFIG)).toBeUndefined();
  });

  it.each([
    [1001, 'forward', 1],
    [1002, 'forward', 1],
    [1003, 'forward', 1],
    [1005, 'forward', 1],
    [1005, 'reply', 0],
    [1007, 'pending', 0],
  ])('failure %i of %s ends the handoff: %i', (code, action, ends) => {
    const events = parse(failed(code, action));
    expect(events.map(({ signal }) => signal)).toEqual(
      Array.from({ length: ends }, () => ({ kind: 'close', id: 'failure.b7c0e6a2-1', by: 'agent' })),
    );
  });

  it('is a turn with the id of the request', () => {
    for (const body of [botCall('message'), failed(1002)]) {
      expect(webhook?.answer?.turn(rawRequest(body), CONFIG)).toEqual({ deskConversationId: TALK, key: 'b7c0e6a2-1' });
    }
    expect(webhook?.answer?.turn(rawRequest(replied()), CONFIG)).toBeUndefined();
    expect(webhook?.answer?.waitMs).toBeLessThanOrEqual(4_000);
  });
});

const said = (text: string, attachments: { url: string; name?: string }[] = []): TurnItem => ({
  kind: 'message',
  key: text,
  text,
  attachments,
});
const render = (body: unknown, items: TurnItem[], settings = CONFIG): Record<string, unknown> => {
  const answer = webhook?.answer?.render(rawRequest(body), settings, items);
  expect(answer).toMatchObject({ status: 200, headers: { 'content-type': 'application/json' } });
  return JSON.parse(answer?.body ?? '') as Record<string, unknown>;
};

describe('the answer to it', () => {
  const call = botCall('message');

  it('has what the bot said, files as cards', () => {
    const file = { url: 'https://acme.test/i.pdf', name: 'Your invoice' };
    expect(render(call, [said('Sure.'), said('Here', [file])])).toEqual({
      action: 'reply',
      replies: ['Sure.', 'Here', { type: 'file', text: 'Your invoice', url: 'https://acme.test/i.pdf' }],
    });
  });

  it('forwards to the department, by its id as text', () => {
    expect(render(call, [said('One moment.'), { kind: 'handoff', key: 'h' }])).toEqual({
      action: 'forward',
      department: DEPARTMENT,
      replies: ['One moment.'],
    });
    expect(render(call, [{ kind: 'handoff', key: 'h' }])).toEqual({ action: 'forward', department: DEPARTMENT });
  });

  it('ends the chat', () => {
    expect(render(call, [said('Bye'), { kind: 'end', key: 'e' }])).toEqual({ action: 'end', replies: ['Bye'] });
  });

  it('asks for patience when nothing came in time, or apologises where that is set', () => {
    expect(render(call, [])).toEqual({ action: 'pending' });
    const settings = config(BASE, { lateAnswers: 'apology', apology: 'Un instant.' });
    expect(render(call, [], settings)).toEqual({ action: 'reply', replies: ['Un instant.'] });
  });

  it.each([1001, 1002, 1003, 1005, 1007])('to failure %i never forwards, whatever was said', (code) => {
    for (const items of [
      [],
      [{ kind: 'handoff', key: 'h' } as const],
      [said('x'), { kind: 'handoff', key: 'h' } as const],
    ]) {
      const answer = render(failed(code), items);
      expect(answer['action']).toBe('reply');
      expect(answer['replies']).not.toEqual([]);
    }
  });

  it('to a failed forward is what the bot says now, else that nobody is there', () => {
    expect(render(failed(1002), [said('Nobody is there, can I help?')])).toMatchObject({
      replies: ['Nobody is there, can I help?'],
    });
    expect(render(failed(1002), [])).toMatchObject({ replies: [CONFIG.nobodyText] });
    expect(render(failed(1007, 'pending', []), [])).toMatchObject({ replies: [CONFIG.apology] });
  });

  it('is cut into short replies, and into shorter ones when they were too long', () => {
    const text = 'word '.repeat(700).trim();
    const replies = render(call, [said(text)])['replies'] as string[];
    expect(replies.join('')).toBe(text);
    for (const reply of replies) expect(Buffer.byteLength(reply)).toBeLessThanOrEqual(1_000);
    const again = render(failed(1005, 'reply', replies), [])['replies'] as string[];
    expect(again.join('')).toBe(text);
    for (const reply of again) expect(Buffer.byteLength(reply)).toBeLessThanOrEqual(300);
  });

  it('gives back of the replies that failed only what we may have said', () => {
    const file = { type: 'file', text: 'a.png', url: 'https://files.example/a.png' };
    // Deeper than JSON can be written, though it can be read.
    const deep = '['.repeat(50_000) + ']'.repeat(50_000);
    const replies = `["Hello",${JSON.stringify(file)},{"type":"file","text":"x","url":${deep}},${deep},null,7]`;
    const body = JSON.stringify(failed(1005, 'reply', ['@'])).replace('["@"]', replies);
    const raw = webhook?.answer?.render(rawRequest(body), CONFIG, []);
    expect((JSON.parse(raw?.body ?? '{}') as { replies: unknown[] }).replies).toEqual(['Hello', file]);
  });
});

describe('the signature', () => {
  const pair = () => generateKeyPairSync('rsa', { modulusLength: 2048 });
  const [older, newer, foreign] = [pair(), pair(), pair()];
  const pem = (key: KeyObject) => key.export({ format: 'pem', type: 'spki' }).toString();
  const bare = (key: KeyObject) => key.export({ format: 'der', type: 'spki' }).toString('base64');
  const body = JSON.stringify(replied({ text: 'Zoë 你好' }));
  const signed = (by: KeyObject, bytes = body) => sign('RSA-SHA256', Buffer.from(bytes), by).toString('base64');
  const check = (header: string | string[] | undefined, publicKey?: string, bytes = body) =>
    webhook?.authenticate(rawRequest(bytes, header === undefined ? {} : { 'x-siqsignature': header }), {
      ...CONFIG,
      ...(publicKey !== undefined && { publicKey }),
    }).ok;

  it.each([
    ['PEM', pem(older.publicKey)],
    ['Base64', bare(older.publicKey)],
    ['Base64 in lines', bare(older.publicKey).replaceAll(/(.{64})/g, '$1\n')],
    ['two PEM', pem(newer.publicKey) + pem(older.publicKey)],
    ['two Base64', `${bare(newer.publicKey)}\n\n${bare(older.publicKey)}`],
    ['PEM and Base64', `${pem(newer.publicKey)}\n${bare(older.publicKey)}`],
  ])('[42] of a key given as %s is taken', (_form, publicKey) => {
    expect(zohoConfig.safeParse({ ...CONFIG, publicKey }).success).toBe(true);
    expect(check(signed(older.privateKey), publicKey)).toBe(true);
    expect(check(signed(foreign.privateKey), publicKey)).toBe(false);
    expect(check(undefined, publicKey)).toBe(false);
  });

  it('[42] is refused when it is missing, altered, of other bytes or not the one spelling', () => {
    const key = pem(older.publicKey);
    const right = signed(older.privateKey);
    const flipped = (right.startsWith('A') ? 'B' : 'A') + right.slice(1);
    for (const wrong of [
      undefined,
      '',
      flipped,
      right.slice(0, -4),
      `${right}AAAA`,
      ` ${right}`,
      `${right}\n`,
      [right, right],
    ]) {
      expect(check(wrong, key), JSON.stringify(wrong)).toBe(false);
    }
    for (const other of [` ${body}`, body.replace('Hello', 'hello') + ' ', body.slice(0, -1)]) {
      expect(check(right, key, other)).toBe(false);
    }
    expect(check(right.replaceAll('+', '-').replaceAll('/', '_'), key)).toBe(/[+/]/.test(right) ? false : true);
  });

  it('[41] is not asked for without a key, and no key that cannot be read opens the door', () => {
    expect(check(undefined)).toBe(true);
    for (const publicKey of ['', 'no key', pem(older.publicKey).slice(40)]) {
      expect(check(signed(older.privateKey), publicKey)).toBe(false);
    }
  });

  it('[41] is checked with RSA keys only', () => {
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    for (const text of [pem(publicKey), bare(publicKey), 'x', '-----BEGIN PUBLIC KEY-----']) {
      expect(zohoConfig.safeParse({ ...CONFIG, publicKey: text }).success).toBe(false);
    }
  });

  it('of no bytes and no header makes the check throw or say yes', () => {
    const key = pem(older.publicKey);
    fc.assert(
      fc.property(
        fc.string(),
        fc.oneof(fc.string(), fc.base64String()),
        (bytes, header) => check(header, key, bytes) === false,
      ),
      { seed: testSeed('zoho signatures'), numRuns: 300 },
    );
  });
});

it('whatever comes, events have ids and texts', () => {
  const bodies = [replied(), envelope('completed', { ended_by: 'agent' }), botCall('message'), failed(1002)];
  fc.assert(
    fc.property(
      fc.constantFrom(...bodies),
      fc.dictionary(
        fc.constantFrom('handler', 'event', 'entity', 'entity_id', 'visitor', 'request', 'message', 'cause'),
        fc.jsonValue(),
      ),
      (body, changes) => {
        const raw = rawRequest({ ...body, ...changes });
        for (const event of webhook?.parse(raw, CONFIG) ?? []) {
          expect(event.dedupeKey).not.toBe('');
          expect(event.deskConversationId).not.toBe('');
          if ('text' in event.signal) expect(typeof event.signal.text).toBe('string');
        }
        if (webhook?.answer?.turn(raw, CONFIG)) render({ ...body, ...changes }, []);
      },
    ),
    { seed: testSeed('zoho parse'), numRuns: 1_000 },
  );
});

describe('the guide', () => {
  it('[45] warns in native mode of the model that may not call for a human', () => {
    expect(webhook?.guide('native').where).toContain('GPT-4o-mini');
    expect(webhook?.guide('external').where).not.toContain('GPT-4o-mini');
    expect(webhook?.guide('native').topics).toContain('conversation.visitor.replied');
    expect(webhook?.guide('external').topics).not.toContain('conversation.visitor.replied');
  });
});
