import { condition, defineSignal, proxyActivities, setHandler } from '@temporalio/workflow';
import type { RelayActivities } from './activities.ts';

const { post } = proxyActivities<RelayActivities>({ startToCloseTimeout: '15s' });

const message = defineSignal<[string]>('message');

/** The relay that everybody writes first: a timer and an activity per message. What Baton is measured against. */
export async function relay(conversationId: string, url: string): Promise<void> {
  const waiting: string[] = [];
  setHandler(message, (text) => void waiting.push(text));
  while (await condition(() => waiting.length > 0, '180s')) {
    await post(url, conversationId, waiting.shift()!);
  }
}
