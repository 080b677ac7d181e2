/** How a handoff leaves its first desk for the second one. */
import { isCancellation, patched } from '@temporalio/workflow';
import type { HandoffInput } from './contracts.ts';
import { Lane } from './lane.ts';
import * as act from './proxies.ts';
import type { HandoffRun } from './run.ts';

/** A worker of an older version that began this handoff knew of no second desk, so there is none for it. */
export function withKnownSecondDesk(input: HandoffInput): HandoffInput {
  if (input.secondDesk === undefined || patched('second-desk')) return input;
  const { secondDesk: _, ...known } = input;
  return known;
}

/** The desk that was left is told so beside everything else: it may be down, and nobody waits for it. */
export function withdrawalLane(run: HandoffRun): Lane {
  return new Lane(
    () => run.withdrawals.length > 0,
    async () => {
      const { deskConversationId, ...first } = run.withdrawals[0]!;
      const { handoffId, botId, mode } = run.input;
      const at = { handoffId, botId, mode, deskConversationId: deskConversationId ?? handoffId };
      const note = deskConversationId !== undefined;
      try {
        await act.desk.closeConversation({ ...at, ...first, reason: 'moved', lane: 'withdrawal', note });
      } catch (error) {
        if (isCancellation(error)) throw error; // continue-as-new: the next run goes on
        // The request is elsewhere; the failed activity stays visible in this run's history.
      }
      run.withdrawals.shift();
    },
  );
}
