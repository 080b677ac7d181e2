import { z } from 'zod';
import { call, deskError, hashOf, type Operation } from './client.ts';
import type { Context } from './config.ts';
import { pathOf, readConversationById } from './parts.ts';
import { type Conversation, readConversation } from './shapes.ts';

const ADMIN_TTL_MS = 60 * 60 * 1000;

export const meShape = z.object({
  id: z.union([z.string(), z.number()]).transform(String),
  name: z.string().nullish().catch(undefined),
  has_inbox_seat: z.boolean().nullish().catch(undefined),
  app: z
    .object({
      id_code: z.string().catch('unknown'),
      name: z.string().nullish().catch(undefined),
      region: z.string().nullish().catch(undefined),
    })
    .nullish()
    .catch(undefined),
});

export async function readMe(ctx: Context, operation: Operation): Promise<z.output<typeof meShape>> {
  const { body, status } = await call(ctx, { operation, method: 'GET', path: '/me' });
  const me = meShape.safeParse(body);
  if (!me.success) throw deskError(operation, 'protocol', 'the answer is not an admin', { status });
  return me.data;
}

/** The teammate in whose name we act: the configured one, else the owner of the token. */
export async function actingAdmin(ctx: Context, operation: Operation): Promise<string> {
  if (ctx.config.adminId !== undefined) return ctx.config.adminId;
  const key = `admin.${hashOf(ctx.config.accessToken)}`;
  const remembered = await ctx.memory.get<string>(key);
  if (remembered !== undefined) return remembered;
  const { id } = await readMe(ctx, operation);
  await ctx.memory.put(key, id, { ttlMs: ADMIN_TTL_MS });
  return id;
}

interface Assignment {
  operation: Operation;
  conversationId: string;
  adminId: string;
  to: { type: 'team' | 'admin'; id: string };
}

/** To whom it belongs already is fine: Intercom answers that with 422. Gives back the conversation as it is now. */
export async function assign(
  ctx: Context,
  { operation, conversationId, adminId, to }: Assignment,
): Promise<Conversation> {
  const answer = await call(ctx, {
    operation,
    method: 'POST',
    path: `${pathOf(conversationId)}/parts`,
    body: { message_type: 'assignment', type: to.type, admin_id: adminId, assignee_id: to.id },
    accept: [422],
  });
  const conversation = answer.status === 422 ? undefined : readConversation(answer.body);
  if (conversation) return conversation;
  const now = await readConversationById(ctx, operation, conversationId);
  const assignee = to.type === 'team' ? now.team_assignee_id : now.admin_assignee_id;
  if ((assignee ?? '0') !== to.id) {
    throw deskError(operation, 'rejected', 'Intercom refuses the assignment', {
      status: answer.status,
      ...(to.type === 'team' && { field: 'teamId' }),
    });
  }
  return now;
}
