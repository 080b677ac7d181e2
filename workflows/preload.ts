/**
 * What all runs of one worker share, loaded once instead of once per handoff: the modules of this folder, which keep
 * nothing of a run (a test looks). The SDK freezes them, and what they export.
 *
 * And how deep stack traces go. The SDK takes one of every promise, for the call stack in the Temporal UI: with the usual
 * ten frames that was about a third of a worker's time in workflows. These are enough to see what a run waits for and where
 * an error came from.
 */
Error.stackTraceLimit = 4;

export * from './index.ts';
