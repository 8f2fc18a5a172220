import { deriveUserId, isMadeFor, isSessionId } from "../core/ids.ts";
import type { NamedSession } from "../core/session.ts";
import type { UserIdentity } from "../core/user.ts";
import type { BackendCaller } from "../http/authenticate.ts";
import type { LogFields } from "../http/request-log.ts";

/** The user of (caller's client, caller's environment, refId). Whether there is such a user is not looked at. */
export function identifyUser(
  { clientId, environment, userIdSecret }: BackendCaller,
  refId: string,
  log: LogFields,
): UserIdentity {
  const userId = deriveUserId(userIdSecret, environment, refId);
  log.userId = userId;
  return { userId, refId, clientId, environment };
}

/** A well-formed id that no session has: what is no session id names no session of a user who is there. */
const NO_SESSION = `ses_${"0".repeat(26)}` as const;

/** The session of a user that the path names. */
export function identifySession(
  { userIdSecret }: BackendCaller,
  { userId }: UserIdentity,
  sessionId: string,
  log: LogFields,
): NamedSession {
  if (!isSessionId(sessionId)) return { sessionId: NO_SESSION, issued: false };
  log.sessionId = sessionId;
  return { sessionId, issued: isMadeFor(sessionId, { userId, userIdSecret }) };
}
