import type { ToolCall } from './bot.ts';
import type { Item } from './lines.ts';

/** What outlives a reload of the page; another tab has its own. */
export interface Kept {
  /** Of this talk, the newest last: a messenger may go on under another id. */
  conversationIds: string[];
  items: Item[];
  handoffs: string[];
  /** Handoffs and messages that the bot has reacted to. */
  answered: string[];
  /** In the desk's messenger: what the bot has called, by the words of the user that made it. */
  calls?: [string, ToolCall][];
  /** Behind the last event that was read from the bot's stream. */
  cursor?: string;
  channel?: string;
}

const MOST = 300;
const nameOf = (botId: string): string => `baton.${botId}`;

export function readKept(botId: string): Kept {
  try {
    const kept = JSON.parse(sessionStorage.getItem(nameOf(botId)) ?? '') as Kept;
    if (Array.isArray(kept.items) && Array.isArray(kept.conversationIds)) return kept;
  } catch {
    // Nothing there, or nothing that we wrote.
  }
  return { conversationIds: [], items: [], handoffs: [], answered: [] };
}

export function writeKept(botId: string, kept: Kept): void {
  const short = {
    ...kept,
    items: kept.items.slice(-MOST),
    handoffs: kept.handoffs.slice(-MOST),
    answered: kept.answered.slice(-MOST),
  };
  sessionStorage.setItem(nameOf(botId), JSON.stringify(short));
}

export const forget = (botId: string): void => sessionStorage.removeItem(nameOf(botId));
