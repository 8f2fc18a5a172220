import { DEFAULT_PAGE_SIZE } from "../contract/sessions.ts";
import { refuseUnknownUser } from "../core/ending.ts";
import { parseHistoryCursor, toHistoryCursor } from "../core/history-cursor.ts";
import { isRefusal, refuseFields } from "../core/refusal.ts";
import { pageSessions } from "../core/session-list.ts";
import { toSeconds } from "../core/time.ts";
import type { OperationHandler } from "../http/router.ts";
import type { VerificationStore } from "../store/verification/store.ts";
import { sessionBody } from "./answers.ts";
import { identifySession, identifyUser } from "./identify.ts";

type Dependencies = {
  readonly stores: { readonly verification: VerificationStore };
  readonly now: () => number;
};

/** `GET /v2/users/{refId}/sessions`: a user's sessions, the active one included, newest first, a page at a time. */
export function listSessions({ stores, now }: Dependencies): OperationHandler<"listSessions"> {
  return async ({ caller, parameters, query, log }) => {
    const { userId } = identifyUser(caller, parameters.refId, log);
    const { cursor } = query;
    const before = cursor === undefined ? undefined : parseHistoryCursor(caller.userIdSecret, userId, cursor);
    if (cursor !== undefined && before === undefined)
      return refuseFields([
        {
          pointer: "#/cursor",
          code: "invalid_value",
          detail: "must be the `nextCursor` of an earlier page of this same user",
        },
      ]);

    const page = {
      limit: Number(query.limit ?? DEFAULT_PAGE_SIZE),
      ...(before === undefined ? {} : { before }),
    };
    const read = await stores.verification.readHistory(userId, page);
    if (read === undefined) return refuseUnknownUser();
    const { sessions, next } = pageSessions(read, page, toSeconds(now()));
    return {
      status: 200,
      body: {
        sessions: sessions.map(sessionBody),
        ...(next === undefined ? {} : { nextCursor: toHistoryCursor(caller.userIdSecret, userId, next) }),
      },
    };
  };
}

/** `GET /v2/users/{refId}/sessions/{sessionId}`: one session. */
export function readSession({ stores }: Dependencies): OperationHandler<"readSession"> {
  return async ({ caller, parameters, log }) => {
    const user = identifyUser(caller, parameters.refId, log);
    const named = identifySession(caller, user, parameters.sessionId, log);
    const found = await stores.verification.findSession(user, named);
    return isRefusal(found) ? found : { status: 200, body: sessionBody(found) };
  };
}

/** `POST /v2/users/{refId}/sessions/{sessionId}/cancel`: ends an active session for good. */
export function cancelSession({ stores }: Dependencies): OperationHandler<"cancelSession"> {
  return async ({ caller, parameters, log }) => {
    const user = identifyUser(caller, parameters.refId, log);
    const named = identifySession(caller, user, parameters.sessionId, log);
    const ended = await stores.verification.cancelSession(user, named);
    if (isRefusal(ended)) return ended;
    log.outcome = ended.kind === "ended" ? "session_canceled" : "unchanged";
    return { status: 200, body: sessionBody(ended.record) };
  };
}

/** `PUT /v2/users/{refId}/sessions/{sessionId}/result`: the verification engine's report of a session. */
export function reportResult({ stores }: Dependencies): OperationHandler<"reportResult"> {
  return async ({ caller, parameters, body, log }) => {
    const user = identifyUser(caller, parameters.refId, log);
    const named = identifySession(caller, user, parameters.sessionId, log);
    const { status, reason } = body;
    const ended = await stores.verification.reportResult(user, named, {
      status,
      ...(reason === undefined ? {} : { reason }),
    });
    if (isRefusal(ended)) return ended;
    log.outcome = ended.kind === "ended" ? "result_recorded" : "unchanged";
    log.result = status;
    return { status: 200, body: sessionBody(ended.record) };
  };
}
