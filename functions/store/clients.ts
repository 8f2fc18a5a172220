import { GetCommand } from "@aws-sdk/lib-dynamodb";
import type { ApiKey } from "../core/api-key.ts";
import type { Environment } from "../core/environment.ts";
import type { Flow } from "../core/flow.ts";
import type { DynamoDBDocumentClient } from "./dynamodb.ts";
import { withRetries } from "./retry.ts";

/** Where an API key lies: under its hash, so that it is found without being stored. */
export const apiKeyKey = (hash: string) => ({ pk: `key#${hash}`, sk: "key" });
/** The partition of all that belongs to one client. */
export const clientPartition = (clientId: string) => `client#${clientId}`;
export const FLOW_PREFIX = "flow#";
export const flowKey = (clientId: string, environment: Environment, flowId: string) => ({
  pk: clientPartition(clientId),
  sk: `${FLOW_PREFIX}${environment}#${flowId}`,
});

/** All that the API may ask of the Clients table: it reads, and never writes. */
export type ClientsStore = ReturnType<typeof createClientsStore>;

/** Every function throws `Unavailable` when the store gives out. */
export function createClientsStore(client: DynamoDBDocumentClient, tableName: string) {
  const get = async (Key: { pk: string; sk: string }) =>
    (
      await withRetries(() =>
        client.send(new GetCommand({ TableName: tableName, Key, ConsistentRead: true })),
      )
    ).Item;

  return {
    /** The key that has this SHA-256, whether or not it may be used. */
    async findApiKey(hash: string): Promise<ApiKey | undefined> {
      return (await get(apiKeyKey(hash))) as ApiKey | undefined;
    },
    async findFlow(clientId: string, environment: Environment, flowId: string): Promise<Flow | undefined> {
      const item = await get(flowKey(clientId, environment, flowId));
      return item === undefined ? undefined : { flowId: item.flowId, type: item.type };
    },
  };
}
