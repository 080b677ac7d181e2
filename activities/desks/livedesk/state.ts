import type { Context } from './config.ts';

/** How far a handoff came at the desk; of a native conversation only `own`. */
export interface Progress {
  /** Under this key the contact and his conversations are remembered. */
  contactKey?: string;
  contactId?: string;
  conversationId?: string;
  /** Epoch milliseconds, written before the first and before the last try to create the conversation. */
  firstTryMs?: number;
  lastTryMs?: number;
  /** It began with the channel's AI Agent: the humans still have to get it. */
  withAgent?: true;
  done?: true;
  /** Messages that we made, so that no look-up takes one for another with the same words. The newest ones. */
  own: { key: string; id: string }[];
}

/** A contact, and the conversations of his handoffs. */
export interface Contact {
  id: string;
  conversations: { handoffId: string; id: string; withAgent?: true }[];
}

const DAY_MS = 24 * 60 * 60 * 1000;
export const KEPT_MS = 30 * DAY_MS;
const KEPT_OWN = 60;

const keyOf = (handoffId: string): string => `open.${handoffId}`;

export const readProgress = async (ctx: Context, handoffId: string): Promise<Progress> =>
  (await ctx.memory.get<Progress>(keyOf(handoffId))) ?? { own: [] };

export const writeProgress = (ctx: Context, handoffId: string, progress: Progress): Promise<void> =>
  ctx.memory.put(keyOf(handoffId), progress, { ttlMs: KEPT_MS });

/** Notes an own message; without the note only two equal messages within seconds could be taken for one. */
export async function addOwn(
  ctx: Context,
  handoffId: string,
  progress: Progress,
  own: { key: string; id: string },
): Promise<void> {
  progress.own = [...progress.own, own].slice(-KEPT_OWN);
  try {
    await writeProgress(ctx, handoffId, progress);
  } catch (error) {
    // The message is at the desk: to fail now would repeat it.
    ctx.log.warn({ err: error, handoffId }, 'own message not noted');
  }
}

/** What LiveDesk turned out to do otherwise than its lineage; the check of the settings tells the operator. */
export const TROUBLES = {
  livedesk_direction_unsupported:
    "LiveDesk shows the user's words as an agent's: they now begin with [Customer]. Ask EngageLab how the API writes incoming messages.",
  livedesk_note_not_private: 'LiveDesk did not keep a note private: in native mode the context is no longer written.',
  livedesk_ai_agent_on: 'The channel has an AI Agent that answers first: switch it off for this API channel.',
  livedesk_marks_lost:
    'LiveDesk does not give our marks back: enter the Sender ID that the log names, or own messages may come back as those of an agent.',
} as const;
export type Trouble = keyof typeof TROUBLES;

/** Long enough for the operator to see it, and then LiveDesk gets another chance. */
const TROUBLE_MS = 7 * DAY_MS;

export async function noteTrouble(ctx: Context, trouble: Trouble, details: Record<string, unknown>): Promise<void> {
  if (await hasTrouble(ctx, trouble)) return;
  ctx.log.error({ trouble, ...details }, TROUBLES[trouble]);
  await ctx.memory.put(`trouble.${trouble}`, true, { ttlMs: TROUBLE_MS });
}

export const hasTrouble = async (ctx: Context, trouble: Trouble): Promise<boolean> =>
  (await ctx.memory.get<boolean>(`trouble.${trouble}`)) === true;
