import { randomBytes } from 'node:crypto';
import type { BenchDesk, Way } from './desk.ts';
import { callHook, startHook } from './hook.ts';
import { checkArrived, type System } from './system.ts';

/** Takes a message to be relayed; resolves when it is safe. */
export type Accept = (way: Way, conversationId: string, id: string, text: string) => Promise<unknown>;

/** A relay that is not Baton: users' messages come by a function call, the desk's by a webhook route. */
export async function relayedBy(
  desk: BenchDesk,
  accept: Accept,
  relay: { open?: (id: string) => Promise<unknown>; storedBytes?: () => Promise<number>; temporal?: boolean },
  stop: () => Promise<unknown>,
): Promise<System> {
  const hook = await startHook((conversationId, id, text) => accept('toBot', conversationId, id, text));
  return {
    temporal: relay.temporal ?? false,
    ...(relay.storedBytes ? { storedBytes: relay.storedBytes } : {}),
    open: (count) =>
      Promise.all(
        Array.from({ length: count }, async () => {
          const id = `conversation-${randomBytes(8).toString('hex')}`;
          await relay.open?.(id);
          return id;
        }),
      ),
    async send(way, conversationId, text) {
      const id = randomBytes(12).toString('hex');
      if (way === 'toDesk') await accept(way, conversationId, id, text);
      else await callHook(hook.url, conversationId, id, text);
    },
    settle: (id, sent) => checkArrived(desk, id, sent),
    async stop() {
      await hook.stop();
      await stop();
    },
  };
}
