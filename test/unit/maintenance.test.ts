import { MockActivityEnvironment } from '@temporalio/testing';
import { describe, expect, it } from 'vitest';
import { createConversationActivities, type OpenConversation } from '../../activities/conversation.ts';
import { HandoffGone, type Deps } from '../../activities/deps.ts';
import { createGoneRunActivities } from '../../activities/gone-runs.ts';
import { createMaintenanceActivities } from '../../activities/maintenance.ts';
import { createLogger } from '../../activities/platform/log.ts';
import { createMetrics } from '../../activities/platform/metrics.ts';
import type { JournalEntry } from '../../activities/store/types.ts';
import { createRuns } from '../../worker/runs.ts';
import type { HandoffSignal } from '../../workflows/contracts.ts';

const row = { id: 'ho_1', botId: 'a', desk: 'webhook', deskConversationId: 'ho_1', status: 'active', lastSeq: 3 };
const counts = { user: 2, agent: 1, failed: 0, duplicates: 0, late: 0 };
const startedAt = '1970-01-01T00:10:00.000Z';
const activeAt = '1970-01-01T00:10:30.000Z';
const open = {
  ...row,
  earlierDesks: [],
  conversationId: 'c',
  runStarted: true,
  user: {},
  agent: null,
  startedAt,
  activeAt,
  counts,
};

function world(over: Record<string, unknown>, runs: Record<string, unknown> = {}) {
  const steps: string[] = [];
  const written: JournalEntry[] = [];
  const deps = {
    store: {
      forgetExpiredMemory: async () => 0,
      handoffs: {
        openOlderThan: async () => [open.id],
        get: async () => open,
        stillOpen: async (ids: string[]) => ids,
      },
      upkeep: {
        ...walks(),
        journaled: async () => ({ known: true, lastSeq: 3, whole: true, erased: false }),
      },
      bots: { get: async () => ({ settings: { callback: {}, texts: {} } }) },
      ledger: { get: async () => ({ started: 0, sent: 2 }) },
      journal: {
        append: async (entry: JournalEntry) => {
          steps.push('journal');
          written.push(entry);
        },
      },
      inbox: { unforwarded: async () => [], forwarded: async () => {} },
      ...over,
    },
    runs: {
      state: async () => 'gone',
      endedBadly: async function* () {},
      recall: async function* () {},
      startCallbackTail: async () => void steps.push('tail'),
      ...runs,
    },
    clock: { now: () => 1_000_000 },
    log: createLogger('silent'),
    metrics: createMetrics(),
  } as unknown as Deps;
  return { ...createMaintenanceActivities(deps), ...createGoneRunActivities(deps), deps, steps, written };
}

function walks() {
  const stands = new Map<string, string>();
  return {
    cursor: async (name: string) => stands.get(name),
    setCursor: async (name: string, value?: string) => void (value ? stands.set(name, value) : stands.delete(name)),
  };
}

const inActivity = <T>(work: () => Promise<T>): Promise<T> => new MockActivityEnvironment().run(work);

