import { signal, type ReadonlySignal } from '@preact/signals';
import { get } from '../lib/api.ts';
import { every } from '../lib/every.ts';
import { handoffPath } from '../lib/paths.ts';

export interface DeliveryWatch {
  /** The user's messages that the desk does not have yet. */
  waiting: ReadonlySignal<ReadonlySet<string>>;
  stop(): void;
}

const EVERY_MS = 2_000;
const NONE: ReadonlySet<string> = new Set();

/** Asks where messages are, as long as there are some of which nobody knows that they have arrived. */
export function watchDeliveries(open: () => { handoffId: string; sent: readonly string[] } | undefined): DeliveryWatch {
  const waiting = signal(NONE);
  const settled = new Set<string>();

  async function ask(): Promise<void> {
    const { handoffId, sent } = open() ?? { handoffId: '', sent: [] };
    if (!sent.some((id) => !settled.has(id))) {
      if (waiting.peek().size > 0) waiting.value = NONE;
      return;
    }
    const { messages } = await get<{ messages: { messageId: string; state: string }[] }>(
      `${handoffPath(handoffId)}/deliveries`,
    );
    const isOnItsWay = ({ state }: { state: string }): boolean => state === 'waiting' || state === 'unclear';
    for (const message of messages) if (!isOnItsWay(message)) settled.add(message.messageId);
    const now = messages.filter(isOnItsWay).map(({ messageId }) => messageId);
    if (now.join() !== [...waiting.peek()].join()) waiting.value = new Set(now);
  }

  return { waiting, stop: every(EVERY_MS, () => ask().catch(() => undefined)) };
}
