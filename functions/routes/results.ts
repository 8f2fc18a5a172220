import * as v from "valibot";
import { RESULT_STATUSES } from "../core/result.ts";
import { decideResult } from "../core/session.ts";
import { toSeconds } from "../core/time.ts";
import { parseBy, text } from "../core/validation.ts";
import type { AppContext } from "../http/app-env.ts";
import type { Caller } from "../http/authenticate.ts";
import { readBody } from "../http/body.ts";
import { problem } from "../http/problem.ts";
import type { VerificationStore } from "../store/verification/store.ts";
import { sessionBody } from "./bodies.ts";
import { sessionOfPath, userOfPath } from "./path.ts";

const parseReport = parseBy(
  v.strictObject({ status: v.picklist(RESULT_STATUSES), reason: v.optional(text(1_000)) }),
);

/** `PUT /v2/users/{refId}/sessions/{sessionId}/result`: the verification engine's report of a session. */
export function reportResult({
  stores,
  now,
}: {
  stores: { verification: VerificationStore };
  now: () => number;
}) {
  return async (c: AppContext, caller: Caller): Promise<Response> => {
    const body = await readBody(c, parseReport);
    if (body.kind === "refused") return problem(c, body);
    const user = userOfPath(c, caller);
    if (user.kind === "refused") return problem(c, user);
    const session = sessionOfPath(c, caller, user);
    const { status, reason } = body.value;
    const report = { status, ...(reason === undefined ? {} : { reason }) };
    const seconds = toSeconds(now());
    const ended = await stores.verification.endSession(
      user.userId,
      session.sessionId,
      (images) => decideResult(images, session, report, seconds),
      seconds,
    );
    if (ended.kind === "refused") return problem(c, ended);
    const facts = c.get("facts");
    facts.outcome = ended.kind === "ended" ? "result_recorded" : "unchanged";
    facts.result = status;
    return c.json(sessionBody(ended.record));
  };
}
