import type { PendingSignal, Store } from './types.ts';

/**
 * What of this the run of a handoff that has ended had not taken, and so its conversation is to hear. A crash between a
 * signal and its mark leaves the rest in the inbox, where it is settled here.
 */
export async function withoutTold<P extends PendingSignal>(
  { inbox, journal }: Pick<Store, 'inbox' | 'journal'>,
  handoffId: string,
  pending: P[],
): Promise<P[]> {
  const shown = await journal.has(
    handoffId,
    pending.map(({ signal }) => signal.id),
  );
  const told = pending.filter(({ signal }) => shown.has(signal.id));
  if (told.length > 0) {
    await inbox.forwarded(
      told.map(({ inboxId }) => inboxId),
      'forwarded',
    );
  }
  return pending.filter(({ signal }) => !shown.has(signal.id));
}
