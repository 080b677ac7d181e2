import type { Agent, Attachment, HandoffEvent } from '../../../../workflows/contracts.ts';
import { dateTime, word } from '../../lib/i18n.ts';
import { words } from '../../lib/texts.ts';
import { te } from './event-texts.ts';
import { agentName, type Delivery } from './views.ts';

/** One line of a transcript. */
export interface Line {
  key: string;
  kind: 'user' | 'bot' | 'agent' | 'system';
  /** Unknown of some of what was said before. */
  at?: string;
  /** The agent's name. */
  who?: string;
  /** Of a system line: what happened. */
  what?: string;
  /** What the user wrote or read; null: the user was told nothing. */
  text: string | null;
  attachments: Attachment[];
  failed?: boolean;
}

/** What a journal's events carry in `data`, as far as it is shown. */
interface Data {
  text?: string | null;
  messageId?: string;
  reason?: string;
  until?: string | null;
  /** Of `handoff.scheduled`. */
  opensAt?: string;
  /** Of another desk. */
  from?: string;
  to?: string;
  why?: string;
  agent?: Agent | null;
  attachments?: Attachment[];
}

export function linesOf(events: HandoffEvent[], deliveries: Delivery[]): Line[] {
  const texts = new Map<string, string>();
  const failed = new Set(deliveries.filter(({ state }) => state === 'failed').map(({ messageId }) => messageId));
  return events.map((event) => {
    const data = event.data as Data;
    const { messageId = '', text = null, attachments = [] } = data;
    const line = { key: String(event.seq), at: event.at, text, attachments };
    if (event.type === 'message.user') {
      texts.set(messageId, text ?? '');
      return { ...line, kind: 'user', failed: failed.has(messageId) };
    }
    if (event.type === 'message.agent') return { ...line, kind: 'agent', who: agentName(data.agent) };
    return { ...line, kind: 'system', what: whatOf(event.type, data, texts.get(messageId) ?? messageId) };
  });
}

function whatOf(
  type: Exclude<HandoffEvent['type'], 'message.user' | 'message.agent'>,
  data: Data,
  message: string,
): string {
  if (type === 'handoff.snoozed' && data.until) return te('handoff.snoozed_until', { until: dateTime(data.until) });
  const agent = data.agent ? agentName(data.agent) : te('somebody');
  const until = data.opensAt === undefined ? '' : dateTime(data.opensAt);
  const { reason = data.why ?? '', from = '', to = '' } = data;
  return te(type, { until, agent, reason: word(words, reason), message: shortened(message), from, to });
}

const SHORT = 60;

export const shortened = (text: string): string => (text.length > SHORT ? `${text.slice(0, SHORT)}…` : text);
