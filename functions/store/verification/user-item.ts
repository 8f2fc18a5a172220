import type { SessionId, UserId } from "../../core/ids.ts";
import type { Rev } from "../../core/rev.ts";
import type { User, UserIdentity } from "../../core/user.ts";
import { DETAIL_NAMES, type DetailName, type DetailsPatch } from "../../core/user-details.ts";
import { any, type Clause, clause } from "./expression.ts";
import { ABSENT, imageSeen } from "./rev-clauses.ts";
import { sealRev } from "./seal-item.ts";
import { type Item, SECONDS_PER_DAY } from "./table.ts";

export const USER = "user";

export const userKey = (userId: UserId) => ({ pk: userId as string, sk: USER });

/** What lies where a user is. */
export type UserImage =
  | { readonly kind: "absent" }
  | { readonly kind: "sealed"; readonly rev: Rev }
  | { readonly kind: "present"; readonly user: User };

/** A detail is an attribute of its own: a path into a map fails where the map is missing. */
const detailAttribute = (name: DetailName) => `user.${name}`;
/** The extra members, one JSON text: DynamoDB's numbers do not hold every number that JSON may. */
const EXTRAS = "user.extras";

/** The attributes that a patch sets. */
export function detailsToSet({ set, extras }: DetailsPatch): Item {
  return {
    ...Object.fromEntries(
      Object.entries(set).map(([name, value]) => [detailAttribute(name as DetailName), value]),
    ),
    ...(extras === undefined ? {} : { [EXTRAS]: JSON.stringify(extras) }),
  };
}

/** The attributes that a patch removes. */
export function detailsToRemove({ remove }: DetailsPatch): string[] {
  return remove.map(detailAttribute);
}

/** What a user is born with, details apart. */
export function newUserAttributes({ refId, clientId, environment }: UserIdentity, nowSeconds: number): Item {
  return { refId, clientId, environment, status: "not_started", createdAt: nowSeconds };
}

/** When DynamoDB may delete a user who was opened or had a result now; `undefined` keeps them. */
export function userTtl(userRetentionDays: number, nowSeconds: number): number | undefined {
  return userRetentionDays === 0 ? undefined : nowSeconds + userRetentionDays * SECONDS_PER_DAY;
}

export function decodeUser(item: Item | undefined): UserImage {
  if (item === undefined) return { kind: "absent" };
  const sealed = sealRev(item);
  if (sealed !== undefined) return { kind: "sealed", rev: sealed };
  const { refId, clientId, environment, status, statusSessionId, result, createdAt, updatedAt, rev, life } =
    item as User & Item;
  return {
    kind: "present",
    user: {
      userId: item.pk as UserId,
      refId,
      clientId,
      environment,
      details: Object.fromEntries(
        DETAIL_NAMES.filter((name) => item[detailAttribute(name)] !== undefined).map((name) => [
          name,
          item[detailAttribute(name)],
        ]),
      ),
      extras: item[EXTRAS] === undefined ? {} : (JSON.parse(item[EXTRAS] as string) as User["extras"]),
      status,
      statusSessionId,
      result,
      createdAt,
      updatedAt,
      rev,
      life,
    },
  };
}

/** The user, if there is one. */
export function presentIn(image: UserImage): User | undefined {
  return image.kind === "present" ? image.user : undefined;
}

/** What a new rev of the user must lie above. */
export function lastRevOfUser(image: UserImage): Rev | undefined {
  switch (image.kind) {
    case "absent":
      return undefined;
    case "sealed":
      return image.rev;
    case "present":
      return image.user.rev;
  }
}

/** The user as they were seen. */
export function userSeen(image: UserImage): Clause {
  switch (image.kind) {
    case "absent":
      return ABSENT;
    case "sealed":
      return imageSeen(image.rev, ABSENT);
    case "present":
      return imageSeen(image.user.rev, clause("refId = :seenRefId", { ":seenRefId": image.user.refId }));
  }
}

/** There is a user: `pk` would be there of a seal too. */
export const IS_USER = clause("attribute_exists(refId)");

/** Session ids sort by time. */
export const statusIsNotNewerThan = (sessionId: SessionId) =>
  any(
    clause("attribute_not_exists(statusSessionId)"),
    clause("statusSessionId <= :sessionId", { ":sessionId": sessionId }),
  );
