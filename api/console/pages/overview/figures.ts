import { useEffect, useState } from 'preact/hooks';
import type { overview } from '../../../schemas/insight.ts';
import type { ApiFailure } from '../../lib/api.ts';
import { query } from '../../lib/api.ts';
import { TIMEZONE } from '../../lib/i18n.ts';
import { useKept, useResource } from '../../lib/resource.ts';
import { spanOf, type Choice } from './range.ts';

export type Figures = (typeof overview)['_output'];
export type Counted = Figures['totals'];

const AGAIN_MS = 30_000;

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
  const read = useResource<Figures>(path, AGAIN_MS);
  const figures = useKept(read, JSON.stringify(choice));
  return { figures, error: read.error, reload: read.reload };
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
