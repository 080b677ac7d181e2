import type { DeskEvent, RecentRequest } from '../desk.ts';
import { call, isThere, NOT_THERE } from './client.ts';
import type { Context } from './config.ts';
import { pathOf } from './messages.ts';
import { type Conversation, type Message, readConversation, readMessages } from './shapes.ts';
import { overEvent, said, timed } from './webhook.ts';

/** Each has the newest 20 before the last one. */
const MOST_PAGES = 10;

/** Two calls that EngageLab has not published: where they are not there, nothing is found. */
export async function recent(ctx: Context, request: RecentRequest): Promise<DeskEvent[]> {
  const { deskConversationId: id, sinceMs } = request;
  const messages = await messagesSince(ctx, id, sinceMs);
  if (messages === undefined) return [];
  const answer = await call(ctx, { operation: 'recent', method: 'GET', path: pathOf(id), accept: NOT_THERE });
  const conversation = isThere(answer) ? readConversation(answer.body) : undefined;
  const at: Message['conversation'] = { id, inbox_id: conversation?.inbox_id, status: conversation?.status };
  return [
    ...messages.flatMap((message) => said({ ...message, conversation: at }, ctx.config)),
    ...(conversation === undefined ? [] : endOf(conversation)),
  ];
}

/**
 * Only an end that holds now. The keys of other changes have the time of the change, which no answer tells: what a webhook
 * has told would be told again.
 */
function endOf(conversation: Conversation): DeskEvent[] {
  const over = overEvent(conversation, conversation.status ?? '');
  if (over === undefined) return [];
  // While no human is asked, the bot has it: then this is no end.
  const isTheBots = conversation.status === 'pending';
  return timed(conversation, [isTheBots ? { ...over, duringHandoff: true } : over]);
}

/** Oldest first; undefined where LiveDesk does not show them. */
async function messagesSince(ctx: Context, id: string, sinceMs: number): Promise<Message[] | undefined> {
  const found = new Map<string, Message>();
  let before = '';
  for (let page = 1; page <= MOST_PAGES; page += 1) {
    const path = `${pathOf(id)}/messages${before && `?before=${encodeURIComponent(before)}`}`;
    const answer = await call(ctx, { operation: 'recent', method: 'GET', path, accept: NOT_THERE });
    if (!isThere(answer)) return page === 1 ? undefined : [...found.values()];
    const messages = readMessages(answer.body).filter((message) => !found.has(message.id));
    const oldest = messages.toSorted(byId)[0];
    for (const message of messages) found.set(message.id, message);
    if (oldest === undefined || (oldest.created_at ?? 0) < sinceMs) break;
    before = oldest.id;
  }
  return [...found.values()].filter(({ created_at: at }) => (at ?? sinceMs) >= sinceMs - 1_000).toSorted(byId);
}

const byId = (a: Message, b: Message): number => Number(a.id) - Number(b.id);
