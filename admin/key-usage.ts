import { GetCommand } from "@aws-sdk/lib-dynamodb";
import type { DynamoDBDocumentClient } from "../functions/store/dynamodb.ts";
import { withRetries } from "../functions/store/retry.ts";
import { keyUsageKey } from "../functions/store/verification/key-usage.ts";

/** The embedded engine and DynamoDB alike take a few at once. */
const READS_AT_ONCE = 25;

/** The hours (epoch seconds) in which keys were last used, by key id; those that never were are left out. */
export async function findLastUses(
  dynamodb: DynamoDBDocumentClient,
  verificationTable: string,
  keyIds: readonly string[],
  progress: (text: string) => void = () => {},
): Promise<Map<string, number>> {
  const hours = new Map<string, number>();
  for (let at = 0; at < keyIds.length; at += READS_AT_ONCE) {
    progress(`Looking up when keys were used: ${at} of ${keyIds.length}`);
    await Promise.all(
      keyIds.slice(at, at + READS_AT_ONCE).map(async (keyId) => {
        const command = new GetCommand({ TableName: verificationTable, Key: keyUsageKey(keyId) });
        const { Item } = await withRetries(() => dynamodb.send(command));
        if (Item?.lastUsedAt !== undefined) hours.set(keyId, Item.lastUsedAt as number);
      }),
    );
  }
  return hours;
}
