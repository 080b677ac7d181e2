import type { FastifyRequest } from 'fastify';
import type { Chats } from './chats.ts';
import type { Action } from './customer.ts';
import { readEvent } from './events.ts';
import { upload } from './files.ts';
import type { Chat, Fields } from './model.ts';
import { invalid, listField, LivechatError, objectField, textField } from './model.ts';
import { pageOf } from './pages.ts';
import * as reading from './reading.ts';
import { agentView, chatSummary, shownChat } from './views.ts';
import type { World } from './world.ts';
import { activeThread, lastThread } from './world.ts';

export interface AgentCaller {
  agentId: string;
  scopes: ReadonlySet<string>;
}

const WRITE_CHATS = ['chats--all:rw', 'chats--access:rw'];
const READ_CHATS = ['chats--all:ro', 'chats--access:ro'];

/** Per action the scopes it needs: one of each list. An action that is not here needs none. */
export const AGENT_SCOPES: Record<string, string[][]> = {
  ...Object.fromEntries(
    ['send_event', 'transfer_chat', 'add_user_to_chat', 'remove_user_from_chat', 'deactivate_chat', 'resume_chat']
      .concat(['start_chat', 'follow_chat', 'send_typing_indicator', 'upload_file'])
      .map((action) => [action, [WRITE_CHATS]]),
  ),
  get_chat: [READ_CHATS],
  list_chats: [READ_CHATS],
  list_threads: [READ_CHATS],
  list_agents_for_transfer: [READ_CHATS],
  list_routing_statuses: [['agents--all:ro'], ['agents-bot--all:ro']],
  set_routing_status: [['agents--my:rw', 'agents--all:rw']],
};

/** Who calls the Agent and the Configuration API: a personal access token, or a token of the OAuth flow. */
export function agentOfCall(world: World, { headers }: FastifyRequest): AgentCaller {
  const { authorization } = headers;
  if (authorization === undefined) throw new LivechatError('authentication', 'No `Authorization` header');
  const { accountId, token } = world.pat;
  const basic = `Basic ${Buffer.from(`${accountId}:${token}`).toString('base64')}`;
  const caller = authorization === basic ? world.pat : world.agentTokens.get(authorization.replace(/^Bearer /, ''));
  if (caller === undefined) throw new LivechatError('authentication', 'Invalid access token');
  return caller;
}

/** Refuses with the name of the scope that is missing. */
export function checkScopes({ scopes }: AgentCaller, needed: string[][] = []): void {
  const has = (scope: string): boolean => scopes.has(scope) || scopes.has(scope.replace(/:ro$/, ':rw'));
  for (const choice of needed) {
    if (!choice.some(has)) throw new LivechatError('authorization', `missing scope: ${choice.join(' or ')}`);
  }
}

