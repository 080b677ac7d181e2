import { useAllBots } from '../bots/use-all-bots.ts';

/** Ids of all bots, to choose from; empty until they are read. */
export const useBots = (): string[] => useAllBots().bots?.map(({ id }) => id) ?? [];
