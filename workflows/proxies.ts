import { ActivityCancellationType, proxyActivities, proxyLocalActivities } from '@temporalio/workflow';
import type { Activities } from '../activities/index.ts';
import { CALLBACK_TASK_QUEUE } from './ids.ts';
import {
  ATTEMPT_MS,
  BATCH_ATTEMPT_MS,
  CALLBACK_LIMIT_MS,
  CALLBACK_RETRY,
  CLOSE_LIMIT_MS,
  DESK_RETRY,
  FAREWELL_LIMIT_MS,
  JOURNAL_RETRY,
  LEAVE_RETRY,
  LOOK_LIMIT_MS,
  LOOK_MS,
  OPEN_RETRY,
  QUICK_ATTEMPT_MS,
} from './policies.ts';

// A try that is under way when we stop it still tells us how it ended.
const cancellationType = ActivityCancellationType.WAIT_CANCELLATION_COMPLETED;

/** First tries, inside the workflow task (rule 18). */
export const quick = proxyLocalActivities<Pick<Activities, 'deliverQuickly'>>({
  startToCloseTimeout: QUICK_ATTEMPT_MS,
  retry: { maximumAttempts: 1 },
});

/** The same as a regular activity: it lets the workflow task end. */
export const round = proxyActivities<Pick<Activities, 'deliverQuickly'>>({
  startToCloseTimeout: ATTEMPT_MS,
  retry: { maximumAttempts: 1 },
  summary: 'messages and events',
});

/** PostgreSQL is waited for without end: the journal is the one thing that must not be given up. */
export const journal = proxyActivities<Pick<Activities, 'record' | 'conversationProgress' | 'handBack'>>({
  startToCloseTimeout: ATTEMPT_MS,
  retry: JOURNAL_RETRY,
  summary: 'journal',
  cancellationType,
});

export const openWithin = (limitMs: number) =>
  proxyActivities<Pick<Activities, 'openConversation'>>({
    startToCloseTimeout: ATTEMPT_MS,
    scheduleToCloseTimeout: limitMs,
    retry: OPEN_RETRY,
    summary: 'open at the desk',
    cancellationType,
  });

/** The same for a message that a user leaves: nobody sits and waits, so the desk gets rest between the tries. */
export const leaveWithin = (limitMs: number) =>
  proxyActivities<Pick<Activities, 'openConversation'>>({
    startToCloseTimeout: ATTEMPT_MS,
    scheduleToCloseTimeout: limitMs,
    retry: LEAVE_RETRY,
    summary: 'leave a message at the desk',
    cancellationType,
  });

export const sendWithin = (limitMs: number) =>
  proxyActivities<Pick<Activities, 'deliverToDesk'>>({
    startToCloseTimeout: BATCH_ATTEMPT_MS,
    scheduleToCloseTimeout: limitMs,
    retry: DESK_RETRY,
    summary: 'messages to the desk',
    cancellationType,
  });

/** A desk is asked once and briefly; PostgreSQL is waited for, because without it nobody has asked. */
export const last = proxyActivities<Pick<Activities, 'deliverLast'>>({
  startToCloseTimeout: ATTEMPT_MS,
  retry: JOURNAL_RETRY,
  summary: 'last messages to the desk',
});

/** What the ledger knows decides how a handoff goes on, so it is waited for as well: a failure would stop the run. */
export const ledger = proxyActivities<Pick<Activities, 'deskMayHaveIt' | 'lastSentToDesk'>>({
  startToCloseTimeout: ATTEMPT_MS,
  retry: JOURNAL_RETRY,
  summary: 'ledger',
  cancellationType,
});

export const desk = proxyActivities<Pick<Activities, 'closeConversation'>>({
  startToCloseTimeout: ATTEMPT_MS,
  scheduleToCloseTimeout: CLOSE_LIMIT_MS,
  retry: DESK_RETRY,
  summary: 'desk',
  cancellationType,
});

/** One try: the end of a handoff waits for it. */
export const look = proxyActivities<Pick<Activities, 'reconcile'>>({
  startToCloseTimeout: LOOK_MS,
  scheduleToCloseTimeout: LOOK_LIMIT_MS,
  retry: { maximumAttempts: 1 },
  summary: 'what the desk has',
});

/** Maintenance waits for it, and with it all that only maintenance forwards. */
export const farewell = proxyActivities<Pick<Activities, 'closeConversation'>>({
  startToCloseTimeout: ATTEMPT_MS,
  scheduleToCloseTimeout: FAREWELL_LIMIT_MS,
  retry: DESK_RETRY,
  summary: 'desk',
});

export const callback = proxyActivities<Pick<Activities, 'deliverCallback' | 'giveUpCallback'>>({
  taskQueue: CALLBACK_TASK_QUEUE,
  startToCloseTimeout: BATCH_ATTEMPT_MS,
  scheduleToCloseTimeout: CALLBACK_LIMIT_MS,
  retry: CALLBACK_RETRY,
  summary: 'events to the callback',
  cancellationType,
});

/** Once: the next round of maintenance is another try. */
export const quiet = proxyActivities<Pick<Activities, 'lookAtQuiet'>>({
  startToCloseTimeout: 60_000,
  retry: { maximumAttempts: 1 },
  summary: 'what the desks have',
});

export const sweep = proxyActivities<
  Pick<Activities, 'sweepInbox' | 'findGoneHandoffs' | 'closeGoneHandoff' | 'expireOld'>
>({
  startToCloseTimeout: 60_000,
  scheduleToCloseTimeout: 300_000,
  retry: DESK_RETRY,
});

/** An operator waits for it, and every step may be done again. */
export const recover = proxyActivities<Pick<Activities, 'recoverPage' | 'recoverAgain'>>({
  startToCloseTimeout: 600_000,
  heartbeatTimeout: 60_000,
  retry: DESK_RETRY,
});
