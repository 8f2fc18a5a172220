import { decodeTime, ulid } from "ulid";

const PREFIX = "ses_";
const SHAPE = /^ses_[0-7][0-9A-HJKMNP-TV-Z]{25}$/;

/** A new session id: `ses_` and a ULID, which sorts by its time and holds 80 random bits. */
export function newSessionId(nowMs: number): string {
  return PREFIX + ulid(nowMs);
}

export function isSessionId(text: string): boolean {
  return SHAPE.test(text);
}

/** When a session id was made, in epoch milliseconds. */
export function sessionTime(sessionId: string): number {
  return decodeTime(sessionId.slice(PREFIX.length));
}
