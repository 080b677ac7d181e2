import { condition, defineSignal, proxyActivities, setHandler } from '@temporalio/workflow';
import type { RelayActivities } from '../../minimal/activities.ts';

const { post } = proxyActivities<RelayActivities>({ startToCloseTimeout: '15s' });

/** As the minimal relay, but it waits for as long as the measuring takes: what is the least that a cached workflow costs? */
export async function bare(conversationId: string, url: string): Promise<void> {
  const waiting: string[] = [];
  setHandler(defineSignal<[string]>('message'), (text) => void waiting.push(text));
  while (await condition(() => waiting.length > 0, '1 day')) {
    const text = waiting.shift()!;
    await post(url, conversationId, `${conversationId}/${text}`, text);
  }
}
