import { timingSafeEqual } from "node:crypto";
import { isSessionId, type SessionId, type UserId } from "./ids.ts";
import { keyedHash } from "./keyed-hash.ts";

const MAC_BYTES = 16;

/**
 * Where a page of a user's history ended: the session id and a keyed hash that binds it to this user, so that a cursor
 * we did not make is told apart, and none can reach another user.
 */
export function toHistoryCursor(userIdSecret: string, userId: UserId, sessionId: SessionId): string {
  return Buffer.concat([mac(userIdSecret, userId, sessionId), Buffer.from(sessionId)]).toString("base64url");
}

/** The session id of a cursor that was made for this user; `undefined` for any other text. */
export function parseHistoryCursor(
  userIdSecret: string,
  userId: UserId,
  cursor: string,
): SessionId | undefined {
  const bytes = Buffer.from(cursor, "base64url");
  const sessionId = bytes.subarray(MAC_BYTES).toString();
  if (!isSessionId(sessionId) || bytes.toString("base64url") !== cursor) return undefined;
  return timingSafeEqual(bytes.subarray(0, MAC_BYTES), mac(userIdSecret, userId, sessionId))
    ? sessionId
    : undefined;
}

function mac(userIdSecret: string, userId: UserId, sessionId: SessionId): Buffer {
  return keyedHash(userIdSecret, ["history cursor", userId, sessionId]).subarray(0, MAC_BYTES);
}
