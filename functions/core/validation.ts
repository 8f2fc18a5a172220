import * as v from "valibot";
import type { FieldError } from "./refusal.ts";

/** A JSON object, which neither `null` nor an array is. valibot's own object schemas accept arrays. */
export function isJsonObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** `schema`, for JSON objects only. */
export function jsonObject<Schema extends v.GenericSchema<Record<string, unknown>, unknown>>(schema: Schema) {
  return v.pipe(v.custom<Record<string, unknown>>(isJsonObject), schema);
}

/** A string of 1 to `maxLength` UTF-16 code units and well-formed Unicode. */
export function text(maxLength: number) {
  return v.pipe(
    v.string(),
    v.nonEmpty("must not be empty"),
    v.maxLength(maxLength, `must have at most ${maxLength} characters`),
    wellFormed,
  );
}

/** `text` on one line: no control characters, which would play with logs and terminals. */
export function line(maxLength: number) {
  return v.pipe(text(maxLength), v.regex(/^\P{Cc}*$/u, "must not hold control characters"));
}

const wellFormed = v.check<string, string>(
  (value) => value.isWellFormed(),
  "must be well-formed Unicode, without lone surrogates",
);

const MAX_NAMED_CHARACTERS = 64;

/**
 * The JSON pointer of a path as a URI fragment (RFC 6901 §6). A name that a caller chose is cut at 64 characters, so
 * that a refusal stays short.
 */
export function pointerTo(path: readonly (string | number)[]): string {
  return [
    "#",
    ...path.map((name) => encodeURIComponent(shortName(name).replaceAll("~", "~0").replaceAll("/", "~1"))),
  ].join("/");
}

function shortName(name: string | number): string {
  return String(name).slice(0, MAX_NAMED_CHARACTERS).toWellFormed();
}

/** What came in, as it is to be used, or everything that is wrong with it. */
export type Parsed<Value> = { readonly value: Value } | { readonly errors: readonly FieldError[] };

/** A parser that holds what came in against a valibot schema. */
export function parseBy<Value>(schema: v.GenericSchema<unknown, Value>): (sent: unknown) => Parsed<Value> {
  return (sent) => {
    const parsed = v.safeParse(schema, sent);
    return parsed.success ? { value: parsed.output } : { errors: fieldErrors(parsed.issues) };
  };
}

type Issue = Pick<v.BaseIssue<unknown>, "kind" | "type" | "expected" | "message" | "path">;

/** valibot's issues as what the API answers: where, a stable code, and a sentence that never holds the value. */
export function fieldErrors(issues: readonly Issue[], base: readonly string[] = []): FieldError[] {
  return issues.map((issue) => {
    const path = (issue.path ?? []).map((item) => item.key as string | number);
    return { pointer: pointerTo([...base, ...path]), ...describe(issue) };
  });
}

function describe(issue: Issue): Omit<FieldError, "pointer"> {
  const origin = issue.path?.at(-1)?.origin;
  if (origin === "key" && issue.expected === "never") {
    return { code: "unknown_member", detail: "is not a member of this object; check its spelling" };
  }
  if (origin === "key") return { code: "required", detail: "is required" };
  // A schema's default message repeats the value that was sent, so it is never used.
  if (issue.kind === "schema") return describeType(issue);
  return { code: VALIDATION_CODES[issue.type] ?? "invalid_format", detail: issue.message };
}

const VALIDATION_CODES: Readonly<Record<string, FieldError["code"]>> = {
  non_empty: "invalid_length",
  min_length: "invalid_length",
  max_length: "invalid_length",
};

function describeType(issue: Issue): Omit<FieldError, "pointer"> {
  if (issue.type === "picklist") {
    return {
      code: "invalid_value",
      detail: `must be one of ${issue.expected?.replaceAll(/[()"]/g, "").replaceAll(" | ", ", ")}`,
    };
  }
  if (issue.type === "string") return { code: "invalid_type", detail: "must be a string" };
  if (issue.type === "boolean") return { code: "invalid_type", detail: "must be true or false" };
  return { code: "invalid_type", detail: "must be a JSON object" };
}
