import type { BotEvent, HandoffCounts, HandoffStatus, LateMessage, ShownDeadline } from '../workflows/contracts.ts';
import { createConversationActivities } from './conversation.ts';
import { createCallbackActivities } from './deliver-callback.ts';
import { createDeliverActivities } from './deliver.ts';
import type { Deps } from './deps.ts';
import { createDeskCalls } from './desk-calls.ts';
import { createGoneRunActivities } from './gone-runs.ts';
import { createMaintenanceActivities } from './maintenance.ts';
import { createNativeActivities } from './native.ts';
import { createObserver } from './observer.ts';
import { createQuickActivities } from './quick.ts';
import { createRecoveryActivities } from './recovery.ts';
import { createRetentionActivities } from './retention.ts';
import { createReconcileActivities } from './reconcile.ts';
import { createResetRunEnd } from './reset-runs.ts';

/** What goes into the journal in one transaction, with what the index of handoffs must show afterwards. */
export interface JournalBatch {
  /** Of a handoff or of a native conversation. */
  handoffId: string;
  botId: string;
  events: BotEvent[];
  late: LateMessage[];
  status?: HandoffStatus;
  email?: string;
  deadline?: ShownDeadline | null;
  counts?: HandoffCounts;
  /** Of a native conversation: a human has it. */
  human?: boolean;
  /** The run was reset: see `reset-runs.ts`. */
  reset?: true;
}

/** All activities, given what they work with. The worker registers the result; workflows import only its type. */
export function createActivities(deps: Deps) {
  const callDesk = createDeskCalls(deps);
  const observe = createObserver(deps);
  const endReset = createResetRunEnd(deps);
  const { tryDesk, ...deskActivities } = createDeliverActivities(deps, callDesk);
  const { tryCallback, ...callbackActivities } = createCallbackActivities(deps);

  /** Writes to the journal; the same batch again changes nothing. */
  async function record({ reset, ...batch }: JournalBatch): Promise<void> {
    if (reset) await endReset(batch.handoffId);
    await deps.store.journal.append(batch);
    observe(batch);
  }

  return {
    record,
    ...createQuickActivities(deps, { endReset, record, tryDesk, tryCallback }),
    ...createConversationActivities(deps, callDesk),
    ...deskActivities,
    ...callbackActivities,
    ...createNativeActivities(deps),
    ...createReconcileActivities(deps, callDesk),
    ...createMaintenanceActivities(deps),
    ...createGoneRunActivities(deps),
    ...createRetentionActivities(deps),
    ...createRecoveryActivities(deps),
  };
}

export type Activities = ReturnType<typeof createActivities>;
