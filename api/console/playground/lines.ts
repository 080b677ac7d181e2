import type { Agent, Attachment, BotEvent, Turn } from '../../../workflows/contracts.ts';
import type { ToolCall } from './bot.ts';

/** One line of a chat, as its reader sees it. */
export interface ChatLine {
  id: string;
  /** `notice`: a sentence of Baton for the user; `note`: among agents only; `system`: of the desk itself. */
  from: 'user' | 'bot' | 'agent' | 'notice' | 'note' | 'system';
  text: string;
  /** Who speaks, when it is known. */
  name?: string;
  files?: readonly Attachment[];
  /** `sending`: Baton has not acknowledged it; `unsent`: it could not be called; `waiting`: the desk does not have it yet. */
  state?: 'sending' | 'unsent' | 'waiting' | 'failed' | 'read';
  /** Why it has failed, as the API names it. */
  reason?: string;
  /** Of this handoff. */
  handoffId?: string;
  /** What the bot has called. */
  call?: ToolCall;
}

/** What user, bot and agent have said, as a handoff takes it: the agent spoke in the bot's place. */
export const turnsOf = (lines: readonly Pick<ChatLine, 'from' | 'text'>[]): Turn[] =>
  lines.flatMap(({ from, text }) => {
    if (text === '' || (from !== 'user' && from !== 'bot' && from !== 'agent')) return [];
    return [{ role: from === 'user' ? ('user' as const) : ('bot' as const), text }];
  });

/** A part of the talk: something said to or by the bot, or a handoff with all that its journal has. */
export type Item = ChatLine | { handoffId: string };

export const isHandoff = (item: Item): item is { handoffId: string } => !('from' in item);

type Events = ReadonlyMap<string, readonly BotEvent[]>;

/** The user's chat: the talk with the bot, and in its place each handoff, from its journal. */
export function chatLines(items: readonly Item[], events: Events): ChatLine[] {
  const written = items.filter((item): item is ChatLine => !isHandoff(item));
  const journaled = new Set<string>();
  const lines = items.flatMap((item): ChatLine[] => {
    if (!isHandoff(item)) return [item];
    const found = journalLines(item.handoffId, events.get(item.handoffId) ?? []);
    for (const { id } of found) journaled.add(id);
    return found;
  });
  // What Baton has not written yet stays where the user wrote it.
  const waiting = new Set(written.filter(({ handoffId, id }) => handoffId !== undefined && journaled.has(id)));
  return lines.filter((line) => !waiting.has(line));
}

/** What the user sees of one handoff. Events may come in any order, and more than once. */
export function journalLines(handoffId: string, events: readonly BotEvent[]): ChatLine[] {
  const lines: ChatLine[] = [];
  const change = (id: unknown, to: Pick<ChatLine, 'state' | 'reason'>): void => {
    const at = lines.findLastIndex((line) => line.id === id);
    if (at >= 0) lines[at] = { ...settled(lines[at]!), ...to };
  };
  for (const { type, seq, data } of inOrder(events)) {
    if (type === 'message.user' || type === 'message.agent') {
      lines.push(messageLine(handoffId, type === 'message.user' ? 'user' : 'agent', data));
    } else if (type === 'message.failed')
      change(data['messageId'], { state: 'failed', reason: String(data['reason']) });
    else if (String(type) === 'message.retried') change(data['messageId'], {});
    else if (type === 'message.read') {
      const last = lines.findLast(({ from, state }) => from === 'user' && state !== 'failed');
      if (last !== undefined) change(last.id, { state: 'read' });
    } else if (typeof data['text'] === 'string') {
      lines.push({ id: `${handoffId}.${seq}`, from: 'notice', text: data['text'], handoffId });
    }
  }
  return lines;
}

function messageLine(handoffId: string, from: 'user' | 'agent', data: Record<string, unknown>): ChatLine {
  const { name } = (data['agent'] ?? {}) as Agent;
  const files = data['attachments'] as Attachment[] | undefined;
  return {
    id: String(data['messageId']),
    from,
    text: String(data['text'] ?? ''),
    handoffId,
    ...(from === 'agent' && name !== undefined && { name }),
    ...(files !== undefined && { files }),
  };
}

/** By `seq`, each once. */
export function inOrder<E extends { seq: number }>(events: readonly E[]): E[] {
  const bySeq = new Map(events.map((event) => [event.seq, event]));
  return [...bySeq.values()].toSorted((a, b) => a.seq - b.seq);
}

/** Without what was wrong with it. */
export function settled({ state: _state, reason: _reason, ...line }: ChatLine): ChatLine {
  return line;
}
