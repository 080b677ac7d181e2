import { type Fields, fields, list } from '../../http/json.ts';
import type { DeskEvent, RecentRequest } from '../desk.ts';
import { agentCall, type Context } from './client.ts';
import { text } from './content.ts';
import { customerOfHandoff } from './external.ts';
import { chatOf, conversationOf, NOTHING } from './messages.ts';
import { deactivatedEvent, isSeat, messageOf } from './webhook.ts';

/** Who has closed a thread, as the system says in it (livechat section 9). */
const BY_CUSTOMER = ['manual_archived_customer', 'archived_customer_disconnected'];

/** The thread of this conversation, as its agents see it where the settings allow that, else as its customer does. */
export async function recent(ctx: Context, request: RecentRequest): Promise<DeskEvent[]> {
  const { chatId, threadId } = chatOf('recent', request.deskConversationId);
  const { accountId, token } = ctx.config;
  const body = { chat_id: chatId, thread_id: threadId };
  if (accountId !== undefined && token !== undefined) {
    return eventsOf(ctx, request, fields(await agentCall(ctx, 'recent', 'agent/get_chat', body, NOTHING)));
  }
  const customer = await customerOfHandoff(ctx, 'recent', request.handoffId);
  if (customer === undefined) return [];
  const seen = eventsOf(ctx, request, fields(await customer.call('get_chat', body, NOTHING)));
  // Customers see an id of the agent that no webhook has (section 8).
  return seen.map((event) => {
    if (event.signal.kind !== 'agentReply') return event;
    const { agent: _, ...signal } = event.signal;
    return { ...event, signal };
  });
}

function eventsOf({ config }: Context, { deskConversationId, sinceMs }: RecentRequest, chat: Fields): DeskEvent[] {
  const thread = fields(chat['thread']);
  const talk = conversationOf(text(chat['id']) ?? '', text(thread['id']) ?? '');
  if (talk !== deskConversationId) return [];
  const users = list(chat['users']).map(fields);
  const people = new Map(users.map((user) => [text(user['id']) ?? '', user]));
  const human = !users.some((user) => isSeat(user['id'], config) && user['present'] !== false);
  const all = list(thread['events']).map(fields);
  const isNew = (event: Fields): boolean => !(Date.parse(text(event['created_at']) ?? '') < sinceMs);
  const messages = all.filter(isNew).flatMap((event) => messageOf(event, { talk, people, human }, config));
  if (thread['active'] !== false) return messages;
  const end = all.findLast((event) => /archived|banned/.test(text(event['system_message_type']) ?? ''));
  const byCustomer = BY_CUSTOMER.includes(text(end?.['system_message_type']) ?? '');
  return [...messages, ...deactivatedEvent(talk, byCustomer, config)];
}
