/** How long tries take, the same for desks and callbacks. Milliseconds; `workflows/policies.ts` has the limits around them. */

/** The HTTP time-out of one call. */
export const CALL_MS = 10_000;

/** All the time that a quick try has, because the workflow task waits for it. */
export const QUICK_MS = 1_500;

/** The same for a last try, when a handoff ends: its user waits for the end. */
export const LAST_MS = 4_000;

/** Who needs longer than this for one call is called from regular activities. */
export const SLOW_MS = 1_000;

/** How long who was slow is left to regular activities, for all handoffs of its bot. */
export const AVOID_MS = 5_000;

/** A regular activity begins no further call after this time. */
export const STEADY_MS = 20_000;
