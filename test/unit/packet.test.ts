import { describe, expect, it } from 'vitest';
import type { CloseReason, HandoffEvent, HandoffState, ReturnPacket } from '../../workflows/contracts.ts';
import { CLOSE_REASONS } from '../../workflows/contracts.ts';
import type { Happening } from '../../workflows/core.ts';
import { PACKET_CHARACTERS, PACKET_MESSAGES, packetOf } from '../../workflows/packet.ts';
import { HandoffRun } from '../../workflows/run.ts';
import { handoffInput } from '../support/input.ts';

const START = Date.UTC(2026, 0, 15, 9);

/** Plays what happens, each at its second, and gives back the packet of the end. */
function packetAfter(
  happenings: [second: number, happening: Happening][],
  run = new HandoffRun(handoffInput(), START),
) {
  for (const [second, happening] of happenings) run.apply(happening, START + second * 1_000);
  return closed(run).data['packet'] as ReturnPacket;
}

function closed(run: HandoffRun): HandoffEvent {
  const last = run.journal.at(-1);
  if (last?.type !== 'handoff.closed') throw new Error(`the last event is ${last?.type}`);
  return last;
}

const opened: Happening = { kind: 'opened', deskConversationId: 'd' };
const nora = { id: '7', name: 'Nora' };
const says = (id: string, text = `user ${id}`): Happening => ({ kind: 'userMessage', id, text });
const replies = (id: string, text = `agent ${id}`): Happening => ({ kind: 'agentReply', id, text, agent: nora });
const closes = (by: 'user' | 'agent' | 'bot' | 'operator'): Happening => ({ kind: 'close', id: 'c', by });

describe('the return packet', () => {
  it('has what was said in the form of a context, the times, the human and the last words', () => {
    expect(
      packetAfter([
        [1, says('u1')],
        [2, opened],
        [3, { kind: 'delivered', n: 2 }],
        [14, replies('a1')],
        [20, says('u2')],
        [20, { kind: 'delivered', n: 3 }],
        [30, replies('a2', 'It is on its way.')],
        [31, says('u3', 'Thanks')],
        [31, { kind: 'delivered', n: 4 }],
        [40, closes('agent')],
      ]),
    ).toEqual({
      outcome: 'answered',
      reason: 'agent_closed',
      durationSeconds: 40,
      waitSeconds: 12,
      agent: nora,
      lastWords: 'It is on its way.',
      messages: [
        { role: 'user', content: 'user u1' },
        { role: 'assistant', name: 'Nora', content: 'agent a1' },
        { role: 'user', content: 'user u2' },
        { role: 'assistant', name: 'Nora', content: 'It is on its way.' },
        { role: 'user', content: 'Thanks' },
      ],
      omitted: 0,
    });
  });

  it('names files by their address, and a human without a name as nobody', () => {
    const attachments = [{ url: 'https://files.example/a.png' }, { url: 'https://files.example/b.pdf' }];
    const packet = packetAfter([
      [1, opened],
      [2, { kind: 'agentReply', id: 'a1', text: 'see', attachments }],
      [3, { kind: 'agentReply', id: 'a2', text: '', attachments: attachments.slice(1) }],
      [4, closes('agent')],
    ]);
    expect(packet.messages).toEqual([
      { role: 'assistant', content: 'see\nhttps://files.example/a.png\nhttps://files.example/b.pdf' },
      { role: 'assistant', content: 'https://files.example/b.pdf' },
    ]);
    expect(packet).toMatchObject({ agent: null, lastWords: 'https://files.example/b.pdf' });
  });

  it('keeps the newest 40 messages of 16,000 characters, counts the others and remembers the last words all the same', () => {
    const many = Array.from({ length: 100 }, (_, index): [number, Happening] => [index, says(String(index))]);
    const packet = packetAfter([
      [0, opened],
      [0, replies('first')],
      ...many,
      [200, closes('operator')],
      [211, { kind: 'graceOver' }],
    ]);
    expect(packet.messages).toHaveLength(PACKET_MESSAGES);
    expect(packet.messages.at(-1)).toEqual({ role: 'user', content: 'user 99' });
    expect(packet).toMatchObject({ omitted: 61, lastWords: 'agent first', outcome: 'ended_by_operator' });

    const long = Array.from({ length: 5 }, (_, index): [number, Happening] => [
      index,
      replies(`${index}`, 'x'.repeat(6_000)),
    ]);
    expect(packetAfter([[0, opened], ...long, [9, closes('agent')]])).toMatchObject({ omitted: 3 });

    const huge = packetAfter([
      [0, opened],
      [1, replies('1', `${'x'.repeat(PACKET_CHARACTERS - 2)}😀y`)],
      [2, closes('agent')],
    ]);
    expect(huge.messages[0]?.content).toHaveLength(PACKET_CHARACTERS - 1);
    expect(huge.messages[0]?.content.endsWith('x…')).toBe(true);
  });

  it('says how it ended for every reason, with and without an answer', () => {
    const outcome = (reason: CloseReason, agent: number, detail?: string): string => {
      const counts = { user: 1, agent, failed: 0, duplicates: 0, late: 0 };
      return packetOf({ counts } as HandoffState, { reason, ...(detail ? { detail } : {}) }, START).outcome;
    };
    expect(CLOSE_REASONS.map((reason) => [reason, outcome(reason, 0), outcome(reason, 1)])).toEqual([
      ['user_closed', 'abandoned', 'answered'],
      ['agent_closed', 'abandoned', 'answered'],
      ['bot_closed', 'ended_by_bot', 'ended_by_bot'],
      ['wait_timeout', 'timed_out', 'timed_out'],
      ['inactivity_timeout', 'answered', 'answered'],
      ['email_not_given', 'abandoned', 'answered'],
      ['desk_unavailable', 'desk_unavailable', 'desk_unavailable'],
      ['operator_closed', 'ended_by_operator', 'ended_by_operator'],
      ['message_left', 'message_left', 'message_left'],
    ]);
    expect(outcome('inactivity_timeout', 1, 'user_silent')).toBe('answered');
    expect(outcome('inactivity_timeout', 1, 'agent_silent')).toBe('timed_out');
  });

  it('counts the wait from the start when the answer comes before the acceptance', () => {
    expect(
      packetAfter([
        [5, replies('a1')],
        [6, opened],
        [9, closes('agent')],
      ]),
    ).toMatchObject({ waitSeconds: 5 });
    expect(
      packetAfter([
        [5, opened],
        [9, closes('user')],
      ]),
    ).toMatchObject({ waitSeconds: null, outcome: 'abandoned' });
  });

  it('goes on with what a run of an older version carried', () => {
    const before = new HandoffRun(handoffInput(), START);
    for (const happening of [opened, says('u1'), { kind: 'delivered' as const, n: 2 }, replies('a1')])
      before.apply(happening, START);
    before.journal.splice(0);
    const carried = structuredClone(before.carry());
    delete carried.state.memory;
    const packet = packetAfter(
      [
        [1, replies('a2')],
        [2, closes('agent')],
      ],
      new HandoffRun(handoffInput({ carried }), START),
    );
    expect(packet).toMatchObject({
      durationSeconds: null,
      waitSeconds: null,
      lastWords: 'agent a2',
      omitted: 2,
      outcome: 'answered',
    });
    expect(packet.messages).toHaveLength(1);
  });
});
