import { UpdateCommand } from "@aws-sdk/lib-dynamodb";
import type { VerificationTable } from "./table.ts";

/**
 * When an API key was last used lies in this table and not beside the key, so that the API's role needs no right to
 * write what decides who may call it.
 */
export const keyUsageKey = (keyId: string) => ({ pk: `key#${keyId}`, sk: "usage" });

/** A call waits for its note, as nothing may be left behind in a frozen Lambda, but no longer than this. */
const PATIENCE_MS = 300;

/** Notes that a key was used in the hour that began at `hourSeconds`. Tried once: the next container or hour notes it again. */
export async function markKeyUsed(
  table: VerificationTable,
  keyId: string,
  hourSeconds: number,
): Promise<void> {
  const command = new UpdateCommand({
    TableName: table.tableName,
    Key: keyUsageKey(keyId),
    UpdateExpression: "SET lastUsedAt = :hour",
    ExpressionAttributeValues: { ":hour": hourSeconds },
  });
  await table.dynamodb.send(command, { abortSignal: AbortSignal.timeout(PATIENCE_MS) });
}
