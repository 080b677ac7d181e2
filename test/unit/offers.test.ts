import { describe, expect, it } from 'vitest';
import type { DeskDelivery, HandoffEvent, HandoffInput, HandoffState, LateMessage } from '../../workflows/contracts.ts';
import { begin, nextDeadlineMs, reduce } from '../../workflows/core.ts';
import type { Happening } from '../../workflows/core.ts';
import { leftNote } from '../../activities/text/left-note.ts';
import { handoffInput } from '../support/input.ts';

const START = Date.UTC(2026, 0, 15, 20);
const OPENS = Date.UTC(2026, 0, 16, 8);

/** A handoff whose time and happenings the test decides. */
function play(over: Partial<HandoffInput>, ...happenings: (Happening | number)[]) {
  const input = handoffInput(over);
  let now = START;
  const first = begin(input, now);
  let state: HandoffState = first.state;
  const events: HandoffEvent[] = [...first.events];
  const desk: DeskDelivery[] = [...first.desk];
  const late: LateMessage[] = [];
  for (const happening of happenings) {
    if (typeof happening === 'number') now = happening;
    const step = reduce(input, state, typeof happening === 'number' ? { kind: 'timePassed' } : happening, now, desk);
    state = step.state;
    events.push(...step.events);
    desk.push(...step.desk);
    late.push(...step.late);
  }
  const types = events.map(({ type }) => type);
  return { state, events, types, late, last: events.at(-1)?.data, sent: desk.map(({ kind }) => kind) };
}

const opened: Happening = { kind: 'opened', deskConversationId: 'desk-1' };
const refused: Happening = { kind: 'openFailed', mayHaveIt: false };
const says = (id: string): Happening => ({ kind: 'userMessage', id, text: `message ${id}` });
const replies = (id: string): Happening => ({ kind: 'agentReply', id, text: `reply ${id}` });
const closes = (by: 'user' | 'agent'): Happening => ({ kind: 'close', id: by, by });
const email: Happening = { kind: 'emailGiven', id: 'e', email: 'lea@example.org' };

describe('a message that the user leaves', () => {
  const message = { kind: 'message' } as const;

  it('is over when the desk has it, which is not told of an end', () => {
    const { types, last, sent } = play(message, opened);
    expect(types).toEqual(['handoff.closed']);
    expect(last).toMatchObject({
      reason: 'message_left',
      text: 'text closed_message_left',
      packet: { outcome: 'message_left' },
    });
    expect(sent).toEqual(['open']);
  });

  it('takes along what the user wrote before the desk had it', () => {
    const open = play(message, says('1'), opened);
    expect(open.state).toMatchObject({ status: 'opening', closing: { reason: 'message_left' } });
    expect(play(message, says('1'), opened, { kind: 'delivered', n: 2 }).last).toMatchObject({
      reason: 'message_left',
    });
  });

  it('asks for the address first where that is needed', () => {
    expect(play({ ...message, emailRequired: true }, email, opened).types).toEqual([
      'handoff.email_required',
      'handoff.closed',
    ]);
  });

  it('is never a talk: what an agent writes, even before the acceptance comes back, is late', () => {
    const { types, late, last, sent } = play(message, replies('1'), opened, replies('2'));
    expect(types).toEqual(['handoff.closed']);
    expect(last).toMatchObject({ reason: 'message_left' });
    expect(late.map(({ id }) => id)).toEqual(['1', '2']);
    expect(sent).toEqual(['open']);
  });

  it('an agent who closes it at once has it', () => {
    expect(play(message, closes('agent'), opened).last).toMatchObject({ reason: 'message_left' });
  });

  it('is withdrawn by a user who ends it before the desk has it: then the desk is told', () => {
    const { last, sent } = play(message, closes('user'), opened);
    expect(last).toMatchObject({ reason: 'user_closed' });
    expect(sent).toEqual(['open', 'close']);
  });

  it('is not offered again to a user whose message the desk did not take', () => {
    const { last } = play({ ...message, offers: { message: true, nextOpeningFromMs: START } }, refused);
    expect(last).toMatchObject({ reason: 'desk_unavailable' });
    expect(last).not.toHaveProperty('offers');
  });
});

