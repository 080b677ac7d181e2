/** What a handoff shows of itself: to operators while it is open, to the bot when it ends. */
import type {
  Agent,
  Attachment,
  BotEvent,
  CloseReason,
  DeadlineKind,
  HandoffStatus,
  LeftDesk,
  PacketOutcome,
} from './contracts.ts';

/** What ends a handoff, or asks its user, when nothing happens until `at` (ISO 8601). */
export interface ShownDeadline {
  kind: DeadlineKind;
  at: string;
}

/** Messages by who wrote them, and what became of some; `duplicates`: repeats of anything that were dropped. */
export interface HandoffCounts {
  user: number;
  agent: number;
  failed: number;
  duplicates: number;
  late: number;
}

/** A message of the human part, in the form that a model's context takes. */
export interface PacketMessage {
  /** `user`, or the human at the desk, who spoke in the bot's place. */
  role: 'user' | 'assistant';
  /** Of the human at the desk, when the desk told it. */
  name?: string;
  /** The text, and behind it the addresses of files, one a line. */
  content: string;
}

/** `data.packet` of `handoff.closed`: all that a bot needs to go on well. */
export interface ReturnPacket {
  outcome: PacketOutcome;
  reason: CloseReason;
  /** From the request to the end. null: begun under a version that did not measure it. */
  durationSeconds: number | null;
  /** From the desk's acceptance to the first reply. null without one. */
  waitSeconds: number | null;
  agent: Agent | null;
  /** The last message of the human at the desk. */
  lastWords: string | null;
  /** Oldest first; the newest 40, of 16,000 characters together. */
  messages: PacketMessage[];
  /** How many older ones there were. The journal has them. */
  omitted: number;
}

/** What a handoff remembers for its packet. */
export interface HandoffMemory {
  /** Absent in a handoff that began under an older version. */
  startedMs?: number;
  acceptedMs?: number;
  answeredMs?: number;
  lastWords?: string;
  messages: PacketMessage[];
}

/** Answer of the `view` query, for operators and tests. */
export interface HandoffView {
  status: HandoffStatus;
  closeReason?: CloseReason;
  lastSeq: number;
  deadline: ShownDeadline | null;
  counts: HandoffCounts;
  /** The end is decided. */
  closing: boolean;
  /** The user's messages that the desk does not have yet, with the numbers of their deliveries, oldest first. */
  undelivered: { n: number; messageId: string }[];
  /** Failed messages that can be tried again. */
  retriable: string[];
  waiting: { journal: number; desk: number; callback: number };
}

/**
 * Something that arrived after `handoff.closed` had been written, or from a desk that the handoff had left: kept beside
 * the journal, never silently lost.
 */
export interface LateMessage {
  id: string;
  at: string;
  from: 'user' | 'agent';
  text: string;
  attachments?: Attachment[];
  agent?: Agent;
  /** The handoff had left this desk. */
  desk?: string;
}

/** Where a run is, for a row that has to be brought up to date. */
export interface RecalledState {
  lastSeq: number;
  /** Of a handoff. */
  status?: HandoffStatus;
  email?: string;
  deadline?: ShownDeadline | null;
  counts?: HandoffCounts;
  deskConversationId?: string;
  /** Of a handoff: the desk that has it now, and the one that it has left. */
  desk?: string;
  left?: LeftDesk;
  /** Of a native conversation: a human has it. */
  human?: boolean;
}

/** What a run knows of all that it has said, behind a `seq`, and where it is. */
export interface Recalled extends RecalledState {
  /** Oldest first, as many as one payload holds; none: there are no more. */
  events: BotEvent[];
  /** Of a handoff; with the first page only. */
  late: LateMessage[];
}
