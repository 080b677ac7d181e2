import { z } from 'zod';
import type { CloseRequest, Opened, OpenRequest, OutboundMessage, Sent } from '../desk.ts';
import type { Context, Operation } from './client.ts';
import { isLivechat, LivechatError } from './failures.ts';
import { type Customer, customerOf } from './identity.ts';
import {
  chatOf,
  conversationOf,
  idsOf,
  NOTHING,
  openingEvents,
  posted,
  sendParts,
  type TextEvent,
  threads,
} from './messages.ts';

/** Which handoff has the chat of a conversation, under `talk.<conversationId>`. Written before the first call. */
interface Talk {
  handoffId: string;
  deskConversationId?: string;
}

/** How long we know which conversation a handoff belongs to. */
const HANDOFF_MS = 366 * 86_400_000;
/** A chat that ends while we open is looked at again. */
const OPEN_TRIES = 3;

const started = z.object({ chat_id: z.string().min(1), thread_id: z.string().min(1) });
const resumed = z.object({ thread_id: z.string().min(1) });
const chats = z.object({
  chats_summary: z.array(z.object({ id: z.string(), last_thread_id: z.string(), active: z.boolean() })),
});

/** The customer's one chat: resumed when its last thread is closed, joined when it is open, else started. */
export async function open(ctx: Context, request: OpenRequest): Promise<Opened> {
  const { handoffId, conversationId } = request;
  const talkKey = `talk.${conversationId}`;
  const before = await ctx.memory.get<Talk>(talkKey);
  const tried = before?.handoffId === handoffId;
  if (tried && before.deskConversationId !== undefined) return { deskConversationId: before.deskConversationId };
  const customer = await customerOf(ctx, 'open', conversationId);
  if (!tried) {
    await Promise.all([
      ctx.memory.put(`handoff.${handoffId}`, conversationId, { ttlMs: HANDOFF_MS }),
      ctx.memory.put(talkKey, { handoffId } satisfies Talk, { ttlMs: HANDOFF_MS }),
    ]);
  }
  const deskConversationId = await startAs(ctx, customer, request, tried).catch(async (error: unknown) => {
    // The chat of an erased customer takes nothing more: the user becomes a new one (livechat section 10).
    if (!isLivechat(error, 'chat_anonymized')) throw error;
    await ctx.memory.forget(`identity.${conversationId}`);
    return await startAs(ctx, await customerOf(ctx, 'open', conversationId), request, false);
  });
  await ctx.memory.put(talkKey, { handoffId, deskConversationId } satisfies Talk, { ttlMs: HANDOFF_MS });
  return { deskConversationId };
}

async function startAs(ctx: Context, customer: Customer, request: OpenRequest, tried: boolean): Promise<string> {
  await introduce(ctx, customer, request);
  return await begin(ctx, customer, openingEvents(request), tried);
}

/** Who it is. Data that LiveChat does not take must not cost the user his human. */
async function introduce(ctx: Context, customer: Customer, request: OpenRequest): Promise<void> {
  const { user, email, channel, handoffId } = request;
  const address = email ?? user.email;
  try {
    await customer.call(
      'update_customer',
      {
        ...(user.name && { name: user.name }),
        ...(address && { email: address }),
        session_fields: [{ channel }, { handoff_id: handoffId }, ...(user.id ? [{ user_id: user.id }] : [])],
      },
      NOTHING,
    );
  } catch (error) {
    const refused = error instanceof LivechatError && error.kind === 'rejected';
    if (!refused || error.code === 'chat_anonymized') throw error;
    ctx.log.warn({ handoffId, err: error }, 'the desk did not take the data of the user');
  }
}

/** `look`: an earlier try may have been there. A chat that appears or changes meanwhile is looked at again. */
async function begin(ctx: Context, customer: Customer, events: TextEvent[], look: boolean): Promise<string> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await beginOnce(ctx, customer, events, look || tries > 1);
    } catch (error) {
      const changed = error instanceof LivechatError && (error.kind === 'conflict' || error.code === 'chat_inactive');
      if (!changed || tries === OPEN_TRIES) throw error;
    }
  }
}

