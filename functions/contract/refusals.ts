/** Every expected no: its HTTP status, and a title that is the same for every occurrence (RFC 9457 §3.1). */
export const REFUSALS = {
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
} as const;

/** The codes are part of the contract and never change meaning. */
export type RefusalCode = keyof typeof REFUSALS;

/** Unexpected failures: ours, not the caller's. */
export const FAULTS = {
  internal: { status: 500, title: "Something went wrong on our side" },
  unavailable: { status: 503, title: "The service is not available for the moment" },
} as const;

export type FaultCode = keyof typeof FAULTS;

/** What may be wrong with one member of a request. */
export const FIELD_ERROR_CODES = [
  "required",
  "invalid_type",
  "invalid_length",
  "invalid_format",
  "invalid_value",
  "unknown_member",
  "too_many",
] as const;

export type FieldErrorCode = (typeof FIELD_ERROR_CODES)[number];

/** Why a session's state did not allow a call: for the log, which tells the sentences of `session_conflict` apart. */
export type ConflictReason =
  | "never_started"
  | "expired"
  | "superseded"
  | "canceled"
  | "completed"
  | "final_result";
