import type { Refusal, RefusalCode } from "../core/refusal.ts";
import { Unavailable } from "../store/retry.ts";
import type { AppContext } from "./app-env.ts";

type Kind = {
  readonly status: 400 | 401 | 403 | 404 | 405 | 409 | 413 | 415 | 422 | 429 | 500 | 503;
  readonly title: string;
};

/** Every problem this API answers with: its status, and a title that is the same for every occurrence (RFC 9457 §3.1). */
export const PROBLEMS = {
  invalid_json: { status: 400, title: "The body is not JSON" },
  invalid_request: { status: 400, title: "The request is not as it must be" },
  missing_api_key: { status: 401, title: "An API key is needed" },
  invalid_api_key: { status: 401, title: "The API key is not valid" },
  missing_token: { status: 401, title: "A session token is needed" },
  invalid_token: { status: 401, title: "The session token is not valid" },
  token_expired: { status: 401, title: "The session token has expired" },
  session_superseded: { status: 401, title: "The session was superseded" },
  session_completed: { status: 401, title: "The session is completed" },
  session_canceled: { status: 401, title: "The session was canceled" },
  session_ended: { status: 401, title: "The session has ended" },
  insufficient_scope: { status: 403, title: "The API key may not do this" },
  not_found: { status: 404, title: "There is nothing here" },
  user_not_found: { status: 404, title: "There is no such user" },
  session_not_found: { status: 404, title: "There is no such session" },
  method_not_allowed: { status: 405, title: "The method is not allowed here" },
  session_conflict: { status: 409, title: "The session's state does not allow this" },
  payload_too_large: { status: 413, title: "The body is too large" },
  unsupported_media_type: { status: 415, title: "The content type is not supported" },
  unknown_flow: { status: 422, title: "There is no such flow" },
  user_required: { status: 422, title: "The flow needs the user's details" },
  idempotency_mismatch: { status: 422, title: "The idempotency key was used for another call" },
  rate_limited: { status: 429, title: "Too many requests" },
  internal: { status: 500, title: "Something went wrong on our side" },
  unavailable: { status: 503, title: "The service is not available for the moment" },
} as const satisfies Record<RefusalCode | "internal" | "unavailable", Kind>;

const RETRY_AFTER_SECONDS = 1;

/** Answers a refusal as RFC 9457 `application/problem+json`. */
export function problem(c: AppContext, refusal: Refusal): Response {
  if (PROBLEMS[refusal.code].status === 401) c.header("WWW-Authenticate", challenge(refusal.code));
  return answer(c, refusal.code, refusal.detail, refusal.errors);
}

/** Answers an exception: `unavailable` if the store gave out, else `internal`. What went wrong is for the log alone. */
export function faultProblem(c: AppContext, error: Error): Response {
  if (!(error instanceof Unavailable)) {
    return answer(c, "internal", "It was logged under the request id. Repeating the call is safe.");
  }
  c.header("Retry-After", String(RETRY_AFTER_SECONDS));
  return answer(
    c,
    "unavailable",
    "The call may be partly stored. Repeat it as it is, after `Retry-After` seconds.",
  );
}

function answer(
  c: AppContext,
  code: keyof typeof PROBLEMS,
  detail: string,
  errors?: Refusal["errors"],
): Response {
  const { status, title } = PROBLEMS[code];
  const requestId = c.get("requestId");
  c.get("facts").code = code;
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
