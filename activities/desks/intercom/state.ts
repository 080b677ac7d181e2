import type { Context } from './config.ts';

/** A part that we made, so that no look-up takes it for another one with the same words. */
interface OwnPart {
  key: string;
  id: string;
}

export interface ContactRef {
  id: string;
  role: string;
}

/** How far a handoff came at the desk; of a native conversation only `parts`. */
export interface Progress {
  contact?: ContactRef;
  conversationId?: string;
  /** Epoch milliseconds, written before the first and before the last try to create the conversation. */
  firstTryMs?: number;
  lastTryMs?: number;
  /** How to know what a try made: a hash of the first message, and what was there before. */
  wanted?: { bodyHash: string; not: string[] };
  done?: true;
  /** The newest ones. */
  parts: OwnPart[];
}

const KEPT_PARTS = 60;
/** Written anew with every message. */
const TTL_MS = 30 * 24 * 60 * 60 * 1000;

const keyOf = (handoffId: string): string => `open.${handoffId}`;

export const readProgress = async (ctx: Context, handoffId: string): Promise<Progress> =>
  (await ctx.memory.get<Progress>(keyOf(handoffId))) ?? { parts: [] };

export const writeProgress = (ctx: Context, handoffId: string, progress: Progress): Promise<void> =>
  ctx.memory.put(keyOf(handoffId), progress, { ttlMs: TTL_MS });

/** Notes an own part; without the note only two equal messages within seconds could be taken for one. */
export async function addOwnPart(ctx: Context, handoffId: string, progress: Progress, own: OwnPart): Promise<void> {
  progress.parts = [...progress.parts, own].slice(-KEPT_PARTS);
  try {
    await writeProgress(ctx, handoffId, progress);
  } catch (error) {
    // The message is at the desk: to fail now would repeat it.
    ctx.log.warn({ err: error, handoffId }, 'own part not noted');
  }
}
