import type { DeskMemory } from '../../activities/desks/desk.ts';

interface Kept {
  json: string;
  /** Epoch milliseconds. */
  endsMs: number;
}

/** A desk's memory without a database: values go through JSON, time is the clock's, updates of a key wait for each other. */
export function createTestMemory(now: () => number = Date.now): DeskMemory {
  const kept = new Map<string, Kept>();
  const updates = new Map<string, Promise<unknown>>();

  async function get<T>(key: string): Promise<T | undefined> {
    const found = kept.get(key);
    return found !== undefined && found.endsMs > now() ? (JSON.parse(found.json) as T) : undefined;
  }

  async function put(key: string, value: unknown, { ttlMs = Infinity }: { ttlMs?: number } = {}): Promise<void> {
    const json = JSON.stringify(value) as string | undefined;
    if (json === undefined) throw new Error(`${key}: not a JSON value`);
    kept.set(key, { json, endsMs: now() + ttlMs });
  }

  return {
    get,
    put,
    async update<T>(key: string, change: (value: T | undefined) => Promise<T>, options?: { ttlMs?: number }) {
      const before = updates.get(key) ?? Promise.resolve();
      const turn = before.then(async () => {
        const value = await change(await get<T>(key));
        await put(key, value, options);
        return JSON.parse(JSON.stringify(value)) as T;
      });
      updates.set(
        key,
        turn.catch(() => undefined),
      );
      return await turn;
    },
    async forget(key) {
      kept.delete(key);
    },
  };
}
