import { describe, expect, it } from 'vitest';
import type { Happening } from '../../workflows/core.ts';
import { FAILED_LIMIT } from '../../workflows/operator.ts';
import { HandoffRun } from '../../workflows/run.ts';
import { handoffInput } from '../support/input.ts';

const attachments = [{ url: 'https://files.example/a.png' }];
const opened: Happening = { kind: 'opened', deskConversationId: 'd' };
const says = (id: string): Happening => ({ kind: 'userMessage', id, text: `text ${id}`, attachments });
const failed = (n: number): Happening => ({ kind: 'undeliverable', n, why: 'rejected' });
let calls = 0;
const operator = (kind: 'retryMessage' | 'giveUpMessage', messageId: string): Happening => ({
  kind,
  id: `call-${(calls += 1)}`,
  messageId,
});

/** A handoff whose desk has accepted, with what happened since in its journal. */
function talking(...happenings: Happening[]): HandoffRun {
  const run = new HandoffRun(handoffInput(), 0);
  run.apply(opened, 0);
  run.settled(1);
  run.journal.splice(0);
  for (const happening of happenings) run.apply(happening, 1_000);
  return run;
}

const told = (run: HandoffRun) => run.journal.map(({ type, data }) => [type, data['messageId'], data['reason'] ?? '']);
const forDesk = (run: HandoffRun) =>
  run.nextForDesk().map((delivery) => (delivery.kind === 'message' ? delivery.messageId : delivery.kind));

describe('an operator and one message', () => {
  it('has a failed one tried again behind all others, with its text and its files', () => {
    const run = talking(says('u1'), says('u2'), failed(2));
    expect(run.view()).toMatchObject({ retriable: ['u1'], counts: { failed: 1 } });
    run.apply(operator('retryMessage', 'u1'), 2_000);
    expect(forDesk(run)).toEqual(['u2', 'u1']);
    expect(run.nextForDesk()[1]).toMatchObject({ n: 4, text: 'text u1', attachments });
    expect(told(run).slice(2)).toEqual([
      ['message.failed', 'u1', 'rejected'],
      ['message.retried', 'u1', ''],
    ]);
    expect(run.journal.at(-1)?.data['text']).toBeNull();
    expect(run.view()).toMatchObject({ retriable: [], counts: { failed: 0 } });
    // It may fail again, and be tried again.
    run.apply({ kind: 'delivered', n: 3 }, 3_000);
    run.apply(failed(4), 3_000);
    run.apply(operator('retryMessage', 'u1'), 4_000);
    expect(forDesk(run)).toEqual(['u1']);
  });

  it('has a waiting one tried at once, and nothing else', () => {
    const run = talking(says('u1'));
    run.apply(operator('retryMessage', 'u1'), 2_000);
    expect(run.hurry).toBe(true);
    expect(forDesk(run)).toEqual(['u1']);
    expect(told(run)).toEqual([['message.user', 'u1', '']]);
  });

  it('gives a waiting one up: it fails, the others go on, and it may be tried again', () => {
    const run = talking(says('u1'), says('u2'), operator('giveUpMessage', 'u1'));
    expect(run.hurry).toBe(true);
    expect(forDesk(run)).toEqual(['u2']);
    expect(told(run).at(-1)).toEqual(['message.failed', 'u1', 'given_up']);
    run.apply({ kind: 'delivered', n: 2 }, 2_000);
    expect(told(run)).toHaveLength(3);
    run.apply(operator('retryMessage', 'u1'), 3_000);
    expect(forDesk(run)).toEqual(['u2', 'u1']);
  });

  it('changes nothing for what has arrived, is unknown, or when the end is decided', () => {
    const run = talking(says('u1'), { kind: 'delivered', n: 2 }, says('u2'), failed(3));
    const before = run.journal.length;
    for (const id of ['u1', 'nobody']) {
      run.apply(operator('retryMessage', id), 2_000);
      run.apply(operator('giveUpMessage', id), 2_000);
    }
    expect(run.journal).toHaveLength(before);
    run.apply(says('u3'), 2_000);
    run.apply({ kind: 'close', id: 'c', by: 'user' }, 2_000);
    run.apply(operator('retryMessage', 'u2'), 2_000);
    run.apply(operator('giveUpMessage', 'u3'), 2_000);
    expect(told(run).slice(before)).toEqual([['message.user', 'u3', '']]);
    expect(run.hurry).toBe(false);
  });

  it('remembers a bounded number of failed ones, over continue-as-new as well', () => {
    const run = talking();
    for (let index = 0; index < FAILED_LIMIT + 10; index += 1) {
      run.apply(says(`u${index}`), 1_000);
      run.apply(failed(index + 2), 1_000);
    }
    expect(run.view().retriable).toHaveLength(FAILED_LIMIT);
    const carried = structuredClone(run.carry());
    const next = new HandoffRun({ ...run.input, carried }, 2_000);
    next.apply(operator('retryMessage', `u${FAILED_LIMIT + 9}`), 2_000);
    expect(next.nextForDesk()).toMatchObject([{ text: `text u${FAILED_LIMIT + 9}`, attachments }]);
  });
});
