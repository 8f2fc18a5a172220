import { FAULTS, type FaultCode, REFUSALS, type RefusalCode } from "../contract/refusals.ts";
import type { Refusal } from "../core/refusal.ts";
import { Unavailable } from "../store/retry.ts";
import type { AppContext } from "./context.ts";

const RETRY_AFTER_SECONDS = 1;
const PROBLEMS = { ...REFUSALS, ...FAULTS };

/** Answers a refusal as RFC 9457 `application/problem+json`. */
export function problem(c: AppContext, refusal: Refusal): Response {
  if (REFUSALS[refusal.code].status === 401) c.header("WWW-Authenticate", challenge(refusal.code));
  if (refusal.reason !== undefined) c.get("log").reason = refusal.reason;
  return answer(c, refusal.code, refusal.detail, refusal.errors);
}

/** Answers an exception: `unavailable` if the store gave out, else `internal`. What went wrong is for the log alone. */
export function faultProblem(c: AppContext, error: unknown): Response {
  if (!(error instanceof Unavailable)) {
    return answer(c, "internal", "It was logged under the request id. Repeating the call is safe.");
  }
  if (error.removedSome) c.get("log").erasing = true;
  c.header("Retry-After", String(RETRY_AFTER_SECONDS));
  const reads = c.req.method === "GET" || c.req.method === "HEAD";
  const again = "Repeat it as it is, after `Retry-After` seconds.";
  return answer(
    c,
    "unavailable",
    reads ? `The call could not be answered. ${again}` : `The call may be partly stored. ${again}`,
  );
}

function answer(
  c: AppContext,
  code: RefusalCode | FaultCode,
  detail: string,
  errors?: Refusal["errors"],
): Response {
  const { status, title } = PROBLEMS[code];
  const requestId = c.get("requestId");
  c.get("log").code = code;
  return c.body(
    JSON.stringify({
      type: `urn:verification-sessions:problem:${code}`,
      title,
      status,
      detail,
      // Not the path: a refId in it may be an e-mail address.
      instance: `urn:verification-sessions:request:${requestId}`,
      code,
      requestId,
      ...(errors === undefined ? {} : { errors }),
    }),
    status,
    { "content-type": "application/problem+json" },
  );
}

/** RFC 9110 §11.6.1; for tokens with the error code of RFC 6750 §3, which has none for a request without a token. */
function challenge(code: RefusalCode): string {
  if (code === "missing_api_key" || code === "invalid_api_key")
    return 'ApiKey realm="verification-sessions", header="x-api-key"';
  const realm = 'Bearer realm="verification-sessions"';
  return code === "missing_token" ? realm : `${realm}, error="invalid_token"`;
}
