import * as v from "valibot";
import { isCountryCode } from "./countries.ts";
import { jsonBytes, jsonObject, nameRule, openObject, optionalText } from "./parts.ts";

/** The most that the `user` object of one call may weigh, as UTF-8 JSON. */
export const MAX_USER_BYTES = 16 * 1024;
export const MAX_OTHER_MEMBERS = 50;
const MAX_NAME_LENGTH = 64;

/** In every known member `""` means what `null` does: callers send it for what they do not know. */
const unlessEmpty = (fits: (value: string) => boolean) => (value: string) => value === "" || fits(value);

/** A member that may be left out, or be `null` or `""`, which removes it. */
function removable<Schema extends v.GenericSchema>(schema: Schema) {
  return v.optional(v.nullable(schema));
}

/** What is no text has no empty text either: `""` is taken for `null` before the schema sees it. */
function emptyIsNull<Schema extends v.GenericSchema>(schema: Schema): Schema & { emptyIsNull: true } {
  return {
    ...schema,
    emptyIsNull: true,
    "~run"(dataset: v.UnknownDataset, config: v.Config<v.BaseIssue<unknown>>) {
      return schema["~run"](dataset.value === "" ? { value: null } : dataset, config);
    },
  };
}

const country = v.pipe(
  v.string(),
  v.check(
    unlessEmpty(isCountryCode),
    "must be an ISO 3166-1 alpha-2 or alpha-3 code in capitals, such as MA or MAR",
  ),
  v.metadata({ pattern: "^([A-Z]{2,3})?$" }),
);

const address = jsonObject(
  v.strictObject({
    line1: removable(optionalText(256)),
    line2: removable(optionalText(256)),
    city: removable(optionalText(256)),
    region: removable(optionalText(256)),
    postalCode: removable(optionalText(32)),
    country: removable(country),
  }),
);

/** A day of the calendar, written YYYY-MM-DD: 30 February has the shape of a date and is none. */
function isCalendarDate(value: string): boolean {
  if (!/^(?!0000)\d{4}-\d{2}-\d{2}$/.test(value)) return false;
  const time = Date.parse(`${value}T00:00:00Z`);
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(value);
}

/** What HTML takes for an e-mail address, with a domain of more than one label and no stray dots. */
function isEmailAddress(value: string): boolean {
  return v.RFC_EMAIL_REGEX.test(value) && /\.[^.@]+$/.test(value) && !/^\.|\.\.|\.@/.test(value);
}

/** Structurally valid BCP 47, as every runtime's Intl understands it. */
function isLanguageTag(value: string): boolean {
  try {
    return Intl.getCanonicalLocales(value).length === 1;
  } catch {
    return false;
  }
}

/** The members of `user` that the contract knows. A new one is one line here. */
export const KNOWN_MEMBERS = {
  firstName: removable(optionalText(256)),
  middleName: removable(optionalText(256)),
  lastName: removable(optionalText(256)),
  gender: removable(optionalText(64)),
  dateOfBirth: removable(
    v.pipe(
      v.string(),
      v.check(unlessEmpty(isCalendarDate), "must be a day of the calendar, written YYYY-MM-DD"),
      v.metadata({ pattern: "^(\\d{4}-\\d{2}-\\d{2})?$" }),
    ),
  ),
  email: removable(
    v.pipe(
      v.string(),
      v.maxLength(254, "must have at most 254 characters"),
      v.check(unlessEmpty(isEmailAddress), "must be an e-mail address, such as name@example.com"),
      v.metadata({ pattern: "^([^@]+@[^@]+)?$" }),
    ),
  ),
  phone: removable(
    v.pipe(v.string(), v.regex(/^(\+[1-9]\d{1,14})?$/, "must be an E.164 number, such as +212612345678")),
  ),
  nationality: removable(country),
  address: v.optional(emptyIsNull(v.nullable(address))),
  locale: removable(
    v.pipe(
      v.string(),
      v.maxLength(64, "must have at most 64 characters"),
      v.check(unlessEmpty(isLanguageTag), "must be a BCP 47 language tag, such as fr-MA"),
      v.metadata({ pattern: "^([A-Za-z0-9-]+)?$" }),
    ),
  ),
};

export type DetailName = keyof typeof KNOWN_MEMBERS;
export const DETAIL_NAMES = Object.keys(KNOWN_MEMBERS) as readonly DetailName[];

/** What clients send besides: kept as it is. `null` is the group without that member. */
const otherMember = v.union([
  v.pipe(
    v.string(),
    v.check((value) => value.isWellFormed(), "must be well-formed Unicode, without lone surrogates"),
    v.metadata({ wellFormed: true }),
  ),
  v.pipe(
    v.number(),
    v.minValue(-(2 ** 53), "must lie within plus or minus 2^53"),
    v.maxValue(2 ** 53, "must lie within plus or minus 2^53"),
  ),
  v.boolean(),
  v.null(),
]);

const NAME = nameRule(MAX_NAME_LENGTH);
const squeezed = (name: string) => name.toLowerCase().replaceAll(/[_-]/g, "");
const KNOWN_BY_SQUEEZED_NAME = new Map(DETAIL_NAMES.map((name) => [squeezed(name), name]));

/** What is wrong with the name of a member that the contract does not know. */
function wrongName(name: string): string | undefined {
  if (!NAME.pattern.test(name)) return NAME.detail;
  const meant = KNOWN_BY_SQUEEZED_NAME.get(squeezed(name));
  return meant === undefined ? undefined : `is not a member; did you mean \`${meant}\`?`;
}

/** The `user` of a call: known members, checked where given, and others by their type alone. */
export const User = v.pipe(
  openObject(KNOWN_MEMBERS, otherMember),
  v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed) return;
    const sent = dataset.value as Record<string, unknown>;
    const others = Object.keys(sent).filter((name) => !Object.hasOwn(KNOWN_MEMBERS, name));
    if (others.length > MAX_OTHER_MEMBERS) {
      addIssue({
        message: `must have at most ${MAX_OTHER_MEMBERS} members besides the known ones`,
        expected: "too_many",
      });
      return;
    }
    for (const name of others) {
      const message = wrongName(name);
      if (message === undefined) continue;
      addIssue({
        message,
        expected: "unknown_member",
        path: [{ type: "object", origin: "key", input: sent, key: name, value: sent[name] }],
      });
    }
    if (jsonBytes(sent) > MAX_USER_BYTES) {
      addIssue({ message: "must take at most 16 KiB in all", expected: "invalid_length" });
    }
  }),
  v.metadata({
    maxOtherMembers: MAX_OTHER_MEMBERS,
    propertyNames: { pattern: NAME.pattern.source },
  }),
);

export type User = v.InferOutput<typeof User>;
