import type { Chat, ChatEvent, EventDraft, Fields, Thread, Visibility } from './model.ts';
import { invalid, LivechatError, newShortId, nowMicros } from './model.ts';
import { agentView, shownChat } from './views.ts';
import type { World } from './world.ts';
import { activeThread, chatOf, freeAgent, lastThread, statusOf } from './world.ts';

/** A webhook of the chat, for all that have registered for its action. */
export type Emit = (action: string, payload: Fields, chat: Chat) => void;

export interface ThreadRequest {
  /** Author of the first events. */
  by: string;
  events: EventDraft[];
  /** Absent: as the chat is, or group 0. */
  groupIds?: number[] | undefined;
  continuous?: boolean | undefined;
  /** A thread that is not active is a note left behind: nobody is assigned. */
  active?: boolean | undefined;
  properties?: Fields;
  threadProperties?: Fields;
  /** Who gets the chat; without it, the first free agent of its groups. */
  assignTo?: string | undefined;
  /** Through which app; default: ours. */
  clientId?: string;
}

export interface Transfer {
  /** Who asks; absent: the router does it by itself. */
  requesterId?: string;
  agentId?: string;
  groupIds?: number[];
  /** Queue when nobody can take it. */
  queue: boolean;
  text?: string;
}

/** What can happen to chats. Each step tells the webhooks; none looks at who is allowed to ask. */
export interface Chats {
  start(customerId: string, request: ThreadRequest): { chat: Chat; thread: Thread; eventIds: string[] };
  resume(chat: Chat, request: ThreadRequest): { thread: Thread; eventIds: string[] };
  /** Also to an inactive thread. */
  append(chat: Chat, thread: Thread, event: EventDraft): ChatEvent;
  system(chat: Chat, thread: Thread, type: string, text: string, extra?: Fields): ChatEvent;
  /** `by` absent: the router. `message` absent: no system message tells why. */
  deactivate(chat: Chat, options: { by?: string; message?: { type: string; text: string } }): Thread;
  transfer(chat: Chat, transfer: Transfer): void;
  join(chat: Chat, agentId: string, visibility: Visibility, requesterId?: string): void;
  leave(chat: Chat, agentId: string, requesterId?: string): void;
  /** Chats in the queue go to who is free now. */
  assignQueued(): void;
}