describe('maintenance', () => {
  it('leaves a handoff alone that ended well while the list was being worked through', async () => {
    const handoffs = { openOlderThan: async () => [open.id], get: async () => ({ ...open, status: 'closed' }) };
    const journal = { read: async () => [{ data: { reason: 'agent_closed' } }] };
    const { findGoneHandoffs, closeGoneHandoff, steps } = world({ handoffs, journal });
    expect(await inActivity(findGoneHandoffs)).toEqual(['ho_1']);
    expect(await inActivity(() => closeGoneHandoff('ho_1'))).toBeNull();
    expect(steps).toEqual([]);
  });

  it('looks at some of many open handoffs in each round, and at all of them in one lap', async () => {
    const all = Array.from({ length: 1_200 }, (_, index) => `ho_${index}`);
    const openOlderThan = async (_seconds: number, limit: number, after?: string) => {
      const at = all.findIndex((id) => id === after) + 1;
      return all.slice(at, at + limit);
    };
    const looked: string[][] = [];
    const state = async (id: string) => (looked.at(-1)?.push(id), id === 'ho_777' ? 'gone' : 'running');
    const { findGoneHandoffs } = world({ handoffs: { openOlderThan } }, { state });
    const found: string[][] = [];
    for (let round = 0; round < 4; round += 1) {
      looked.push([]);
      found.push(await inActivity(findGoneHandoffs));
    }
    expect(looked.map((ids) => ids.length)).toEqual([500, 500, 200, 500]);
    expect(new Set(looked.slice(0, 3).flat()).size).toBe(1_200);
    expect(found).toEqual([[], ['ho_777'], [], []]);
  });

  it('finds a run that was terminated just now by the list, wherever the walk stands, and works without the list', async () => {
    const handoffs = {
      openOlderThan: async () => [],
      stillOpen: async (ids: string[]) => ids.filter((id) => id !== 'ho_closed'),
    };
    const endedBadly = async function* () {
      yield ['ho_closed', 'ho_gone', 'ho_runs'];
      throw new Error('no visibility');
    };
    const state = async (id: string) => (id === 'ho_runs' ? 'running' : 'gone');
    const { findGoneHandoffs } = world({ handoffs }, { endedBadly, state });
    expect(await inActivity(findGoneHandoffs)).toEqual(['ho_gone']);
  });

  it('goes on behind the last one that it has looked at when a round has found enough', async () => {
    const all = Array.from({ length: 500 }, (_, index) => `ho_${index}`);
    const openOlderThan = async (_seconds: number, limit: number, after?: string) =>
      all.slice(all.findIndex((id) => id === after) + 1).slice(0, limit);
    const { findGoneHandoffs } = world({ handoffs: { openOlderThan } });
    const found = [
      await inActivity(findGoneHandoffs),
      await inActivity(findGoneHandoffs),
      await inActivity(findGoneHandoffs),
    ];
    expect(found.map((ids) => ids.length)).toEqual([200, 200, 100]);
    expect(new Set(found.flat()).size).toBe(500);
  });

  it('still tells the desk when an earlier try had closed the records and its answer was lost', async () => {
    const handoffs = { get: async () => ({ ...open, status: 'closed' }) };
    const journal = { read: async () => [{ data: { reason: 'operator_closed', detail: 'run_gone' } }] };
    const { closeGoneHandoff, steps } = world({ handoffs, journal });
    expect(await inActivity(() => closeGoneHandoff('ho_1'))).toMatchObject({ deskConversationId: 'ho_1' });
    expect(steps).toEqual([]);
  });

  it('sees to the callback before it closes the row, to which nobody would come back', async () => {
    const { closeGoneHandoff, steps, written } = world({});
    expect(await inActivity(() => closeGoneHandoff('ho_1'))).toMatchObject({ deskConversationId: 'ho_1' });
    expect(steps).toEqual(['tail', 'journal']);
    expect(written[0]?.events[0]).toMatchObject({ type: 'handoff.closed', seq: 4 });
    const times = { durationSeconds: 400, waitSeconds: 30 };
    const packet = { outcome: 'ended_by_operator', ...times, messages: [], omitted: 3, lastWords: null };
    expect(written[0]?.events[0]?.data['packet']).toMatchObject(packet);
  });

  it('forwards the events of one handoff although those of another cannot be, and keeps late ones whole', async () => {
    const attachments = [{ url: 'https://files.example/a.png' }];
    const reply = { kind: 'agentReply', id: 'webhook:1', text: 'hello', attachments, agent: { name: 'Nora' } };
    const unforwarded = async ({ known }: { known: boolean }) =>
      known
        ? ['ho_stuck', 'ho_gone', 'ho_runs'].map((handoffId, index) => ({
            inboxId: String(index),
            handoffId,
            signal: reply,
          }))
        : [];
    const ids: string[] = [];
    const signal = async (handoffId: string): Promise<void> => {
      if (handoffId === 'ho_stuck') throw new Error('no answer');
      if (handoffId === 'ho_gone') throw new HandoffGone(handoffId);
    };
    const inbox = { unforwarded, forwarded: async (some: string[]) => void ids.push(...some) };
    const { sweepInbox, written } = world({ inbox }, { signal });
    expect(await inActivity(sweepInbox)).toEqual({ replayed: 1, unknown: 0 });
    expect(ids).toEqual(['1', '2']);
    expect(written[0]?.late).toMatchObject([{ id: 'webhook:1', from: 'agent', attachments, agent: { name: 'Nora' } }]);
  });
});

it('events that came early reach a handoff whose opening ended between the binding and the forwarding', async () => {
  const signal: HandoffSignal = { kind: 'agentReply', id: 'webhook:1', text: 'hello' };
  const got: HandoffSignal[] = [];
  const inbox = { adopt: async () => [{ inboxId: '1', signal }], forwarded: async () => {} };
  const { deps } = world({ inbox }, { signal: async (_id: string, some: HandoffSignal[]) => void got.push(...some) });
  const { openConversation } = createConversationActivities(deps, () => {
    throw new Error('the desk must not be called again');
  });
  expect(await openConversation({ handoffId: 'ho_1', botId: 'a', desk: 'webhook' } as OpenConversation)).toEqual({
    deskConversationId: 'ho_1',
  });
  expect(got).toEqual([signal]);
});

it('signals that are too long for one call travel in several, in order', async () => {
  const calls: HandoffSignal[][] = [];
  const signal = async (_name: string, some: HandoffSignal[]) => void calls.push(some);
  const client = { workflow: { getHandle: () => ({ signal }) } } as unknown as Parameters<typeof createRuns>[0];
  const signals = Array.from({ length: 30 }, (_, index): HandoffSignal => {
    return { kind: 'agentReply', id: String(index), text: 'x'.repeat(60_000) };
  });
  await createRuns(client).signal('ho_1', signals);
  expect(calls.flat()).toEqual(signals);
  expect(calls.length).toBeGreaterThan(1);
  for (const call of calls) expect(JSON.stringify(call).length).toBeLessThan(500_000);
});
