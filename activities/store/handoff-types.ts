import type {
  Agent,
  CloseReason,
  DeskChangeReason,
  HandoffCounts,
  HandoffStatus,
  LeftDesk,
  Mode,
  RequestKind,
  ShownDeadline,
  Turn,
  User,
} from '../../workflows/contracts.ts';
import type { Page } from './types.ts';

export interface NewHandoff {
  id: string;
  botId: string;
  conversationId: string;
  desk: string;
  channel: string;
  mode: Mode;
  status: Extract<HandoffStatus, 'awaiting_email' | 'scheduled' | 'opening'>;
  /** `now` by default. */
  kind?: RequestKind;
  /** `next_opening`: when the desk is asked, ISO 8601. */
  opensAt?: string;
  user: User;
  question: string;
  /** Oldest first, without the question. */
  history?: Turn[];
  metadata: unknown;
  /** Native mode: known from the start. */
  deskConversationId?: string;
  /** ISO 8601; now when absent. */
  startedAt?: string;
}

/** A desk that did not answer. */
export interface EarlierDesk {
  desk: string;
  deskConversationId: string | null;
  why: DeskChangeReason;
  /** ISO 8601. */
  leftAt: string;
}

export interface HandoffRow {
  id: string;
  botId: string;
  conversationId: string;
  desk: string;
  deskConversationId: string | null;
  /** Where the request was before; at most one. */
  earlierDesks: EarlierDesk[];
  channel: string;
  mode: Mode;
  /** As of the last event in the journal. */
  status: HandoffStatus;
  closeReason: CloseReason | null;
  user: User;
  question: string;
  kind: RequestKind;
  /** `next_opening`: when the desk is or was asked. */
  opensAt: string | null;
  metadata: unknown;
  agent: Agent | null;
  lastSeq: number;
  startedAt: string;
  activeAt: string | null;
  closedAt: string | null;
  /** As of the last event in the journal; null when closed, and from the end of a pause to the next event. */
  deadline: ShownDeadline | null;
  /** The same; but `late`, as `get` and `list` give it, is as of now. */
  counts: HandoffCounts;
  /** False between the row and the start of its workflow run. */
  runStarted: boolean;
}

export interface HandoffFilter extends Page {
  botId?: string | undefined;
  conversationId?: string | undefined;
  desk?: string | undefined;
  /** `open`: every status but `closed`. */
  status?: HandoffStatus | 'open' | undefined;
  closeReason?: CloseReason | undefined;
  /** ISO 8601: began then or later. */
  from?: string | undefined;
  /** ISO 8601: began before. */
  to?: string | undefined;
  /** Of a user with one of these marks, see `UserMarks`; null: rows without marks, of earlier versions. */
  marks?: string[] | null | undefined;
}

export interface Handoffs {
  /** One open handoff per conversation of a bot: the second of two concurrent calls gets the first one's row. */
  open(handoff: NewHandoff): Promise<{ created: boolean; handoff: HandoffRow }>;
  runStarted(id: string): Promise<void>;
  get(id: string): Promise<HandoffRow | undefined>;
  find(id: string): Promise<{ botId: string; status: HandoffStatus } | undefined>;
  /** Newest first. Throws `CursorError` on a cursor that is not ours, or of a list with a range for one without. */
  list(filter: HandoffFilter): Promise<{ handoffs: HandoffRow[]; nextCursor: string | null }>;
  countOpen(botId: string): Promise<number>;
  /** The newest handoff of that conversation at the desk, also one that has left it. */
  byDeskConversation(botId: string, desk: string, deskConversationId: string): Promise<HandoffRow | undefined>;
  /** The newest open handoff of that conversation, at whichever desk of the bot. */
  openFor(botId: string, deskConversationId: string): Promise<HandoffRow | undefined>;
  /** With `desk` only while the handoff is there: a desk that it has left is noted as that. */
  bindDesk(id: string, deskConversationId: string, desk?: string): Promise<void>;
  /** The handoff leaves its desk for another one; false when it had done so already. */
  move(id: string, left: LeftDesk, to: string): Promise<boolean>;
  /** Shows at once that the handoff waits for no email any more; the run is what decides. */
  emailGiven(id: string, email: string, status?: 'scheduled' | 'opening'): Promise<void>;
  /** A scheduled handoff whose desk is being asked now; anything else stays as it is. */
  asked(id: string): Promise<void>;
  /** Ids of open handoffs, oldest first; `afterId` goes on behind a row of the page before. */
  openOlderThan(seconds: number, limit: number, afterId?: string): Promise<string[]>;
  /** Those of these handoffs that are not closed. */
  stillOpen(ids: string[]): Promise<string[]>;
  /** Removes a row whose run never started and that has no event; says whether it did. */
  discard(id: string): Promise<boolean>;
}
