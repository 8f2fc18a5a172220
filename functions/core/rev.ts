import { randomBytes } from "node:crypto";
import { decodeTime, encodeTime, ulid } from "ulid";

/**
 * What every item bears of the attempt that wrote it last: a ULID, so its sending time in milliseconds and chance. Revs
 * sort by time, and no two attempts share one.
 */
export type Rev = string;

/** How far the clocks of two containers may be apart. */
const MAX_SKEW_MS = 2_000;
/**
 * How much older than its sending an item must be for a write that has not seen it: 2 s for a request that was given up
 * and is still under way, 2 s between two clocks, 1 s to spare.
 */
const BLIND_MARGIN_MS = 5_000;
const TIME_DIGITS = 10;
const CHANCE_DIGITS = 16;

/**
 * The rev of an attempt that is sent now: of its clock's time or, where items were seen, of a millisecond after theirs
 * if that is later. So no write lowers an item's rev, whatever the clocks say.
 * @param seen ULIDs: revs, or what follows the prefix of a session id; `undefined` where nothing was seen
 */
export function newRev(nowMs: number, ...seen: readonly (Rev | undefined)[]): Rev {
  const times = seen.filter((rev) => rev !== undefined).map((rev) => revTime(rev) + 1);
  return ulid(Math.max(nowMs, ...times), chance());
}

/** Random numbers for the digits of one ULID, drawn at once: the library's own way asks the system for each digit. */
function chance(): () => number {
  const bytes = randomBytes(CHANCE_DIGITS);
  let used = 0;
  return () => (bytes[used++] ?? 0) / 256;
}

/** When a rev was made, in epoch milliseconds. */
export function revTime(rev: Rev): number {
  return decodeTime(rev);
}

/** Sorts before every rev that was made at this time. */
export function earliestRev(atMs: number): Rev {
  return encodeTime(Math.max(0, atMs), TIME_DIGITS) + "0".repeat(CHANCE_DIGITS);
}

/** Sorts after every rev that a write sent now may overwrite without having seen the item, and before all others. */
export function revFloor(nowMs: number): string {
  return encodeTime(nowMs - BLIND_MARGIN_MS, TIME_DIGITS);
}

/**
 * Whether what bears this rev is too young for every blind write that was sent until now, by whatever clock: who wants to write
 * what is there already need not write it then.
 */
export function isOutOfBlindReach(rev: Rev, nowMs: number): boolean {
  return rev >= revFloor(nowMs + MAX_SKEW_MS);
}
