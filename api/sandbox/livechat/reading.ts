import type { Chat, Fields, Thread } from './model.ts';
import { invalid, LivechatError, listField, objectField, textField } from './model.ts';
import { checkProperties, readEvents } from './events.ts';
import { pageOf } from './pages.ts';
import type { ThreadRequest } from './chats.ts';
import { shownThread, type View } from './views.ts';
import type { World } from './world.ts';

/** What `start_chat` and `resume_chat` say about the new thread, alike on both sides. */
export function readThreadRequest(world: World, body: Fields, by: string, side: 'customer' | 'agent'): ThreadRequest {
  const chat = objectField(body, 'chat');
  const thread = objectField(chat, 'thread');
  const access = objectField(chat, 'access');
  const [properties, threadProperties] = [objectField(chat, 'properties'), objectField(thread, 'properties')];
  checkProperties(world, properties);
  checkProperties(world, threadProperties);
  const groupIds = access['group_ids'] === undefined ? undefined : listField(access, 'group_ids');
  if (groupIds?.some((id) => !Number.isInteger(id)) === true) throw invalid('`group_ids` must be array of numbers');
  return {
    by,
    events: readEvents(world, thread, side),
    groupIds: groupIds as number[] | undefined,
    continuous: flag(body, 'continuous'),
    active: flag(body, 'active'),
    properties,
    threadProperties,
  };
}

export function flag(body: Fields, name: string): boolean | undefined {
  const value = body[name];
  if (value !== undefined && value !== null && typeof value !== 'boolean') throw invalid(`\`${name}\` must be bool`);
  return value ?? undefined;
}

/** `start_chat` and `resume_chat` name the ids of the events they were given, and of no other. */
export const withEventIds = (ids: string[]): Fields => (ids.length === 0 ? {} : { event_ids: ids });

export function findChat(world: World, id: string, customerId?: string): Chat {
  const chat = world.chats.get(id);
  if (chat === undefined || (customerId !== undefined && chat.customerId !== customerId)) {
    throw new LivechatError('not_found', 'Chat not found');
  }
  return chat;
}

export function findThread(chat: Chat, id: string): Thread {
  const thread = chat.threads.find((one) => one.id === id);
  if (thread === undefined) throw new LivechatError('not_found', 'Thread not found');
  return thread;
}

/** The thread that a new event goes to. */
export function threadForEvent(chat: Chat, body: Fields): Thread {
  const last = chat.threads[chat.threads.length - 1];
  if (last === undefined || (!last.active && flag(body, 'attach_to_last_thread') !== true)) {
    throw new LivechatError('chat_inactive', 'Chat is inactive');
  }
  return last;
}

/** `list_threads` of both sides. */
export function listThreads(view: View, chat: Chat, body: Fields): Fields {
  const { min_events_count: least, limit } = body;
  const all = { found_threads: chat.threads.length };
  const shown = (thread: Thread): Fields => shownThread(view, chat, thread);
  if (least === undefined || body['page_id'] !== undefined) {
    const { items, links } = pageOf(chat.threads, body, { standard: 3, most: 100 });
    return { threads: items.map(shown), ...all, ...links };
  }
  if (limit !== undefined) throw invalid('`limit` and `min_events_count` cannot be used together');
  if (!Number.isInteger(least) || (least as number) < 1 || (least as number) > 100) {
    throw invalid('`min_events_count` must be between 1 and 100');
  }
  let [enough, events] = [0, 0];
  for (const thread of chat.threads.toReversed()) {
    if (events >= (least as number)) break;
    enough += 1;
    events += thread.events.length;
  }
  const { items, links } = pageOf(chat.threads, { ...body, limit: Math.max(1, enough) }, { standard: 3, most: 10_000 });
  return { threads: items.map(shown), ...all, ...links };
}

export const chatIdOf = (body: Fields): string => textField(body, 'chat_id');
