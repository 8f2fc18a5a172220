/** How long to wait after each attempt that failed, in seconds. After the last one there is no other. */
export const WAITS_SECONDS = [5, 300, 1_800, 7_200, 18_000, 36_000, 36_000] as const;

/** The first attempt, and one after each wait. */
export const MAX_ATTEMPTS = WAITS_SECONDS.length + 1;

/** A wait is up to a fifth longer than it says, so that what failed together does not come back together. */
const JITTER = 0.2;

/** What a receiver may ask for; beyond that it would outlast what is kept of a delivery. */
const MAX_RETRY_AFTER_SECONDS = 86_400;

/**
 * How long to wait until the next attempt, in whole seconds; `undefined` where there is none.
 * @param attempts how many have been made
 * @param askedSeconds what the receiver asked for; it makes the wait longer, never shorter
 * @param random from 0 to 1
 */
export function waitAfter(attempts: number, askedSeconds: number, random: number): number | undefined {
  const base = WAITS_SECONDS[attempts - 1];
  if (base === undefined) return undefined;
  return Math.ceil(Math.max(base * (1 + JITTER * random), Math.min(askedSeconds, MAX_RETRY_AFTER_SECONDS)));
}

/**
 * What a `Retry-After` asks for (RFC 9110 §10.2.3), in seconds from now; 0 where it asks for nothing that can be
 * understood. It counts with a 429 or a 503 only.
 */
export function retryAfterSeconds(status: number, header: string | undefined, nowSeconds: number): number {
  if (header === undefined || (status !== 429 && status !== 503)) return 0;
  if (/^\d{1,9}$/.test(header)) return Number(header);
  const atMs = Date.parse(header);
  return Number.isNaN(atMs) ? 0 : Math.max(0, Math.ceil(atMs / 1000) - nowSeconds);
}
