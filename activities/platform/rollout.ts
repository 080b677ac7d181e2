import { z } from 'zod';
import { checked, toggle } from './variables.ts';

/** How a new version takes the place of the one before it: `deploy/upgrades.md`. */
export interface Rollout {
  /**
   * Temporal routes work to the worker version that is current in its Worker Deployment. undefined: to any worker, and a
   * rolling restart replaces them.
   */
  version: { deploymentName: string; buildId: string } | undefined;
  /** Handoffs go the way of the version before, so that its workers can go on with them. */
  holdPatches: boolean;
}

// As Temporal has them: it joins both to one name.
const name = checked((value) =>
  /^[A-Za-z0-9_-]{1,100}$/.test(value) ? undefined : 'must be letters, digits, _ and -, 100 at the most',
);
const buildId = checked((value) =>
  /^[A-Za-z0-9_.+-]{1,100}$/.test(value) ? undefined : 'must be letters, digits, _, ., + and -, 100 at the most',
);

/** The variables of `Rollout`. */
export const rolloutVariables = {
  BATON_BUILD_ID: buildId.optional().describe('Version of this worker in its Worker Deployment; none = not versioned.'),
  BATON_DEPLOYMENT_NAME: name.default('baton').describe('The Worker Deployment of BATON_BUILD_ID.'),
  BATON_HOLD_PATCHES: toggle.default(false).describe('Whether handoffs go the way of the version before.'),
};

const shape = z.object(rolloutVariables);

/** From the variables as they were read. */
export const rolloutOf = (read: z.output<typeof shape>): Rollout => ({
  version:
    read.BATON_BUILD_ID === undefined
      ? undefined
      : { deploymentName: read.BATON_DEPLOYMENT_NAME, buildId: read.BATON_BUILD_ID },
  holdPatches: read.BATON_HOLD_PATCHES,
});
