import { GetCommand, QueryCommand } from "@aws-sdk/lib-dynamodb";
import type { Environment } from "../../contract/vocabulary.ts";
import type { ApiKey } from "../../core/api-key.ts";
import type { Flow } from "../../core/flow.ts";
import { createCachedLookup } from "../cached-lookup.ts";
import type { DynamoDBDocumentClient } from "../dynamodb.ts";
import { withRetries } from "../retry.ts";
import {
  apiKeyKey,
  type ClientSettings,
  flowKey,
  flowsOf,
  type Item,
  type ItemKey,
  settingsKey,
  toApiKey,
  toFlow,
  toSettings,
} from "./items.ts";

/**
 * All that the API may ask of the Clients table: it reads, and never writes. What was found is kept for a minute, and
 * that there is nothing for five seconds. Every function throws `Unavailable` when the store gives out.
 */
export type ClientsStore = {
  /** The key that has this SHA-256, whether or not it may be used, and whether the cache had the answer. */
  findApiKey(hash: string): Promise<{ readonly key?: ApiKey; readonly cached: boolean }>;
  /** A flow that the client was given: the built-in one is no such flow. */
  findFlow(clientId: string, environment: Environment, flowId: string): Promise<Flow | undefined>;
  /** The flows that the client was given, by id. Asked of the table each time. */
  listFlows(clientId: string, environment: Environment): Promise<readonly Flow[]>;
  /** What holds for a client; nothing, for one that was never disabled. */
  findSettings(clientId: string): Promise<ClientSettings>;
};

type ClientsTable = {
  readonly dynamodb: DynamoDBDocumentClient;
  readonly tableName: string;
  /** The clock, in epoch milliseconds. */
  readonly now: () => number;
};

export function createClientsStore({ dynamodb, tableName, now }: ClientsTable): ClientsStore {
  async function get(Key: ItemKey): Promise<Item | undefined> {
    const { Item } = await withRetries(() =>
      dynamodb.send(new GetCommand({ TableName: tableName, Key, ConsistentRead: true })),
    );
    return Item;
  }

  const apiKeys = createCachedLookup(async (hash: string) => {
    const item = await get(apiKeyKey(hash));
    return item === undefined ? undefined : toApiKey(item);
  });
  const flows = createCachedLookup(async (clientId: string, environment: Environment, flowId: string) => {
    const item = await get(flowKey(clientId, environment, flowId));
    return item === undefined ? undefined : withoutEnvironment(toFlow(item));
  });
  // No item is an answer, too: nearly every client has none.
  const settings = createCachedLookup(async (clientId: string) =>
    toSettings(await get(settingsKey(clientId))),
  );

  return {
    async findApiKey(hash) {
      const { value, cached } = await apiKeys(now(), hash);
      return value === undefined ? { cached } : { key: value, cached };
    },

    async findFlow(clientId, environment, flowId) {
      return (await flows(now(), clientId, environment, flowId)).value;
    },

    async listFlows(clientId, environment) {
      const found: Flow[] = [];
      let start: Record<string, unknown> | undefined;
      do {
        const page = await withRetries(() =>
          dynamodb.send(
            new QueryCommand({
              TableName: tableName,
              ...flowsOf(clientId, environment),
              ConsistentRead: true,
              ...(start === undefined ? {} : { ExclusiveStartKey: start }),
            }),
          ),
        );
        found.push(...(page.Items ?? []).map((item) => withoutEnvironment(toFlow(item))));
        start = page.LastEvaluatedKey;
      } while (start !== undefined);
      return found;
    },

    async findSettings(clientId) {
      return (await settings(now(), clientId)).value ?? {};
    },
  };
}

function withoutEnvironment({ flowId, type }: Flow): Flow {
  return { flowId, type };
}
