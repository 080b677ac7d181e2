import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { createDeliverActivities, type DeskBatch } from '../../activities/deliver.ts';
import type { Deps } from '../../activities/deps.ts';
import type { CallDesk } from '../../activities/desk-calls.ts';
import { createLogger } from '../../activities/platform/log.ts';
import { createMetrics } from '../../activities/platform/metrics.ts';

const batch = (botId: string, handoffId: string): DeskBatch => ({
  handoffId,
  botId,
  desk: 'webhook',
  deskConversationId: handoffId,
  deliveries: [{ kind: 'message', n: 2, timestamp: 1, messageId: 'm-1', text: 'hello' }],
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
});
