import type { ChaosOptions } from './chaos.ts';

/** Seeds of short runs that have found a fault. `npm test` runs each of them again; outside CI beside a new one. */
export const SEEDS: readonly number[] = [
  // In a messenger, what was said before the desk had accepted the handoff, or a worker begun with it, was not looked for
  // at its end.
  526_301_967,
];

/** The run that is part of `npm test`: every kind of trouble, each once or twice. */
export const SHORT: Omit<ChaosOptions, 'seed' | 'log'> = {
  seconds: 8,
  handoffs: 13,
  each: 1,
  pauseMs: 300,
  length: 4,
  outageMs: 2_000,
  calmMs: 1_500,
};
