import { PutCommand, UpdateCommand } from "@aws-sdk/lib-dynamodb";
import { newRev, type Rev, revFloor } from "../../core/rev.ts";
import type { User, UserIdentity } from "../../core/user.ts";
import type { DetailsPatch } from "../../core/user-details.ts";
import { CutShort } from "../retry.ts";
import { all, any, type Clause, conditionOf, updateOf } from "./expression.ts";
import { ABSENT, olderThan } from "./rev-clauses.ts";
import { clockOf, type Item, type VerificationTable } from "./table.ts";
import {
  decodeUser,
  detailsToRemove,
  detailsToSet,
  IS_USER,
  lastRevOfUser,
  newUserAttributes,
  presentIn,
  type UserImage,
  userKey,
  userSeen,
  userTtl,
} from "./user-item.ts";
import { writeIf } from "./write-if.ts";

export type UserUpsert = {
  readonly identity: UserIdentity;
  /** `undefined`: the call changes nothing of a user who is there. */
  readonly details: DetailsPatch | undefined;
  /** The image that an earlier attempt failed on, or wrote. */
  readonly seen: UserImage;
  /** The life of the slot, where the user has none and their seals were reaped apart. */
  readonly life: Rev | undefined;
};

export type Upserted =
  | { readonly kind: "written"; readonly user: User }
  | { readonly kind: "failed"; readonly image: UserImage };

/**
 * Creates the user, or changes the members that the call names. Blind, it changes details only of one who is absent or
 * was written long ago; without details, which may come in any order, of any user who is there. Over a seal it puts the
 * whole item: an update would leave the seal's attributes.
 */
export function upsertUser(table: VerificationTable, upsert: UserUpsert): Promise<Upserted> {
  return upsert.seen.kind === "sealed"
    ? putOverSeal(table, upsert, upsert.seen.rev)
    : updateUser(table, upsert);
}

async function updateUser(table: VerificationTable, upsert: UserUpsert): Promise<Upserted> {
  const { identity, details, seen, life } = upsert;
  const { nowMs, nowSeconds } = clockOf(table);
  const rev = newRev(nowMs, lastRevOfUser(seen));
  const ttl = userTtl(table.userRetentionDays, nowSeconds);
  // Where no member changes, the order of the calls makes no difference, and the rev tells of the last one that did.
  const inAnyOrder = details === undefined && life === undefined;
  const written = await writeIf(
    table.dynamodb.send(
      new UpdateCommand({
        TableName: table.tableName,
        Key: userKey(identity.userId),
        ...updateOf(
          {
            set: {
              ...(inAnyOrder ? {} : { rev }),
              ...(details === undefined ? {} : { ...detailsToSet(details), updatedAt: nowSeconds }),
              ttl,
            },
            setIfAbsent: {
              ...newUserAttributes(identity, nowSeconds),
              ...(inAnyOrder ? { rev } : {}),
              ...(details === undefined ? { updatedAt: nowSeconds } : {}),
              life,
            },
            remove: [
              ...(details === undefined ? [] : detailsToRemove(details)),
              ...(ttl === undefined ? ["ttl"] : []),
            ],
          },
          mayUpdate(upsert, revFloor(nowMs)),
        ),
        ReturnValues: "ALL_NEW",
        ReturnValuesOnConditionCheckFailure: "ALL_OLD",
      }),
    ),
  );
  if (written.kind === "failed") return { kind: "failed", image: decodeUser(written.image) };
  return { kind: "written", user: userIn(written.attributes) };
}

function mayUpdate({ details, seen, life }: UserUpsert, floor: string): Clause {
  // Who gives a life to a user without one must have seen them.
  if (life !== undefined || (details !== undefined && seen.kind === "present")) return userSeen(seen);
  return any(ABSENT, all(IS_USER, details === undefined ? undefined : olderThan(floor)));
}

async function putOverSeal(
  table: VerificationTable,
  { identity, details, seen }: UserUpsert,
  life: Rev,
): Promise<Upserted> {
  const { nowMs, nowSeconds } = clockOf(table);
  const item: Item = {
    ...userKey(identity.userId),
    ...newUserAttributes(identity, nowSeconds),
    ...(details === undefined ? {} : detailsToSet(details)),
    updatedAt: nowSeconds,
    rev: newRev(nowMs, life),
    life,
    ttl: userTtl(table.userRetentionDays, nowSeconds),
  };
  const written = await writeIf(
    table.dynamodb.send(
      new PutCommand({
        TableName: table.tableName,
        Item: item,
        ...conditionOf(userSeen(seen)),
        ReturnValuesOnConditionCheckFailure: "ALL_OLD",
      }),
    ),
  );
  if (written.kind === "failed") return { kind: "failed", image: decodeUser(written.image) };
  return { kind: "written", user: userIn(item) };
}

function userIn(attributes: Item | undefined): User {
  const user = presentIn(decodeUser(attributes));
  if (user === undefined) throw new CutShort("No user came back from their update");
  return user;
}
