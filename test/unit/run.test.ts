import { describe, expect, it } from 'vitest';
import { batchOf } from '../../workflows/outboxes.ts';
import { HandoffRun } from '../../workflows/run.ts';
import { BATCH_CHARACTERS, CARRY_LIMIT_CHARACTERS } from '../../workflows/policies.ts';
import { handoffInput, settings } from '../support/input.ts';

/** What one Temporal payload may have. */
const PAYLOAD_BYTES = 2 * 1024 * 1024;

const opened = { kind: 'opened', deskConversationId: 'd' } as const;

it('the journal is told of the deadline: first the wait, then the choice of the user, in the end none', () => {
  const run = new HandoffRun(handoffInput({ settings: settings({ waitTimeoutMs: 60_000 }) }), 0);
  expect(run.journalBatch().deadline).toBeNull();
  run.apply(opened, 0);
  expect(run.journalBatch().deadline).toEqual({ kind: 'wait', at: '1970-01-01T00:01:00.000Z' });
  run.apply({ kind: 'timePassed' }, 60_000);
  expect(run.journalBatch()).toMatchObject({ status: 'asking', deadline: { kind: 'choice' } });
  run.apply({ kind: 'close', id: 'c', by: 'user' }, 61_000);
  expect(run.journalBatch()).toMatchObject({ status: 'closed', deadline: null });
});

describe('what goes into one payload', () => {
  it('is a number of deliveries, fewer when they are long, and always one', () => {
    const short = Array.from({ length: 30 }, (_, index) => `message ${index}`);
    expect(batchOf(short, 20)).toEqual(short.slice(0, 20));
    expect(batchOf(short, 50)).toEqual(short);
    const long = Array.from({ length: 30 }, () => 'x'.repeat(BATCH_CHARACTERS / 3));
    expect(batchOf(long, 20)).toHaveLength(2);
    expect(batchOf(['x'.repeat(2 * BATCH_CHARACTERS), 'y'], 20)).toHaveLength(1);
    expect(batchOf([], 20)).toEqual([]);
  });

  it('fits also for the next run of a handoff with long ids and a callback that is down', () => {
    const run = new HandoffRun(handoffInput({ settings: settings({ callback: true }) }), 1);
    run.apply(opened, 1);
    for (let index = 0; index < 2_500; index += 1) {
      const id = String(index).padStart(5, '0') + '\u6f22'.repeat(195);
      run.apply({ kind: 'agentReply', id, text: index > 2_400 ? '\u6f22'.repeat(20_000) : 'hello' }, 1);
      run.journal.splice(0);
    }
    run.settled(run.state.lastDeskN);
    expect(run.waitingCharacters).toBeLessThan(CARRY_LIMIT_CHARACTERS);
    const carried = run.carry();
    expect(Buffer.byteLength(JSON.stringify(carried))).toBeLessThan(PAYLOAD_BYTES);
    expect(carried.state.seen.at(-1)).toBe(run.state.seen.at(-1));
    expect(carried.state.seen.length).toBeGreaterThan(400);
    expect(carried.callback.recent.at(-1)?.seq).toBe(run.state.lastSeq);
  });
});
