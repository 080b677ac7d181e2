import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { MockActivityEnvironment } from '@temporalio/testing';
import { createDeliverActivities, type DeskBatch } from '../../activities/deliver.ts';
import type { Deps } from '../../activities/deps.ts';
import { createDeskCalls, type CallDesk } from '../../activities/desk-calls.ts';
import { DeskError } from '../../activities/errors.ts';
import { createRegistry } from '../../activities/desks/registry.ts';
import { webhook } from '../../activities/desks/webhook/index.ts';
import { createLogger } from '../../activities/platform/log.ts';
import { createTestMemory } from '../support/desk-memory.ts';
import { createMetrics } from '../../activities/platform/metrics.ts';

const batch = (botId: string, handoffId: string): DeskBatch => ({
  handoffId,
  botId,
  desk: 'webhook',
  deskConversationId: handoffId,
  from: 'user',
  deliveries: [{ kind: 'message', n: 2, timestamp: 1, messageId: 'm-1', text: 'hello' }],
});

describe('a bot that speaks at once after a handoff', () => {
  it('is not refused for good when the desk gives the conversation back during the call', async () => {
    const asked: string[] = [];
    let isBack = false;
    const callDesk = (async () => {
      asked.push(isBack ? 'after' : 'during');
      if (isBack) return {};
      isBack = true; // The other activity, which gives it back, has just been answered.
      throw new DeskError({ kind: 'conflict', desk: 'intercom', operation: 'send', reason: 'a human has it' });
    }) as CallDesk;
    const closed = {
      id: 'ho_1',
      status: 'closed',
      closedAt: new Date(1_000_000).toISOString(),
      closeReason: 'bot_closed',
    };
    const ledger = {
      get: async (id: string) => (id === 'ho_1' ? { started: 2, sent: isBack ? 2 : 1 } : { started: 0, sent: 0 }),
      started: async () => {},
      sent: async () => {},
    };
    const deps = {
      store: { ledger, handoffs: { openFor: async () => undefined, byDeskConversation: async () => closed } },
      desks: createRegistry([]),
      clock: { now: () => 1_000_500 },
      log: createLogger('silent'),
      metrics: createMetrics(),
    } as unknown as Deps;
    const { deliverToDesk } = createDeliverActivities(deps, callDesk);
    const said: DeskBatch = { ...batch('a', 'co_1'), desk: 'intercom', from: 'bot' };
    const work = async () => await new MockActivityEnvironment().run(deliverToDesk, said);
    await expect(work()).rejects.toThrow(/a human has it/);
    expect(await work()).toEqual({ results: [{ n: 2, ok: true }], slow: false });
    expect(asked).toEqual(['during', 'after']);
  });
});

describe('quick deliveries', () => {
  it('leave a desk that was slow alone for five seconds, in all handoffs of its bot and in no other', async () => {
    let nowMs = 1_000_000;
    let slow = true;
    const called: string[] = [];
    const callDesk = (async (call: { botId: string }) => {
      called.push(call.botId);
      if (slow) await pause(1_050);
      return {};
    }) as CallDesk;
    const ledger = { get: async () => ({ started: 0, sent: 0 }), started: async () => {}, sent: async () => {} };
    const deps = {
      store: { ledger },
      clock: { now: () => nowMs },
      log: createLogger('silent'),
      metrics: createMetrics(),
    } as unknown as Deps;
    const { tryDesk } = createDeliverActivities(deps, callDesk);

    expect(await tryDesk(batch('a', 'ho_1'))).toEqual({ results: [{ n: 2, ok: true }], slow: true });
    slow = false;
    expect(await tryDesk(batch('a', 'ho_2'))).toEqual({ results: [], slow: true });
    expect(await tryDesk(batch('b', 'ho_3'))).toEqual({ results: [{ n: 2, ok: true }], slow: false });
    expect(called).toEqual(['a', 'b']);

    nowMs += 5_001;
    expect(await tryDesk(batch('a', 'ho_2'))).toEqual({ results: [{ n: 2, ok: true }], slow: false });
    expect(called).toEqual(['a', 'b', 'a']);
  });

  it('say what was sent although PostgreSQL does not take the mark: otherwise it would be sent again', async () => {
    const ledger = {
      get: async () => ({ started: 0, sent: 0 }),
      started: async () => {},
      sent: () => new Promise<void>(() => {}),
    };
    const deps = {
      store: { ledger },
      clock: { now: () => 1_000_000 },
      log: createLogger('silent'),
      metrics: createMetrics(),
    } as unknown as Deps;
    const { tryDesk } = createDeliverActivities(deps, (async () => ({})) as CallDesk);
    const startedAt = performance.now();
    expect(await tryDesk(batch('a', 'ho_1'))).toEqual({ results: [{ n: 2, ok: true }], slow: false });
    // Without the limit it would never end: the time itself is the machine's.
    expect(performance.now() - startedAt).toBeLessThan(15_000);
  });
});

describe('last tries', () => {
  const away = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
  const failing = (cause: Error) => {
    const ledger = { get: async () => ({ started: 0, sent: 0 }), started: async () => {}, sent: async () => {} };
    const deps = {
      store: { ledger },
      clock: { now: () => 1_000_000 },
      log: createLogger('silent'),
      metrics: createMetrics(),
    } as unknown as Deps;
    return createDeliverActivities(deps, () => Promise.reject(cause)).deliverLast(batch('a', 'ho_1'));
  };

  it('are over when the desk was asked in vain, also when its address refuses the connection', async () => {
    const details = { desk: 'webhook', operation: 'send', kind: 'unavailable', reason: 'no connection' } as const;
    expect(await failing(new DeskError({ ...details, cause: away }))).toEqual({ results: [], slow: true });
  });

  it('are repeated while PostgreSQL is away, because nobody has asked the desk', async () => {
    await expect(failing(away)).rejects.toThrow('ECONNREFUSED');
  });
});

describe('a call to a desk', () => {
  it('that worked has worked although PostgreSQL does not take the service status', async () => {
    const bots = { desk: async () => ({}), setService: () => new Promise<boolean>(() => {}) };
    const deps = {
      store: { bots, memory: createTestMemory },
      desks: createRegistry([webhook]),
      clock: { now: () => 1_000_000 },
      log: createLogger('silent'),
      metrics: createMetrics(),
    } as unknown as Deps;
    const call = { botId: 'a', desk: 'webhook', operation: 'send' };
    const inActivity = new MockActivityEnvironment();
    expect(await inActivity.run(() => createDeskCalls(deps)(call, async () => 'answer'))).toBe('answer');
  });
});
