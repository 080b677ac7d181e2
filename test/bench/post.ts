import type { BenchDesk, Way } from './desk.ts';

/** One call of the desk's `chat`, as Baton makes it, or of the bot's callback. `id` is the idempotency key. */
export async function postMessage(url: string, conversationId: string, id: string, text: string): Promise<void> {
  const message = url.endsWith('/chat')
    ? { conversation_id: conversationId, timestamp: Date.now(), body: text }
    : { type: 'message.agent', seq: 0, handoffId: conversationId, data: { text } };
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': id },
    body: JSON.stringify(message),
  });
  await response.text();
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
}

export const addressOf = (desk: BenchDesk, way: Way): string =>
  way === 'toDesk' ? `${desk.url}/chat` : desk.callbackUrl;
