import type { DynamoDBDocumentClient } from "../../functions/store/dynamodb.ts";
import { auditRegistry } from "./audit.ts";
import { clientRegistry } from "./clients.ts";
import { flowRegistry } from "./flows.ts";
import { keyRegistry } from "./keys.ts";
import { limitRegistry } from "./limits.ts";
import { signingKeyRegistry } from "./signing-keys.ts";
import { openClientsTable } from "./table.ts";
import { upgradeRegistry } from "./upgrade.ts";
import { webhookRegistry } from "./webhooks.ts";

export type Registry = ReturnType<typeof createRegistry>;

/**
 * All writing of the Clients table: clients, their limits, API keys, flows, webhooks. Every change leaves its audit event in the same
 * transaction, and what changes nothing leaves none.
 * @param tableName the Clients table's
 * @param world.now the clock, in epoch milliseconds
 * @param world.actor who works here, for the audit
 */
export function createRegistry(
  dynamodb: DynamoDBDocumentClient,
  tableName: string,
  world: { now: () => number; actor: string | (() => Promise<string>) },
) {
  const table = openClientsTable(dynamodb, tableName, world);
  return {
    ...clientRegistry(table),
    ...keyRegistry(table),
    ...flowRegistry(table),
    ...limitRegistry(table),
    ...signingKeyRegistry(table),
    ...auditRegistry(table),
    ...upgradeRegistry(table),
    ...webhookRegistry(table),
  };
}
