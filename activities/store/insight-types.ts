import type { CloseReason, Turn } from '../../workflows/contracts.ts';

/** What Baton knows beside its handoffs and their journals, for people who look back. */
export interface Insight {
  refused(refusal: { botId: string; reason: string; channel: string }): Promise<void>;
  /** What was said before the handoff, oldest first; undefined: not kept, the handoff is older than this table. */
  history(handoffId: string): Promise<Turn[] | undefined>;
  figures(question: FiguresQuestion): Promise<Figures>;
}

/**
 * Handoffs that began, and requests that were refused, from `buckets[0]` until `to`. What became of a handoff counts
 * where it began, so that no rate is above one.
 */
export interface FiguresQuestion {
  /** All bots without it. */
  botId?: string | undefined;
  /** Where each bucket begins, epoch milliseconds, ascending. */
  buckets: number[];
  /** End of the last bucket, epoch milliseconds. */
  toMs: number;
}

export interface Counted {
  started: number;
  /** An agent has spoken. */
  answered: number;
  refused: number;
  /** The user left or lapsed without an answer. */
  abandoned: number;
  closed: number;
  /** Went on at the second desk. */
  moved: number;
  /** Of users and agents. */
  messages: number;
  /** Messages that did not arrive. */
  failures: number;
}

/** Seconds from the request, or from the opening that was asked for, to the agent's first words. */
export interface ReplyTime {
  median: number;
  p90: number;
}

export interface Figures {
  totals: Counted;
  /** One for each bucket, in order; `firstReply` is null when nobody was answered. */
  series: (Counted & { firstReply: ReplyTime | null })[];
  firstReply: ReplyTime | null;
  refusals: Record<string, number>;
  closeReasons: Partial<Record<CloseReason, number>>;
  /** Most handoffs first. */
  desks: { desk: string; started: number; failures: number }[];
}
