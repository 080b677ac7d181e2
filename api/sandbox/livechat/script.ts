import { talkId } from './human.ts';
import type { Chat, ChatEvent, Fields } from './model.ts';
import type { World } from './world.ts';
import { activeThread } from './world.ts';
import type { ScriptedAgent } from '../scripted-agent.ts';

/** Tells the scripted human what has happened in a chat that humans have; the bot's seat is none of them. */
export function tellScript(world: World, agent: ScriptedAgent, action: string, payload: Fields, chat: Chat): void {
  const thread = activeThread(chat);
  const isHuman = ([id, visibility]: [string, string]): boolean => visibility === 'all' && id !== world.seat.id;
  if (thread === undefined || ![...chat.agents].some(isHuman)) return;
  const isOfCustomer = ({ author_id: author }: ChatEvent): boolean => author === chat.customerId;
  const id = talkId(chat, thread);
  const isHumans = ({ author_id: author, visibility }: ChatEvent): boolean =>
    author !== undefined && author !== chat.customerId && author !== world.seat.id && visibility === 'all';
  // Who is given the chat by a colleague knows that the customer was greeted.
  const isGreeted = action === 'chat_transferred' && thread.events.some(isHumans);
  if ((action === 'incoming_chat' || action === 'chat_transferred') && !isGreeted) {
    agent.opened(id, thread.events.findLast(isOfCustomer)?.text ?? '');
  }
  const event = payload['event'] as ChatEvent | undefined;
  if (action === 'incoming_event' && event?.text !== undefined && isOfCustomer(event)) agent.said(id, event.text);
}
