import { describe, expect, it } from 'vitest';
import type { DeskEvent } from '../../activities/desks/desk.ts';
import { withoutHeard } from '../../activities/words.ts';
import { begin, nextDeadlineMs, reduce } from '../../workflows/core.ts';
import type { Happening } from '../../workflows/core.ts';
import type { HandoffEvent, HandoffInput, HandoffSignal } from '../../workflows/contracts.ts';
import { handoffInput } from '../support/input.ts';

const START = Date.UTC(2026, 0, 15, 9);
const opened: Happening = { kind: 'opened', deskConversationId: 'desk-1' };
const close: Happening = { kind: 'close', id: 'c', by: 'user' };
const says: Happening = { kind: 'userMessage', id: 'u1', text: 'hello' };
const replies = (id: string, recovered = false): Happening => ({
  kind: 'agentReply',
  id,
  text: id,
  agent: { id: 'zoe' },
  ...(recovered && { recovered: true as const }),
});

function story(happenings: Happening[], over: Partial<HandoffInput> = {}, mayLook = () => true) {
  const input = handoffInput({ reconciles: true, ...over });
  let { state } = begin(input, START);
  const events: HandoffEvent[] = [];
  const late: string[] = [];
  for (const happening of happenings) {
    const step = reduce(input, state, happening, START, [], mayLook);
    state = step.state;
    events.push(...step.events);
    late.push(...step.late.map(({ id }) => id));
  }
  return { state, events, late, types: events.map(({ type }) => type) };
}

describe('an end that waits for a look at the desk', () => {
  it('is written when the look is over, behind what was found', () => {
    const { types, events, late } = story([
      opened,
      close,
      replies('a1', true),
      replies('a2', true),
      { kind: 'looked' },
    ]);
    expect(types).toEqual(['handoff.connecting', 'handoff.active', 'message.agent', 'message.agent', 'handoff.closed']);
    expect(events[2]?.data).toMatchObject({ messageId: 'a1', recovered: true, agent: { id: 'zoe' } });
    expect(late).toEqual([]);
  });

  it('waits for messages on their way as well, whichever ends first', () => {
    const settled: Happening = { kind: 'delivered', n: 2 };
    for (const order of [
      [settled, { kind: 'looked' }],
      [{ kind: 'looked' }, settled],
    ] as Happening[][]) {
      expect(story([opened, says, close, ...order.slice(0, 1)]).types).not.toContain('handoff.closed');
      expect(story([opened, says, close, ...order]).types.at(-1)).toBe('handoff.closed');
    }
  });

  it('is written after its grace at the latest, and what comes then is late', () => {
    const { types, late, state } = story([opened, close, { kind: 'graceOver' }, replies('a1', true)]);
    expect(types.at(-1)).toBe('handoff.closed');
    expect(late).toEqual(['a1']);
    expect(state.closing).not.toHaveProperty('looking');
  });

  it('takes what a webhook tells meanwhile as in time, and sets no silence going', () => {
    const { types, state } = story([opened, close, replies('a1')]);
    expect(types.at(-1)).toBe('message.agent');
    expect(state.deadline).toBeUndefined();
    expect(nextDeadlineMs(state)).toBe(state.closing?.graceEndsMs);
  });

  it('is not for a desk that has no conversation, that cannot be asked, or for older runs', () => {
    expect(story([close]).types.at(-1)).toBe('handoff.closed');
    expect(story([opened, close, replies('a1')], {}, () => false)).toMatchObject({ late: ['a1'] });
    const { reconciles: _, ...older } = handoffInput();
    const step = reduce(
      older,
      { ...begin(older, START).state, deskHasIt: true, deskConversationId: 'd' },
      close,
      START,
    );
    expect(step.events.at(-1)?.type).toBe('handoff.closed');
  });
});

describe('the same words under another id', () => {
  const at = (n: number, kind: 'agentReply' | 'userMessage', text: string): DeskEvent => ({
    dedupeKey: `rest-${n}`,
    deskConversationId: 'd',
    isNamedOtherwise: true,
    signal: { kind, id: '', text },
  });
  const heard = (kind: 'agentReply' | 'userMessage', text: string): HandoffSignal => ({ kind, id: text, text });
  const keys = (events: DeskEvent[]) => events.map(({ dedupeKey }) => dedupeKey);

  it('are one thing for each time that they were heard', () => {
    const events = [at(1, 'agentReply', 'ok'), at(2, 'agentReply', 'ok'), at(3, 'agentReply', 'ok')];
    expect(keys(withoutHeard(events, [heard('agentReply', 'ok'), heard('agentReply', ' ok\r\n')]))).toEqual(['rest-3']);
    expect(keys(withoutHeard(events, []))).toEqual(['rest-1', 'rest-2', 'rest-3']);
  });

  it('of somebody else, or a thing under its own id, are another', () => {
    const named: DeskEvent = { dedupeKey: 'm1', deskConversationId: 'd', signal: heard('agentReply', 'ok') };
    const found = withoutHeard([at(1, 'userMessage', 'ok'), named], [heard('agentReply', 'ok')]);
    expect(keys(found)).toEqual(['rest-1', 'm1']);
  });
});
