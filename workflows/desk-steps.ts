/** Opening and closing a handoff at the desk: always regular activities. */
import { ActivityFailure, CancellationScope, isCancellation, TimeoutFailure } from '@temporalio/workflow';
import type { DeskDelivery } from './contracts.ts';
import type { Happening } from './core.ts';
import { traced } from './counter.ts';
import type { DeskSteps } from './lanes.ts';
import { LEAVE_LIMIT_MS } from './policies.ts';
import * as act from './proxies.ts';
import type { HandoffRun } from './run.ts';

/** The server ended the wait: a try may be under way still, or its worker died in it, and nobody could mark it. */
const endedUnheard = (error: unknown): boolean =>
  error instanceof ActivityFailure && error.cause instanceof TimeoutFailure;

export function deskSteps(run: HandoffRun, report: (happening: Happening) => void): DeskSteps {
  async function open({ n, timestamp, trace }: DeskDelivery): Promise<void> {
    const { handoffId, botId, conversationId, channel, mode, user, question, history, settings } = run.input;
    const { kind, opensAtMs, emailIsDefault } = run.input;
    if (run.state.closing) return report({ kind: 'openFailed', mayHaveIt: false }); // nobody asked the desk yet
    try {
      const { email, deskConversationId, left } = run.state;
      const within = kind === 'message' ? act.leaveWithin(LEAVE_LIMIT_MS) : act.openWithin(settings.waitTimeoutMs);
      const opened = await within.openConversation({
        handoffId,
        botId,
        desk: run.address.desk,
        n,
        timestamp,
        conversationId,
        ...(left === undefined ? {} : { left }),
        ...(deskConversationId === undefined ? {} : { deskConversationId }),
        channel,
        mode,
        user,
        ...(email === undefined ? {} : { email }),
        question,
        history,
        contextRounds: settings.contextRounds,
        ...traced(trace),
        ...(kind === 'message' ? { leftMessage: { emailIsDefault: emailIsDefault === true } } : {}),
        ...(opensAtMs === undefined ? {} : { wasScheduled: true }),
      });
      report({ kind: 'opened', deskConversationId: opened.deskConversationId });
    } catch (error) {
      // Also when the handoff ended meanwhile and the retries were cancelled: the desk may hold a conversation.
      const marked = await CancellationScope.nonCancellable(() => act.ledger.deskMayHaveIt({ handoffId, n }));
      report({ kind: 'openFailed', mayHaveIt: marked || endedUnheard(error) });
    }
  }

  async function close({ n, timestamp, reason, trace }: Extract<DeskDelivery, { kind: 'close' }>): Promise<void> {
    const { handoffId, botId, desk, deskConversationId } = run.address;
    try {
      const at = { handoffId, botId, desk, deskConversationId, mode: run.input.mode };
      await act.desk.closeConversation({ ...at, n, timestamp, reason, ...traced(trace) });
    } catch (error) {
      if (isCancellation(error)) throw error; // continue-as-new: the next run goes on
      // The handoff is over for everybody else; the failed activity stays visible in this run's history.
    }
  }

  return (step) => (step.kind === 'open' ? open(step) : close(step));
}
