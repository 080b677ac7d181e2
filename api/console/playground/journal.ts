import { batch, computed, signal, type ReadonlySignal } from '@preact/signals';
import type { BotEvent } from '../../../workflows/contracts.ts';
import type { handoff as handoffSchema } from '../../schemas/handoffs.ts';
import { get } from '../lib/api.ts';
import { every } from '../lib/every.ts';
import { follow } from '../lib/follow.ts';
import { botPath, conversationPath, handoffPath } from '../lib/paths.ts';
import { readKept, writeKept, type Kept } from './kept.ts';
import { inOrder } from './lines.ts';

export type HandoffView = (typeof handoffSchema)['_output'];

/** What has happened in this talk: from the journals when the page is loaded, then from the bot's stream. */
export interface Journal {
  kept: ReadonlySignal<Kept>;
  /** Oldest first. */
  events: ReadonlySignal<BotEvent[]>;
  ofHandoffs: ReadonlySignal<ReadonlyMap<string, BotEvent[]>>;
  /** The newest one. */
  handoff: ReadonlySignal<HandoffView | undefined>;
  live: ReadonlySignal<boolean>;
  /** Changes what a reload brings back. */
  keep(change: (kept: Kept) => Kept): void;
  /** The first time that this is asked for an id. */
  firstTime(id: string): boolean;
  began(view: HandoffView): void;
  /** From now on this is a conversation of this talk; what has happened in it is read. */
  adopt(conversationId: string): void;
  /** Reads the journals, then follows the stream. */
  start(): Promise<void>;
  refresh(): Promise<void>;
  stop(): void;
}

export interface JournalOptions {
  botId: string;
  /** Its conversations have a journal of their own. */
  inMessenger: boolean;
  onEvent(event: BotEvent): void;
  /** An event of a conversation that is not of this talk, yet. */
  onForeign?(event: BotEvent): void;
  /** The connection was lost and is there again. */
  onBack?(): unknown;
}

const EVERY_MS = 2_000;
const keyOf = (event: BotEvent): string =>
  `${'handoffId' in event ? event.handoffId : event.conversationId} ${event.seq}`;
const isOver = (view: HandoffView | undefined): boolean => view === undefined || view.status === 'closed';

export function createJournal({ botId, inMessenger, onEvent, onForeign, onBack }: JournalOptions): Journal {
  const kept = signal(readKept(botId));
  const known = signal<ReadonlyMap<string, BotEvent>>(new Map());
  const handoff = signal<HandoffView>();
  const live = signal(false);
  let wasLost = false;
  let unfollow = (): void => undefined;
  let stopReading = (): void => undefined;
  let stopped = false;

  const keep = (change: (before: Kept) => Kept): void => {
    kept.value = change(kept.peek());
    writeKept(botId, kept.peek());
  };
  /** Gives back those that are new. */
  function add(events: readonly BotEvent[]): BotEvent[] {
    const fresh = events.filter((event) => !known.peek().has(keyOf(event)));
    if (fresh.length > 0) known.value = new Map([...known.peek(), ...fresh.map((one) => [keyOf(one), one] as const)]);
    return fresh;
  }
  const isMine = ({ conversationId }: BotEvent): boolean => kept.peek().conversationIds.includes(conversationId);

  function arrived(event: BotEvent, cursor: string): void {
    batch(() => {
      keep((before) => ({ ...before, cursor }));
      if (!isMine(event)) onForeign?.(event);
      if (!isMine(event) || add([event]).length === 0) return;
      if (event.type === 'handoff.closed' && handoff.peek()?.id === event.handoffId) {
        handoff.value = { ...handoff.peek()!, status: 'closed', botSilent: false, deadline: null };
      }
      onEvent(event);
    });
    void refresh();
  }

  async function refresh(): Promise<void> {
    const id = kept.peek().handoffs.at(-1);
    if (id === undefined) return;
    const view = await get<HandoffView>(handoffPath(id)).catch(() => undefined);
    if (view !== undefined && !stopped && kept.peek().handoffs.at(-1) === id) handoff.value = view;
  }

  /** Deadlines move without an event. */
  const refreshOpen = async (): Promise<void> => (isOver(handoff.peek()) ? undefined : await refresh());

  const eventsAt = async (path: string): Promise<BotEvent[]> =>
    (await get<{ events: BotEvent[] }>(`${path}/events`).catch(() => ({ events: [] }))).events;
  const ofConversation = (id: string): Promise<BotEvent[]> => eventsAt(conversationPath(botId, id));

  async function restore(): Promise<void> {
    const { handoffs, conversationIds, cursor } = kept.peek();
    const journals = await Promise.all([
      ...handoffs.map((id) => eventsAt(handoffPath(id))),
      ...(inMessenger ? conversationIds.map(ofConversation) : []),
    ]);
    if (cursor === undefined) {
      // Before anything can happen: a stream that begins later would lack it.
      const { next } = await get<{ next: string }>(`${botPath(botId)}/events`);
      keep((before) => ({ ...before, cursor: next }));
    }
    await refresh();
    if (stopped) return;
    for (const event of add(journals.flat())) onEvent(event);
  }

  return {
    kept,
    live,
    handoff,
    keep,
    refresh,
    events: computed(() =>
      [...known.value.values()].toSorted((a, b) => Date.parse(a.at) - Date.parse(b.at) || a.seq - b.seq),
    ),
    ofHandoffs: computed(() => {
      const all = [...known.value.values()].filter((event) => 'handoffId' in event);
      const ids = [...new Set(all.map(({ handoffId }) => handoffId))];
      return new Map(ids.map((id) => [id, inOrder(all.filter(({ handoffId }) => handoffId === id))]));
    }),
    firstTime(id) {
      if (kept.peek().answered.includes(id)) return false;
      keep((before) => ({ ...before, answered: [...before.answered, id] }));
      return true;
    },
    began(view) {
      const { id } = view;
      if (!kept.peek().handoffs.includes(id)) keep((before) => ({ ...before, handoffs: [...before.handoffs, id] }));
      // Its end may have been heard of before its beginning.
      if (
        ![...known.peek().values()].some(
          (event) => event.type === 'handoff.closed' && keyOf(event).startsWith(`${id} `),
        )
      )
        handoff.value = view;
    },
    adopt(conversationId) {
      if (kept.peek().conversationIds.includes(conversationId)) return;
      keep((before) => ({ ...before, conversationIds: [...before.conversationIds, conversationId] }));
      if (inMessenger) void ofConversation(conversationId).then((events) => add(events).forEach(onEvent));
    },
    async start() {
      await restore();
      if (stopped) return;
      const { cursor } = kept.peek();
      unfollow = follow(`${botPath(botId)}/events`, {
        ...(cursor !== undefined && { after: cursor }),
        onEvent: arrived,
        onLive(now) {
          live.value = now;
          if (now && wasLost) onBack?.();
          wasLost = !now;
        },
      });
      stopReading = every(EVERY_MS, refreshOpen);
    },
    stop() {
      stopped = true;
      unfollow();
      stopReading();
    },
  };
}