/** The actions of the Agent Chat API, as the owner of the token. */
export function agentActions(world: World, chats: Chats, { agentId: by }: AgentCaller): Record<string, Action> {
  const view = agentView(world);
  const find = (id: string): Chat => reading.findChat(world, id);

  function findAsUser(id: string, body: Fields): Chat {
    const chat = find(id);
    const mayBeAway = reading.flag(body, 'ignore_requester_presence') === true;
    if (!mayBeAway && lastThread(chat).active && !chat.agents.has(by)) {
      throw new LivechatError('authorization', 'Requester is not user of the chat');
    }
    return chat;
  }

  return {
    start_chat(body) {
      const users = listField(objectField(body, 'chat'), 'users') as Fields[];
      const customerId = String(users.find(({ type }) => type === 'customer')?.['id'] ?? '');
      if (!world.customers.has(customerId)) throw invalid('a customer is required in `users`');
      const request = { ...reading.readThreadRequest(world, body, by, 'agent'), assignTo: by };
      const { chat, thread, eventIds } = chats.start(customerId, request);
      return { chat_id: chat.id, thread_id: thread.id, ...reading.withEventIds(eventIds) };
    },
    resume_chat(body) {
      const chat = find(textField(objectField(body, 'chat'), 'id'));
      const request = { ...reading.readThreadRequest(world, body, by, 'agent'), assignTo: by };
      const { thread, eventIds } = chats.resume(chat, request);
      return { thread_id: thread.id, ...reading.withEventIds(eventIds) };
    },
    send_event(body) {
      const event = readEvent(world, body['event'], 'agent');
      const chat = find(reading.chatIdOf(body));
      const thread = reading.threadForEvent(chat, body);
      findAsUser(chat.id, body);
      const properties = { ...(event['properties'] as Fields), source: { client_id: world.clientId } };
      return { event_id: chats.append(chat, thread, { ...event, author_id: by, properties }).id };
    },
    transfer_chat(body) {
      const chat = find(textField(body, 'id'));
      if (activeThread(chat) === undefined) throw new LivechatError('chat_inactive', 'Chat is inactive');
      findAsUser(chat.id, body);
      const queue = reading.flag(body, 'ignore_agents_availability') === true;
      const target = objectField(body, 'target');
      const ids = listField(target, 'ids');
      if (body['target'] !== undefined && ids.length === 0) throw invalid('`target.ids` is required');
      if (target['type'] === 'agent') chats.transfer(chat, { requesterId: by, agentId: String(ids[0]), queue });
      else if (target['type'] === 'group') chats.transfer(chat, { requesterId: by, groupIds: ids.map(Number), queue });
      else if (body['target'] === undefined) chats.transfer(chat, { requesterId: by, queue });
      else throw invalid('`target.type` must be group or agent');
      return {};
    },
    add_user_to_chat(body) {
      const chat = find(reading.chatIdOf(body));
      const visibility = body['visibility'] ?? 'all';
      if (body['user_type'] !== 'agent') throw invalid('one customer per chat');
      if (visibility !== 'all' && visibility !== 'agents') throw invalid('`visibility` must be all or agents');
      const userId = textField(body, 'user_id');
      if (userId !== by) findAsUser(chat.id, body);
      chats.join(chat, userId, visibility, by);
      return {};
    },
    remove_user_from_chat(body) {
      if (body['user_type'] !== 'agent') throw invalid('`user_type` must be agent');
      chats.leave(findAsUser(reading.chatIdOf(body), body), textField(body, 'user_id'), by);
      return {};
    },
    deactivate_chat(body) {
      const name = world.agents.get(by)?.name ?? by;
      const message = { type: 'manual_archived_agent', text: `${name} archived the chat` };
      chats.deactivate(findAsUser(textField(body, 'id'), body), { by, message });
      return {};
    },
    get_chat(body) {
      const chat = find(reading.chatIdOf(body));
      const { thread_id: threadId } = body;
      return shownChat(view, chat, threadId === undefined ? undefined : reading.findThread(chat, String(threadId)));
    },
    list_chats(body) {
      const { active, include_active: included, group_ids: groups } = objectField(body, 'filters');
      const wanted = [...world.chats.values()].filter((chat) => {
        const isActive = lastThread(chat).active;
        if ((active !== undefined && active !== isActive) || (included === false && isActive)) return false;
        return !Array.isArray(groups) || chat.groupIds.some((id) => groups.includes(id));
      });
      const { items, links } = pageOf(wanted, body, { standard: 10, most: 100 });
      return { chats_summary: items.map((chat) => chatSummary(view, chat)), found_chats: wanted.length, ...links };
    },
    list_threads: (body) => reading.listThreads(view, find(reading.chatIdOf(body)), body),
    list_agents_for_transfer(body) {
      const chat = find(reading.chatIdOf(body));
      const others = [...world.agents.values()].filter(
        ({ id, status }) => !chat.agents.has(id) && status !== 'offline',
      );
      return others.map(({ id }) => ({ agent_id: id, total_active_chats: activeChats(world, id) }));
    },
    list_routing_statuses(body) {
      const groups = objectField(body, 'filters')['group_ids'];
      const isWanted = (id: string): boolean =>
        !Array.isArray(groups) || groups.some((group) => world.groups.get(group)?.agentIds.includes(id));
      const agents = [...world.agents.values()].filter(({ id }) => isWanted(id));
      return agents.map(({ id, status }) => ({ agent_id: id, status }));
    },
    set_routing_status(body) {
      const agent = world.agents.get(body['agent_id'] === undefined ? by : textField(body, 'agent_id'));
      const status = textField(body, 'status');
      if (agent === undefined) throw new LivechatError('not_found', 'Agent not found');
      if (status !== 'accepting_chats' && status !== 'not_accepting_chats') throw invalid('`status` is wrong');
      agent.status = status;
      chats.assignQueued();
      return {};
    },
    follow_chat(body) {
      find(textField(body, 'id'));
      return {};
    },
    send_typing_indicator(body) {
      findAsUser(reading.chatIdOf(body), body);
      return {};
    },
    upload_file: async (_body, request) => await upload(world, request),
  };
}

const activeChats = (world: World, agentId: string): number =>
  [...world.chats.values()].filter((chat) => lastThread(chat).active && chat.agents.has(agentId)).length;
