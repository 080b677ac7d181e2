import type { HandoffSignal, LateMessage } from '../../workflows/contracts.ts';
import { isOfDesk } from '../../workflows/ids.ts';
import type { HandoffRow } from './handoff-types.ts';

/**
 * What an agent said in these signals, to be kept beside the journal of a handoff that has ended. `at` is ISO 8601.
 * Of a desk that the handoff had left before it is marked.
 */
export function lateReplies(
  signals: { signal: HandoffSignal }[],
  at: string,
  handoff: Pick<HandoffRow, 'earlierDesks'> | undefined,
): LateMessage[] {
  return signals.flatMap(({ signal }) => {
    if (signal.kind !== 'agentReply') return [];
    const { id, text, attachments, agent } = signal;
    const desk = handoff?.earlierDesks.find((earlier) => isOfDesk(earlier.desk, id))?.desk;
    const rest = { ...(attachments && { attachments }), ...(agent && { agent }), ...(desk && { desk }) };
    return [{ id, at, from: 'agent' as const, text, ...rest }];
  });
}
