import { heartbeat } from '@temporalio/activity';
import type { Deps } from './deps.ts';

/** A run is started within the request; a handoff that has none after this time lost it. Seconds. */
const RUN_MISSING_SECONDS = 60;

/** What one round of maintenance finishes. */
const MOST = 200;

/** Runs that are looked up at the same moment. */
const LOOKS_AT_ONCE = 20;

/** Runs that one round looks up, however many handoffs are open: with more a lap takes several rounds. */
const LOOKS_A_ROUND = 500;

/** Where the walk over open handoffs stands. */
const WALK = 'open handoffs';

/** Finds open handoffs whose run can say nothing any more. */
export function createGoneRunActivities({ store, runs, log }: Deps) {
  const goneAmong = async (ids: string[]): Promise<string[]> => {
    const states = await Promise.all(ids.map((id) => runs.state(id)));
    return ids.filter((_, index) => states[index] === 'gone');
  };

  /** The list is only a hint: what it does not tell, the walk finds. */
  async function hinted(): Promise<string[]> {
    const gone: string[] = [];
    try {
      for await (const ids of runs.endedBadly()) {
        gone.push(...(await goneAmong(await store.handoffs.stillOpen(ids))));
        if (gone.length >= MOST) break;
      }
    } catch (error) {
      log.warn({ err: error }, 'the list of terminated runs cannot be read now');
    }
    return gone;
  }

  return {
    /**
     * Open handoffs whose run is gone, at most 200 of them. Changes nothing: the workflow finishes each. Temporal's list
     * tells of those that were terminated just now; a walk over all open ones, some in each round, finds the others.
     */
    async findGoneHandoffs(): Promise<string[]> {
      const gone = new Set(await hinted());
      const after = await store.upkeep.cursor(WALK);
      const ids = await store.handoffs.openOlderThan(RUN_MISSING_SECONDS, LOOKS_A_ROUND, after);
      let looked = 0;
      while (looked < ids.length && gone.size < MOST) {
        heartbeat(looked);
        for (const id of await goneAmong(ids.slice(looked, looked + LOOKS_AT_ONCE))) gone.add(id);
        looked += LOOKS_AT_ONCE;
      }
      const lapEnds = looked >= ids.length && ids.length < LOOKS_A_ROUND;
      await store.upkeep.setCursor(WALK, lapEnds ? undefined : ids[Math.min(looked, ids.length) - 1]);
      return [...gone].slice(0, MOST);
    },
  };
}
