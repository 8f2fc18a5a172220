import { problem } from "../http/problem.ts";
import { isLive, listSessions, refuseUnknownUser, viewSlot } from "../core/session.ts";
import { toIso, toSeconds } from "../core/time.ts";
import { userStatus } from "../core/user.ts";
import type { AppContext } from "../http/app-env.ts";
import type { Caller } from "../http/authenticate.ts";
import { refuseBody } from "../http/body.ts";
import type { VerificationStore } from "../store/verification/store.ts";
import { resultBody, sessionBody } from "./bodies.ts";
import { userOfPath } from "./path.ts";

const MAX_LISTED_SESSIONS = 50;

/** `GET /v2/users/{refId}`: the user, their status, their active session, and up to 50 session ids, newest first. */
export function readUser({
  stores,
  now,
}: {
  stores: { verification: VerificationStore };
  now: () => number;
}) {
  return async (c: AppContext, caller: Caller): Promise<Response> => {
    const identity = userOfPath(c, caller);
    if (identity.kind === "refused") return problem(c, identity);
    const seconds = toSeconds(now());
    const overview = await stores.verification.readUser(identity.userId, MAX_LISTED_SESSIONS, seconds);
    if (overview === undefined) return problem(c, refuseUnknownUser());

    const { user, slot, records } = overview;
    const active = isLive(slot, seconds) ? viewSlot(slot) : undefined;
    const sessions = listSessions(slot, records, seconds).slice(0, MAX_LISTED_SESSIONS);
    const newest = sessions[0];
    return c.json({
      userId: user.userId,
      refId: user.refId,
      environment: user.environment,
      status: userStatus(user, active),
      ...(newest === undefined ? {} : { flowId: newest.flowId, sessionId: newest.sessionId }),
      sessions: sessions.map(({ sessionId }) => sessionId),
      session: active === undefined ? null : sessionBody(active),
      user: { ...user.details, ...user.extras },
      ...(user.result === undefined
        ? {}
        : { result: { ...resultBody(user.result), sessionId: user.result.sessionId } }),
      createdAt: toIso(user.createdAt),
      updatedAt: toIso(user.updatedAt),
    });
  };
}

/** `DELETE /v2/users/{refId}`: erases the user and all of their sessions; 204 also when there was nothing. */
export function eraseUser({ stores }: { stores: { verification: VerificationStore } }) {
  return async (c: AppContext, caller: Caller): Promise<Response> => {
    const refused = await refuseBody(c);
    if (refused !== undefined) return problem(c, refused);
    const identity = userOfPath(c, caller);
    if (identity.kind === "refused") return problem(c, identity);
    const erased = await stores.verification.eraseUser(identity.userId);
    c.get("facts").outcome = erased ? "user_erased" : "unchanged";
    return c.body(null, 204);
  };
}
