import { describe, expect, it } from 'vitest';
import type { HandoffEvent } from '../../workflows/contracts.ts';
import { Ledger } from '../soak/ledger.ts';
import type { Sample } from '../soak/sampler.ts';
import { judge } from '../soak/verdict.ts';

const MINUTES = 30;
const EVERY_SECONDS = 10;

/** A soak in which nothing grows, but for what `over` says of each moment (0 to 1). */
function soak(over: (at: number) => { workerMb?: number; descriptors?: number; events?: number }): Sample[] {
  const count = (MINUTES * 60) / EVERY_SECONDS;
  return Array.from({ length: count }, (_, index) => {
    const { workerMb = 300, descriptors = 80, events = 2_000 } = over(index / count);
    // Garbage comes and goes.
    const garbage = (index % 4) * 15;
    const process = { memoryMb: 200, descriptors: 60, processes: 1, heapMb: 90 + garbage, handles: 30 };
    return {
      atSeconds: index * EVERY_SECONDS,
      parts: {
        api: process,
        worker: { ...process, memoryMb: workerMb + garbage, descriptors },
        temporal: process,
        postgres: process,
      },
      connections: 16,
      open: 40,
      history: { events, kilobytes: 500, runs: 3 },
      latency: { toDesk: { p50: 20, p99: 60, count: 100 }, toBot: { p50: 25, p99: 70, count: 100 } },
      delivered: index * 100,
      databaseMb: 10,
      temporalMb: 10,
    };
  });
}

const growing = (samples: Sample[]): string[] => judge(samples).flatMap(({ what, flat }) => (flat ? [] : [what]));

describe('the verdict of a soak', () => {
  it('takes garbage that comes and goes, and what is loaded in the first quarter, for flat', () => {
    expect(growing(soak(() => ({})))).toEqual([]);
    expect(growing(soak((at) => ({ workerMb: at < 0.2 ? 150 : 300 })))).toEqual([]);
  });

  it('finds a slow leak of memory and of descriptors under the garbage', () => {
    expect(growing(soak((at) => ({ workerMb: 300 + at * 100 })))).toEqual(['memory of worker']);
    expect(growing(soak((at) => ({ descriptors: 80 + Math.round(at * 30) })))).toEqual(['descriptors of worker']);
  });

  it('finds one moment at which a history was too long', () => {
    expect(growing(soak((at) => ({ events: at === 0.5 ? 8_000 : 2_000 })))).toEqual(['history of a long handoff']);
  });
});

const event = (seq: number, type: HandoffEvent['type'], data: Record<string, unknown> = {}): HandoffEvent => ({
  seq,
  type,
  data,
  handoffId: 'h',
  botId: 'b',
  conversationId: 'c',
  at: '2026-01-01T00:00:00.000Z',
});

const NONE = { toDesk: 0, toBot: 0 };

describe('the ledger of a soak', () => {
  it('counts what is lost, doubled and out of order at the desk, and no repeat with the same key', () => {
    const ledger = new Ledger();
    for (const [n, key] of [
      [1, 'k1'],
      [1, 'k1'],
      [1, 'another'],
      [3, 'k3'],
    ] as const)
      ledger.atDesk('h', `user ${n}`, key);
    expect(ledger.repeats.desk).toBe(1);
    expect(ledger.figures).toMatchObject({ doubled: 1, outOfOrder: 1, lost: 0 });
    ledger.account('h').toDesk.accepted = 4;
    ledger.atCallback(event(1, 'handoff.closed', { reason: 'user_closed' }));
    ledger.onStream(event(1, 'handoff.closed'));
    ledger.conclude('h', ['user_closed'], [event(1, 'handoff.closed')], NONE);
    expect(ledger.figures.lost).toBe(1);
  });

  it('finds nothing wrong with a handoff in which all arrived, callbacks repeated or not', () => {
    const ledger = new Ledger();
    const journal = [
      event(1, 'message.user', { text: 'user 1' }),
      event(2, 'message.agent', { text: 'agent 1' }),
      event(3, 'handoff.closed', { reason: 'agent_closed' }),
    ];
    const account = ledger.account('h');
    account.toDesk.accepted = account.toBot.accepted = 1;
    ledger.atDesk('h', 'user 1', 'k1');
    for (const one of [...journal, journal[0]!]) ledger.atCallback(one);
    for (const one of journal) ledger.onStream(one);
    expect([ledger.isTold('h'), ledger.hasAll('h', NONE)]).toEqual([true, true]);
    ledger.conclude('h', ['agent_closed'], journal, NONE);
    expect([ledger.problems, ledger.repeats.callback, ledger.delivered]).toEqual([[], 1, 2]);
  });

  it('takes what is kept as late for kept', () => {
    const ledger = new Ledger();
    const account = ledger.account('h');
    account.toDesk.accepted = account.toBot.accepted = 1;
    const closed = event(1, 'handoff.closed', { reason: 'user_closed' });
    ledger.atCallback(closed);
    ledger.onStream(closed);
    ledger.conclude('h', ['user_closed'], [closed], { toDesk: 1, toBot: 1 });
    expect([ledger.problems, ledger.figures.late]).toEqual([[], 2]);
  });

  it('names an event that came too early, one behind the end, and an end for another reason', () => {
    const ledger = new Ledger();
    for (const one of [event(1, 'handoff.connecting'), event(3, 'handoff.closed', { reason: 'wait_timeout' })])
      ledger.atCallback(one);
    ledger.atCallback(event(4, 'message.agent', { text: 'agent 1' }));
    ledger.conclude('h', ['user_closed'], [], NONE);
    expect(ledger.figures).toMatchObject({ outOfOrder: 2 });
    expect(ledger.problems).toContain('h: closed for wait_timeout');
  });
});
