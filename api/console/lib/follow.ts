import type { BotEvent } from '../../../workflows/contracts.ts';

type EventName = BotEvent['type'];

/** All types that a stream carries: EventSource wants a listener for each. */
const TYPES: Record<EventName, true> = {
  'handoff.email_required': true,
  'handoff.scheduled': true,
  'handoff.connecting': true,
  'handoff.busy': true,
  'handoff.wait_timeout': true,
  'handoff.active': true,
  'handoff.agent_changed': true,
  'handoff.snoozed': true,
  'handoff.desk_changed': true,
  'handoff.closed': true,
  'message.user': true,
  'message.agent': true,
  'message.read': true,
  'message.failed': true,
  'message.retried': true,
  'conversation.started': true,
  'conversation.message': true,
  'conversation.ended': true,
};

const AGAIN_MS = 2_000;

export interface Following {
  /** `id` is the cursor behind this event. */
  onEvent(event: BotEvent, id: string): void;
  /** False while the connection is lost. It comes back by itself, without a gap or a repeat. */
  onLive?(live: boolean): void;
  /** Cursor or `seq` to begin behind; `start`: from the beginning. */
  after?: string;
}

/** Follows a live stream until the returned function is called, or until `handoff.closed` on a handoff's own stream. */
export function follow(path: string, { onEvent, onLive, after }: Following): () => void {
  let cursor = after;
  let source: EventSource | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let stopped = false;

  function connect(): void {
    const current = new EventSource(cursor === undefined ? path : `${path}?after=${encodeURIComponent(cursor)}`);
    source = current;
    current.addEventListener('open', () => onLive?.(true));
    // The browser comes back by itself after a cut connection, not after an answer such as 503.
    current.addEventListener('error', () => {
      if (stopped) return;
      onLive?.(false);
      if (current.readyState === EventSource.CLOSED) timer = setTimeout(connect, AGAIN_MS);
    });
    for (const type of Object.keys(TYPES)) {
      current.addEventListener(type, (message: MessageEvent<string>) => {
        const event = JSON.parse(message.data) as BotEvent;
        cursor = message.lastEventId;
        if (event.type === 'handoff.closed' && path.startsWith('/v1/handoffs/')) stop();
        onEvent(event, message.lastEventId);
      });
    }
  }

  function stop(): void {
    stopped = true;
    clearTimeout(timer);
    source?.close();
  }

  connect();
  return stop;
}
