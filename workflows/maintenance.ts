import { patched } from '@temporalio/workflow';
import * as act from './proxies.ts';

/** A gone run took its count of deliveries with it, so its desk's close gets a number behind all of them. */
const BEHIND_ALL = 1_000_000_000;

/** What a round of maintenance did. */
interface Round {
  replayed: number;
  unknown: number;
  closed: number;
  expired: number;
}

/** Once a minute: forwards what was left behind, finishes handoffs whose run was terminated, deletes what is old enough. */
export async function maintenance(): Promise<Round> {
  const inbox = await act.sweep.sweepInbox();
  const gone = await act.sweep.findGoneHandoffs();
  // Side by side, because one desk that stays away would keep the others, and the next sweep, for its whole limit.
  await Promise.all(gone.map(finish));
  const expired = await act.sweep.expireOld();
  // What a desk does not tell now it tells in the next round.
  if (patched('look-at-quiet')) await act.quiet.lookAtQuiet().catch(() => undefined);
  return { ...inbox, closed: gone.length, ...expired };
}

async function finish(handoffId: string): Promise<void> {
  const conversation = await act.sweep.closeGoneHandoff(handoffId);
  if (!conversation) return;
  const close = { ...conversation, n: BEHIND_ALL, timestamp: Date.now(), reason: 'operator_closed' as const };
  await act.farewell.closeConversation(close).catch(() => undefined);
}
