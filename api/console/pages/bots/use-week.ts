import { useEffect, useState } from 'preact/hooks';
import { ApiFailure, call } from '../../lib/api.ts';
import type { Problem } from './editing.ts';
import type { Hours, Week } from './types.ts';
import { plainMessage } from './words.ts';

const PAUSE_MS = 300;
/** "Open now" goes stale by the minute. */
const AGAIN_MS = 60_000;

interface Answer {
  week?: Week;
  problems: Problem[];
  error?: unknown;
}

export interface WeekPreview {
  /** The last that was right. */
  week: Week | undefined;
  /** While the hours are being changed or are wrong. */
  isStale: boolean;
  error: unknown;
  problemAt(path: string): string | undefined;
}

/** What the API makes of hours that are not saved yet, asked when typing pauses. */
export function useWeek(hours: Hours | null): WeekPreview {
  const [answer, setAnswer] = useState<Answer>({ problems: [] });
  const [answered, setAnswered] = useState('');
  const asked = JSON.stringify(hours);

  useEffect(() => {
    if (hours === null) return undefined;
    const stopping = new AbortController();
    const ask = async (): Promise<void> => {
      const next = await askWeek(hours, stopping.signal);
      if (next === undefined) return;
      setAnswered(asked);
      setAnswer((before) => ({ ...(before.week ? { week: before.week } : {}), ...next }));
      timer = setTimeout(() => void ask(), AGAIN_MS);
    };
    let timer = setTimeout(() => void ask(), answered === '' ? 0 : PAUSE_MS);
    return () => {
      clearTimeout(timer);
      stopping.abort();
    };
  }, [asked]);

  const isOfNow = answered === asked;
  return {
    week: answer.week,
    isStale: !isOfNow || answer.problems.length > 0,
    error: answer.error,
    problemAt: (path) => (isOfNow ? answer.problems.find((problem) => problem.path === path)?.message : undefined),
  };
}

/** undefined: nobody waits for it any more. */
async function askWeek(hours: Hours, signal: AbortSignal): Promise<Answer | undefined> {
  try {
    return { week: await call<Week>('POST', '/v1/hours', { hours }, signal), problems: [], error: undefined };
  } catch (error) {
    if (signal.aborted) return undefined;
    const details = error instanceof ApiFailure ? error.details : [];
    const problems = details.map(({ path, message }) => ({ path, message: plainMessage(message) }));
    return { problems, error: details.length === 0 ? error : undefined };
  }
}
