/** Lets calls of one name run one after the other, in order, and at most `limit` calls at the same time. */
export class Turns {
  readonly #lastOf = new Map<string, Promise<unknown>>();
  readonly #waiting: (() => void)[] = [];
  #free: number;

  constructor(limit: number) {
    this.#free = limit;
  }

  /** `counted: false`: takes none of the places. A call that waits for its name takes none either. */
  async run<T>(name: string, call: () => Promise<T>, { counted = true } = {}): Promise<T> {
    const result = (this.#lastOf.get(name) ?? Promise.resolve()).then(() => (counted ? this.#placed(call) : call()));
    const last = result.catch(() => {});
    this.#lastOf.set(name, last);
    try {
      return await result;
    } finally {
      if (this.#lastOf.get(name) === last) this.#lastOf.delete(name);
    }
  }

  async #placed<T>(call: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await call();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#free += 1;
    }
  }
}
