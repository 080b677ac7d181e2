import * as act from './proxies.ts';

/** A gone run took its count of deliveries with it, so its desk's close gets a number behind all of them. */
const BEHIND_ALL = 1_000_000_000;

/** Once a minute: forwards what was left behind and finishes handoffs whose run was terminated. */
export async function maintenance(): Promise<{ replayed: number; unknown: number; closed: number }> {
  const inbox = await act.sweep.sweepInbox();
  const gone = await act.sweep.findGoneHandoffs();
  // Side by side, because one desk that stays away would keep the others, and the next sweep, for its whole limit.
  await Promise.all(gone.map(finish));
  return { ...inbox, closed: gone.length };
}

async function finish(handoffId: string): Promise<void> {
  const conversation = await act.sweep.closeGoneHandoff(handoffId);
  if (!conversation) return;
  const close = { ...conversation, n: BEHIND_ALL, timestamp: Date.now(), reason: 'operator_closed' as const };
  await act.farewell.closeConversation(close).catch(() => undefined);
}