async function beginOnce(ctx: Context, customer: Customer, events: TextEvent[], look: boolean): Promise<string> {
  const { groupId } = ctx.config;
  const access = groupId === undefined ? {} : { access: { group_ids: [groupId] } };
  // The license's own bots must not answer a user who has asked for a human.
  const thread = { events, properties: { routing: { ignore_bots: true } } };
  const { chats_summary } = await customer.call('list_chats', { limit: 1 }, chats);
  const chat = chats_summary[0];
  if (chat === undefined) {
    const body = { chat: { ...access, thread }, active: true, continuous: true };
    const { chat_id, thread_id } = await customer.call('start_chat', body, started);
    return conversationOf(chat_id, thread_id);
  }
  const ours = look
    ? await findThread(customer, chat.id, (id) => events.some((event) => event.custom_id === id))
    : null;
  if (ours) {
    if (ours.active)
      await append(
        customer,
        chat.id,
        events.filter((event) => !ours.ids.has(event.custom_id)),
      );
    return conversationOf(chat.id, ours.id);
  }
  if (!chat.active) {
    const body = { chat: { id: chat.id, ...access, thread }, active: true, continuous: true };
    const { thread_id } = await customer.call('resume_chat', body, resumed);
    return conversationOf(chat.id, thread_id);
  }
  await append(customer, chat.id, events);
  return conversationOf(chat.id, chat.last_thread_id);
}

async function append(customer: Customer, chat_id: string, events: TextEvent[]): Promise<void> {
  for (const event of events) await customer.call('send_event', { chat_id, event }, posted);
}

async function findThread(customer: Customer, chatId: string, isOurs: (customId: string) => boolean) {
  const { threads: found } = await customer.call('list_threads', { chat_id: chatId, min_events_count: 100 }, threads);
  for (const thread of found) {
    const ids = idsOf([thread]);
    if ([...ids.keys()].some(isOurs)) return { id: thread.id, active: thread.active, ids };
  }
  return undefined;
}

export async function send(ctx: Context, message: OutboundMessage): Promise<Sent> {
  const { chatId: chat_id } = chatOf('send', message.deskConversationId);
  const customer = await customerOfHandoff(ctx, 'send', message.handoffId);
  if (customer === undefined) {
    throw new LivechatError({ operation: 'send', kind: 'not_found', reason: 'no customer is known for this handoff' });
  }
  return await sendParts(
    {
      post: async (event) => (await customer.call('send_event', { chat_id, event }, posted)).event_id,
      known: async () => {
        const found = await customer.call('list_threads', { chat_id, min_events_count: 100 }, threads);
        return idsOf(found.threads);
      },
    },
    message,
  );
}

/** Only a thread of this handoff: the chat may be in the hands of the next one already. */
export async function close(ctx: Context, request: CloseRequest): Promise<void> {
  const { handoffId, deskConversationId } = request;
  const conversationId = await ctx.memory.get<string>(`handoff.${handoffId}`);
  if (conversationId === undefined) return;
  const talk = await ctx.memory.get<Talk>(`talk.${conversationId}`);
  if (talk?.handoffId !== handoffId) return;
  const customer = await customerOf(ctx, 'close', conversationId);
  const { chats_summary } = await customer.call('list_chats', { limit: 1 }, chats);
  const chat = chats_summary[0];
  if (!chat?.active) return;
  const current = conversationOf(chat.id, chat.last_thread_id);
  const ours =
    deskConversationId === current || talk.deskConversationId === current
      ? true
      : deskConversationId === handoffId && (await hasOurs(customer, chat.id, chat.last_thread_id, handoffId));
  if (!ours) return;
  try {
    await customer.call('deactivate_chat', { id: chat.id }, NOTHING);
  } catch (error) {
    if (!isLivechat(error, 'chat_inactive')) throw error;
  }
}

/** After an opening without a clear answer: whether it has reached this thread. */
async function hasOurs(customer: Customer, chatId: string, threadId: string, handoffId: string): Promise<boolean> {
  const found = await findThread(customer, chatId, (id) => id.startsWith(`${handoffId}.`));
  return found?.id === threadId;
}

export async function customerOfHandoff(
  ctx: Context,
  operation: Operation,
  handoffId: string,
): Promise<Customer | undefined> {
  const conversationId = await ctx.memory.get<string>(`handoff.${handoffId}`);
  return conversationId === undefined ? undefined : await customerOf(ctx, operation, conversationId);
}