export function createChats(world: World, emit: Emit): Chats {
  const view = agentView(world);
  const ids = (chat: Chat, thread: Thread): Fields => ({ chat_id: chat.id, thread_id: thread.id });
  const nameOf = (id: string): string => world.agents.get(id)?.name ?? 'The customer';

  function add(thread: Thread, draft: EventDraft): ChatEvent {
    const id = `${thread.id}_${thread.events.length + 1}`;
    const event: ChatEvent = { id, created_at: nowMicros(), visibility: 'all', ...draft };
    thread.events.push(event);
    return event;
  }

  function append(chat: Chat, thread: Thread, draft: EventDraft): ChatEvent {
    const event = add(thread, draft);
    emit('incoming_event', { ...ids(chat, thread), event }, chat);
    return event;
  }

  const system: Chats['system'] = (chat, thread, type, text, extra = {}) =>
    append(chat, thread, { type: 'system_message', system_message_type: type, text, text_vars: {}, ...extra });

  function newThread(chat: Chat, request: ThreadRequest): { thread: Thread; eventIds: string[] } {
    const { groupIds = chat.groupIds, active = true, clientId = world.clientId } = request;
    for (const id of groupIds) if (!world.groups.has(id)) throw new LivechatError('group_not_found', 'Group not found');
    const continuous = request.continuous ?? isContinuous(chat);
    const statuses = groupIds.map((id) => world.groups.get(id)).flatMap((group) => group ?? []);
    const isOpen = statuses.some((group) => statusOf(world, group) !== 'offline') || request.assignTo !== undefined;
    if (active && !isOpen && !continuous) throw new LivechatError('groups_offline', 'Groups offline');
    const thread: Thread = {
      id: newShortId(),
      createdAt: nowMicros(),
      active,
      userIds: new Set([chat.customerId]),
      events: [],
      properties: { ...request.threadProperties, source: { client_id: clientId } },
      groupIds,
    };
    chat.groupIds = groupIds;
    chat.properties = { ...chat.properties, ...request.properties, routing: { continuous } };
    chat.properties['source'] ??= { client_id: clientId };
    chat.threads.push(thread);
    world.chats.set(chat.id, chat);
    if (active) assign(chat, thread, request.assignTo ?? freeAgent(world, groupIds));
    const events = request.events.map((event) => add(thread, { author_id: request.by, ...event }));
    emit('incoming_chat', { chat: shownChat(view, chat, thread) }, chat);
    return { thread, eventIds: events.map(({ id }) => id) };
  }

  /** Without an agent the thread waits in the queue. */
  function assign(chat: Chat, thread: Thread, agentId: string | undefined): void {
    if (agentId === undefined) {
      const waiting = [...world.chats.values()].filter((one) => lastThread(one).queue !== undefined).length;
      thread.queue = { position: waiting + 1, wait_time: 60 * (waiting + 1), queued_at: nowMicros() };
      return;
    }
    delete thread.queue;
    chat.agents.set(agentId, 'all');
    thread.userIds.add(agentId);
  }

  function openThread(chat: Chat): Thread {
    const thread = activeThread(chat);
    if (thread === undefined) throw new LivechatError('chat_inactive', 'Chat is inactive');
    return thread;
  }

  function announceTransfer(chat: Chat, thread: Thread, reason: string, target: Fields, requesterId?: string): void {
    const payload = {
      ...ids(chat, thread),
      ...(requesterId !== undefined && { requester_id: requesterId }),
      reason,
      transferred_to: target,
      ...(thread.queue !== undefined && { queue: thread.queue }),
    };
    emit('chat_transferred', payload, chat);
  }

  function announceUser(
    chat: Chat,
    thread: Thread,
    agentId: string,
    added: boolean,
    reason: string,
    by?: string,
  ): void {
    const who = added ? { user: view.user(chat, agentId) } : { user_id: agentId };
    const requester = by === undefined ? {} : { requester_id: by };
    const action = added ? 'user_added_to_chat' : 'user_removed_from_chat';
    emit(action, { ...ids(chat, thread), ...who, user_type: 'agent', reason, ...requester }, chat);
  }

  function transfer(chat: Chat, { agentId, groupIds, requesterId, queue, text }: Transfer): void {
    const thread = openThread(chat);
    if (agentId !== undefined && !world.agents.has(agentId)) throw new LivechatError('not_found', 'Agent not found');
    for (const id of groupIds ?? []) {
      if (!world.groups.has(id)) throw new LivechatError('group_not_found', 'Group not found');
    }
    const next = agentId ?? freeAgent(world, groupIds ?? chat.groupIds, chat.agents);
    if (next === undefined && !queue) throw invalid('Cannot assign any agent from requested groups');
    const reason = requesterId === undefined ? 'other' : 'manual';
    const before = [...chat.agents].filter(([id, visibility]) => visibility === 'all' && id !== next);
    if (groupIds !== undefined) {
      chat.groupIds = groupIds;
      thread.groupIds = groupIds;
    }
    for (const [id] of before) chat.agents.delete(id);
    const isNew = next !== undefined && chat.agents.get(next) !== 'all';
    assign(chat, thread, next);
    system(
      chat,
      thread,
      'chat_transferred',
      text ?? `Chat was transferred to ${next === undefined ? 'the queue' : nameOf(next)}`,
    );
    for (const [id] of before) announceUser(chat, thread, id, false, reason, requesterId);
    if (next !== undefined && isNew) announceUser(chat, thread, next, true, reason, requesterId);
    const target = { ...(groupIds && { group_ids: groupIds }), ...(next !== undefined && { agent_ids: [next] }) };
    announceTransfer(chat, thread, reason, target, requesterId);
  }

  return {
    start(customerId, request) {
      const existing = chatOf(world, customerId);
      if (existing !== undefined) throw new LivechatError(world.limitError, 'Customer chats limit reached');
      const groupIds = request.groupIds ?? [0];
      const id = newShortId();
      const chat: Chat = { id, customerId, groupIds, properties: {}, threads: [], agents: new Map() };
      return { chat, ...newThread(chat, request) };
    },
    resume(chat, request) {
      if (activeThread(chat) !== undefined) throw new LivechatError('chat_already_active', 'Chat is already active');
      return newThread(chat, request);
    },
    append,
    system,
    deactivate(chat, { by, message }) {
      const thread = openThread(chat);
      if (message !== undefined) system(chat, thread, message.type, message.text);
      thread.active = false;
      delete thread.queue;
      chat.agents.clear();
      emit('chat_deactivated', { ...ids(chat, thread), ...(by !== undefined && { user_id: by }) }, chat);
      return thread;
    },
    transfer,
    join(chat, agentId, visibility, requesterId = agentId) {
      const thread = openThread(chat);
      if (!world.agents.has(agentId)) throw new LivechatError('not_found', 'Agent not found');
      if (chat.agents.get(agentId) === visibility) throw invalid('User is already in the chat');
      if (visibility === 'all') delete thread.queue;
      chat.agents.set(agentId, visibility);
      thread.userIds.add(agentId);
      const type = requesterId === agentId ? 'agent_joined' : 'agent_added';
      announceUser(chat, thread, agentId, true, 'manual', requesterId);
      system(chat, thread, type, `${nameOf(agentId)} joined the chat`, { visibility });
    },
    leave(chat, agentId, requesterId = agentId) {
      const thread = openThread(chat);
      const visibility = chat.agents.get(agentId);
      if (visibility === undefined) throw invalid('User is not in the chat');
      chat.agents.delete(agentId);
      if (visibility === 'agents') thread.userIds.delete(agentId);
      announceUser(chat, thread, agentId, false, 'manual', requesterId);
      const type = requesterId === agentId ? 'agent_left' : 'agent_removed';
      system(chat, thread, type, `${nameOf(agentId)} left the chat`, { visibility });
    },
    assignQueued() {
      for (const chat of world.chats.values()) {
        const thread = activeThread(chat);
        const agentId = thread?.queue === undefined ? undefined : freeAgent(world, chat.groupIds);
        if (thread === undefined || agentId === undefined) continue;
        assign(chat, thread, agentId);
        announceUser(chat, thread, agentId, true, 'assigned');
        system(chat, thread, 'agent_joined', `${nameOf(agentId)} joined the chat`);
        announceTransfer(chat, thread, 'assigned', { group_ids: chat.groupIds, agent_ids: [agentId] });
      }
    },
  };
}

const isContinuous = (chat: Chat): boolean =>
  (chat.properties['routing'] as { continuous?: boolean } | undefined)?.continuous === true;
