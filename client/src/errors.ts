import type { FieldError, Problem } from "./types.ts";

/** The codes of refusals and faults that this version knows. */
export type ProblemCode = Problem["code"];

/** Everything that these clients throw, but a `TypeError` for an argument that cannot be right. */
export class VerificationError extends Error {
  override readonly name: string = "VerificationError";
}

/** The API, or what stands before it, has answered and said no. */
export class ProblemError extends VerificationError {
  override readonly name = "ProblemError";
  /** The HTTP status. */
  readonly status: number;
  /**
   * What happened, for programs. A later API may have codes that this version does not know: go by `status` then. It is
   * `undefined` where the answer is not the API's own, such as a gateway's.
   */
  readonly code: ProblemCode | (string & {}) | undefined;
  /** What is wrong and what to do, for people. It never repeats a value that was sent. */
  readonly detail: string;
  /** For `invalid_request`: what is wrong with which member. */
  readonly errors: readonly FieldError[];
  /** The API's id of the request: name it when you ask for help. */
  readonly requestId: string | undefined;
  readonly headers: Headers;

  /** @param body what the answer held, as parsed; `undefined` where it was no JSON */
  constructor(status: number, headers: Headers, body: unknown) {
    const { code, detail, requestId, errors } = membersOf(body);
    const said = text(detail) ?? "The answer says no more.";
    super([status, ...(text(code) === undefined ? [] : [code])].join(" ") + `: ${said}`);
    this.status = status;
    this.code = text(code);
    this.detail = said;
    this.errors = Array.isArray(errors) ? errors : [];
    this.requestId = text(requestId) ?? headers.get("x-request-id") ?? undefined;
    this.headers = headers;
  }

  /** How long the answer asks to wait before the call is repeated, if it does (RFC 9110 §10.2.3). */
  get retryAfterMs(): number | undefined {
    const value = this.headers.get("retry-after");
    if (value === null) return undefined;
    const waitMs = /^\d+$/.test(value) ? Number(value) * 1_000 : Date.parse(value) - Date.now();
    return Number.isNaN(waitMs) ? undefined : Math.max(0, waitMs);
  }
}

/** No answer came, or none that could be read whole: `cause` says why. The call may have been done all the same. */
export class ConnectionError extends VerificationError {
  override readonly name: string = "ConnectionError";
}

/** No whole answer came in time. The call may have been done all the same. */
export class TimeoutError extends ConnectionError {
  override readonly name = "TimeoutError";
}

/** The caller's signal ended the call; `cause` is the signal's reason. The call may have been done all the same. */
export class AbortError extends VerificationError {
  override readonly name = "AbortError";
}

function membersOf(body: unknown): { readonly [name: string]: unknown } {
  return typeof body === "object" && body !== null ? { ...body } : {};
}

const text = (value: unknown) => (typeof value === "string" ? value : undefined);
