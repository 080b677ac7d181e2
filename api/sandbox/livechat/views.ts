import type { Chat, ChatEvent, Fields, Thread } from './model.ts';
import type { World } from './world.ts';
import { lastThread } from './world.ts';

/** One of the two faces of the same chat: agents see e-mails and notes, customers see neither. */
export interface View {
  /** undefined: not for this side. */
  event(event: ChatEvent): Fields | undefined;
  user(chat: Chat, id: string): Fields;
  userIds(chat: Chat, thread: Thread): string[];
}

export function agentView(world: World): View {
  return {
    event: (event) => event,
    user: (chat, id) => (id === chat.customerId ? customerUser(world, id, true) : agentUser(world, chat, id)),
    userIds: (_chat, thread) => [...thread.userIds],
  };
}

export function customerView(world: World): View {
  const shownId = (id: string): string => world.agents.get(id)?.hexId ?? id;
  return {
    event({ visibility, author_id, ...event }) {
      if (visibility === 'agents') return undefined;
      return author_id === undefined ? event : { ...event, author_id: shownId(author_id) };
    },
    user(chat, id) {
      if (id === chat.customerId) return customerUser(world, id, false);
      const { name, present } = agentUser(world, chat, id);
      return { id: shownId(id), type: 'agent', name, present, job_title: 'Support' };
    },
    userIds: (chat, thread) =>
      [...thread.userIds].filter((id) => chat.agents.get(id) !== 'agents').map((id) => shownId(id)),
  };
}

function customerUser(world: World, id: string, forAgents: boolean): Fields {
  const customer = world.customers.get(id);
  const { name, email } = customer?.fields ?? {};
  return {
    id,
    type: 'customer',
    ...(name !== undefined && { name }),
    ...(email !== undefined && { email }),
    present: true,
    ...(forAgents && { created_at: customer?.createdAt, session_fields: customer?.fields['session_fields'] ?? [] }),
  };
}

function agentUser(world: World, chat: Chat, id: string): Fields {
  const agent = world.agents.get(id);
  const name = agent?.name ?? world.bots.find((bot) => bot.id === id)?.name ?? id;
  const visibility = chat.agents.get(id);
  return {
    id,
    type: 'agent',
    name,
    ...(agent !== undefined && { email: id }),
    present: visibility !== undefined,
    visibility: visibility ?? 'all',
  };
}

const shownEvents = (view: View, thread: Thread): Fields[] =>
  thread.events.flatMap((event) => {
    const shown = view.event(event);
    return shown === undefined ? [] : [shown];
  });

export function shownThread(view: View, chat: Chat, thread: Thread): Fields {
  const at = chat.threads.indexOf(thread);
  const [previous, next] = [chat.threads[at - 1], chat.threads[at + 1]];
  return {
    id: thread.id,
    created_at: thread.createdAt,
    active: thread.active,
    user_ids: view.userIds(chat, thread),
    events: shownEvents(view, thread),
    properties: thread.properties,
    access: { group_ids: thread.groupIds },
    ...(thread.queue !== undefined && { queue: thread.queue }),
    ...(previous !== undefined && { previous_thread_id: previous.id }),
    ...(next !== undefined && { next_thread_id: next.id }),
  };
}

/** As in `get_chat` and in the webhook `incoming_chat`. */
export function shownChat(view: View, chat: Chat, thread: Thread = lastThread(chat)): Fields {
  return {
    id: chat.id,
    thread: shownThread(view, chat, thread),
    users: shownUsers(view, chat, thread),
    access: { group_ids: chat.groupIds },
    properties: chat.properties,
  };
}

/** As in `list_chats`. */
export function chatSummary(view: View, chat: Chat): Fields {
  const thread = lastThread(chat);
  const lastEvents: Record<string, Fields> = {};
  for (const one of chat.threads) {
    for (const event of shownEvents(view, one)) {
      lastEvents[String(event['type'])] = { thread_id: one.id, thread_created_at: one.createdAt, event };
    }
  }
  return {
    id: chat.id,
    last_thread_id: thread.id,
    last_thread_created_at: thread.createdAt,
    last_event_per_type: lastEvents,
    users: shownUsers(view, chat, thread),
    access: { group_ids: chat.groupIds },
    properties: chat.properties,
    active: thread.active,
  };
}

function shownUsers(view: View, chat: Chat, thread: Thread): Fields[] {
  const shown = new Set(view.userIds(chat, thread));
  const users = [...thread.userIds].map((id) => view.user(chat, id));
  return users.filter(({ id }) => shown.has(String(id)));
}
