/** What moves a request from a bot's first desk to its second one. */
import type { CloseReason } from './contracts.ts';

/** Why a request has left its first desk: nobody answered in the wait time, or it could not be opened there. */
export type DeskChangeReason = 'wait_timeout' | 'desk_unavailable';

/** What a desk is told of the end: `moved` means that the request has gone to another desk. */
export type DeskCloseReason = CloseReason | 'moved';

/** The desk that a handoff has left. */
export interface LeftDesk {
  desk: string;
  /** Absent when it never said which conversation it has. */
  deskConversationId?: string;
  why: DeskChangeReason;
}

/** A desk that the request has left is to be told so. `n` is the number of the call, `timestamp` its time. */
export interface Withdrawal {
  n: number;
  timestamp: number;
  desk: string;
  /** Absent when the desk never said which conversation it has. */
  deskConversationId?: string;
  /** `traceparent` of the request that caused it. */
  trace?: string;
}
