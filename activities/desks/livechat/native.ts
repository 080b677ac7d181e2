import { z } from 'zod';
import type { CloseRequest, Opened, OpenRequest, OutboundMessage, Sent } from '../desk.ts';
import { agentCall, type Context, type Operation } from './client.ts';
import { isLivechat, LivechatError } from './failures.ts';
import {
  chatOf,
  idsOf,
  NOTHING,
  openingEvents,
  posted,
  type Room,
  sendParts,
  type TextEvent,
  threads,
} from './messages.ts';

const chat = z.object({
  thread: z.object({ id: z.string(), active: z.boolean() }).optional(),
  users: z.array(z.object({ id: z.string(), present: z.boolean().default(false) })).default([]),
});

/**
 * Context as an internal note, then the chat goes to the group of the humans. A seat that is not in the chat has
 * nothing to hand over: an earlier try did it, or a human has taken the chat.
 */
export async function open(ctx: Context, request: OpenRequest): Promise<Opened> {
  const deskConversationId = request.deskConversationId ?? '';
  const { chatId, threadId } = chatOf('open', deskConversationId);
  const triedKey = `open.${request.handoffId}`;
  const tried = (await ctx.memory.get<boolean>(triedKey)) === true;
  const now = await stateOf(ctx, 'open', chatId);
  if (now.threadId !== threadId || !now.active) {
    throw new LivechatError({ operation: 'open', kind: 'not_found', reason: 'this conversation is closed' });
  }
  if (!now.seatPresent) return { deskConversationId };
  if (!tried) await ctx.memory.put(triedKey, true, { ttlMs: 7 * 86_400_000 });
  const room = roomOf(ctx, 'open', chatId);
  const known = tried ? await room.known() : new Map<string, string>();
  for (const note of openingEvents(request)) {
    if (!known.has(note.custom_id)) await room.post({ ...note, visibility: 'agents' });
  }
  await transfer(ctx, 'open', chatId, { type: 'group', ids: [ctx.config.groupId ?? 0] });
  return { deskConversationId };
}

export async function send(ctx: Context, message: OutboundMessage): Promise<Sent> {
  const { chatId } = chatOf('send', message.deskConversationId);
  return await sendParts(roomOf(ctx, 'send', chatId), message);
}

/** The bot gets the conversation back, unless it is closed, a later one, or at the bot's seat already. */
export async function close(ctx: Context, request: CloseRequest): Promise<void> {
  const { chatId, threadId } = chatOf('close', request.deskConversationId);
  try {
    const now = await stateOf(ctx, 'close', chatId);
    if (now.threadId !== threadId || !now.active || now.seatPresent) return;
    await transfer(ctx, 'close', chatId, { type: 'agent', ids: [ctx.config.agentEmail ?? ''] });
  } catch (error) {
    if (!isLivechat(error, 'chat_inactive')) throw error;
  }
}

function roomOf(ctx: Context, operation: Operation, chat_id: string): Room {
  return {
    async post(event: TextEvent) {
      // The last word of the bot may come when a human has closed the chat (livechat section 7).
      const body = { chat_id, event: { visibility: 'all', ...event }, attach_to_last_thread: true };
      return (await agentCall(ctx, operation, 'agent/send_event', body, posted)).event_id;
    },
    async known() {
      const body = { chat_id, min_events_count: 100 };
      return idsOf((await agentCall(ctx, operation, 'agent/list_threads', body, threads)).threads);
    },
  };
}

async function stateOf(ctx: Context, operation: Operation, chat_id: string) {
  const { thread, users } = await agentCall(ctx, operation, 'agent/get_chat', { chat_id }, chat);
  const seat = ctx.config.agentEmail?.toLowerCase();
  return {
    threadId: thread?.id,
    active: thread?.active === true,
    seatPresent: users.some(({ id, present }) => present && id.toLowerCase() === seat),
  };
}

/** Without regard to who is free: the chat then waits in the queue (livechat section 14.2). */
async function transfer(
  ctx: Context,
  operation: Operation,
  id: string,
  target: { type: 'group'; ids: number[] } | { type: 'agent'; ids: string[] },
): Promise<void> {
  const body = { id, target, ignore_agents_availability: true, ignore_requester_presence: true };
  try {
    await agentCall(ctx, operation, 'agent/transfer_chat', body, NOTHING);
  } catch (error) {
    if (isLivechat(error, 'group_not_found')) throw error.at('groupId', 'LiveChat has no such group');
    throw error;
  }
}
