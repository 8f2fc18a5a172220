import { GetCommand } from "@aws-sdk/lib-dynamodb";
import type { DynamoDBDocumentClient } from "../functions/store/dynamodb.ts";
import { withRetries } from "../functions/store/retry.ts";
import { keyUsageKey } from "../functions/store/verification/key-usage.ts";

/** The hour (epoch seconds) in which a key was last used; `undefined` for one that never was. */
export async function findLastUse(
  dynamodb: DynamoDBDocumentClient,
  verificationTable: string,
  keyId: string,
): Promise<number | undefined> {
  const command = new GetCommand({ TableName: verificationTable, Key: keyUsageKey(keyId) });
  const { Item } = await withRetries(() => dynamodb.send(command));
  return Item?.lastUsedAt as number | undefined;
}
