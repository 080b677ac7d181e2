import * as act from './proxies.ts';

/** A gone run took its count of deliveries with it, so its desk's close gets a number behind all of them. */
const BEHIND_ALL = 1_000_000_000;

/** Once a minute: forwards what was left behind and finishes handoffs whose run was terminated. */
export async function maintenance(): Promise<{ replayed: number; unknown: number; closed: number }> {
  const inbox = await act.sweep.sweepInbox();
  const gone = await act.sweep.closeGoneHandoffs();
  for (const conversation of gone) {
    const close = { ...conversation, n: BEHIND_ALL, timestamp: Date.now(), reason: 'operator_closed' as const };
    // A desk that stays away has had its retries; the others are still to be told.
    await act.desk.closeConversation(close).catch(() => undefined);
  }
  return { ...inbox, closed: gone.length };
}
