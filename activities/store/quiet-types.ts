import type { Mode } from '../../workflows/contracts.ts';

/** Something at a desk of which nothing was heard for a while. */
export interface QuietConversation {
  kind: 'open' | 'ended' | 'conversation';
  /** Of the handoff, or of the native conversation. */
  id: string;
  botId: string;
  desk: string;
  deskConversationId: string;
  mode: Mode;
  /** What was said before is of no interest. Epoch milliseconds. */
  sinceMs: number;
}

interface Search {
  /** Ids of the desks that let us look. */
  desks: readonly string[];
  limit: number;
}

/** Each call takes what is due and notes that it is looked at now, so no other process does. */
export interface Quiet {
  /** Open handoffs that the desk has, and of which nothing was heard for so long; the next time after twice as long. */
  handoffs(search: Search & { quietMs: number }): Promise<QuietConversation[]>;
  /** Handoffs that ended some minutes ago without a look, once. */
  ended(search: Search): Promise<QuietConversation[]>;
  /** Native conversations that their bot has. */
  conversations(search: Search & { quietMs: number }): Promise<QuietConversation[]>;
  /** A handoff was looked at. */
  looked(handoffId: string): Promise<void>;
}
