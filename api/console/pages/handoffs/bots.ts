import { useResource } from '../../lib/resource.ts';

/** Ids of all bots, to choose from; empty until they are read. */
export function useBots(): string[] {
  const { data } = useResource<{ bots: { id: string }[] }>('/v1/bots');
  return data?.bots.map(({ id }) => id) ?? [];
}
