/** What a run of a handoff keeps, and hands to the next one. */
import type {
  Agent,
  Attachment,
  BotEvent,
  CloseReason,
  ConversationSignal,
  DeadlineKind,
  DeskDelivery,
  HandoffCounts,
  HandoffEvent,
  HandoffMemory,
  HandoffStatus,
  LateMessage,
  LeftDesk,
  Withdrawal,
} from './contracts.ts';

/** What the reducer decides with. Outboxes are beside it, in `CarriedState`. */
export interface HandoffState {
  status: HandoffStatus;
  /**
   * Set once the end is decided; `status` becomes `closed` when the desk's outbox has settled or its grace is over.
   * `looking`: not before the desk was asked what its webhooks have not told.
   */
  closing?: { reason: CloseReason; graceEndsMs: number; detail?: string; trace?: string; looking?: true };
  closeReason?: CloseReason;
  email?: string;
  /** The desk has the conversation: it accepted, or an agent answered before its acceptance came back. */
  deskHasIt: boolean;
  deskConversationId?: string;
  agent?: Agent;
  /** What ends when nothing happens until `atMs`. */
  deadline?: { kind: DeadlineKind; atMs: number };
  /** The agent has parked an active handoff: its silence timers stand still, and `resume` starts when it wakes. */
  snoozed?: { resume?: 'inactivity' | 'agentSilence' };
  /** A request for the next opening: since when the desk is asked. */
  askedMs?: number;
  lastSeq: number;
  /** Of the last event, so that events never go back in time. */
  lastAtMs?: number;
  lastDeskN: number;
  lastTimestamp: number;
  /** Messages for the desk that are neither delivered nor failed, oldest first. */
  pending: PendingMessage[];
  /** The desk will be told of the end. */
  closeQueued: boolean;
  /** Ids of the last signals, for dedupe; bounded. */
  seen: string[];
  counts: HandoffCounts;
  /** Absent in a state of an older version until the next event. */
  memory?: HandoffMemory;
  /** What an operator may have tried again, oldest first; bounded. */
  failed?: FailedMessage[];
  /** With a second desk, until somebody answers: the user's messages that the first one has, oldest first; bounded. */
  said?: FailedMessage[];
  /** The first desk, once the request has gone to the second one. */
  left?: LeftDesk;
}

/** A message for the desk. */
export interface PendingMessage {
  n: number;
  messageId: string;
  trace?: string;
}

/** A message of the user that did not arrive, or that may have to be sent again. */
export interface FailedMessage {
  messageId: string;
  text: string;
  attachments?: Attachment[];
}

/** What continue-as-new hands to the next run. */
export interface CarriedState {
  state: HandoffState;
  journal: HandoffEvent[];
  late: LateMessage[];
  desk: DeskDelivery[];
  callback: CallbackProgress<HandoffEvent>;
  /** Native mode: what came when the end was decided, for the conversation's own workflow. */
  handBack?: ConversationSignal[];
  withdrawals?: Withdrawal[];
}

/** The callback's outbox: the next `seq` to deliver, and the newest events; older ones are read from the journal. */
export interface CallbackProgress<E extends BotEvent = BotEvent> {
  nextSeq: number;
  recent: E[];
}
