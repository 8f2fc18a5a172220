import type { ConflictReason, FieldErrorCode, RefusalCode } from "../contract/refusals.ts";

/** One thing wrong with one member. `pointer` is a JSON pointer as a URI fragment (RFC 9457 §3, RFC 6901 §6). */
export type FieldError = {
  readonly pointer: string;
  readonly code: FieldErrorCode;
  readonly detail: string;
};

/** An expected no, as data. `detail` says what to do next and never repeats a submitted value, a key or a token. */
export type Refusal<Code extends RefusalCode = RefusalCode> = {
  readonly kind: "refused";
  readonly code: Code;
  readonly detail: string;
  readonly errors?: readonly FieldError[];
  /** Tells the sentences of `session_conflict` apart in the log. */
  readonly reason?: ConflictReason;
};

/** Whether what a rule, a write or a handler came to is a no. What a caller sent is never asked this. */
export function isRefusal<Outcome>(outcome: Outcome): outcome is Extract<Outcome, Refusal> {
  return (outcome as Partial<Refusal> | undefined)?.kind === "refused";
}

export function refuse<Code extends RefusalCode>(code: Code, detail: string): Refusal<Code> {
  return { kind: "refused", code, detail };
}

/** A session's state does not allow the call. */
export function refuseConflict(reason: ConflictReason, detail: string): Refusal<"session_conflict"> {
  return { ...refuse("session_conflict", detail), reason };
}

const MAX_REPORTED_ERRORS = 20;

/** `invalid_request` with what is wrong where; a request with very many faults reports the first twenty. */
export function refuseFields(errors: readonly FieldError[]): Refusal<"invalid_request"> {
  const first = errors[0];
  const detail =
    errors.length === 1 && first !== undefined
      ? `${first.pointer} ${first.detail}${first.detail.endsWith("?") ? "" : "."}`
      : `${errors.length} members are not as they must be; see \`errors\`.`;
  return { ...refuse("invalid_request", detail), errors: errors.slice(0, MAX_REPORTED_ERRORS) };
}
