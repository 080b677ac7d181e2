interface Entry<V> {
  value: Promise<V>;
  expiresAt: number;
}

const MAX_ENTRIES = 10_000;

/** Remembers what `load` gave for `ttlMs` milliseconds; a failed load is forgotten at once. */
export function ttlCache<V>(ttlMs: number, load: (key: string) => Promise<V>): (key: string) => Promise<V> {
  const entries = new Map<string, Entry<V>>();
  return (key) => {
    const now = Date.now();
    const cached = entries.get(key);
    if (cached && cached.expiresAt > now) return cached.value;
    if (entries.size >= MAX_ENTRIES) entries.clear();
    const value = load(key);
    entries.set(key, { value, expiresAt: now + ttlMs });
    value.catch(() => entries.delete(key));
    return value;
  };
}
