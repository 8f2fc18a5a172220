/**
 * A map that forgets: an entry is gone `ttlMs` after it was put, and the oldest go first once there are `maxEntries`.
 * The clock is passed in.
 */
export type ExpiringCache<Value> = {
  get(key: string, nowMs: number): Value | undefined;
  set(key: string, value: Value, nowMs: number): void;
};

export function createExpiringCache<Value>(limits: {
  ttlMs: number;
  maxEntries: number;
}): ExpiringCache<Value> {
  const entries = new Map<string, { value: Value; expiresAtMs: number }>();
  return {
    get(key, nowMs) {
      const entry = entries.get(key);
      return entry !== undefined && nowMs < entry.expiresAtMs ? entry.value : undefined;
    },
    set(key, value, nowMs) {
      entries.delete(key); // so that a renewed entry counts as the youngest
      entries.set(key, { value, expiresAtMs: nowMs + limits.ttlMs });
      if (entries.size > limits.maxEntries)
        for (const oldest of entries.keys()) {
          entries.delete(oldest);
          break;
        }
    },
  };
}
