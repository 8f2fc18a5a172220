import { createHash } from "node:crypto";
import { encodeTime } from "ulid";

const PREFIX = "evt_";
const TIME_DIGITS = 10;
const HASH_DIGITS = 20;
const SHAPE = new RegExp(`^${PREFIX}[0-7][0-9A-HJKMNP-TV-Z]{${TIME_DIGITS - 1}}[0-9a-f]{${HASH_DIGITS}}$`);

/**
 * An event's id: `evt_`, when it happened, and a hash of what happened. It sorts by its time, and the same happening
 * always has the same id, however often it is looked at. (No dot in it: Standard Webhooks signs `<id>.<time>.<body>`.)
 * @param at epoch seconds
 * @param what tells the event from every other of that second
 */
export function eventIdOf(at: number, what: readonly string[]): string {
  const hash = createHash("sha256").update(JSON.stringify(what)).digest("hex").slice(0, HASH_DIGITS);
  return firstEventIdOf(at) + hash;
}

/** What the ids of events of that second (epoch seconds) and later ones sort after, and those of earlier ones before. */
export function firstEventIdOf(at: number): string {
  return PREFIX + encodeTime(at * 1000, TIME_DIGITS);
}

export function isEventId(text: string): boolean {
  return SHAPE.test(text);
}
