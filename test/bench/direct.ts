import type { BenchDesk } from './desk.ts';
import { callHook, startHook } from './hook.ts';
import { addressOf, postMessage } from './post.ts';
import { relayedBy } from './relayed.ts';
import type { System } from './system.ts';

/**
 * The limit of what a relay can be: one HTTP call in, one out, and only then the answer. Nothing is kept: what cannot be
 * delivered is the sender's to repeat, and a crash loses it. Order by a chain of promises per conversation.
 */
export async function startDirect(desk: BenchDesk): Promise<System> {
  const chains = new Map<string, Promise<void>>();
  const inOrder = (key: string, call: () => Promise<void>): Promise<void> => {
    const done = (chains.get(key) ?? Promise.resolve()).catch(() => undefined).then(call);
    chains.set(key, done);
    return done;
  };
  const users = await startHook((conversationId, id, text) =>
    inOrder(`toDesk/${conversationId}`, () => postMessage(addressOf(desk, 'toDesk'), conversationId, id, text)),
  );
  return await relayedBy(
    desk,
    (way, conversationId, id, text) =>
      way === 'toDesk'
        ? callHook(users.url, conversationId, id, text)
        : inOrder(`toBot/${conversationId}`, () => postMessage(addressOf(desk, way), conversationId, id, text)),
    {},
    () => users.stop(),
  );
}
