/** The words of a native conversation, beside those of a handoff in `contracts.ts`. Types only. */
import type { CallbackProgress, ConversationEvent, DeskDelivery, PendingMessage, User } from './contracts.ts';

/** Argument of the workflow `conversation`, which owns a native conversation while its bot has it. */
export interface ConversationInput {
  /** Id of run, journal and ledger: `conversationRunId` in `ids.ts`. */
  id: string;
  botId: string;
  desk: string;
  deskConversationId: string;
  settings: ConversationSettings;
  /** Set by continue-as-new. */
  carried?: CarriedConversation;
  /** Continue as new after this many events instead of when the server suggests it. For tests. */
  continueAfterEvents?: number;
}

export interface ConversationSettings {
  /** Ends the conversation after this long without a message; the next one starts it again. */
  idleTimeoutMs: number;
  /** Whether the bot has a callback. */
  callback: boolean;
}

/** What the reducer of a native conversation decides with. */
export interface ConversationState {
  status: 'open' | 'ended';
  user?: User;
  /** A human has the conversation without a handoff: the bot is silent. */
  human: boolean;
  idleAtMs: number;
  lastSeq: number;
  lastAtMs?: number;
  lastDeskN: number;
  lastTimestamp: number;
  /** The bot's messages that are neither delivered nor failed, oldest first. */
  pending: PendingMessage[];
  /** Ids of the last signals, for dedupe; bounded. */
  seen: string[];
  counts: { user: number; bot: number; agent: number; failed: number; duplicates: number };
}

export interface CarriedConversation {
  state: ConversationState;
  journal: ConversationEvent[];
  desk: DeskDelivery[];
  callback: CallbackProgress<ConversationEvent>;
}
