import type { Slot } from "../core/session.ts";
import { toIso, toSeconds } from "../core/time.ts";
import type { Environment } from "../core/environment.ts";
import type { AppContext } from "../http/app-env.ts";
import type { Frontend } from "../http/authenticate.ts";
import { refuseBody } from "../http/body.ts";
import { problem } from "../http/problem.ts";
import type { VerificationStore } from "../store/verification/store.ts";

/** What a frontend may know: no personal data, no refId. */
function frontendBody({ sessionId, flowId, status, createdAt, expiresAt }: Slot, environment: Environment) {
  return { sessionId, flowId, status, environment, createdAt: toIso(createdAt), expiresAt: toIso(expiresAt) };
}

/** `GET /v2/session`: the session that the token stands for. */
export function readFrontendSession() {
  return async (c: AppContext, { slot, user }: Frontend): Promise<Response> =>
    c.json(frontendBody(slot, user.environment));
}

/** `POST /v2/session/start`: from `open` to `in_progress`; doing it again answers the same. */
export function startFrontendSession({
  stores,
  now,
}: {
  stores: { verification: VerificationStore };
  now: () => number;
}) {
  return async (c: AppContext, session: Frontend): Promise<Response> => {
    const refused = await refuseBody(c);
    if (refused !== undefined) return problem(c, refused);
    const started = await stores.verification.startSession(session, session.judge, toSeconds(now()));
    if (started.kind === "refused") return problem(c, started);
    c.get("facts").outcome = started.kind === "started" ? "session_started" : "unchanged";
    return c.json(frontendBody(started.slot, session.user.environment));
  };
}
