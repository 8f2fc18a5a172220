import { refuseUnknownUser } from "../core/ending.ts";
import { isLive, viewSlot } from "../core/session.ts";
import { listSessions } from "../core/session-list.ts";
import { toIso, toSeconds } from "../core/time.ts";
import { userStatus } from "../core/user.ts";
import type { OperationHandler } from "../http/router.ts";
import type { VerificationStore } from "../store/verification/store.ts";
import { resultBody, sessionBody } from "./answers.ts";
import { identifyUser } from "./identify.ts";

const MAX_LISTED_SESSIONS = 50;

type Dependencies = {
  readonly stores: { readonly verification: VerificationStore };
  readonly now: () => number;
};

/** `GET /v2/users/{refId}`: the user, their status, their active session, and up to 50 session ids, newest first. */
export function readUser({ stores, now }: Dependencies): OperationHandler<"readUser"> {
  return async ({ caller, parameters, log }) => {
    const { userId } = identifyUser(caller, parameters.refId, log);
    const overview = await stores.verification.readUser(userId, { maxRecords: MAX_LISTED_SESSIONS });
    if (overview === undefined) return refuseUnknownUser();

    const nowSeconds = toSeconds(now());
    const { user, slot, records } = overview;
    const active = isLive(slot, nowSeconds) ? viewSlot(slot) : undefined;
    const sessions = listSessions(slot, records, nowSeconds).slice(0, MAX_LISTED_SESSIONS);
    const newest = sessions[0];
    log.outcome = "user_read";
    return {
      status: 200,
      body: {
        userId: user.userId,
        refId: user.refId,
        environment: user.environment,
        status: userStatus(user, sessions),
        ...(newest === undefined ? {} : { flowId: newest.flowId, sessionId: newest.sessionId }),
        sessions: sessions.map(({ sessionId }) => sessionId),
        session: active === undefined ? null : sessionBody(active),
        // What the contract knows has the last word over what a client once sent under the same name.
        user: { ...user.extras, ...user.details },
        ...(user.result === undefined
          ? {}
          : { result: { ...resultBody(user.result), sessionId: user.result.sessionId } }),
        createdAt: toIso(user.createdAt),
        updatedAt: toIso(user.updatedAt),
      },
    };
  };
}

/** `DELETE /v2/users/{refId}`: erases the user and all of their sessions; 204 also when there was nothing. */
export function eraseUser({ stores }: Pick<Dependencies, "stores">): OperationHandler<"eraseUser"> {
  return async ({ caller, parameters, log }) => {
    const { userId } = identifyUser(caller, parameters.refId, log);
    const { erased } = await stores.verification.eraseUser(userId);
    log.outcome = erased ? "user_erased" : "unchanged";
    return { status: 204 };
  };
}
