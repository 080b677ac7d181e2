import type { CloseRequest, OpenRequest, Opened } from '../desk.ts';
import { actingAdmin, assign } from './admin.ts';
import { deskError } from './client.ts';
import type { Context } from './config.ts';
import { contextNotes } from './note.ts';
import { post, readConversationById } from './parts.ts';
import type { Conversation } from './shapes.ts';
import { readProgress, writeProgress } from './state.ts';

/** The context as notes, the conversation to the team, and the bot out of it. */
export async function openNative(ctx: Context, request: OpenRequest): Promise<Opened> {
  const { handoffId, deskConversationId: conversationId } = request;
  const { teamId } = ctx.config;
  if (conversationId === undefined) throw deskError('open', 'rejected', 'native mode needs the conversation');
  if (teamId === undefined) throw deskError('open', 'rejected', 'native mode needs a team', { field: 'teamId' });
  const progress = await readProgress(ctx, handoffId);
  if (progress.done) return { deskConversationId: conversationId };
  const adminId = await actingAdmin(ctx, 'open');
  const lookSinceMs = progress.firstTryMs;
  progress.firstTryMs ??= ctx.now();
  progress.conversationId = conversationId;
  await writeProgress(ctx, handoffId, progress);
  await post(ctx, {
    operation: 'open',
    handoffId,
    conversationId,
    adminId,
    key: request.key,
    pieces: contextNotes(request),
    progress,
    ...(lookSinceMs !== undefined && { lookSinceMs }),
  });
  const step = { operation: 'open' as const, conversationId, adminId };
  const assigned = await assign(ctx, { ...step, to: { type: 'team', id: teamId } });
  // Whether a team's assignment takes the teammate out is not documented.
  if (assigned.admin_assignee_id === adminId) await assign(ctx, { ...step, to: { type: 'admin', id: '0' } });
  progress.done = true;
  await writeProgress(ctx, handoffId, progress);
  return { deskConversationId: conversationId };
}

/** Back to the bot. A closed conversation stays closed: an assignment would open it again. */
export async function closeNative(ctx: Context, { deskConversationId }: CloseRequest): Promise<void> {
  const adminId = await actingAdmin(ctx, 'close');
  const { state } = await readConversationById(ctx, 'close', deskConversationId);
  if (state === 'closed') return;
  await assign(ctx, {
    operation: 'close',
    conversationId: deskConversationId,
    adminId,
    to: { type: 'admin', id: adminId },
  });
}

/**
 * Whose turn it is by the newest thing that a human did: `human` when one wrote or has it, `reopened` when one closed it
 * and the user wrote again, which gives it back to the bot. Webhooks may be late, so the bot looks before it speaks.
 */
export function holder(
  { parts, admin_assignee_id: assignee }: Conversation,
  adminId: string,
): 'bot' | 'human' | 'reopened' {
  for (const part of parts.toReversed()) {
    const { type, id } = part.assigned_to ?? {};
    if (part.part_type === 'close') return assignee === adminId ? 'bot' : 'reopened';
    if (type === 'team') return 'bot';
    if (type === 'admin' && id !== '0') return id === adminId ? 'bot' : 'human';
    const isAnswer = part.part_type === 'comment' || part.part_type === 'quick_reply';
    if (isAnswer && part.author.type === 'admin' && part.author.id !== adminId) return 'human';
  }
  return assignee === undefined || assignee === adminId ? 'bot' : 'human';
}
