import { FAULTS, type FaultCode, REFUSALS, type RefusalCode } from "../contract/refusals.ts";
import type { Refusal } from "../core/refusal.ts";
import { Unavailable } from "../store/retry.ts";
import type { Call } from "./call.ts";
import type { Reply } from "./message.ts";

const RETRY_AFTER_SECONDS = 1;
const PROBLEMS = { ...REFUSALS, ...FAULTS };

/** Answers a refusal as RFC 9457 `application/problem+json`. */
export function problem(call: Call, refusal: Refusal): Reply {
  if (REFUSALS[refusal.code].status === 401) call.headers["www-authenticate"] = challenge(refusal.code);
  if (refusal.reason !== undefined) call.log.reason = refusal.reason;
  return answer(call, refusal.code, refusal.detail, refusal.errors);
}

/** Answers an exception: `unavailable` if the store gave out, else `internal`. What went wrong is for the log alone. */
export function faultProblem(call: Call, error: unknown): Reply {
  if (!(error instanceof Unavailable)) {
    return answer(call, "internal", "It was logged under the request id. Repeating the call is safe.");
  }
  if (error.removedSome) call.log.erasing = true;
  call.headers["retry-after"] = String(RETRY_AFTER_SECONDS);
  const reads = call.request.method === "GET" || call.request.method === "HEAD";
  const again = "Repeat it as it is, after `Retry-After` seconds.";
  return answer(
    call,
    "unavailable",
    reads ? `The call could not be answered. ${again}` : `The call may be partly stored. ${again}`,
  );
}

function answer(
  call: Call,
  code: RefusalCode | FaultCode,
  detail: string,
  errors?: Refusal["errors"],
): Reply {
  const { status, title } = PROBLEMS[code];
  const { requestId } = call;
  call.log.code = code;
  return {
    status,
    headers: { "content-type": "application/problem+json" },
    body: JSON.stringify({
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
  };
}

/** RFC 9110 §11.6.1; for tokens with the error code of RFC 6750 §3, which has none for a request without a token. */
function challenge(code: RefusalCode): string {
  if (code === "missing_api_key" || code === "invalid_api_key")
    return 'ApiKey realm="verification-sessions", header="x-api-key"';
  const realm = 'Bearer realm="verification-sessions"';
  return code === "missing_token" ? realm : `${realm}, error="invalid_token"`;
}
