import { computed, signal } from '@preact/signals';
import type { Attachment, BotEvent, HandoffEvent } from '../../../workflows/contracts.ts';
import { ApiFailure, post } from '../lib/api.ts';
import { locale } from '../lib/i18n.ts';
import { conversationPath } from '../lib/paths.ts';
import { answer, goesOn, type Packet, type ToolCall } from './bot.ts';
import { botText } from './bot-texts.ts';
import type { DeskSide, DeskTalk } from './desk-side.ts';
import { turnsOf, type ChatLine } from './lines.ts';
import { handoffOf, requestHandoff, type Talk, type TalkParts } from './talk.ts';

/** The user is in the desk's own messenger: he writes there, and this page is the bot's backend, which Baton tells. */
export function createMessengerTalk(
  parts: TalkParts & { desk: DeskSide },
): Talk & { onEvent(event: BotEvent): void; onForeign(event: BotEvent): void } {
  const { place, journal, desk } = parts;
  const handoff = handoffOf(parts);
  /** Written, and not yet seen at the desk. */
  const writing = signal<ChatLine[]>([]);
  /** To be said when the desk asks the next time. */
  let owed = '';

  const mine = computed(() => desk.talks.value.filter(({ id }) => journal.kept.value.conversationIds.includes(id)));
  const lines = computed(() => [
    ...mine.value.flatMap((talk) => shown(talk, journal.kept.value.calls ?? [])),
    ...writing.value,
  ]);

  async function speak(conversationId: string, id: string, text: string): Promise<void> {
    const path = `${conversationPath(place.botId, conversationId)}/messages`;
    try {
      await post(path, { id, text });
    } catch (error) {
      // A human was quicker: then the bot has nothing to say.
      if (!(error instanceof ApiFailure && error.code === 'human_has_it')) throw error;
    }
  }

  async function botAnswers({ conversationId, data }: BotEvent): Promise<void> {
    const text = String(data['text']);
    const id = String(data['messageId']);
    const talk = turnsOf(mine.peek().flatMap(({ messages }) => messages));
    const history = talk.at(-1)?.text === text ? talk.slice(0, -1) : talk;
    const { says, call } = answer(text, history, parts.tool(), locale.peek());
    const before = owed === '' ? '' : `${owed} `;
    owed = '';
    // Who is asked in turns has half a second from his first word on: the transfer alone is never too late.
    if (call === undefined || !place.inTurns) await speak(conversationId, `answer-${id}`, before + says);
    if (call === undefined) return;
    journal.keep((kept) => ({ ...kept, calls: [...(kept.calls ?? []), [text, call]] }));
    const outcome = await requestHandoff(parts, call, conversationId, history);
    if (outcome.outcome === 'refused') {
      await speak(
        conversationId,
        `refused-${id}`,
        outcome.reply ?? botText(locale.peek(), 'refused', { reason: outcome.reason }),
      );
    }
  }

  async function returns({ handoffId, conversationId, data }: HandoffEvent): Promise<void> {
    const words = goesOn(data['packet'] as Packet | undefined, locale.peek());
    if (place.inTurns) owed = words;
    else await speak(conversationId, `back-${handoffId}`, words);
  }

  /** The desk may ask the bot before it has told us the id of what we have begun. */
  const isOurs = ({ type, data }: BotEvent): boolean =>
    type === 'conversation.message' &&
    data['from'] === 'user' &&
    writing.peek().some(({ text, state }) => state === 'sending' && text === data['text']);

  const run = (work: Promise<void>): void => void work.catch(() => undefined).finally(() => void desk.refresh());

  async function write(line: ChatLine): Promise<void> {
    writing.value = [...writing.peek().filter(({ id }) => id !== line.id), { ...line, state: 'sending' }];
    const conversationId = journal.kept.peek().conversationIds.at(-1);
    const isKnown = desk.talks.peek().some(({ id }) => id === conversationId);
    try {
      await parts.whenReady();
      const id = await desk.writes({
        text: line.text,
        ...(conversationId !== undefined && isKnown && { conversationId }),
        ...(line.files !== undefined && { files: [...line.files] }),
      });
      journal.adopt(id);
      writing.value = writing.peek().filter((one) => one.id !== line.id);
    } catch (error) {
      writing.value = writing.peek().map((one) => (one.id === line.id ? { ...one, state: 'unsent' as const } : one));
      if (!(error instanceof ApiFailure && error.status === 0)) throw error;
    }
  }

  return {
    lines,
    asks: handoff.asks,
    giveEmail: handoff.giveEmail,
    choose: handoff.choose,
    end: handoff.end,
    async writes(text, files: Attachment[]) {
      const named = files.map((file) => ({ ...file, name: file.name ?? file.url }));
      await write({ id: crypto.randomUUID(), from: 'user', text, ...(named.length > 0 && { files: named }) });
    },
    retry: write,
    onForeign(event) {
      if (isOurs(event)) journal.adopt(event.conversationId);
    },
    onEvent(event) {
      const { type, data } = event;
      if (type === 'handoff.closed' && journal.firstTime(event.handoffId)) {
        return run(returns(event));
      }
      if (type !== 'conversation.message' || data['from'] !== 'user' || !journal.firstTime(String(data['messageId'])))
        return;
      if (data['botSilent'] !== true) run(botAnswers(event));
    },
    stop: () => undefined,
  };
}

/** What the desk's messenger shows its user, and what the bot has called in between. */
function shown({ id: talk, messages }: DeskTalk, calls: readonly [string, ToolCall][]): ChatLine[] {
  return messages.flatMap(({ id, from, text, files }): ChatLine[] => {
    if (from === 'note' || from === 'system') return [];
    const line: ChatLine = { id: `${talk}.${id}`, from, text, ...(files.length > 0 && { files }) };
    const call = from === 'user' ? calls.find(([words]) => words === text)?.[1] : undefined;
    return call === undefined ? [line] : [line, { id: `${talk}.${id}.call`, from: 'bot', text: '', call }];
  });
}
