import { useEffect, useRef, useState } from 'preact/hooks';
import type { HandoffEvent } from '../../../../workflows/contracts.ts';
import { follow } from '../../lib/follow.ts';
import { handoffPath } from '../../lib/paths.ts';

/** A long journal arrives at once: it is drawn a few times, not once per event. */
const TOGETHER_MS = 30;

/** All events of a handoff from the first one on, live. `known` is false until somebody has said that it exists. */
export function useJournal(id: string, known: boolean): { events: HandoffEvent[]; live: boolean } {
  const [events, setEvents] = useState<HandoffEvent[]>([]);
  const [live, setLive] = useState(true);
  const all = useRef<HandoffEvent[]>([]);

  useEffect(() => {
    if (!known) return undefined;
    let drawing: ReturnType<typeof setTimeout> | undefined;
    all.current = [];
    const stop = follow(`${handoffPath(id)}/events`, {
      after: '0',
      onLive: setLive,
      onEvent(event) {
        all.current.push(event as HandoffEvent);
        drawing ??= setTimeout(() => {
          drawing = undefined;
          setEvents([...all.current]);
        }, TOGETHER_MS);
      },
    });
    return () => {
      clearTimeout(drawing);
      stop();
    };
  }, [id, known]);

  return { events, live };
}
