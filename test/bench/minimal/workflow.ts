import { condition, defineSignal, proxyActivities, proxyLocalActivities, setHandler } from '@temporalio/workflow';
import type { RelayActivities } from './activities.ts';

const { post } = proxyActivities<RelayActivities>({ startToCloseTimeout: '15s' });
const { post: postAtOnce } = proxyLocalActivities<RelayActivities>({ startToCloseTimeout: '15s' });

interface Message {
  /** The desk's address or the bot's. */
  url: string;
  id: string;
  text: string;
}

const message = defineSignal<[Message]>('message');

/** The relay that everybody writes first: a timer and an activity per message. What Baton is measured against. */
export async function relay(conversationId: string): Promise<void> {
  const waiting: Message[] = [];
  setHandler(message, (next) => void waiting.push(next));
  while (await condition(() => waiting.length > 0, '600s')) {
    const { url, id, text } = waiting.shift()!;
    await post(url, conversationId, id, text);
  }
}

/**
 * The least that a workflow can do for a message: a local activity, without a timer, and nothing is asked, kept or told to
 * anybody else. Baton goes this way with all that it does besides.
 */
export async function floor(conversationId: string): Promise<void> {
  const waiting: Message[] = [];
  setHandler(message, (next) => void waiting.push(next));
  for (;;) {
    await condition(() => waiting.length > 0);
    const { url, id, text } = waiting.shift()!;
    await postAtOnce(url, conversationId, id, text);
  }
}
