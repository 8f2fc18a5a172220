import * as v from "valibot";

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
