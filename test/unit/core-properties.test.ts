import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { DeskDelivery, HandoffEvent, HandoffInput } from '../../workflows/contracts.ts';
import type { Happening } from '../../workflows/core.ts';
import { nextDeadlineMs } from '../../workflows/core.ts';
import { HandoffRun } from '../../workflows/run.ts';
import { handoffInput, settings } from '../support/input.ts';
import { testSeed } from '../support/seed.ts';

/**
 * A model of the shell: an outbox for the desk with a desk that accepts, refuses, or is down, a clock, and signals that
 * arrive at any moment, several times, in any order. What the users, the agents and the desk have seen is compared with
 * what was sent.
 */
type Move =
  | { kind: 'user' | 'agent'; repeat: boolean }
  | { kind: 'close'; by: 'user' | 'bot' | 'agent' | 'operator' }
  | { kind: 'choice'; choice: 'wait' | 'end' }
  | { kind: 'email' | 'read' | 'joined' }
  | { kind: 'desk'; outcome: 'ok' | 'refuse' | 'lost' }
  | { kind: 'retryMessage' | 'giveUpMessage'; pick: number }
  | { kind: 'clock'; ms: number }
  | { kind: 'continue-as-new' };

const move: fc.Arbitrary<Move> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constantFrom('user', 'agent'), repeat: fc.boolean() }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('close'), by: fc.constantFrom('user', 'bot', 'agent', 'operator') }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('choice'), choice: fc.constantFrom('wait', 'end') }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('email', 'read', 'joined') }) },
  {
    weight: 8,
    arbitrary: fc.record({ kind: fc.constant('desk'), outcome: fc.constantFrom('ok', 'ok', 'ok', 'refuse', 'lost') }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constantFrom('retryMessage', 'giveUpMessage'), pick: fc.nat({ max: 20 }) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('clock'), ms: fc.constantFrom(1, 1_000, 10_000, 60_000, 180_000) }),
  },
  { weight: 2, arbitrary: fc.constant({ kind: 'continue-as-new' }) },
);

interface Seen {
  events: HandoffEvent[];
  atDesk: DeskDelivery[];
  late: string[];
  userSent: string[];
  agentSent: string[];
}

const START = 1_800_000_000_000;

function play(input: HandoffInput, moves: Move[]): Seen & { run: HandoffRun } {
  let now = START;
  let run = new HandoffRun(input, now);
  let count = 0;
  const seen: Seen = { events: [], atDesk: [], late: [], userSent: [], agentSent: [] };
  const drain = (): void => {
    seen.events.push(...run.journal.splice(0));
    seen.late.push(...run.late.splice(0).map((message) => message.id));
  };
  let hasMoved = false;
  const apply = (happening: Happening): void => {
    run.apply(happening, now);
    if (hasMoved || run.state.left === undefined) return;
    // All that counts from then on is at the second desk, with what the first one had.
    hasMoved = true;
    seen.atDesk.length = 0;
  };

  const desk = (outcome: 'ok' | 'refuse' | 'lost'): void => {
    const [next] = run.nextForDesk();
    if (!next) return;
    if (next.kind === 'open' && run.state.closing) apply({ kind: 'openFailed', mayHaveIt: false });
    else if (next.kind === 'open') {
      if (outcome !== 'refuse') seen.atDesk.push(next);
      apply(
        outcome === 'ok'
          ? { kind: 'opened', deskConversationId: 'd' }
          : { kind: 'openFailed', mayHaveIt: outcome === 'lost' },
      );
    } else {
      if (outcome !== 'refuse') seen.atDesk.push(next);
      // A lost answer is repeated with the same key by the shell, so the desk has it once and we learn of it later.
      if (next.kind === 'message' && outcome === 'refuse') apply({ kind: 'undeliverable', n: next.n, why: 'rejected' });
      else if (next.kind === 'message') apply({ kind: 'delivered', n: next.n });
    }
    run.settled(next.n);
  };

  const pass = (ms: number): void => {
    now += ms;
    const due = nextDeadlineMs(run.state);
    if (due === undefined || now < due) return;
    apply(run.state.closing ? { kind: 'graceOver' } : { kind: 'timePassed' });
  };

  for (const step of moves) {
    if (step.kind === 'user' || step.kind === 'agent') {
      const sent = step.kind === 'user' ? seen.userSent : seen.agentSent;
      const id = step.repeat && sent.length > 0 ? sent[count % sent.length]! : `${step.kind}-${(count += 1)}`;
      if (!sent.includes(id)) sent.push(id);
      apply({ kind: step.kind === 'user' ? 'userMessage' : 'agentReply', id, text: id });
    } else if (step.kind === 'close') apply({ kind: 'close', id: `close-${(count += 1)}`, by: step.by });
    else if (step.kind === 'choice') apply({ kind: 'waitChoice', id: `choice-${(count += 1)}`, choice: step.choice });
    else if (step.kind === 'email') apply({ kind: 'emailGiven', id: `email-${(count += 1)}`, email: 'a@b.example' });
    else if (step.kind === 'read') apply({ kind: 'read', id: `read-${(count += 1)}` });
    else if (step.kind === 'joined')
      apply({ kind: 'agentJoined', id: `joined-${(count += 1)}`, agent: { id: `agent-${count % 3}` } });
    else if (step.kind === 'retryMessage' || step.kind === 'giveUpMessage') {
      const messageId = seen.userSent[step.pick % seen.userSent.length] ?? 'nobody';
      apply({ kind: step.kind, id: `operator-${(count += 1)}`, messageId });
    } else if (step.kind === 'desk') desk(step.outcome);
    else if (step.kind === 'clock') pass(step.ms);
    else run = new HandoffRun({ ...input, carried: structuredClone(run.carry()) }, now);
    if (count % 3 === 0) drain();
  }
  // Whatever is left: the desk answers again and time goes on, until the end.
  for (let round = 0; run.state.status !== 'closed' || run.nextForDesk().length > 0; round += 1) {
    if (round > 500) throw new Error('the handoff does not end');
    if (run.nextForDesk().length > 0) desk('ok');
    else if (round > 20) apply({ kind: 'close', id: `end-${round}`, by: 'operator' });
    else pass(180_000);
  }
  drain();
  return { ...seen, run };
}

