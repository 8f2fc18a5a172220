import { GetCommand, QueryCommand } from "@aws-sdk/lib-dynamodb";
import type { Environment } from "../contract/vocabulary.ts";
import type { Tenant } from "../core/session.ts";
import { createCachedLookup } from "../store/cached-lookup.ts";
import type { DynamoDBDocumentClient } from "../store/dynamodb.ts";
import { withRetries } from "../store/retry.ts";
import type { Endpoint, SigningEndpoint, WebhookId } from "./endpoint.ts";

// Where endpoints lie in the Clients table. Only operators write there.

type Item = Readonly<Record<string, unknown>>;

/** The partition of a client's endpoints: of its own, so that a role can be kept from it. */
const endpointsPartition = (clientId: string) => `webhooks#${clientId}`;

export const endpointKey = ({ clientId, environment }: Tenant, webhookId: WebhookId) => ({
  pk: endpointsPartition(clientId),
  sk: `${environment}#${webhookId}`,
});

/** A Query's condition for the endpoints of a client: of one environment, or of both. */
export function endpointsOf(clientId: string, environment?: Environment) {
  const values = { ":pk": endpointsPartition(clientId) };
  return environment === undefined
    ? { KeyConditionExpression: "pk = :pk", ExpressionAttributeValues: values }
    : {
        KeyConditionExpression: "pk = :pk AND begins_with(sk, :environment)",
        ExpressionAttributeValues: { ...values, ":environment": `${environment}#` },
      };
}

/** All that a listing may have of an endpoint: not its secrets. */
export const WITHOUT_SECRETS = {
  ProjectionExpression:
    "webhookId, clientId, environment, #url, #types, #label, createdAt, pausedAt, oldSecretEndsAt",
  ExpressionAttributeNames: { "#url": "url", "#types": "types", "#label": "label" },
};

export function toEndpoint(item: Item): Endpoint {
  const { webhookId, clientId, environment, url, types, label, createdAt, pausedAt, oldSecretEndsAt } =
    item as Endpoint;
  return {
    webhookId,
    clientId,
    environment,
    url,
    ...(types === undefined ? {} : { types }),
    ...(label === undefined ? {} : { label }),
    createdAt,
    ...(pausedAt === undefined ? {} : { pausedAt }),
    ...(oldSecretEndsAt === undefined ? {} : { oldSecretEndsAt }),
  };
}

export function toSigningEndpoint(item: Item): SigningEndpoint {
  return { ...toEndpoint(item), secrets: (item as SigningEndpoint).secrets };
}

/** All that functions may ask about endpoints. What is looked up is trusted for 60 s, unless it is asked for anew. */
export type EndpointStore = {
  /** A client's endpoints in one environment, without what signs. */
  list(tenant: Tenant): Promise<readonly Endpoint[]>;
  /** One endpoint with what signs its deliveries; `undefined` where it is deleted. */
  find(tenant: Tenant, webhookId: WebhookId): Promise<SigningEndpoint | undefined>;
  /** The same as it stands now, whatever this container knew. */
  findAnew(tenant: Tenant, webhookId: WebhookId): Promise<SigningEndpoint | undefined>;
};

/**
 * @param table.now the clock, in epoch milliseconds
 * @param table.trustedMs for how long what was looked up is trusted, if not for 60 s
 */
export function createEndpointStore({
  dynamodb,
  tableName,
  now,
  trustedMs,
}: {
  readonly dynamodb: DynamoDBDocumentClient;
  readonly tableName: string;
  readonly now: () => number;
  readonly trustedMs?: number | undefined;
}): EndpointStore {
  const lists = createCachedLookup(async (clientId: string, environment: Environment) => {
    // A client has at most ten in an environment, which one page holds.
    const { Items } = await withRetries(() =>
      dynamodb.send(
        new QueryCommand({
          TableName: tableName,
          ...endpointsOf(clientId, environment),
          ...WITHOUT_SECRETS,
          ConsistentRead: true,
        }),
      ),
    );
    return (Items ?? []).map(toEndpoint);
  }, trustedMs);
  async function read(clientId: string, environment: Environment, webhookId: WebhookId) {
    const Key = endpointKey({ clientId, environment }, webhookId);
    const { Item } = await withRetries(() =>
      dynamodb.send(new GetCommand({ TableName: tableName, Key, ConsistentRead: true })),
    );
    return Item === undefined ? undefined : toSigningEndpoint(Item);
  }
  const single = createCachedLookup(read, trustedMs);
  return {
    async list({ clientId, environment }) {
      return (await lists(now(), clientId, environment)).value ?? [];
    },
    async find({ clientId, environment }, webhookId) {
      return (await single(now(), clientId, environment, webhookId)).value;
    },
    findAnew: ({ clientId, environment }, webhookId) => read(clientId, environment, webhookId),
  };
}
