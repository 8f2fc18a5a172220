import { parseHistoryCursor, toHistoryCursor } from "../core/history-cursor.ts";
import { type FieldError, refuseFields } from "../core/refusal.ts";
import { decideCancel, pageSessions, refuseUnknownUser } from "../core/session.ts";
import { toSeconds } from "../core/time.ts";
import type { AppContext } from "../http/app-env.ts";
import type { Caller } from "../http/authenticate.ts";
import { refuseBody } from "../http/body.ts";
import { problem } from "../http/problem.ts";
import type { VerificationStore } from "../store/verification/store.ts";
import { sessionBody } from "./bodies.ts";
import { sessionOfPath, userOfPath } from "./path.ts";

type Stores = { readonly verification: VerificationStore };

const DEFAULT_LIMIT = 20;
const MAX_LIMIT = 100;

const BAD_LIMIT: FieldError = {
  pointer: "#/limit",
  code: "invalid_value",
  detail: `must be a whole number from 1 to ${MAX_LIMIT}`,
};
const BAD_CURSOR: FieldError = {
  pointer: "#/cursor",
  code: "invalid_value",
  detail: "must be the `nextCursor` of an earlier page of this same user",
};

/** `GET /v2/users/{refId}/sessions`: a user's sessions, the active one included, newest first, a page at a time. */
export function listSessions({ stores, now }: { stores: Stores; now: () => number }) {
  return async (c: AppContext, caller: Caller): Promise<Response> => {
    const user = userOfPath(c, caller);
    if (user.kind === "refused") return problem(c, user);
    const limit = c.req.query("limit") ?? String(DEFAULT_LIMIT);
    const cursor = c.req.query("cursor");
    const before =
      cursor === undefined ? undefined : parseHistoryCursor(caller.userIdSecret, user.userId, cursor);
    const limitFits = /^[1-9]\d{0,2}$/.test(limit) && Number(limit) <= MAX_LIMIT;
    const cursorFits = cursor === undefined || before !== undefined;
    if (!limitFits || !cursorFits) {
      return problem(
        c,
        refuseFields([...(limitFits ? [] : [BAD_LIMIT]), ...(cursorFits ? [] : [BAD_CURSOR])]),
      );
    }

    const page = { limit: Number(limit), ...(before === undefined ? {} : { before }) };
    const seconds = toSeconds(now());
    const read = await stores.verification.readHistory(user.userId, page, seconds);
    if (read === undefined) return problem(c, refuseUnknownUser());
    const { sessions, next } = pageSessions(read, page, seconds);
    return c.json({
      sessions: sessions.map(sessionBody),
      ...(next === undefined ? {} : { nextCursor: toHistoryCursor(caller.userIdSecret, user.userId, next) }),
    });
  };
}

/** `POST /v2/users/{refId}/sessions/{sessionId}/cancel`: ends an active session for good. */
export function cancelSession({ stores, now }: { stores: Stores; now: () => number }) {
  return async (c: AppContext, caller: Caller): Promise<Response> => {
    const refused = await refuseBody(c);
    if (refused !== undefined) return problem(c, refused);
    const user = userOfPath(c, caller);
    if (user.kind === "refused") return problem(c, user);
    const session = sessionOfPath(c, caller, user);
    const seconds = toSeconds(now());
    const ended = await stores.verification.endSession(
      user.userId,
      session.sessionId,
      (images) => decideCancel(images, session, seconds),
      seconds,
    );
    if (ended.kind === "refused") return problem(c, ended);
    c.get("facts").outcome = ended.kind === "ended" ? "session_canceled" : "unchanged";
    return c.json(sessionBody(ended.record));
  };
}
