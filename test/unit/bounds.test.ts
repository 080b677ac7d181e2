import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { boundedEvents, EVENT_BOUNDS } from '../../activities/desks/bounds.ts';
import type { DeskEvent } from '../../activities/desks/desk.ts';
import { checkEvent } from '../support/event-contract.ts';
import { testSeed } from '../support/seed.ts';

const event = (signal: DeskEvent['signal'], more: Partial<DeskEvent> = {}): DeskEvent => ({
  dedupeKey: 'part:1',
  deskConversationId: 'c-1',
  signal,
  ...more,
});
const reply = (text: string, urls: string[] = [], more: Partial<DeskEvent> = {}): DeskEvent =>
  event(
    { kind: 'agentReply', id: '', text, ...(urls.length > 0 && { attachments: urls.map((url) => ({ url })) }) },
    more,
  );
const said = (events: DeskEvent[]) =>
  boundedEvents(events).map(({ signal }) => {
    if (signal.kind !== 'agentReply') throw new Error(signal.kind);
    return { text: signal.text, files: signal.attachments?.map(({ url }) => url) ?? [] };
  });
const url = (n: number | string): string => `https://files.example/${n}`;

describe('what a desk reports, in sizes that can be kept', () => {
  it('is as it was when it is of ordinary size', () => {
    const agent = { id: '7', name: 'Dana', avatar: 'https://a.example/1.png' };
    const files = [{ url: url(1), name: '1.pdf', contentType: 'application/pdf' }];
    const ordinary: DeskEvent[] = [
      event({ kind: 'agentReply', id: '', text: 'Hello', attachments: files, agent }, { perHandoff: true }),
      event({ kind: 'userMessage', id: '', text: '', user: { id: 'u', email: 'a@b.example', name: 'Lea' } }),
      event({ kind: 'agentJoined', id: '', agent }),
      event({ kind: 'agentChanged', id: '', agent: {} }, { duringHandoff: true, comesWith: 'part:0' }),
      event({ kind: 'snooze', id: '', until: '2026-12-01T08:00:00.000Z' }),
      event({ kind: 'close', id: '', by: 'agent' }),
    ];
    expect(boundedEvents(ordinary)).toEqual(ordinary);
  });

  it('a key that is too long for an index is a hash, the same for each repeat and for what comes with it', () => {
    const key = 'k'.repeat(5_000);
    const [first, second] = boundedEvents([
      reply('one', [], { dedupeKey: key }),
      reply('two', [], { dedupeKey: `${key}2`, comesWith: key }),
    ]);
    expect(first?.dedupeKey).toMatch(/^sha256:[\da-f]{64}$/);
    expect(second?.comesWith).toBe(first?.dedupeKey);
    expect(second?.dedupeKey).not.toBe(first?.dedupeKey);
  });

  it('a conversation with an id that no desk gives is nobody’s', () => {
    expect(said([reply('x', [], { deskConversationId: 'é'.repeat(251) })])).toEqual([]);
    expect(said([reply('x', [], { deskConversationId: 'é'.repeat(250) })])).toHaveLength(1);
  });

  it('a text that is too long comes in several messages with keys of their own, none of it lost', () => {
    const text = 'A long line of words.\n'.repeat(10_000);
    const events = boundedEvents([reply(text, [url(1)])]);
    expect(events.map(({ signal }) => (signal.kind === 'agentReply' ? signal.text : '')).join('')).toBe(text);
    expect(events.map(({ dedupeKey }) => dedupeKey)).toEqual(['part:1', 'part:1#2', 'part:1#3', 'part:1#4']);
    expect(events.map(({ signal }) => 'attachments' in signal)).toEqual([false, false, false, true]);
  });

  it('too many files come in several messages', () => {
    const urls = Array.from({ length: 45 }, (_, n) => url(n));
    const all = said([reply('Look', urls)]);
    expect(all.map(({ text }) => text)).toEqual(['Look', '', '']);
    expect(all.flatMap(({ files }) => files)).toEqual(urls);
  });

  it('a file without a web address is left out, one with a longer address is a line of the text', () => {
    const long = url('x'.repeat(EVENT_BOUNDS.url));
    expect(said([reply('Look', ['javascript:alert(1)', long, url(2)])])).toEqual([
      { text: `Look\n${long}`, files: [url(2)] },
    ]);
    expect(said([reply('', ['data:text/html,x'])])).toEqual([]);
  });

  it('names are cut between characters, what must be whole is left out', () => {
    const agent = { id: 'i'.repeat(201), name: `${'n'.repeat(199)}😀`, avatar: url('x'.repeat(2_048)) };
    expect(boundedEvents([event({ kind: 'agentJoined', id: '', agent })])).toEqual([
      event({ kind: 'agentJoined', id: '', agent: { name: 'n'.repeat(199) } }),
    ]);
  });

  it.each(['+020000-01-01T00:00:00.000Z', '0000-01-01T00:00:00.000Z', '2200-01-01T00:00:00.000Z', 'never'])(
    'a parked conversation does not wake at %s, which no database or timer knows',
    (until) => {
      expect(boundedEvents([event({ kind: 'snooze', id: '', until })])).toEqual([event({ kind: 'snooze', id: '' })]);
    },
  );

  it('whatever the sizes are, what comes out keeps the contract, and twice is once', () => {
    const many = fc.integer({ min: 0, max: 3 }).map((n) => 10 ** n * 7);
    const long = fc
      .tuple(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 9 }), many)
      .map(([s, n]) => s.repeat(n));
    const file = fc.record(
      {
        url: fc.oneof(
          long,
          long.map((s) => `https://x.example/${s}`),
        ),
        name: long,
        contentType: long,
      },
      { requiredKeys: ['url'] },
    );
    const person = fc.record({ id: long, name: long, avatar: long, email: long }, { requiredKeys: [] });
    const signal = fc.oneof(
      fc.record({
        kind: fc.constant('agentReply' as const),
        id: fc.constant(''),
        text: fc.oneof(
          long,
          fc.integer({ min: 1, max: 200_000 }).map((n) => 'é'.repeat(n)),
        ),
        attachments: fc.array(file, { minLength: 1, maxLength: 50 }),
        agent: person,
      }),
      fc.record({ kind: fc.constant('agentJoined' as const), id: fc.constant(''), agent: person }),
    );
    fc.assert(
      fc.property(fc.record({ dedupeKey: long, deskConversationId: long, signal }), (one) => {
        const once = boundedEvents([one]);
        for (const each of once) checkEvent(each);
        expect(boundedEvents(once)).toEqual(once);
      }),
      { seed: testSeed('bounds'), numRuns: 200 },
    );
  });
});
