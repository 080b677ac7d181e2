/** Names that the API, the worker and the Temporal server must agree on. */

/** Workflows, journal and desk activities. */
export const TASK_QUEUE = 'baton';

/** Callbacks that lag have slots of their own, so that a bot's backend that hangs never takes a desk's. */
export const CALLBACK_TASK_QUEUE = 'baton-callback';

export const WORKFLOW = {
  handoff: 'handoff',
  conversation: 'conversation',
  callbackTail: 'callbackTail',
  maintenance: 'maintenance',
  recovery: 'recovery',
} as const;

export const MAINTENANCE_SCHEDULE_ID = 'baton-maintenance';

/** Indexed by Temporal in clear text: no personal data. */
export const SEARCH_ATTRIBUTES = {
  bot: 'HandoffBot',
  desk: 'HandoffDesk',
  status: 'HandoffStatus',
  closeReason: 'HandoffCloseReason',
} as const;

/** The workflow id of a handoff is the handoff's id. */
export const handoffWorkflowId = (handoffId: string): string => handoffId;

/** Signals of a desk have a prefix of their own: a user's message must not be taken for a repeat of an agent's. */
export const deskSignalId = (desk: string, dedupeKey: string): string => `${desk}:${dedupeKey}`;

export const isOfDesk = (desk: string, signalId: string): boolean => signalId.startsWith(`${desk}:`);

/** Ids of native conversations begin with this, ids of handoffs with `ho_`. They share journal, ledger and inbox. */
export const CONVERSATION_PREFIX = 'co_';

export const isConversationId = (id: string): boolean => id.startsWith(CONVERSATION_PREFIX);

export const callbackTailWorkflowId = (handoffId: string): string => `${handoffId}.callback`;

/** The `webhook-id` of an event: the same over every retry. */
export const eventId = (handoffId: string, seq: number): string => `${handoffId}.${seq}`;

/** The idempotency key of a delivery to the desk: the same over retries, restarts and continue-as-new. */
export const deliveryKey = (handoffId: string, n: number): string => `${handoffId}.d${n}`;
