import { BatchWriteCommand, DeleteCommand, QueryCommand } from "@aws-sdk/lib-dynamodb";
import { Contended, withRetries } from "../retry.ts";
import { RECORD_PREFIX, SLOT, slotKey, USER, userKey, type VerificationTable } from "./items.ts";

/** What one look at a user's items takes in. */
const PAGE = 250;
/** DynamoDB's own limit for one BatchWriteItem. */
const BATCH = 25;

/**
 * Removes all there is of a user: the slot first, so that no token works and no session can be started any more, then
 * the records, the user last, so that what a crash left behind is still found. It looks again until nothing is there,
 * and so takes along what was written meanwhile. Repeating it goes on where it stopped.
 * @returns whether there was anything
 * @throws Unavailable when time ran out or the store did not take it
 */
export async function eraseUser(table: VerificationTable, userId: string): Promise<boolean> {
  for (let found = false; ; found = true) {
    const { sortKeys, complete } = await withRetries(() => sortKeysOf(table, userId));
    if (sortKeys.length === 0) return found;
    if (sortKeys.includes(SLOT)) await deleteItem(table, slotKey(userId));
    const records = sortKeys.filter((sk) => sk.startsWith(RECORD_PREFIX));
    for (let at = 0; at < records.length; at += BATCH) {
      await deleteBatch(table, userId, records.slice(at, at + BATCH));
    }
    if (complete && sortKeys.includes(USER)) await deleteItem(table, userKey(userId));
  }
}

async function sortKeysOf(
  table: VerificationTable,
  userId: string,
): Promise<{ sortKeys: string[]; complete: boolean }> {
  const { Items, LastEvaluatedKey } = await table.client.send(
    new QueryCommand({
      TableName: table.tableName,
      KeyConditionExpression: "pk = :pk",
      ExpressionAttributeValues: { ":pk": userId },
      ProjectionExpression: "sk",
      ScanIndexForward: false, // the slot is in the first page
      ConsistentRead: true,
      Limit: PAGE,
    }),
  );
  return {
    sortKeys: (Items ?? []).map((item) => item.sk as string),
    complete: LastEvaluatedKey === undefined,
  };
}

async function deleteItem(table: VerificationTable, Key: { pk: string; sk: string }): Promise<void> {
  await withRetries(() => table.client.send(new DeleteCommand({ TableName: table.tableName, Key })));
}

async function deleteBatch(
  table: VerificationTable,
  userId: string,
  sortKeys: readonly string[],
): Promise<void> {
  await withRetries(async () => {
    const requests = sortKeys.map((sk) => ({ DeleteRequest: { Key: { pk: userId, sk } } }));
    const { UnprocessedItems } = await table.client.send(
      new BatchWriteCommand({ RequestItems: { [table.tableName]: requests } }),
    );
    // The whole batch once more: deleting what is gone does no harm.
    if (UnprocessedItems?.[table.tableName] !== undefined) throw new Contended();
  });
}
