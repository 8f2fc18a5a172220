import { RefId } from "../core/ref-id.ts";
import { type Refusal, refuseFields } from "../core/refusal.ts";
import type { NamedSession } from "../core/session.ts";
import { isMadeFor, isSessionId } from "../core/session-id.ts";
import type { UserIdentity } from "../core/user.ts";
import { deriveUserId } from "../core/user-id.ts";
import { parseBy } from "../core/validation.ts";
import type { AppContext } from "../http/app-env.ts";
import type { Caller } from "../http/authenticate.ts";

/** The user of (caller's client, caller's environment, refId). Whether there is such a user is not looked at. */
export function identify(c: AppContext, caller: Caller, refId: string): UserIdentity {
  const { clientId, environment, userIdSecret } = caller;
  const userId = deriveUserId(userIdSecret, environment, refId);
  c.get("facts").userId = userId;
  return { userId, refId, clientId, environment };
}

const parseRefId = parseBy(RefId);

/** The user that the path names by `refId`. */
export function userOfPath(c: AppContext, caller: Caller): ({ kind: "user" } & UserIdentity) | Refusal {
  const parsed = parseRefId(c.req.param("refId"));
  if ("errors" in parsed)
    return refuseFields(parsed.errors.map((error) => ({ ...error, pointer: "#/refId" })));
  return { kind: "user", ...identify(c, caller, parsed.value) };
}

/** A well-formed id that no session has: what is no session id names no session of a user who is there. */
const NO_SESSION = `ses_${"0".repeat(26)}`;

/** The session that the path names. */
export function sessionOfPath(
  c: AppContext,
  { userIdSecret }: Caller,
  { userId }: UserIdentity,
): NamedSession {
  const sessionId = c.req.param("sessionId") ?? "";
  if (!isSessionId(sessionId)) return { sessionId: NO_SESSION, issued: false };
  c.get("facts").sessionId = sessionId;
  return { sessionId, issued: isMadeFor(sessionId, { userId, userIdSecret }) };
}
