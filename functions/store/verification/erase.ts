import { BatchWriteCommand, QueryCommand, TransactWriteCommand } from "@aws-sdk/lib-dynamodb";
import type { UserId } from "../../core/ids.ts";
import { newRev } from "../../core/rev.ts";
import { Contended, CutShort, createDoubt, Unavailable, withRetries } from "../retry.ts";
import { conditionOf } from "./expression.ts";
import { readHeads } from "./look.ts";
import { RECORD_PREFIX } from "./record-item.ts";
import { toSealItem } from "./seal-item.ts";
import { lastRevOfSlot, slotKey, slotSeen } from "./slot-item.ts";
import { clockOf, type VerificationTable } from "./table.ts";
import { lastRevOfUser, userKey, userSeen } from "./user-item.ts";

/** A transaction holds 100 items; two are the seals. */
const RECORDS_IN_TRANSACTION = 98;
/** DynamoDB's own limit for one BatchWriteItem. */
const BATCH = 25;

/**
 * Removes all there is of a user in one transaction: user and slot become seals, and the records go. Those that do not
 * fit into it go afterwards; nobody sees them any more, as they are of an earlier life. The records are listed after
 * user and slot were read: one is born only together with a new rev of the slot, so none is missed. Repeating it goes on
 * where it stopped.
 * @returns whether there was anything
 * @throws Unavailable when time ran out or the store did not take it, with `removedSome` if something is gone, or may be
 */
export async function eraseUser(
  table: VerificationTable,
  userId: UserId,
): Promise<{ readonly erased: boolean }> {
  const doubt = createDoubt();
  let found = false;
  let sealed = false;
  try {
    const left = await withRetries(async () => {
      const { user, slot } = await readHeads(table, userId);
      const keys = await recordKeysOf(table, userId);
      found ||= user.kind === "present" || slot.kind === "held" || keys.length > 0;
      const { nowMs, nowSeconds } = clockOf(table);
      const rev = newRev(nowMs, lastRevOfUser(user), lastRevOfSlot(slot));
      const { tableName: TableName } = table;
      await doubt.about(
        table.dynamodb.send(
          new TransactWriteCommand({
            TransactItems: [
              {
                Put: {
                  TableName,
                  Item: toSealItem(slotKey(userId), rev, nowSeconds),
                  ...conditionOf(slotSeen(slot)),
                },
              },
              {
                Put: {
                  TableName,
                  Item: toSealItem(userKey(userId), rev, nowSeconds),
                  ...conditionOf(userSeen(user)),
                },
              },
              ...keys.slice(0, RECORDS_IN_TRANSACTION).map((Key) => ({ Delete: { TableName, Key } })),
            ],
          }),
        ),
      );
      return keys.slice(RECORDS_IN_TRANSACTION);
    }, table.sleep);
    sealed = true;
    for (let at = 0; at < left.length; at += BATCH) await deleteBatch(table, left.slice(at, at + BATCH));
    return { erased: found };
  } catch (error) {
    if (!(error instanceof Unavailable) || !found || !(sealed || doubt.mayHaveLanded())) throw error;
    throw new Unavailable("The erasure did not end in time", { cause: error, removedSome: true });
  }
}

type Key = { readonly pk: string; readonly sk: string };

async function recordKeysOf(table: VerificationTable, userId: UserId): Promise<Key[]> {
  const keys: Key[] = [];
  let ExclusiveStartKey: Record<string, unknown> | undefined;
  do {
    const { Items, LastEvaluatedKey } = await table.dynamodb.send(
      new QueryCommand({
        TableName: table.tableName,
        KeyConditionExpression: "pk = :pk AND begins_with(sk, :records)",
        ExpressionAttributeValues: { ":pk": userId, ":records": RECORD_PREFIX },
        ProjectionExpression: "pk, sk",
        ConsistentRead: true,
        ...(ExclusiveStartKey === undefined ? {} : { ExclusiveStartKey }),
      }),
    );
    if (Items === undefined) throw new CutShort("No keys came back from a query");
    keys.push(...(Items as Key[]));
    ExclusiveStartKey = LastEvaluatedKey;
  } while (ExclusiveStartKey !== undefined);
  return keys;
}

async function deleteBatch(table: VerificationTable, keys: readonly Key[]): Promise<void> {
  await withRetries(async () => {
    const requests = keys.map((key) => ({ DeleteRequest: { Key: key } }));
    const { UnprocessedItems } = await table.dynamodb.send(
      new BatchWriteCommand({ RequestItems: { [table.tableName]: requests } }),
    );
    // The whole batch once more: deleting what is gone does no harm.
    if (UnprocessedItems?.[table.tableName] !== undefined) throw new Contended();
  }, table.sleep);
}
