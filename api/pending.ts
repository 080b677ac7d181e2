/**
 * Calls to Temporal and to the store that may outlive their request: the caller has hung up, or was answered already.
 * The app waits for them when it closes, because their connections close next.
 */
export interface Pending {
  track<T>(work: Promise<T>): Promise<T>;
  settled(): Promise<void>;
}

export function createPending(): Pending {
  const running = new Set<Promise<unknown>>();
  return {
    track(work) {
      const ended: Promise<unknown> = work.then(
        () => running.delete(ended),
        () => running.delete(ended),
      );
      running.add(ended);
      return work;
    },
    async settled() {
      while (running.size > 0) await Promise.all(running);
    },
  };
}
