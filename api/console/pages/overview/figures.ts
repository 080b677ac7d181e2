import { useEffect, useRef, useState } from 'preact/hooks';
import type { CloseReason } from '../../../../workflows/contracts.ts';
import type { ApiFailure } from '../../lib/api.ts';
import { query } from '../../lib/api.ts';
import { useResource } from '../../lib/resource.ts';
import { spanOf, type Choice } from './range.ts';

export interface ReplyTime {
  median: number;
  p90: number;
}

export interface Counted {
  started: number;
  answered: number;
  refused: number;
  abandoned: number;
  closed: number;
  messages: number;
  failures: number;
}

export interface Figures {
  from: string;
  to: string;
  interval: 'hour' | 'day';
  totals: Counted;
  series: (Counted & { at: string })[];
  refusals: Record<string, number>;
  closeReasons: Partial<Record<CloseReason, number>>;
  desks: { desk: string; started: number; failures: number }[];
  firstReplySeconds: ReplyTime | null;
  firstReplySeries: { at: string; median: number | null; p90: number | null }[];
}

const AGAIN_MS = 30_000;

export const TIMEZONE = new Intl.DateTimeFormat().resolvedOptions().timeZone;

/** The figures of a choice, read again every 30 seconds while somebody looks. The old ones stay until the new ones are there. */
export function useFigures(choice: Choice): {
  figures: Figures | undefined;
  error: ApiFailure | undefined;
  reload(): void;
} {
  const now = useNow();
  const span = spanOf(choice, now);
  const { botId } = choice;
  const path =
    span &&
    `/v1/overview${query({ from: span.from.toISOString(), to: span.to.toISOString(), botId, timezone: TIMEZONE })}`;
  const { data, error, reload } = useResource<Figures>(path, AGAIN_MS);
  const kept = useRef<Figures | undefined>(undefined);
  if (data) kept.current = data;
  return { figures: kept.current, error, reload };
}

/** The clock moves the range: the hour that has just begun belongs to it. */
function useNow(): Date {
  const [now, setNow] = useState(() => new Date());
  useEffect(() => {
    const timer = setInterval(() => document.hidden || setNow(new Date()), AGAIN_MS);
    return () => clearInterval(timer);
  }, []);
  return now;
}
