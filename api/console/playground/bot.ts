import type { OfferKind, Turn } from '../../../workflows/contracts.ts';
import { botText, type BotLanguage, type BotText } from './bot-texts.ts';

/** A call of the tool that `GET /v1/bots/{id}/tool` defines, as a model makes it. */
export interface ToolCall {
  type: 'function';
  function: { name: string; arguments: { question: string; email?: string; kind?: OfferKind } };
}

/** The definition, in the form of OpenAI's function calling. */
export interface Tool {
  openai: { function: { name: string; description: string; parameters: Record<string, unknown> } };
}

export interface Answer {
  says: string;
  /** The bot wants a human. */
  call?: ToolCall;
}

/** What `handoff.closed` tells the bot, as far as this one needs it. */
export interface Packet {
  outcome: string;
  agent: { name?: string } | null;
  lastWords: string | null;
}

const HUMAN =
  /\b(humans?|agents?|person|people|someone|somebody|operator|advis[oe]r|representative|colleague)\b|humain|conseill|quelqu.un|une personne|op[ée]rateur|coll[èe]gue/i;
const EMAIL = /[^\s@<>"]+@[^\s@<>"]+\.[a-z]{2,}/i;
const ORDER_NUMBER = /\b\d{3,12}\b/;

const TOPICS: [BotText, RegExp][] = [
  ['refunds', /refund|money back|send (it )?back|rembours|renvoyer/i],
  ['order', /order|parcel|deliver|commande|colis|livr/i],
  ['hours', /\bhours?\b|\bopen|\bclose|horaire|ouvert|ferm[ée]/i],
  ['thanks', /thank|merci|\bbye\b|au revoir/i],
  ['hello', /^\W*(hi|hello|hey|good (morning|afternoon|evening)|bonjour|bonsoir|salut)\b/i],
];

const SMALL_TALK = TOPICS.filter(([topic]) => topic === 'hello' || topic === 'thanks').map(([, words]) => words);

/** What the bot does with the user's words. `history`: oldest first, without them. */
export function answer(text: string, history: readonly Turn[], tool: Tool, language: BotLanguage): Answer {
  if (HUMAN.test(text)) return { says: botText(language, 'calling'), call: callFor(text, history, tool) };
  const number = ORDER_NUMBER.exec(text)?.[0];
  if (number !== undefined) return { says: botText(language, 'order_status', { number }) };
  const [topic = 'unknown'] = TOPICS.find(([, words]) => words.test(text)) ?? [];
  return { says: botText(language, topic) };
}

/** With the user's own words: what was asked before, when this is no more than the wish for a human. */
function callFor(text: string, history: readonly Turn[], { openai }: Tool): ToolCall {
  const said = history.filter(({ role }) => role === 'user').map((turn) => turn.text);
  const isWishOnly = text.trim().split(/\s+/).length <= 2;
  const before = said.findLast((words) => !HUMAN.test(words) && !SMALL_TALK.some((one) => one.test(words)));
  const email = [...said, text].map((words) => EMAIL.exec(words)?.[0]).findLast((found) => found !== undefined);
  return {
    type: 'function',
    function: {
      name: openai.function.name,
      arguments: {
        question: isWishOnly && before !== undefined ? `${text.trim()} (${before})` : text,
        ...(email !== undefined && { email }),
      },
    },
  };
}

/** How the bot goes on when the humans have left; it has read what they said. */
export function goesOn(packet: Packet | undefined, language: BotLanguage): string {
  if (packet === undefined) return botText(language, 'back');
  const { outcome, agent, lastWords } = packet;
  if (lastWords !== null) {
    const name = agent?.name ?? botText(language, 'somebody');
    return botText(language, 'back_after', { agent: name, words: shortened(lastWords) });
  }
  if (outcome === 'message_left') return botText(language, 'left');
  if (outcome === 'desk_unavailable') return botText(language, 'unreachable');
  return botText(language, outcome === 'timed_out' || outcome === 'abandoned' ? 'nobody_came' : 'back');
}

const MOST = 160;
const shortened = (text: string): string => (text.length <= MOST ? text : `${text.slice(0, MOST - 1).trimEnd()}…`);
