import type { HandoffSignal } from '../../workflows/contracts.ts';

export interface ReceivedEvent {
  botId: string;
  desk: string;
  dedupeKey: string;
  deskConversationId: string;
  /**
   * Of a handoff or a native conversation. Absent when the caller knows only the desk's conversation, then it goes to:
   * the newest open handoff with it; in native mode `conversation`, and a user's message to a handoff that has closed
   * just now, which may be handing back what came before; in external mode the newest closed handoff, where it is late. What nobody has is kept until somebody adopts it, or dropped as `foreign`.
   */
  handoffId?: string | undefined;
  signal: HandoffSignal;
  /** A look found it, and its webhook would have another key: the webhook is known by its words. */
  awaitsWebhook?: boolean | undefined;
  /** By a webhook: an agent's message may have been recovered under another key; then it is stored as a `repeat`. */
  mayBeRecovered?: boolean | undefined;
  /**
   * The desk tells of foreign conversations as well: what belongs to no handoff is not kept, unless an open handoff of
   * the bot still waits to learn its conversation at this desk.
   */
  foreignPossible?: boolean | undefined;
  /**
   * Native mode: what no open handoff has belongs to this conversation, when there is a row of it or the event `begins`
   * it. Anything else is foreign.
   */
  conversation?: { id: string; begins: boolean } | undefined;
}

export interface PendingSignal {
  inboxId: string;
  signal: HandoffSignal;
}

export interface Receipt {
  /** False for a repeat of something that is stored already. */
  fresh: boolean;
  /** Absent when no handoff has this conversation yet. */
  handoffId?: string;
  /** It belongs to nobody and was not kept. */
  foreign?: true;
  /** Everything of the handoff that is not forwarded yet, in order, own event included; a forwarded repeat gives []. */
  pending: PendingSignal[];
}

export interface UnforwardedEvent extends PendingSignal {
  botId: string;
  desk: string;
  deskConversationId: string;
  handoffId: string | null;
  receivedAt: string;
}

/** `repeat`: a look had recovered the same message under another key. */
export type InboxOutcome = 'forwarded' | 'late' | 'unknown' | 'repeat';

export interface Inbox {
  /** Durable before it returns, one row per `(bot, desk, dedupeKey)`. */
  receive(event: ReceivedEvent): Promise<Receipt>;
  /** Whether an event with this key is stored, of whomever. */
  knows(botId: string, desk: string, dedupeKey: string): Promise<boolean>;
  forwarded(inboxIds: string[], outcome: InboxOutcome): Promise<void>;
  /** Oldest first; `known`: those that belong to a handoff, else those whose conversation no handoff has. */
  unforwarded(options: { known: boolean; olderThanSeconds: number; limit: number }): Promise<UnforwardedEvent[]>;
  /** Gives a handoff the events that came before its conversation at the desk was known. Call after `bindDesk`. */
  adopt(handoffId: string, botId: string, desk: string, deskConversationId: string): Promise<PendingSignal[]>;
  /**
   * Gives unforwarded events to another target, for example those of an ended native handoff to its conversation.
   * Returns all that the target has not got yet, in order.
   */
  reassign(inboxIds: string[], targetId: string): Promise<PendingSignal[]>;
  /**
   * What was heard of a desk's conversation since then (epoch milliseconds), whoever got it, oldest first. A `repeat`
   * says nothing new and is left out.
   */
  heard(of: { botId: string; desk: string; deskConversationId: string; sinceMs: number }): Promise<HandoffSignal[]>;
  /** Deletes events that nobody has claimed; one that was claimed or settled meanwhile stays. */
  drop(inboxIds: string[]): Promise<void>;
}
