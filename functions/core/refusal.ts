/** Every way this API says an expected no. The codes are part of the contract and never change meaning. */
export type RefusalCode =
  | "invalid_json"
  | "invalid_request"
  | "missing_api_key"
  | "invalid_api_key"
  | "missing_token"
  | "invalid_token"
  | "token_expired"
  | "session_superseded"
  | "session_completed"
  | "session_canceled"
  | "session_ended"
  | "insufficient_scope"
  | "not_found"
  | "user_not_found"
  | "session_not_found"
  | "method_not_allowed"
  | "session_conflict"
  | "payload_too_large"
  | "unsupported_media_type"
  | "unknown_flow"
  | "user_required"
  | "idempotency_mismatch"
  | "rate_limited";

/** One thing wrong with one member. `pointer` is a JSON pointer as a URI fragment (RFC 9457 §3, RFC 6901 §6). */
export type FieldError = {
  readonly pointer: string;
  readonly code:
    | "required"
    | "invalid_type"
    | "invalid_length"
    | "invalid_format"
    | "invalid_value"
    | "unknown_member"
    | "too_many";
  readonly detail: string;
};

/** An expected no, as data. `detail` says what to do next and never repeats a submitted value, a key or a token. */
export type Refusal = {
  readonly kind: "refused";
  readonly code: RefusalCode;
  readonly detail: string;
  readonly errors?: readonly FieldError[];
};

export function refuse(code: RefusalCode, detail: string): Refusal {
  return { kind: "refused", code, detail };
}

const MAX_REPORTED_ERRORS = 20;

/** `invalid_request` with what is wrong where; a body with very many faults reports the first twenty. */
export function refuseFields(errors: readonly FieldError[]): Refusal {
  const first = errors[0];
  const detail =
    errors.length === 1 && first !== undefined
      ? `${first.pointer} ${first.detail}.`
      : `${errors.length} members are not as they must be; see \`errors\`.`;
  return { kind: "refused", code: "invalid_request", detail, errors: errors.slice(0, MAX_REPORTED_ERRORS) };
}
