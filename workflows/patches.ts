/**
 * New ways of the release that is being made (`patched` in the workflows). `BATON_HOLD_PATCHES` keeps these from new runs;
 * what an earlier release knows is never held. Emptied when a release is made.
 */
export const NEW_PATCHES: ReadonlySet<string> = new Set([
  'last-tries',
  'reconcile',
  'look-at-quiet',
  'second-desk',
  'rearm',
  'lull',
]);
