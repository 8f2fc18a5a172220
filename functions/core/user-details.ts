import * as v from "valibot";
import { isCountryCode } from "./countries.ts";
import type { FieldError } from "./refusal.ts";
import { fieldErrors, jsonObject, type Parsed, pointerTo, text } from "./validation.ts";

/** The most that the `user` object of one call may weigh, as UTF-8 JSON. */
const MAX_DETAILS_BYTES = 16 * 1024;
const MAX_EXTRA_MEMBERS = 50;

const country = v.pipe(
  v.string(),
  v.check(isCountryCode, "must be an ISO 3166-1 alpha-2 or alpha-3 code in capitals, such as MA or MAR"),
);

/** A member that may be left out, or be `null`, which removes it. */
function removable<Schema extends v.GenericSchema>(schema: Schema) {
  return v.optional(v.nullable(schema));
}

const address = v.pipe(
  jsonObject(
    v.strictObject({
      line1: removable(text(256)),
      line2: removable(text(256)),
      city: removable(text(256)),
      region: removable(text(256)),
      postalCode: removable(text(32)),
      country: removable(country),
    }),
  ),
  v.transform(
    (members) =>
      Object.fromEntries(Object.entries(members).filter(([, value]) => value != null)) as Record<
        string,
        string
      >,
  ),
);

/** A day of the calendar, written YYYY-MM-DD: 30 February has the shape of a date and is none. */
function isCalendarDate(value: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(value)) return false;
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

const KNOWN_DETAILS = {
  firstName: removable(text(256)),
  middleName: removable(text(256)),
  lastName: removable(text(256)),
  gender: removable(text(64)),
  dateOfBirth: removable(
    v.pipe(v.string(), v.check(isCalendarDate, "must be a day of the calendar, written YYYY-MM-DD")),
  ),
  email: removable(
    v.pipe(
      v.string(),
      v.maxLength(254, "must have at most 254 characters"),
      v.check(isEmailAddress, "must be an e-mail address, such as name@example.com"),
    ),
  ),
  phone: removable(
    v.pipe(v.string(), v.regex(/^\+[1-9]\d{1,14}$/, "must be an E.164 number, such as +212612345678")),
  ),
  nationality: removable(country),
  address: removable(address),
  locale: removable(
    v.pipe(
      v.string(),
      v.maxLength(64, "must have at most 64 characters"),
      v.check(isLanguageTag, "must be a BCP 47 language tag, such as fr-MA"),
    ),
  ),
};

export type DetailName = keyof typeof KNOWN_DETAILS;
export const DETAIL_NAMES = Object.keys(KNOWN_DETAILS) as readonly DetailName[];

const knownDetails = v.object(KNOWN_DETAILS);

export type DetailValue = string | Readonly<Record<string, string>>;
export type ExtraValue = string | number | boolean;

/** What one call changes of a user's details: members to set, members to remove, and the extra members as one group. */
export type DetailsPatch = {
  readonly set: Readonly<Partial<Record<DetailName, DetailValue>>>;
  readonly remove: readonly DetailName[];
  readonly extras?: Readonly<Record<string, ExtraValue>>;
};

/**
 * Reads the `user` member of a call. Known members are checked, `null` removes one; others are kept if they are strings,
 * finite numbers within 2^53 or booleans (a `null` among them is the group without that member).
 * @param today the day before which a date of birth must lie, `YYYY-MM-DD` in UTC
 */
export function parseDetails(input: Record<string, unknown>, today: string): Parsed<DetailsPatch> {
  const known = v.safeParse(knownDetails, input);
  const extraEntries = Object.entries(input).filter(([name]) => !Object.hasOwn(KNOWN_DETAILS, name));
  const errors = [...fieldErrors(known.issues ?? [], ["user"]), ...extraErrors(extraEntries)];
  if (
    typeof input.dateOfBirth === "string" &&
    isCalendarDate(input.dateOfBirth) &&
    input.dateOfBirth >= today
  ) {
    errors.push({ pointer: "#/user/dateOfBirth", code: "invalid_value", detail: "must lie in the past" });
  }
  if (errors.length > 0 || !known.success) return { errors };
  // Last: what is nested deeper than an address has been refused, and cannot exhaust the stack here.
  if (Buffer.byteLength(JSON.stringify(input)) > MAX_DETAILS_BYTES) {
    return {
      errors: [{ pointer: "#/user", code: "invalid_length", detail: "must take at most 16 KiB in all" }],
    };
  }

  const set: Partial<Record<DetailName, DetailValue>> = {};
  const remove: DetailName[] = [];
  for (const name of DETAIL_NAMES) {
    const value = known.output[name];
    if (value === null) remove.push(name);
    else if (value !== undefined) set[name] = value;
  }
  // Object.fromEntries defines own properties, so a member called `__proto__` is data like any other.
  const extras = Object.fromEntries(extraEntries.filter(([, value]) => value !== null)) as Record<
    string,
    ExtraValue
  >;
  return { value: { set, remove, ...(extraEntries.length > 0 ? { extras } : {}) } };
}

/** Whether a patch names no member at all. */
export function isEmptyPatch({ set, remove, extras }: DetailsPatch): boolean {
  return Object.keys(set).length === 0 && remove.length === 0 && extras === undefined;
}

function extraErrors(entries: readonly (readonly [string, unknown])[]): FieldError[] {
  if (entries.length > MAX_EXTRA_MEMBERS) {
    return [
      {
        pointer: "#/user",
        code: "too_many",
        detail: `must have at most ${MAX_EXTRA_MEMBERS} members besides the known ones`,
      },
    ];
  }
  return entries.flatMap(([name, value]): FieldError[] => {
    const pointer = pointerTo(["user", name]);
    if (!/^[A-Za-z0-9_-]{1,64}$/.test(name)) {
      return [{ pointer, code: "unknown_member", detail: "must be named with 1 to 64 of A-Z a-z 0-9 _ -" }];
    }
    if (value === null || typeof value === "boolean") return [];
    if (typeof value === "string") {
      return value.isWellFormed()
        ? []
        : [
            {
              pointer,
              code: "invalid_format",
              detail: "must be well-formed Unicode, without lone surrogates",
            },
          ];
    }
    if (typeof value === "number") {
      return Math.abs(value) <= 2 ** 53
        ? []
        : [{ pointer, code: "invalid_value", detail: "must lie within plus or minus 2^53" }];
    }
    return [{ pointer, code: "invalid_type", detail: "must be a string, a number or a boolean" }];
  });
}
