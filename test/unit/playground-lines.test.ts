import { describe, expect, it } from 'vitest';
import { chatLines, journalLines, type ChatLine, type Item } from '../../api/console/playground/lines.ts';
import type { BotEvent, HandoffEvent } from '../../workflows/contracts.ts';

let seq = 0;
const event = (type: string, data: Record<string, unknown>, handoffId = 'ho_1'): BotEvent =>
  ({
    type,
    seq: (seq += 1),
    at: '2026-01-30T09:15:00.000Z',
    botId: 'b',
    handoffId,
    conversationId: 'c',
    data,
  }) as HandoffEvent;
const userSays = (messageId: string, text: string) => event('message.user', { messageId, text });
const agentSays = (text: string, more: object = {}) =>
  event('message.agent', { messageId: `a-${text}`, text, ...more });
const short = (lines: ChatLine[]) => lines.map(({ from, text, state }) => (state ? [from, text, state] : [from, text]));

describe('the lines of a handoff', () => {
  it('are the sentences for the user and what both say, by name', () => {
    const lines = journalLines('ho_1', [
      event('handoff.connecting', { text: 'One moment.' }),
      event('handoff.active', { text: null, agent: { name: 'Alex' } }),
      agentSays('Hello', {
        agent: { name: 'Alex' },
        attachments: [{ url: 'https://files.example.org/a.pdf', name: 'a.pdf' }],
      }),
      userSays('m1', 'Hi'),
      event('handoff.closed', { text: 'It is over.', reason: 'agent_closed' }),
    ]);
    expect(short(lines)).toEqual([
      ['notice', 'One moment.'],
      ['agent', 'Hello'],
      ['user', 'Hi'],
      ['notice', 'It is over.'],
    ]);
    expect(lines[1]).toMatchObject({ name: 'Alex', files: [{ name: 'a.pdf' }] });
  });

  it('do not depend on the order in which events come, nor on how often', () => {
    const events = [userSays('m1', 'one'), userSays('m2', 'two'), agentSays('three')];
    const lines = journalLines('ho_1', events);
    expect(journalLines('ho_1', [...events, ...events].toReversed())).toEqual(lines);
    expect(lines.map(({ text }) => text)).toEqual(['one', 'two', 'three']);
  });

  it('are marked while they have failed, and when they are read', () => {
    const sent = [userSays('m1', 'one'), userSays('m2', 'two')];
    const failed = [...sent, event('message.failed', { messageId: 'm1', reason: 'expired', text: 'Sorry' })];
    expect(journalLines('ho_1', failed)[0]).toMatchObject({ state: 'failed', reason: 'expired' });
    expect(short(journalLines('ho_1', [...failed, event('message.retried', { messageId: 'm1', text: null })]))).toEqual(
      [
        ['user', 'one'],
        ['user', 'two'],
      ],
    );
    expect(short(journalLines('ho_1', [...failed, event('message.read', {})]))).toEqual([
      ['user', 'one', 'failed'],
      ['user', 'two', 'read'],
    ]);
  });
});

describe('the chat of a user', () => {
  const line = (id: string, text: string, more: Partial<ChatLine> = {}): ChatLine => ({
    id,
    from: 'user',
    text,
    ...more,
  });

  it('has each handoff in its place, and what is on its way once', () => {
    const items: Item[] = [
      line('t1', 'human'),
      { handoffId: 'ho_1' },
      line('m1', 'arrived', { handoffId: 'ho_1', state: 'sending' }),
      line('m2', 'on its way', { handoffId: 'ho_1', state: 'sending' }),
      line('t2', 'back at the bot'),
    ];
    const events = new Map([['ho_1', [userSays('m1', 'arrived'), agentSays('hello')]]]);
    expect(short(chatLines(items, events))).toEqual([
      ['user', 'human'],
      ['user', 'arrived'],
      ['agent', 'hello'],
      ['user', 'on its way', 'sending'],
      ['user', 'back at the bot'],
    ]);
  });
});
