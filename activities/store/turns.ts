/**
 * Lets calls of one name run one after the other, in order, at most `limit` calls at the same time, and at most
 * `perOwner` of one owner.
 */
export class Turns {
  readonly #lastOf = new Map<string, Promise<unknown>>();
  readonly #waiting: { owner: string; resolve: () => void }[] = [];
  readonly #running = new Map<string, number>();
  readonly #perOwner: number;
  #free: number;

  constructor(limit: number, perOwner: number) {
    this.#free = limit;
    this.#perOwner = perOwner;
  }

  /** Without `owner` it takes none of the places. A call that waits for its name takes none either. */
  async run<T>(name: string, call: () => Promise<T>, owner?: string): Promise<T> {
    const result = (this.#lastOf.get(name) ?? Promise.resolve()).then(() =>
      owner === undefined ? call() : this.#placed(owner, call),
    );
    const last = result.catch(() => {});
    this.#lastOf.set(name, last);
    try {
      return await result;
    } finally {
      if (this.#lastOf.get(name) === last) this.#lastOf.delete(name);
    }
  }

  async #placed<T>(owner: string, call: () => Promise<T>): Promise<T> {
    await new Promise<void>((resolve) => {
      this.#waiting.push({ owner, resolve });
      this.#next();
    });
    try {
      return await call();
    } finally {
      this.#free += 1;
      const left = (this.#running.get(owner) ?? 1) - 1;
      if (left > 0) this.#running.set(owner, left);
      else this.#running.delete(owner);
      this.#next();
    }
  }

  /** The one that has waited longest and whose owner has not had his share. */
  #next(): void {
    if (this.#free === 0) return;
    const index = this.#waiting.findIndex(({ owner }) => (this.#running.get(owner) ?? 0) < this.#perOwner);
    const [next] = index < 0 ? [] : this.#waiting.splice(index, 1);
    if (next === undefined) return;
    this.#free -= 1;
    this.#running.set(next.owner, (this.#running.get(next.owner) ?? 0) + 1);
    next.resolve();
  }
}
