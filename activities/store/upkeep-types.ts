/** How many of each were deleted. */
export interface Deleted {
  handoffs: number;
  /** Native conversations. */
  conversations: number;
  events: number;
  lateMessages: number;
  inbox: number;
  refusals: number;
}

export interface Expired {
  /** Whole days, at least 1. */
  days: number;
  /** Handoffs, conversations, or rows of other tables in this call. */
  limit: number;
}

/** What the journal has of a handoff or native conversation. */
export interface Journaled {
  /** It has a row. */
  known: boolean;
  lastSeq: number;
  /** Nothing is missing between the first event and the last; of a conversation, whose old events go, the first that is left. */
  whole: boolean;
  /** On purpose: nothing of it must come back. */
  erased: boolean;
}

/** Data that goes again, and what maintenance notes for its next round. All deletions are many short transactions. */
export interface Upkeep {
  /** Where a walk of this name stands; undefined: at its beginning. */
  cursor(name: string): Promise<string | undefined>;
  /** Undefined: back to the beginning. */
  setCursor(name: string, value: string | undefined): Promise<void>;
  /**
   * Deletes handoffs that were closed so long ago, the oldest first, with all that was kept of them. Fewer than `limit`:
   * there are no more.
   */
  expireHandoffs(expired: Expired): Promise<Deleted>;
  /**
   * One step of a walk over native conversations, behind `after`: deletes their old events, and those that nobody has used
   * for as long, and for eight days at least, because a run may still sit in them. `next` is undefined at the end.
   */
  expireConversations(expired: Expired & { after?: string | undefined }): Promise<Deleted & { next?: string }>;
  /** Deletes what the inbox has received so long ago, unless its handoff is still to get it. */
  expireInbox(expired: Expired): Promise<number>;
  expireRefusals(expired: Expired): Promise<number>;
  /**
   * Deletes all that is kept of these handoffs and native conversations, whatever their state: ask first whether they have
   * ended. Again: deletes what is left. Hashes of their ids are kept, so that nothing brings them back.
   */
  erase(erased: { botId: string; handoffIds: string[]; conversationIds: string[] }): Promise<Deleted>;
  journaled(id: string): Promise<Journaled>;
  /** Lets the row of a handoff or conversation take over from events that are older than it has seen. */
  rewind(id: string): Promise<void>;
}
