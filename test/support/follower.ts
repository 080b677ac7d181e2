import type { HandoffEvent } from '../../workflows/contracts.ts';
import type { Bot } from './bots.ts';

/** Follows the live stream of a bot through every break, as a client does: from the last id that it has seen. */
export interface Follower {
  /** In the order of arrival, repeats too. */
  events: HandoffEvent[];
  /** How often the stream broke. */
  breaks(): number;
  stop(): Promise<void>;
}

/** With `onEvent` it keeps no events. */
export function followBot(
  bot: Pick<Bot, 'id' | 'key'>,
  address: () => string,
  onEvent?: (event: HandoffEvent) => void,
): Follower {
  const stopping = new AbortController();
  const events: HandoffEvent[] = [];
  const keep = onEvent ?? ((event: HandoffEvent) => void events.push(event));
  let lastId = 'start';
  let breaks = 0;

  async function readOnce(): Promise<void> {
    const response = await fetch(new URL(`/v1/bots/${bot.id}/events`, address()), {
      headers: { authorization: `Bearer ${bot.key}`, accept: 'text/event-stream', 'last-event-id': lastId },
      signal: stopping.signal,
    });
    if (!response.ok) return;
    let rest = '';
    const decoder = new TextDecoder();
    for await (const chunk of response.body ?? []) {
      const parts = (rest + decoder.decode(chunk as Uint8Array, { stream: true })).split('\n\n');
      rest = parts.pop() ?? '';
      for (const part of parts) take(part);
    }
  }

  function take(part: string): void {
    const data = /^data: (.*)$/m.exec(part)?.[1];
    if (data !== undefined) keep(JSON.parse(data) as HandoffEvent);
    lastId = /^id: (.+)$/m.exec(part)?.[1] ?? lastId;
  }

  const done = (async () => {
    while (!stopping.signal.aborted) {
      await readOnce().catch(() => undefined);
      breaks += 1;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  })();
  return {
    events,
    breaks: () => breaks,
    async stop() {
      stopping.abort();
      await done;
    },
  };
}
