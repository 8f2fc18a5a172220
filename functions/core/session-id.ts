import { decodeTime, ulid } from "ulid";
import { keyedHash } from "./user-id.ts";

const PREFIX = "ses_";
const SHAPE = /^ses_[0-7][0-9A-HJKMNP-TV-Z]{25}$/;
/** A ULID is 10 digits of time and 16 of chance; the last 8 of those are given to the seal. */
const UNSEALED_DIGITS = 18;
const SEAL_BYTES = 5;
const CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/** Whom a session id is made for: the user, and the secret of their client that ids are derived with. */
export type SessionOwner = { readonly userId: string; readonly userIdSecret: string };

/**
 * A new session id: `ses_` and a ULID, which sorts by its time. Of its 80 random bits 40 are a keyed hash of the rest and
 * the user, so that an id tells whom it was made for when nothing is stored of its session any more.
 */
export function newSessionId(nowMs: number, owner: SessionOwner): string {
  const unsealed = ulid(nowMs).slice(0, UNSEALED_DIGITS);
  return PREFIX + unsealed + seal(unsealed, owner);
}

export function isSessionId(text: string): boolean {
  return SHAPE.test(text);
}

/** Whether a session id was made by this API for this user. */
export function isMadeFor(sessionId: string, owner: SessionOwner): boolean {
  const unsealed = sessionId.slice(PREFIX.length, PREFIX.length + UNSEALED_DIGITS);
  return sessionId === PREFIX + unsealed + seal(unsealed, owner);
}

/** When a session id was made, in epoch milliseconds. */
export function sessionTime(sessionId: string): number {
  return decodeTime(sessionId.slice(PREFIX.length));
}

function seal(unsealed: string, { userId, userIdSecret }: SessionOwner): string {
  let rest = keyedHash(userIdSecret, ["session id", userId, unsealed]).readUIntBE(0, SEAL_BYTES);
  let digits = "";
  while (digits.length < (SEAL_BYTES * 8) / 5) {
    digits += CROCKFORD[rest % 32];
    rest = Math.floor(rest / 32);
  }
  return digits;
}
