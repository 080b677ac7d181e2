import { computed, signal, type ReadonlySignal } from '@preact/signals';
import type { Attachment, Offer, OfferKind, Turn } from '../../../workflows/contracts.ts';
import { post } from '../lib/api.ts';
import { locale } from '../lib/i18n.ts';
import { handoffPath } from '../lib/paths.ts';
import type { Tool, ToolCall } from './bot.ts';
import { knownEmail } from './email.ts';
import type { HandoffView, Journal } from './journal.ts';
import type { ChatLine } from './lines.ts';
import type { Place } from './places.ts';

/** What the user and his bot can do; where they are decides how. */
export interface Talk {
  lines: ReadonlySignal<ChatLine[]>;
  /** The bot's window has to ask for something. */
  asks: ReadonlySignal<'email' | 'choice' | undefined>;
  /** What the user may have instead of a human now. */
  offers?: ReadonlySignal<readonly Offer[]>;
  accept?(kind: OfferKind): Promise<void>;
  writes(text: string, files: Attachment[]): Promise<void>;
  /** A line that has not arrived. */
  retry(line: ChatLine): Promise<void>;
  giveEmail(address: string): Promise<void>;
  choose(choice: 'wait' | 'end'): Promise<void>;
  /** The user ends the handoff; in the desk's messenger the bot does. */
  end(): Promise<void>;
  stop(): void;
}

export interface TalkParts {
  place: Place;
  journal: Journal;
  tool(): Tool;
  /** When the desk knows the bot again, after either was away. */
  whenReady(): Promise<void>;
  channel(): string;
}

type Outcome =
  | { outcome: 'started' | 'existing'; handoff: HandoffView }
  | { outcome: 'refused'; reason: string; reply?: string; offers?: Offer[] };

/** The one call that hands over, as a bot's backend makes it when its model has called the tool. */
export async function requestHandoff(
  { place, journal, channel }: TalkParts,
  call: ToolCall,
  conversationId: string,
  history: readonly Turn[],
): Promise<Outcome> {
  const { question, email = knownEmail.value, kind } = call.function.arguments;
  const answer = await post<Outcome>('/v1/handoffs', {
    botId: place.botId,
    conversationId,
    channel: channel(),
    user: {
      locale: locale.value,
      // In its messenger the desk knows its user.
      ...(!place.inMessenger && { id: 'playground-user', name: 'Lea', ...(email !== undefined && { email }) }),
    },
    question,
    ...(kind !== undefined && { kind }),
    history: history.slice(-100),
    metadata: { from: 'playground' },
  });
  if (answer.outcome !== 'refused') journal.began(answer.handoff);
  return answer;
}

/** Of the newest handoff: while it is open, its messages and its end. */
export function handoffOf({ journal, place }: TalkParts) {
  const failure = signal<unknown>(undefined);
  const path = (): string => handoffPath(journal.handoff.value?.id ?? '');
  const isOpen = computed(() => journal.handoff.value !== undefined && journal.handoff.value.status !== 'closed');
  return {
    path,
    failure,
    isOpen,
    asks: computed(() => {
      const status = journal.handoff.value?.status;
      if (status === 'awaiting_email') return 'email' as const;
      return status === 'asking' && !place.inMessenger ? ('choice' as const) : undefined;
    }),
    async giveEmail(email: string) {
      await post(`${path()}/email`, { email: email.trim() });
      await journal.refresh();
    },
    async choose(choice: 'wait' | 'end') {
      await post(`${path()}/wait`, { choice });
      await journal.refresh();
    },
    async end() {
      await post(`${path()}/close`, { by: place.inMessenger ? 'bot' : 'user' });
      await journal.refresh();
    },
  };
}