describe('a request for the next opening', () => {
  const scheduled = { kind: 'next_opening', opensAtMs: OPENS } as const;

  it('waits for it, and then asks the desk as ever', () => {
    const { state, events } = play(scheduled, OPENS - 1);
    expect(state.status).toBe('scheduled');
    expect(nextDeadlineMs(state)).toBe(OPENS);
    expect(events[0]).toMatchObject({
      type: 'handoff.scheduled',
      data: { text: 'text scheduled', opensAt: '2026-01-16T08:00:00.000Z' },
    });
    const asked = play(scheduled, OPENS);
    expect(asked.state.status).toBe('opening');
    expect(nextDeadlineMs(asked.state)).toBeUndefined();
    expect(play(scheduled, OPENS, opened).types).toEqual(['handoff.scheduled', 'handoff.connecting']);
  });

  it('rule 3: keeps what the user writes meanwhile, behind the opening, with a time that begins there', () => {
    const { sent, state } = play(scheduled, says('1'), says('2'), OPENS, opened);
    expect(sent).toEqual(['open', 'message', 'message']);
    expect(state.askedMs).toBe(OPENS);
  });

  it('asks for the address first, and goes straight to the desk when the hours have begun meanwhile', () => {
    const asking = { ...scheduled, emailRequired: true };
    expect(play(asking, email).types).toEqual(['handoff.email_required', 'handoff.scheduled']);
    const late = play({ ...asking, opensAtMs: START + 1_000 }, { ...email, atMs: START + 1_000 });
    expect(late.state.status).toBe('opening');
    expect(late.types).toEqual(['handoff.email_required']);
  });

  it('is ended by the user before the desk knows of it: nothing goes there', () => {
    const { types, last, sent } = play(scheduled, says('1'), closes('user'));
    expect(types).toEqual(['handoff.scheduled', 'message.user', 'message.failed', 'handoff.closed']);
    expect(last).toMatchObject({ reason: 'user_closed' });
    expect(sent).not.toContain('close');
  });
});

describe('what the end of a handoff offers', () => {
  const offers = { message: true, nextOpeningFromMs: START + 60_000 };
  const asMessage = { kind: 'message', text: 'text offer_message' };
  const asOpening = { kind: 'next_opening', text: 'text offer_next_opening' };

  it('a message when the desk was away, and the next opening only when the hours are over', () => {
    expect(play({ offers }, refused).last?.['offers']).toEqual([asMessage]);
    expect(play({ offers }, START + 60_000, refused).last?.['offers']).toEqual([asMessage, asOpening]);
  });

  it('the same when nobody has answered', () => {
    const { last } = play({ offers }, opened, START + 60_000, START + 120_000);
    expect(last).toMatchObject({ reason: 'wait_timeout', offers: [asMessage, asOpening] });
  });

  it('nothing to a user who has been answered or has left, and nothing without the settings', () => {
    expect(play({ offers }, opened, closes('user')).last).not.toHaveProperty('offers');
    expect(play({}, refused).last).not.toHaveProperty('offers');
    expect(play({ offers: { message: false, nextOpeningFromMs: null } }, refused).last).not.toHaveProperty('offers');
  });
});

describe('the note for the agents', () => {
  const request = { handoffId: 'h', botId: 'b', conversationId: 'c', channel: 'api', mode: 'external' } as const;
  const open = { ...request, key: 'k', timestamp: 1, user: { phone: '+1' }, history: [], question: 'q' };
  const address = 'lea@example.org';

  it('says that the user has gone and how he is answered', () => {
    expect(leftNote({ ...open, email: address, leftMessage: { emailIsDefault: false } })).toMatch(
      /has left a message.*by e-mail: lea@example.org, or by phone: \+1/,
    );
  });

  it("does not name the bot's own address as the user's", () => {
    const note = leftNote({ ...open, user: {}, email: address, leftMessage: { emailIsDefault: true } });
    expect(note).not.toContain(address);
    expect(note).toContain('No address of his own is known.');
  });

  it('is not there for a user who waits', () => {
    expect(leftNote({ ...open, email: address })).toBeUndefined();
  });
});
