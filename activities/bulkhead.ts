/**
 * At most `limit` calls at once for one key, so that a desk or callback that hangs takes its own places and nobody
 * else's. Gives `undefined` when all are taken; the caller tries again later.
 */
export function createBulkhead(limit: number): <T>(key: string, work: () => Promise<T>) => Promise<T> | undefined {
  const busy = new Map<string, number>();
  return (key, work) => {
    const taken = busy.get(key) ?? 0;
    if (taken >= limit) return undefined;
    busy.set(key, taken + 1);
    return work().finally(() => {
      const left = (busy.get(key) ?? 1) - 1;
      if (left === 0) busy.delete(key);
      else busy.set(key, left);
    });
  };
}
