import { useEffect, useState } from 'preact/hooks';
import { get, query } from '../../lib/api.ts';
import type { Bot, BotPage } from './types.ts';

const PAGE = 200;

/** All bots, page by page, so that a search finds every one; what is there is shown meanwhile. */
export function useAllBots(): { bots: Bot[] | undefined; error: unknown; reload(): void } {
  const [bots, setBots] = useState<Bot[]>();
  const [error, setError] = useState<unknown>();
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    const stopping = new AbortController();
    setError(undefined);
    readAll(stopping.signal, setBots).catch((failure: unknown) => {
      if (!stopping.signal.aborted) setError(failure);
    });
    return () => stopping.abort();
  }, [turn]);
  return { bots, error, reload: () => setTurn(turn + 1) };
}

async function readAll(signal: AbortSignal, show: (bots: Bot[]) => void): Promise<void> {
  const all: Bot[] = [];
  let cursor: string | undefined;
  do {
    const page: BotPage = await get<BotPage>(`/v1/bots${query({ limit: PAGE, cursor })}`, signal);
    all.push(...page.bots);
    show([...all]);
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined);
}
