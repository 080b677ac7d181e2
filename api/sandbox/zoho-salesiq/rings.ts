import type { Conversation } from './model.ts';
import type { World } from './world.ts';

export interface Rings {
  /** A chat with a time to ring is missed when nobody picks it up. */
  watch(conversation: Conversation): void;
  /** Looks now, as the clock has been moved. */
  check(): Promise<void>;
  stop(): void;
}

export function createRings(world: World, missed: (conversation: Conversation) => Promise<void>): Rings {
  const timers = new Map<string, NodeJS.Timeout>();

  async function look(conversation: Conversation): Promise<void> {
    const { id, ringsUntil, state } = conversation;
    if (state === 'waiting' && ringsUntil !== undefined && ringsUntil <= world.now()) await missed(conversation);
    if (state !== 'waiting' || world.conversations.get(id) !== conversation) forget(id);
  }

  function forget(id: string): void {
    clearTimeout(timers.get(id));
    timers.delete(id);
  }

  return {
    watch(conversation) {
      const { id, state, ringsUntil } = conversation;
      if (state !== 'waiting' || ringsUntil === undefined) return forget(id);
      if (timers.has(id)) return;
      const timer = setTimeout(() => void look(conversation), Math.max(0, ringsUntil - world.now()) + 1);
      timers.set(id, timer.unref());
    },
    async check() {
      await Promise.all([...world.conversations.values()].map(look));
    },
    stop() {
      for (const id of timers.keys()) forget(id);
    },
  };
}
