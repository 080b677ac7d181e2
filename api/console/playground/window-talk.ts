import { computed, effect, signal } from '@preact/signals';
import type { Attachment, BotEvent, Offer, OfferKind, Turn } from '../../../workflows/contracts.ts';
import { ApiFailure, post } from '../lib/api.ts';
import { locale } from '../lib/i18n.ts';
import { answer, goesOn, type Packet, type ToolCall } from './bot.ts';
import { botText } from './bot-texts.ts';
import { watchDeliveries } from './delivery-watch.ts';
import { isEmail, knownEmail } from './email.ts';
import { chatLines, isHandoff, settled, turnsOf, type ChatLine, type Item } from './lines.ts';
import { handoffOf, requestHandoff, type Talk, type TalkParts } from './talk.ts';

/** A pause that a reader can follow, milliseconds. */
const THINKING_MS = 350;

/** The user is in the bot's own window, on any channel but the desk's: this page is window and backend of the bot. */
export function createWindowTalk(parts: TalkParts): Talk & { onEvent(event: BotEvent): void } {
  const { journal } = parts;
  const offers = signal<readonly Offer[]>([]);
  let lastCall: ToolCall | undefined;
  const handoff = handoffOf(parts);
  const conversationId = (): string => journal.kept.peek().conversationIds.at(-1) ?? '';
  const add = (...items: Item[]): void => journal.keep((kept) => ({ ...kept, items: [...kept.items, ...items] }));
  const change = (id: string, to: Pick<ChatLine, 'state' | 'reason'>): void =>
    journal.keep((kept) => ({
      ...kept,
      items: kept.items.map((item) => (!isHandoff(item) && item.id === id ? { ...settled(item), ...to } : item)),
    }));
  const says = (text: string, more: Partial<ChatLine> = {}): void =>
    add({ id: crypto.randomUUID(), from: 'bot', text, ...more });
  const written = computed(() => chatLines(journal.kept.value.items, journal.ofHandoffs.value));
  const watch = watchDeliveries(() => {
    const { value: view } = journal.handoff;
    if (view === undefined || view.status === 'closed') return undefined;
    const mine = written
      .peek()
      .filter(({ from, handoffId, state }) => from === 'user' && handoffId === view.id && !state);
    return { handoffId: view.id, sent: mine.map(({ id }) => id) };
  });
  const lines = computed(() =>
    written.value.map((line) =>
      watch.waiting.value.has(line.id) && line.state === undefined ? { ...line, state: 'waiting' as const } : line,
    ),
  );

  if (conversationId() === '') journal.adopt(`playground-${crypto.randomUUID()}`);
  if (journal.kept.peek().items.length === 0) says(botText(locale.peek(), 'greeting'));

  async function botAnswers(text: string, history: Turn[]): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, THINKING_MS));
    const { says: words, call } = answer(text, history, parts.tool(), locale.peek());
    says(words, call === undefined ? {} : { call });
    if (call !== undefined) await callsTool(call, history);
  }

  async function callsTool(call: ToolCall, history: Turn[]): Promise<void> {
    lastCall = call;
    const outcome = await requestHandoff(parts, call, conversationId(), history);
    if (outcome.outcome === 'refused') {
      says(outcome.reply ?? botText(locale.peek(), 'refused', { reason: outcome.reason }));
      offers.value = outcome.offers ?? [];
      return;
    }
    const { id } = outcome.handoff;
    if (!journal.kept.peek().items.some((item) => isHandoff(item) && item.handoffId === id)) add({ handoffId: id });
  }

  /** The user has chosen what was offered: the same call again, with its kind. */
  async function accept(kind: OfferKind): Promise<void> {
    const said = offers.peek().find((offer) => offer.kind === kind)?.text ?? kind;
    const history = turnsOf(lines.peek());
    offers.value = [];
    const question = lastCall?.function.arguments.question ?? journal.handoff.peek()?.question ?? said;
    const call = {
      name: parts.tool().openai.function.name,
      arguments: { ...lastCall?.function.arguments, question, kind },
    };
    add({ id: crypto.randomUUID(), from: 'user', text: said });
    says('', { call: { type: 'function', function: call } });
    await callsTool({ type: 'function', function: call }, history);
  }

  async function toHumans(line: ChatLine): Promise<void> {
    const { id, text, files } = line;
    try {
      await parts.whenReady();
      await post(`${handoff.path()}/messages`, { id, text, ...(files !== undefined && { attachments: files }) });
      change(id, {});
    } catch (error) {
      // The same id again is the same message, whether or not the first call has arrived.
      const isOver = error instanceof ApiFailure && error.code === 'handoff_closed';
      change(id, isOver ? { state: 'failed', reason: 'handoff_closed' } : { state: 'unsent' });
      if (!isOver && !(error instanceof ApiFailure && error.status === 0)) throw error;
    }
  }

  // The page around the chat may tell the address while it is asked for.
  const stopEmail = effect(() => {
    if (handoff.asks.value === 'email' && knownEmail.value !== undefined) {
      void handoff.giveEmail(knownEmail.value).catch(() => undefined);
    }
  });

  return {
    lines,
    asks: handoff.asks,
    offers,
    accept,
    giveEmail: handoff.giveEmail,
    choose: handoff.choose,
    end: handoff.end,
    async writes(text, files: Attachment[]) {
      offers.value = [];
      const history = turnsOf(lines.peek());
      const withHumans = handoff.isOpen.peek() && journal.handoff.peek()?.botSilent === true;
      const handoffId = withHumans ? journal.handoff.peek()!.id : undefined;
      const line: ChatLine = {
        id: crypto.randomUUID(),
        from: 'user',
        text,
        ...(files.length > 0 && { files }),
        ...(handoffId !== undefined && { handoffId, state: 'sending' as const }),
      };
      add(line);
      if (withHumans) return await toHumans(line);
      if (handoff.asks.peek() === 'email' && isEmail(text)) return await handoff.giveEmail(text);
      await botAnswers(text, history);
    },
    async retry(line) {
      if (line.state !== 'unsent') return await post(`${handoff.path()}/messages/${encodeURIComponent(line.id)}/retry`);
      change(line.id, { state: 'sending' });
      await toHumans(line);
    },
    onEvent(event) {
      if (event.type !== 'handoff.closed' || !journal.firstTime(event.handoffId)) return;
      says(goesOn(event.data['packet'] as Packet | undefined, locale.peek()));
      offers.value = (event.data['offers'] ?? []) as Offer[];
    },
    stop() {
      stopEmail();
      watch.stop();
    },
  };
}
