import { DETAIL_NAMES, type DetailName, type User } from "../contract/user.ts";
import type { FieldError } from "./refusal.ts";

export { DETAIL_NAMES, type DetailName };

/** A member of `address` without a value is left out. */
export type Address = Readonly<Partial<Record<keyof NonNullable<User["address"]>, string>>>;

/** What may be stored of each known member. */
export type Details = {
  readonly [name in DetailName]?: name extends "address" ? Address : string;
};
export type DetailValue = string | Address;
export type ExtraValue = string | number | boolean;

/** What one call changes of a user's details: members to set, members to remove, and the extra members as one group. */
export type DetailsPatch = {
  readonly set: Details;
  readonly remove: readonly DetailName[];
  readonly extras?: Readonly<Record<string, ExtraValue>>;
};

/**
 * What the `user` of a call changes: a value sets a member, `null` and `""` remove one; the other members are one group
 * (a `null` among them is the group without that member).
 */
export function toDetailsPatch(user: User): DetailsPatch {
  const set: Partial<Record<DetailName, DetailValue>> = {};
  const remove: DetailName[] = [];
  for (const name of DETAIL_NAMES) {
    const value = user[name];
    if (value === undefined) continue;
    const kept = typeof value === "object" ? withoutNothings(value ?? {}) : value;
    if (isNothing(kept)) remove.push(name);
    else set[name] = kept;
  }
  const others = Object.entries(user).filter(([name]) => !(DETAIL_NAMES as readonly string[]).includes(name));
  // Object.fromEntries defines own properties, so a member called `__proto__` is data like any other.
  const extras = Object.fromEntries(others.filter(([, value]) => value !== null)) as Record<
    string,
    ExtraValue
  >;
  return { set: set as Details, remove, ...(others.length > 0 ? { extras } : {}) };
}

/** `""` means what `null` does, and an address of nothing is none. */
function isNothing(value: string | Address): boolean {
  return value === "" || (typeof value === "object" && Object.keys(value).length === 0);
}

function withoutNothings(address: Record<string, string | null | undefined>): Address {
  return Object.fromEntries(
    Object.entries(address).filter(([, value]) => value !== undefined && value !== null && value !== ""),
  );
}

/**
 * A date of birth lies in the past.
 * @param today `YYYY-MM-DD` in UTC
 */
export function wrongDateOfBirth({ dateOfBirth }: User, today: string): FieldError | undefined {
  if (dateOfBirth === undefined || dateOfBirth === null || dateOfBirth < today) return undefined;
  return { pointer: "#/user/dateOfBirth", code: "invalid_value", detail: "must lie in the past" };
}

/** Whether a patch names no member at all. */
export function isEmptyPatch({ set, remove, extras }: DetailsPatch): boolean {
  return Object.keys(set).length === 0 && remove.length === 0 && extras === undefined;
}

/** Whether a patch gives at least one member a value. */
export function hasValue({ set, extras = {} }: DetailsPatch): boolean {
  return Object.keys(set).length > 0 || Object.keys(extras).length > 0;
}
