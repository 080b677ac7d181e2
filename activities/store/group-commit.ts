import { isUnavailable } from './unavailable.ts';

interface Waiting<T> {
  item: T;
  resolve: () => void;
  reject: (error: unknown) => void;
}

const MAX_ITEMS = 500;

/**
 * Lets concurrent writers share a commit: one write is under way at a time, and all that come meanwhile go together
 * into the next. A flush of the disk costs the same for one row as for hundreds. Readers share queries in the same way.
 */
export class GroupCommit<T> {
  readonly #write: (items: T[]) => Promise<void>;
  #queue: Waiting<T>[] = [];
  #running: Promise<void> | undefined;

  /** `write` is all or nothing, and harmless when repeated. */
  constructor(write: (items: T[]) => Promise<void>) {
    this.#write = write;
  }

  /** Resolves once the item is committed. */
  add(item: T): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ item, resolve, reject });
      this.#running ??= this.#run();
    });
  }

  /** Resolves when nothing waits any more. */
  async idle(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    // Calls of the same turn of the event loop go together.
    await Promise.resolve();
    while (this.#queue.length > 0) await this.#flush(this.#queue.splice(0, MAX_ITEMS));
    this.#running = undefined;
  }

  async #flush(group: Waiting<T>[]): Promise<void> {
    try {
      await this.#write(group.map((waiting) => waiting.item));
      for (const waiting of group) waiting.resolve();
    } catch (error) {
      if (group.length === 1 || isUnavailable(error)) {
        for (const waiting of group) waiting.reject(error);
      } else {
        // One of them is bad: halves, down to the one that fails alone.
        const middle = group.length >> 1;
        await this.#flush(group.slice(0, middle));
        await this.#flush(group.slice(middle));
      }
    }
  }
}
