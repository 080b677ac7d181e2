/** Polls until `probe` gives something truthy; fails with `message` when the time is over. An error of the probe counts as "not yet". */
export async function until<T>(
  probe: () => Promise<T> | T,
  options: { timeoutMs?: number; everyMs?: number; message: string | (() => string) },
): Promise<NonNullable<T>> {
  const end = Date.now() + (options.timeoutMs ?? 10_000);
  let last: unknown;
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
    await new Promise((resolve) => setTimeout(resolve, options.everyMs ?? 20));
  }
}
