import { computed, signal, type ReadonlySignal } from '@preact/signals';
import { post } from '../lib/api.ts';
import { handoffPath } from '../lib/paths.ts';
import type { BotEvent } from '../../../workflows/contracts.ts';
import { createDeskSide, type DeskSide } from './desk-side.ts';
import { createJournal, type Journal } from './journal.ts';
import { forget } from './kept.ts';
import { createMessengerTalk } from './messenger-talk.ts';
import { seatOf, type Place } from './places.ts';
import { changeHours, changeWaits, setUp, type Ready, type Waits } from './set-up.ts';
import type { Talk } from './talk.ts';
import { createWindowTalk } from './window-talk.ts';

/** Everything behind the page for one place. */
export interface PlaceModel {
  place: Place;
  talk: Talk;
  desk: DeskSide;
  journal: Journal;
  /** The bot is made and its desk knows it. */
  ready: ReadonlySignal<Ready | undefined>;
  error: ReadonlySignal<unknown>;
  channel: ReadonlySignal<string>;
  /** The conversation of the newest handoff at the desk, else the newest of this talk. */
  current: ReadonlySignal<string | undefined>;
  /** To whom an agent gives a conversation when the bot shall have it. */
  seat: ReadonlySignal<string | undefined>;
  setChannel(channel: string): void;
  setWaits(waits: Waits): Promise<void>;
  /** Outside the hours of the bot, for two minutes. */
  setClosed(isClosed: boolean): Promise<void>;
  begin(): Promise<void>;
  /** Ends what is open and forgets this talk; a new model has to be opened. */
  startOver(): Promise<void>;
  stop(): void;
}

export function openPlace(place: Place): PlaceModel {
  const ready = signal<Ready>();
  const error = signal<unknown>();
  const hear: { onEvent(event: BotEvent): void; onForeign?(event: BotEvent): void } = { onEvent: () => undefined };
  let begun: Promise<void> | undefined;
  let pending: Promise<void> = Promise.resolve();

  async function make(): Promise<void> {
    error.value = undefined;
    try {
      ready.value = await setUp(place);
    } catch (thrown) {
      error.value = thrown;
      throw thrown;
    }
  }
  const desk = createDeskSide(place.sandbox, () => (pending = make().catch(() => undefined)));
  const journal = createJournal({
    botId: place.botId,
    inMessenger: place.inMessenger,
    onEvent(event) {
      hear.onEvent(event);
      void desk.refresh();
    },
    onForeign: (event) => hear.onForeign?.(event),
    onBack: () => (pending = desk.refresh()),
  });
  const channel = signal(journal.kept.peek().channel ?? place.channels[0] ?? 'api');
  const parts = {
    place,
    journal,
    tool() {
      if (ready.value === undefined) throw new Error('The bot is not ready yet.');
      return ready.value.tool;
    },
    channel: () => channel.value,
    async whenReady() {
      // A look at the desk may find that it was started again.
      await pending;
      await pending;
    },
  };
  const talk = place.inMessenger ? createMessengerTalk({ ...parts, desk }) : createWindowTalk(parts);
  Object.assign(hear, { onEvent: talk.onEvent, ...('onForeign' in talk && { onForeign: talk.onForeign }) });

  return {
    place,
    talk,
    desk,
    journal,
    ready,
    error,
    channel,
    current: computed(() => {
      const { value: handoff } = journal.handoff;
      const open = handoff?.status === 'closed' ? undefined : handoff?.deskConversationId;
      return (
        open ??
        (place.inMessenger ? journal.kept.value.conversationIds.at(-1) : (handoff?.deskConversationId ?? undefined))
      );
    }),
    seat: computed(() => (ready.value === undefined ? undefined : seatOf(place, ready.value.settings))),
    setChannel(next) {
      channel.value = next;
      journal.keep((kept) => ({ ...kept, channel: next }));
    },
    async setWaits(waits) {
      await changeWaits(place.botId, waits);
      if (ready.peek() !== undefined) ready.value = { ...ready.peek()!, waits };
    },
    async setClosed(isClosed) {
      await changeHours(place.botId, isClosed);
      if (ready.peek() !== undefined) ready.value = { ...ready.peek()!, isClosed };
    },
    async begin() {
      begun ??= make()
        .then(() => journal.start())
        .catch(() => {
          begun = undefined;
        });
      await begun;
    },
    async startOver() {
      const { value: handoff } = journal.handoff;
      if (handoff !== undefined && handoff.status !== 'closed') {
        await post(`${handoffPath(handoff.id)}/close`, { by: 'bot' }).catch(() => undefined);
      }
      forget(place.botId);
    },
    stop() {
      desk.stop();
      journal.stop();
      talk.stop();
    },
  };
}
