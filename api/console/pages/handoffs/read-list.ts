import { get, query } from '../../lib/api.ts';
import { useReading, type Resource } from '../../lib/resource.ts';
import { askedOf, type Filter } from './filter.ts';
import type { HandoffPage, HandoffView } from './views.ts';

const EVERY_MS = 3_000;
const PAGE_MAX = 200;

export interface Listed {
  handoffs: HandoffView[];
  /** There are older ones. */
  more: boolean;
}

/** The newest `shown` handoffs of a filter, all of them read again every 3 seconds while somebody looks. */
export function useHandoffs(filter: Filter, shown: number): Resource<Listed> {
  const asked = askedOf(filter);
  return useReading(query({ ...asked, shown }), (signal) => readList(asked, shown, signal), EVERY_MS);
}

async function readList(asked: Record<string, string>, shown: number, signal: AbortSignal): Promise<Listed> {
  const handoffs: HandoffView[] = [];
  let cursor: string | undefined;
  do {
    const limit = Math.min(PAGE_MAX, shown - handoffs.length);
    const page = await get<HandoffPage>(`/v1/handoffs${query({ ...asked, limit, cursor })}`, signal);
    handoffs.push(...page.handoffs);
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined && handoffs.length < shown);
  return { handoffs, more: cursor !== undefined };
}
