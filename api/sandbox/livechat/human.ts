import type { Chats, ThreadRequest } from './chats.ts';
import type { SandboxAgent, SandboxFile, SandboxUser } from '../desk-sandbox.ts';
import type { Chat, EventDraft, Thread, Visibility } from './model.ts';
import type { World } from './world.ts';
import { activeThread, agentCalled, freeAgent, newCustomer } from './world.ts';

export interface People {
  human: SandboxAgent;
  user: SandboxUser;
  /** A visitor of the website who has nothing to do with us, and the agents who talk to him. */
  foreignChat(text: string): Promise<string>;
  /** An agent opens a new thread in a chat that was closed. Gives back the new id. */
  agentResumes(conversationId: string, text?: string): Promise<string>;
  /** Quick replies, as a question. */
  richMessage(conversationId: string): Promise<number>;
  /** What LiveChat's own bot says to everybody. */
  welcome(conversationId: string): Promise<number>;
  /** An agent looks on, and whispers. */
  supervise(conversationId: string, agent?: string): Promise<number>;
}

export interface Stage {
  world: World;
  chats: Chats;
  /** Sends what has been emitted since; gives back the answer to the last one. */
  flush(): Promise<number>;
}

interface Place {
  chat: Chat;
  thread: Thread;
}

/** `<chat_id>.<thread_id>`: a thread is one conversation. */
export const talkId = (chat: Chat, thread: Thread): string => `${chat.id}.${thread.id}`;

export function placeOf(world: World, conversationId: string): Place | undefined {
  const [chatId = '', threadId] = conversationId.split('.');
  const chat = world.chats.get(chatId);
  const thread = chat?.threads.find(({ id }) => id === threadId);
  return chat === undefined || thread === undefined ? undefined : { chat, thread };
}

/** Who of the humans has the chat, or would get it. */
export function humanOf(world: World, chat: Chat): string {
  const inside = [...chat.agents].find(([id, visibility]) => visibility === 'all' && id !== world.seat.id);
  return inside?.[0] ?? freeAgent(world, chat.groupIds) ?? agentCalled(world, 'Ana').id;
}

