import { call, fromStatus, isThere, NOT_THERE, type Operation } from './client.ts';
import type { Context } from './config.ts';
import { pathOf } from './messages.ts';
import { readConversation } from './shapes.ts';

export const isOver = (status: string | null | undefined): boolean => status === 'resolved' || status === 'closed';

/** Undefined where LiveDesk does not show it. */
export async function statusOf(
  ctx: Context,
  operation: Operation,
  conversationId: string,
): Promise<string | undefined> {
  const answer = await call(ctx, { operation, method: 'GET', path: pathOf(conversationId), accept: NOT_THERE });
  return isThere(answer) ? (readConversation(answer.body)?.status ?? undefined) : undefined;
}

/** Moves a conversation. Refused because it is so already is fine; how LiveDesk says that is not published. */
export async function moveTo(
  ctx: Context,
  operation: Operation,
  conversationId: string,
  status: 'open' | 'pending' | 'resolved',
  more: Record<string, string> = {},
): Promise<void> {
  const answer = await call(ctx, {
    operation,
    method: 'POST',
    path: `${pathOf(conversationId)}/toggle_status`,
    body: { status, ...more },
    accept: [400, 409, 422],
  });
  if (isThere(answer)) return;
  const now = await statusOf(ctx, operation, conversationId);
  if (now === status || (status === 'resolved' && isOver(now))) return;
  throw fromStatus(ctx, operation, answer);
}
