import * as v from "valibot";

/**
 * Parts that the contract's schemas are made of. They hold no `transform` and no `custom`, and beside every `check`
 * stands its `v.metadata`, so that an OpenAPI document can be made of them.
 */

const wellFormed = v.check<string, string>(
  (value) => value.isWellFormed(),
  "must be well-formed Unicode, without lone surrogates",
);

const atMost = (maxLength: number) =>
  v.maxLength<string, number, string>(maxLength, `must have at most ${maxLength} characters`);

/** A string of at most `maxLength` UTF-16 code units and well-formed Unicode; it may be empty. */
export function optionalText(maxLength: number) {
  return v.pipe(v.string(), atMost(maxLength), wellFormed, v.metadata({ wellFormed: true }));
}

/** A string of 1 to `maxLength` UTF-16 code units and well-formed Unicode. */
export function text(maxLength: number) {
  return v.pipe(
    v.string(),
    v.nonEmpty("must not be empty"),
    atMost(maxLength),
    wellFormed,
    v.metadata({ wellFormed: true }),
  );
}

/** `text` on one line: no control characters, which would play with logs and terminals. */
export function line(maxLength: number) {
  return v.pipe(text(maxLength), v.regex(/^\P{Cc}*$/u, "must not hold control characters"));
}

/** A JSON object, which neither `null` nor an array is. */
export function isJsonObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** An object schema for JSON objects only: valibot's own accept arrays. */
export function jsonObject<Schema extends v.GenericSchema>(schema: Schema): Schema {
  return {
    ...schema,
    "~run"(dataset: v.UnknownDataset, config: v.Config<v.BaseIssue<unknown>>) {
      return schema["~run"](Array.isArray(dataset.value) ? { value: undefined } : dataset, config);
    },
  };
}

/** Names that valibot's objects skip; to a caller they are names like any other. */
const SKIPPED_NAMES = ["__proto__", "prototype", "constructor"];

/**
 * An object of `known` members and any others, each held against `others`. What comes out has its members in the order
 * in which they were sent, those called `__proto__` or `constructor` included.
 */
export function openObject<Known extends v.ObjectEntries, Others extends v.GenericSchema>(
  known: Known,
  others: Others,
) {
  const schema = v.objectWithRest(known, others);
  return jsonObject({
    ...schema,
    "~run"(dataset: v.UnknownDataset, config: v.Config<v.BaseIssue<unknown>>) {
      const sent = dataset.value;
      const result = schema["~run"](dataset, config);
      if (!isJsonObject(sent)) return result;
      const skipped = SKIPPED_NAMES.filter((name) => Object.hasOwn(sent, name)).map((name) => {
        const value = sent[name];
        const path = { type: "object", origin: "value", input: sent, key: name, value } as const;
        const { value: output, issues = [] } = others["~run"]({ value }, config);
        return {
          name,
          value: output,
          issues: issues.map((issue) => Object.assign(issue, { path: [path, ...(issue.path ?? [])] })),
        };
      });
      if (skipped.length === 0) return result;
      const values = new Map(Object.entries(result.value as Record<string, unknown>));
      for (const each of skipped) values.set(each.name, each.value);
      // Object.fromEntries defines own properties, so `__proto__` is data like any other.
      const value = Object.fromEntries(Object.keys(sent).map((name) => [name, values.get(name)]));
      const issues = [...(result.issues ?? []), ...skipped.flatMap((each) => each.issues)];
      return (
        issues.length === 0 ? { typed: true, value } : { typed: false, value, issues }
      ) as typeof result;
    },
  });
}

/** The bytes of a value as UTF-8 JSON. */
export function jsonBytes(value: unknown): number {
  return new TextEncoder().encode(JSON.stringify(value)).length;
}

/** Names of members that a caller chooses, in OpenAPI's words beside the rule. */
export const nameRule = (maxLength: number) => ({
  pattern: new RegExp(`^[A-Za-z0-9_-]{1,${maxLength}}$`),
  detail: `must be named with 1 to ${maxLength} of A-Z a-z 0-9 _ -`,
});
