import { GetCommand } from "@aws-sdk/lib-dynamodb";
import type { UserId } from "../core/ids.ts";
import type { Slot } from "../core/session.ts";
import type { User } from "../core/user.ts";
import type { DynamoDBDocumentClient } from "../store/dynamodb.ts";
import { withRetries } from "../store/retry.ts";
import { decodeSlot, heldIn, slotKey } from "../store/verification/slot-item.ts";
import { decodeUser, presentIn, userKey } from "../store/verification/user-item.ts";

/** A user without personal details. */
export type Recipient = Pick<User, "userId" | "refId" | "clientId" | "environment" | "createdAt" | "life">;

/** All that this slice reads of the Verification table, consistently. Every function throws `Unavailable`. */
export type VerificationReader = {
  /** `undefined` where there is none, or none any more. */
  findUser(userId: UserId): Promise<Recipient | undefined>;
  /** The slot, dead or not. */
  findSlot(userId: UserId): Promise<Slot | undefined>;
};

export function createVerificationReader({
  dynamodb,
  tableName,
}: {
  readonly dynamodb: DynamoDBDocumentClient;
  readonly tableName: string;
}): VerificationReader {
  return {
    async findUser(userId) {
      const { Item } = await withRetries(() =>
        dynamodb.send(
          new GetCommand({
            TableName: tableName,
            Key: userKey(userId),
            ConsistentRead: true,
            ProjectionExpression: "pk, refId, clientId, environment, createdAt, life, sealed, rev",
          }),
        ),
      );
      return presentIn(decodeUser(Item));
    },
    async findSlot(userId) {
      const { Item } = await withRetries(() =>
        dynamodb.send(new GetCommand({ TableName: tableName, Key: slotKey(userId), ConsistentRead: true })),
      );
      return heldIn(decodeSlot(Item));
    },
  };
}
