import { createExpiringCache } from "../core/expiring-cache.ts";

/** How long a container trusts what it has looked up: a revocation takes hold within this time. */
const KNOWN_CACHE_MS = 60_000;
/** How long something unknown is refused without looking again: what is new works within this time. */
const UNKNOWN_CACHE_MS = 5_000;
const MAX_ENTRIES = 1_000;

/**
 * A look-up that costs no read while its answer is fresh. What is unknown is remembered apart from what is known, so
 * that a flood of inventions cannot push the good entries out.
 * @param knownMs for how long what is known is trusted
 * @returns the value, and whether the cache had the answer
 */
export function createCachedLookup<Arguments extends readonly string[], Value>(
  find: (...args: Arguments) => Promise<Value | undefined>,
  knownMs = KNOWN_CACHE_MS,
): (nowMs: number, ...args: Arguments) => Promise<{ readonly value?: Value; readonly cached: boolean }> {
  const known = createExpiringCache<Value>({ ttlMs: knownMs, maxEntries: MAX_ENTRIES });
  const unknown = createExpiringCache<true>({ ttlMs: UNKNOWN_CACHE_MS, maxEntries: MAX_ENTRIES });
  return async (nowMs, ...args) => {
    const key = JSON.stringify(args);
    const cached = known.get(key, nowMs);
    if (cached !== undefined) return { value: cached, cached: true };
    if (unknown.get(key, nowMs) !== undefined) return { cached: true };
    const value = await find(...args);
    if (value === undefined) unknown.set(key, true, nowMs);
    else known.set(key, value, nowMs);
    return { ...(value === undefined ? {} : { value }), cached: false };
  };
}