export function createPeople({ world, chats, flush }: Stage): People {
  function at(conversationId: string): Place {
    const place = placeOf(world, conversationId);
    if (place === undefined) throw new Error(`unknown conversation: ${conversationId}`);
    return place;
  }

  /** An agent writes only where he is. */
  function enter({ chat, thread }: Place, agent: string | undefined, visibility: Visibility): string {
    const id = agent === undefined ? humanOf(world, chat) : agentCalled(world, agent).id;
    if (thread.active && !chat.agents.has(id)) chats.join(chat, id, visibility);
    return id;
  }

  const say = ({ chat, thread }: Place, events: EventDraft[]): void => {
    for (const event of events) chats.append(chat, thread, event);
  };

  const human: SandboxAgent = {
    async reply(conversationId, text, { agent, files = [] } = {}) {
      const place = at(conversationId);
      const author = enter(place, agent, 'all');
      say(place, eventsOf(author, text, files, 'all'));
      return await flush();
    },
    async note(conversationId, text, { files = [] } = {}) {
      const place = at(conversationId);
      const author = enter(place, undefined, 'agents');
      say(place, eventsOf(author, text, files, 'agents'));
      return await flush();
    },
    async transfer(conversationId, agent) {
      const { chat } = at(conversationId);
      const group = [...world.groups.values()].find(({ id, name }) => String(id) === agent || name === agent);
      const target = group === undefined ? { agentId: seatOr(world, agent) } : { groupIds: [group.id] };
      chats.transfer(chat, { requesterId: humanOf(world, chat), queue: true, ...target });
      return await flush();
    },
    async close(conversationId, { text } = {}) {
      const place = at(conversationId);
      if (!place.thread.active) return 0;
      const by = humanOf(world, place.chat);
      if (text !== undefined) say(place, eventsOf(enter(place, undefined, 'all'), text, [], 'all'));
      const message = { type: 'manual_archived_agent', text: `${world.agents.get(by)?.name ?? by} archived the chat` };
      chats.deactivate(place.chat, { by, message });
      return await flush();
    },
    async unknownPart(conversationId) {
      const place = at(conversationId);
      say(place, [{ type: 'hologram', author_id: enter(place, undefined, 'all'), content: { scene: 1 } }]);
      return await flush();
    },
  };

  /** A visitor in LiveChat's own widget. */
  const visit = (by: string, events: EventDraft[], assignTo?: string): ThreadRequest => {
    return { by, events, continuous: true, clientId: world.widgetClientId, assignTo };
  };

  function arrive(text: string, files: SandboxFile[], assignTo?: string): Place {
    const visitor = newCustomer(world);
    const n = world.customers.size;
    visitor.fields = { name: `Visitor ${n}`, email: `visitor${n}@sandbox.example` };
    return chats.start(visitor.id, visit(visitor.id, eventsOf(visitor.id, text, files, 'all'), assignTo));
  }

  const user: SandboxUser = {
    async writes(text, { conversationId, files = [] } = {}) {
      let place = conversationId === undefined ? arrive(text, files, world.seat.id) : at(conversationId);
      if (conversationId !== undefined) {
        const { chat } = place;
        const events = eventsOf(chat.customerId, text, files, 'all');
        const open = activeThread(chat);
        place = { chat, thread: open ?? chats.resume(chat, visit(chat.customerId, events, world.seat.id)).thread };
        if (open !== undefined) say(place, events);
      }
      await flush();
      return talkId(place.chat, place.thread);
    },
  };

  return {
    human,
    user,
    async foreignChat(text) {
      const place = arrive(text, []);
      const author = enter(place, undefined, 'all');
      say(place, eventsOf(author, 'Hello, how can I help you?', [], 'all'));
      await flush();
      return talkId(place.chat, place.thread);
    },
    async agentResumes(conversationId, text) {
      const { chat } = at(conversationId);
      const by = humanOf(world, chat);
      const events = text === undefined ? [] : eventsOf(by, text, [], 'all');
      const { thread } = chats.resume(chat, { by, events, assignTo: by });
      await flush();
      return talkId(chat, thread);
    },
    async richMessage(conversationId) {
      const place = at(conversationId);
      const button = (text: string) => ({ type: 'message', text, value: text, postback_id: 'order', user_ids: [] });
      const elements = [{ title: 'Was it order 1234?', buttons: [button('Yes'), button('No')] }];
      const author = enter(place, undefined, 'all');
      say(place, [{ type: 'rich_message', template_id: 'quick_replies', elements, author_id: author }]);
      return await flush();
    },
    async welcome(conversationId) {
      const properties = { lc2: { welcome_message: true } };
      const author = world.bots[0]?.id ?? world.seat.id;
      say(at(conversationId), [{ type: 'message', text: 'Welcome!', author_id: author, properties }]);
      return await flush();
    },
    async supervise(conversationId, agent = 'Supervisor') {
      const { chat } = at(conversationId);
      chats.join(chat, agentCalled(world, agent).id, 'agents');
      return await flush();
    },
  };
}

/** The bot's seat is also called `bot`. */
const seatOr = (world: World, agent: string): string =>
  agent === 'bot' ? world.seat.id : agentCalled(world, agent).id;

/** A text, then one event for each file; an empty text is none. */
function eventsOf(author: string, text: string, files: SandboxFile[], visibility: Visibility): EventDraft[] {
  const said: EventDraft[] = text === '' ? [] : [{ type: 'message', text, author_id: author, visibility }];
  const sent = files.map(({ url, name, contentType = 'application/octet-stream' }) => {
    return { type: 'file', url, name, content_type: contentType, author_id: author, visibility };
  });
  return [...said, ...sent];
}

/** Knows a customer by any of his conversations. */
export const customerOf = (world: World, conversationId: string) =>
  world.customers.get(placeOf(world, conversationId)?.chat.customerId ?? '');
