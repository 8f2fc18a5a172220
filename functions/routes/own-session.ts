import { isRefusal } from "../core/refusal.ts";
import type { OperationHandler } from "../http/router.ts";
import type { VerificationStore } from "../store/verification/store.ts";
import { ownSessionBody } from "./answers.ts";

type Dependencies = { readonly stores: { readonly verification: VerificationStore } };

/** `GET /v2/session`: the session that the token stands for. */
export function readOwnSession(): OperationHandler<"readOwnSession"> {
  return async ({ caller }) => ({
    status: 200,
    body: ownSessionBody(caller.session.slot, caller.claims.environment),
  });
}

/** `POST /v2/session/start`: from `open` to `in_progress`; doing it again answers the same. */
export function startOwnSession({ stores }: Dependencies): OperationHandler<"startOwnSession"> {
  return async ({ caller, log }) => {
    const { claims, session } = caller;
    const started = await stores.verification.startSession(claims, session);
    if (isRefusal(started)) return started;
    log.outcome = started.kind === "started" ? "session_started" : "unchanged";
    return { status: 200, body: ownSessionBody(started.slot, claims.environment) };
  };
}
