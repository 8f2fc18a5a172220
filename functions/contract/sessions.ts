import * as v from "valibot";
import { jsonBytes, jsonObject, line, nameRule, openObject, optionalText, text } from "./parts.ts";
import { User } from "./user.ts";
import { RESULT_STATUSES } from "./vocabulary.ts";

/**
 * The client's own id for its end user. It stands in paths, and HTTP APIs hand the path over decoded, so a `/` or `?`
 * in it would name another resource, and dots alone would be a path segment with a meaning of its own.
 */
export const RefId = v.pipe(
  v.string(),
  v.nonEmpty("must not be empty"),
  v.maxLength(256, "must have at most 256 characters"),
  v.regex(/^[A-Za-z0-9._~@:+|=-]*$/, "may hold only A-Z a-z 0-9 . _ ~ @ : + | = -"),
  v.regex(/[^.]|^$/, "must not be made of dots alone"),
);

/** What a flow may be called. */
export const FlowId = line(128);

const MAX_METADATA_MEMBERS = 20;
const MAX_METADATA_BYTES = 4 * 1024;
const METADATA_NAME = nameRule(40);

/** What a client notes on a session for itself: a few short strings. */
export const Metadata = v.pipe(
  openObject({}, optionalText(500)),
  v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed) return;
    const sent = dataset.value as Record<string, string>;
    const names = Object.keys(sent);
    if (names.length > MAX_METADATA_MEMBERS) {
      addIssue({ message: `must have at most ${MAX_METADATA_MEMBERS} members`, expected: "too_many" });
      return;
    }
    for (const name of names) {
      if (METADATA_NAME.pattern.test(name)) continue;
      addIssue({
        message: METADATA_NAME.detail,
        expected: "unknown_member",
        path: [{ type: "object", origin: "key", input: sent, key: name, value: sent[name] }],
      });
    }
    if (jsonBytes(sent) > MAX_METADATA_BYTES) {
      addIssue({ message: "must take at most 4 KiB in all", expected: "invalid_length" });
    }
  }),
  v.metadata({
    maxProperties: MAX_METADATA_MEMBERS,
    propertyNames: { pattern: METADATA_NAME.pattern.source },
  }),
);

/** The body of `POST /v2/sessions`. */
export const OpenSession = jsonObject(
  v.strictObject({
    refId: RefId,
    flowId: v.optional(FlowId),
    forceCreation: v.optional(v.boolean(), false),
    user: v.optional(User),
    metadata: v.optional(Metadata),
  }),
);

/** What the verification engine reports of a session. */
export const ResultReport = jsonObject(
  v.strictObject({ status: v.picklist(RESULT_STATUSES), reason: v.optional(text(1_000)) }),
);

const IDEMPOTENCY_KEY = "must be a header of 1 to 255 printable ASCII characters";

export const IdempotencyKey = v.pipe(
  v.string(),
  v.minLength(1, IDEMPOTENCY_KEY),
  v.maxLength(255, IDEMPOTENCY_KEY),
  v.regex(/^[ -~]*$/, IDEMPOTENCY_KEY),
);

export const DEFAULT_PAGE_SIZE = 20;
export const MAX_PAGE_SIZE = 100;

/** How many sessions a page has, in the digits of a query. */
export const PageSize = v.pipe(
  v.string(),
  v.maxLength(3, `must be a whole number from 1 to ${MAX_PAGE_SIZE}`),
  v.regex(/^([1-9]\d?|100)$/, `must be a whole number from 1 to ${MAX_PAGE_SIZE}`),
);

/** Where a page goes on: the `nextCursor` of the one before. */
export const Cursor = v.pipe(
  v.string(),
  v.maxLength(200, "must be the `nextCursor` of an earlier page of this same user"),
);
