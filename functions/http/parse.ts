import * as v from "valibot";
import type { FieldErrorCode } from "../contract/refusals.ts";
import type { FieldError } from "../core/refusal.ts";

/** What came in, as it is to be used, or everything that is wrong with it. */
export type Parsed<Value> = { readonly value: Value } | { readonly errors: readonly FieldError[] };

/** Stands where valibot would put a message of its own, which may repeat the value that was sent. */
const FALLBACK = "is not as it must be";

/**
 * Holds what came in against a schema of the contract: the one place where that is done. A maximum is checked before
 * anything that costs more, and what fails it is looked at no further.
 */
export function parse<Value>(schema: v.GenericSchema<unknown, Value>, sent: unknown): Parsed<Value> {
  const parsed = v.safeParse(schema, sent, { abortPipeEarly: true, message: () => FALLBACK });
  return parsed.success ? { value: parsed.output } : { errors: parsed.issues.map(toFieldError) };
}

type Issue = v.BaseIssue<unknown>;

/** valibot's issue as what the API answers: where, a stable code, and a sentence that never holds the value. */
function toFieldError(issue: Issue): FieldError {
  const path = (issue.path ?? []).map((item) => item.key as string | number);
  return { pointer: pointerTo(path), ...describe(issue) };
}

const MAX_NAMED_CHARACTERS = 64;

/**
 * The JSON pointer of a path as a URI fragment (RFC 6901 §6). A name that a caller chose is cut at 64 characters, so
 * that a refusal stays short.
 */
function pointerTo(path: readonly (string | number)[]): string {
  const shortName = (name: string | number) => String(name).slice(0, MAX_NAMED_CHARACTERS).toWellFormed();
  return [
    "#",
    ...path.map((name) => encodeURIComponent(shortName(name).replaceAll("~", "~0").replaceAll("/", "~1"))),
  ].join("/");
}

function describe(issue: Issue): Omit<FieldError, "pointer"> {
  const origin = issue.path?.at(-1)?.origin;
  if (issue.kind === "schema" && origin === "key") {
    return issue.expected === "never"
      ? { code: "unknown_member", detail: "is not a member of this object; check its spelling" }
      : { code: "required", detail: "is required" };
  }
  if (issue.kind === "schema") return describeType(issue);
  // A rule over several members says its code itself.
  const code = issue.type === "raw_check" ? (issue.expected as FieldErrorCode) : VALIDATION_CODES[issue.type];
  return { code: code ?? "invalid_format", detail: issue.message };
}

const VALIDATION_CODES: Readonly<Record<string, FieldErrorCode>> = {
  non_empty: "invalid_length",
  min_length: "invalid_length",
  max_length: "invalid_length",
  min_value: "invalid_value",
  max_value: "invalid_value",
};

function describeType(issue: Issue): Omit<FieldError, "pointer"> {
  switch (issue.type) {
    case "picklist":
      return {
        code: "invalid_value",
        detail: `must be one of ${issue.expected?.replaceAll(/[()"]/g, "").replaceAll(" | ", ", ")}`,
      };
    case "string":
      return { code: "invalid_type", detail: "must be a string" };
    case "boolean":
      return { code: "invalid_type", detail: "must be true or false" };
    case "union":
      return { code: "invalid_type", detail: "must be a string, a number or a boolean" };
    default:
      return { code: "invalid_type", detail: "must be a JSON object" };
  }
}
