import type { HandoffSignal, LateMessage } from '../../workflows/contracts.ts';

/** What an agent said in these signals, to be kept beside the journal of a handoff that has ended. `at` is ISO 8601. */
export function lateReplies(signals: { signal: HandoffSignal }[], at: string): LateMessage[] {
  return signals.flatMap(({ signal }) => {
    if (signal.kind !== 'agentReply') return [];
    const { id, text, attachments, agent } = signal;
    return [{ id, at, from: 'agent' as const, text, ...(attachments && { attachments }), ...(agent && { agent }) }];
  });
}
