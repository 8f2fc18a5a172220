import type { Environment } from "../contract/vocabulary.ts";
import { keyedHash } from "./keyed-hash.ts";
import { type Rev, revTime } from "./rev.ts";

export type UserId = `usr_${string}`;
export type SessionId = `ses_${string}`;

const SESSION_PREFIX = "ses_";
const USER_SHAPE = /^usr_[\w-]{43}$/;
const SESSION_SHAPE = /^ses_[0-7][0-9A-HJKMNP-TV-Z]{25}$/;
/** A ULID is 10 digits of time and 16 of chance; the last 8 of those are given to the mac. */
const UNSIGNED_DIGITS = 18;
const MAC_BYTES = 5;
const CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/** Whom a session id is made for: the user, and the secret of their client that ids are derived with. */
export type SessionOwner = { readonly userId: UserId; readonly userIdSecret: string };

/**
 * The id of (client, environment, refId): an HMAC-SHA256 under the client's own secret, so that a user is found without
 * a look-up, no client can reach another's key space, and nobody can guess the refId behind an id in a log or a token.
 */
export function deriveUserId(userIdSecret: string, environment: Environment, refId: string): UserId {
  return `usr_${keyedHash(userIdSecret, [environment, refId]).toString("base64url")}`;
}

export function isUserId(text: string): text is UserId {
  return USER_SHAPE.test(text);
}

/**
 * The session id of the attempt that bears `rev`: `ses_` and a ULID of the same time, so that ids sort by it. Of its 80
 * random bits 40 are the rev's and 40 a keyed hash of the rest and the user, so that an id tells whom it was made for
 * when nothing is stored of its session any more.
 */
export function sessionIdOf(rev: Rev, owner: SessionOwner): SessionId {
  const unsigned = rev.slice(0, UNSIGNED_DIGITS);
  return `${SESSION_PREFIX}${unsigned}${mac(unsigned, owner)}`;
}

export function isSessionId(text: string): text is SessionId {
  return SESSION_SHAPE.test(text);
}

/** Whether a session id was made by this API for this user. */
export function isMadeFor(sessionId: SessionId, owner: SessionOwner): boolean {
  return sessionId === sessionIdOf(ulidOf(sessionId), owner);
}

/** The ULID in a session id: what it sorts by, and no later than the rev of any item that holds the session. */
export function ulidOf(sessionId: SessionId): Rev {
  return sessionId.slice(SESSION_PREFIX.length);
}

/** When a session id was made, in epoch milliseconds. */
export function sessionTime(sessionId: SessionId): number {
  return revTime(ulidOf(sessionId));
}

function mac(unsigned: string, { userId, userIdSecret }: SessionOwner): string {
  let rest = keyedHash(userIdSecret, ["session id", userId, unsigned]).readUIntBE(0, MAC_BYTES);
  let digits = "";
  while (digits.length < (MAC_BYTES * 8) / 5) {
    digits += CROCKFORD[rest % 32];
    rest = Math.floor(rest / 32);
  }
  return digits;
}
