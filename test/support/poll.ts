/** In milliseconds. Without `everyMs` the pauses grow: what takes long is not asked for so often that it takes longer. */
const FIRST_PAUSE = 20;
const LONGEST_PAUSE = 100;

/** Polls until `probe` gives something truthy; fails with `message` when the time is over. An error of the probe counts as "not yet". */
export async function until<T>(
  probe: () => Promise<T> | T,
  options: { timeoutMs?: number; everyMs?: number; message: string | (() => string) },
): Promise<NonNullable<T>> {
  const end = Date.now() + (options.timeoutMs ?? 10_000);
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
