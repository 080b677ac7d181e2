import type { CloseRequest, OpenRequest, Opened } from '../desk.ts';
import { deskError } from './client.ts';
import type { Context } from './config.ts';
import { post } from './messages.ts';
import { contextNotes } from './note.ts';
import { hasTrouble, readProgress, writeProgress } from './state.ts';
import { isOver, moveTo, statusOf } from './status.ts';

/** The context as private notes, then the published hand-over of a bot: from AI-Replying to Open. */
export async function openNative(ctx: Context, request: OpenRequest): Promise<Opened> {
  const { handoffId, deskConversationId: conversationId } = request;
  if (conversationId === undefined) throw deskError('open', 'rejected', 'native mode needs the conversation');
  const progress = await readProgress(ctx, handoffId);
  if (progress.done) return { deskConversationId: conversationId };
  const lookSinceMs = progress.firstTryMs;
  progress.firstTryMs ??= ctx.now();
  progress.conversationId = conversationId;
  await writeProgress(ctx, handoffId, progress);
  // The user reads this conversation: better no context than one that he sees.
  const isSafe = !(await hasTrouble(ctx, 'livedesk_note_not_private'));
  await post(ctx, {
    operation: 'open',
    handoffId,
    conversationId,
    key: request.key,
    pieces: isSafe ? contextNotes(request).map((text) => ({ as: 'note', text })) : [],
    progress,
    ...(lookSinceMs !== undefined && { lookSinceMs }),
  });
  await moveTo(ctx, 'open', conversationId, 'open', { sender_type: 'AgentBot' });
  progress.done = true;
  await writeProgress(ctx, handoffId, progress);
  return { deskConversationId: conversationId };
}

/**
 * Back to the bot, which is AI-Replying. A resolved one stays so: the move would open it again. What an agent has ended
 * needs nothing, and is left alone also where LiveDesk does not show the status.
 */
export async function closeNative(ctx: Context, { deskConversationId, reason }: CloseRequest): Promise<void> {
  const status = await statusOf(ctx, 'close', deskConversationId);
  if (isOver(status) || status === 'pending') return;
  if (status === undefined && reason === 'agent_closed') return;
  await moveTo(ctx, 'close', deskConversationId, 'pending');
}