const ids = (events: HandoffEvent[], type: string): string[] =>
  events.filter((event) => event.type === type).map((event) => String(event.data.messageId));

const isSubsequence = (part: string[], whole: string[]): boolean => {
  let at = 0;
  for (const item of part) {
    at = whole.indexOf(item, at) + 1;
    if (at === 0) return false;
  }
  return true;
};

it('any interleaving keeps order, loses nothing, doubles nothing, numbers without a gap and ends once', () => {
  const seed = testSeed('core properties');
  fc.assert(
    fc.property(
      fc.array(move, { maxLength: 120 }),
      fc.boolean(),
      fc.constantFrom('ask', 'close'),
      fc.constantFrom<Partial<HandoffInput>>(
        {},
        { kind: 'message' },
        { secondDesk: 'intercom' },
        { kind: 'next_opening', opensAtMs: START + 61_000 },
      ),
      (moves, emailRequired, onWaitTimeout, kind) => {
        const input = handoffInput({
          ...kind,
          emailRequired,
          settings: settings({ onWaitTimeout, agentSilenceTimeoutMs: 600_000, callback: true }),
        });
        const { events, atDesk, late, userSent, agentSent } = play(input, moves);

        expect(events.map((event) => event.seq)).toEqual(events.map((_, index) => index + 1));
        expect(events.filter((event) => event.type === 'handoff.closed')).toHaveLength(1);
        expect(events.at(-1)?.type).toBe('handoff.closed');

        // From the user: everything is in the journal once and in order, or late; and reached the desk or failed, once
        // more for each time that an operator had it tried again.
        const journaled = ids(events, 'message.user');
        const delivered = atDesk.flatMap((delivery) => (delivery.kind === 'message' ? [delivery.messageId] : []));
        const failed = ids(events, 'message.failed');
        expect([...journaled, ...late.filter((id) => id.startsWith('user'))]).toEqual(userSent);
        const retried = ids(events, 'message.retried');
        expect([...delivered, ...failed].toSorted()).toEqual([...journaled, ...retried].toSorted());
        expect(new Set(delivered).size).toBe(delivered.length);
        const first = delivered.filter((id) => !retried.includes(id));
        expect(isSubsequence(first, userSent)).toBe(true);

        // From the agent: everything reached the journal once and in order, or is late.
        expect([...ids(events, 'message.agent'), ...late.filter((id) => id.startsWith('agent'))]).toEqual(agentSent);

        // A message that is left stays open there.
        if (events.at(-1)?.data['reason'] === 'message_left') {
          expect(atDesk.map((delivery) => delivery.kind)).not.toContain('close');
        }
        // At the desk: opened at most once and first, closed at most once and last, timestamps strictly increasing.
        const kinds = atDesk.map((delivery) => delivery.kind);
        expect(kinds.slice(1)).not.toContain('open');
        expect(kinds.slice(0, -1)).not.toContain('close');
        const stamps = atDesk.map((delivery) => delivery.timestamp);
        expect(stamps).toEqual([...new Set(stamps)].toSorted((a, b) => a - b));
      },
    ),
    { seed, numRuns: 2_000 },
  );
});

it('remembers a bounded number of ids', () => {
  const run = new HandoffRun(handoffInput(), 0);
  run.apply({ kind: 'opened', deskConversationId: 'd' }, 0);
  for (let i = 0; i < 5_000; i += 1) run.apply({ kind: 'read', id: String(i) }, 0);
  expect(run.state.seen.length).toBeLessThanOrEqual(2_000);
});
