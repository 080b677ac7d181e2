/** In milliseconds. Without `everyMs` the pauses grow: what takes long is not asked for so often that it takes longer. */
const FIRST_PAUSE = 20;
const LONGEST_PAUSE = 150;
/** For a machine on which four tests share two cores with what they start. */
const PATIENCE_MS = 30_000;

/** Polls until `probe` gives something truthy; fails with `message` when the time is over. An error of the probe counts as "not yet". */
export async function until<T>(
  probe: () => Promise<T> | T,
  options: { timeoutMs?: number; everyMs?: number; message: string | (() => string) },
): Promise<NonNullable<T>> {
  const end = Date.now() + (options.timeoutMs ?? PATIENCE_MS);
  let last: unknown;
  let pauseMs = options.everyMs ?? FIRST_PAUSE;
  for (;;) {
    try {
      const found = await probe();
      if (found) return found;
      last = undefined;
    } catch (error) {
      last = error;
    }
    if (Date.now() >= end) {
      const message = typeof options.message === 'string' ? options.message : options.message();
      throw new Error(`Not in time: ${message}`, { cause: last });
    }
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
    if (options.everyMs === undefined) pauseMs = Math.min(pauseMs * 1.25, LONGEST_PAUSE);
  }
}

/** Repeats an expectation until it holds, for what shows a moment after its cause; fails as it failed last. */
export async function soon(expectation: () => Promise<void>, timeoutMs = PATIENCE_MS): Promise<void> {
  const end = Date.now() + timeoutMs;
  for (;;) {
    try {
      return await expectation();
    } catch (error) {
      if (Date.now() >= end) throw error;
      await new Promise((resolve) => setTimeout(resolve, LONGEST_PAUSE));
    }
  }
}
