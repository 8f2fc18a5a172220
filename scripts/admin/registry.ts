import { randomBytes, randomUUID } from "node:crypto";
import { TransactionCanceledException } from "@aws-sdk/client-dynamodb";
import {
  GetCommand,
  QueryCommand,
  ScanCommand,
  TransactWriteCommand,
  type TransactWriteCommandInput,
} from "@aws-sdk/lib-dynamodb";
import { ulid } from "ulid";
import {
  API_KEY_ENTROPY_BYTES,
  type ApiKey,
  formatApiKey,
  hashApiKey,
  type Scope,
} from "../../functions/core/api-key.ts";
import type { Environment } from "../../functions/core/environment.ts";
import { BUILT_IN_FLOW, type Flow } from "../../functions/core/flow.ts";
import { toSeconds } from "../../functions/core/time.ts";
import { apiKeyKey, clientPartition, FLOW_PREFIX, flowKey } from "../../functions/store/clients.ts";
import type { DynamoDBDocumentClient } from "../../functions/store/dynamodb.ts";
import { withRetries } from "../../functions/store/retry.ts";

/** An organisation that calls the API. Times are epoch seconds. */
export type Client = {
  readonly clientId: string;
  readonly name: string;
  readonly createdAt: number;
  readonly disabledAt?: number;
};

export type NewKey = {
  readonly clientId: string;
  readonly environment: Environment;
  readonly scopes: readonly Scope[];
  readonly label?: string;
  readonly expiresAt?: number;
};

/** What an operator sees of an API key: all but the user-id secret. */
export type ApiKeyInfo = Omit<ApiKey, "userIdSecret">;

export type FlowInfo = Flow & { readonly environment: Environment };

/** One thing that an operator did. */
export type AuditEvent = {
  readonly at: string;
  readonly actor: string;
  readonly action: string;
  /** What it was done to; ids only, never a secret. */
  readonly subject: Readonly<Record<string, string>>;
};

/** Something an operator asked for that cannot be, with what would be right. */
export class AdminError extends Error {
  override readonly name = "AdminError";
}

const CHANGED_MEANWHILE =
  "Another operator changed this in the same moment. Look at it with the `list` command, then repeat yours.";

/** A disabled client's keys are many: DynamoDB takes a hundred writes in one transaction. */
const TRANSACTION_SIZE = 90;
const CLIENT = "client";
const AUDIT = "audit";

type Item = Record<string, unknown>;
type TransactItem = NonNullable<TransactWriteCommandInput["TransactItems"]>[number];

export type Registry = ReturnType<typeof createRegistry>;

/**
 * All writing of the Clients table: clients, API keys, flows. Every change leaves its audit event in the same
 * transaction. Listing scans: the table holds an operator's handiwork, not its clients' users.
 */
export function createRegistry(
  client: DynamoDBDocumentClient,
  TableName: string,
  { now, actor }: { now: () => number; actor: string },
) {
  async function commit(
    action: string,
    subject: Record<string, string>,
    changes: readonly TransactItem[],
  ): Promise<void> {
    const at = now();
    const event: AuditEvent = { at: new Date(at).toISOString(), actor, action, subject };
    const Put = { TableName, Item: { pk: AUDIT, sk: ulid(at), ...event } };
    const command = new TransactWriteCommand({
      TransactItems: [...changes, { Put }],
      // A repeat of a write whose answer was lost is answered like the first, and writes nothing twice.
      ClientRequestToken: randomUUID(),
    });
    await withRetries(async () => {
      try {
        await client.send(command);
      } catch (error) {
        if (isConditionFailed(error)) throw new AdminError(CHANGED_MEANWHILE, { cause: error });
        throw error;
      }
    });
  }

  async function scan(FilterExpression: string, values: Item): Promise<Item[]> {
    const items: Item[] = [];
    let start: Item | undefined;
    do {
      const page = await withRetries(() =>
        client.send(
          new ScanCommand({
            TableName,
            ConsistentRead: true,
            FilterExpression,
            ExpressionAttributeValues: values,
            ...(start === undefined ? {} : { ExclusiveStartKey: start }),
          }),
        ),
      );
      items.push(...(page.Items ?? []));
      start = page.LastEvaluatedKey;
    } while (start !== undefined);
    return items;
  }

  async function clientItem(clientId: string): Promise<Client & { userIdSecret: string }> {
    const { Item } = await withRetries(() =>
      client.send(
        new GetCommand({
          TableName,
          Key: { pk: clientPartition(clientId), sk: CLIENT },
          ConsistentRead: true,
        }),
      ),
    );
    if (Item !== undefined) return Item as Client & { userIdSecret: string };
    throw new AdminError(`There is no client ${clientId}; \`clients list\` shows those there are.`);
  }

  const keyItemsOf = (clientId: string) =>
    scan("clientId = :clientId AND sk = :key", { ":clientId": clientId, ":key": "key" });

  async function keyItem(keyId: string): Promise<ApiKey & { pk: string; sk: string }> {
    const [item] = await scan("keyId = :keyId", { ":keyId": keyId });
    if (item !== undefined) return item as ApiKey & { pk: string; sk: string };
    throw new AdminError(`There is no API key ${keyId}; \`keys list --client <id>\` shows those there are.`);
  }

  /** Only under a client that is there and enabled, even if it is disabled in the same moment. */
  const clientEnabled = (clientId: string): TransactItem => ({
    ConditionCheck: {
      TableName,
      Key: { pk: clientPartition(clientId), sk: CLIENT },
      ConditionExpression: "attribute_exists(pk) AND attribute_not_exists(disabledAt)",
    },
  });

  function newKeyItem(
    key: NewKey,
    userIdSecret: string,
  ): { text: string; info: ApiKeyInfo; put: TransactItem } {
    const text = formatApiKey(key.environment, randomBytes(API_KEY_ENTROPY_BYTES));
    const info: ApiKeyInfo = { keyId: `key_${ulid(now())}`, createdAt: toSeconds(now()), ...key };
    const Item = { ...apiKeyKey(hashApiKey(text)), ...info, userIdSecret };
    return { text, info, put: { Put: { TableName, Item, ConditionExpression: "attribute_not_exists(pk)" } } };
  }

  const setOnKey = (
    key: { pk: string; sk: string },
    UpdateExpression: string,
    values?: Item,
    ConditionExpression = "attribute_exists(pk)",
  ): TransactItem => ({
    Update: {
      TableName,
      Key: { pk: key.pk, sk: key.sk },
      UpdateExpression,
      ConditionExpression,
      ...(values === undefined ? {} : { ExpressionAttributeValues: values }),
    },
  });

  async function requireEnabled(clientId: string): Promise<Client & { userIdSecret: string }> {
    const found = await clientItem(clientId);
    if (found.disabledAt === undefined) return found;
    throw new AdminError(
      `The client ${clientId} is disabled; enable it first: \`clients enable ${clientId}\`.`,
    );
  }

  /** Marks the client first, so that no key can be added any more, then every key: what a crash left is done by a repeat. */
  async function setDisabled(clientId: string, disabledAt: number | undefined): Promise<Client> {
    await clientItem(clientId);
    const change =
      disabledAt === undefined ? "REMOVE disabledAt" : "SET disabledAt = if_not_exists(disabledAt, :at)";
    const values = disabledAt === undefined ? undefined : { ":at": disabledAt };
    const action = disabledAt === undefined ? "client.enabled" : "client.disabled";
    await commit(action, { clientId }, [
      setOnKey({ pk: clientPartition(clientId), sk: CLIENT }, change, values),
    ]);
    const keys = await keyItemsOf(clientId);
    const keyChange = change.replaceAll("disabledAt", "clientDisabledAt");
    for (let at = 0; at < keys.length; at += TRANSACTION_SIZE) {
      const batch = keys.slice(at, at + TRANSACTION_SIZE);
      const TransactItems = batch.map((key) =>
        setOnKey(key as { pk: string; sk: string }, keyChange, values),
      );
      await withRetries(() => client.send(new TransactWriteCommand({ TransactItems })));
    }
    return withoutSecret(await clientItem(clientId));
  }

  return {
    async createClient(name: string): Promise<Client> {
      const clientId = `cli_${ulid(now())}`;
      const Item = {
        pk: clientPartition(clientId),
        sk: CLIENT,
        clientId,
        name,
        createdAt: toSeconds(now()),
        userIdSecret: randomBytes(32).toString("base64url"),
      };
      await commit("client.created", { clientId }, [
        { Put: { TableName, Item, ConditionExpression: "attribute_not_exists(pk)" } },
      ]);
      return withoutSecret(Item);
    },

    async listClients(): Promise<Client[]> {
      return (await scan("sk = :client", { ":client": CLIENT }))
        .map((item) => withoutSecret(item as Client))
        .toSorted(byCreation);
    },

    async findClient(clientId: string): Promise<Client> {
      return withoutSecret(await clientItem(clientId));
    },

    /** Stops all keys of a client, within the minute for which containers may know them. */
    disableClient: (clientId: string) => setDisabled(clientId, toSeconds(now())),
    enableClient: (clientId: string) => setDisabled(clientId, undefined),

    /** The text of the key is in this answer and nowhere else. */
    async createKey(key: NewKey): Promise<{ text: string; key: ApiKeyInfo }> {
      const { userIdSecret } = await requireEnabled(key.clientId);
      const { text, info, put } = newKeyItem(key, userIdSecret);
      await commit("key.created", { clientId: key.clientId, keyId: info.keyId }, [
        clientEnabled(key.clientId),
        put,
      ]);
      return { text, key: info };
    },

    async listKeys(clientId: string): Promise<ApiKeyInfo[]> {
      await clientItem(clientId);
      const items = await keyItemsOf(clientId);
      return items.map((item) => withoutSecret(item as ApiKey)).toSorted(byCreation);
    },

    async findKey(keyId: string): Promise<ApiKeyInfo> {
      return withoutSecret(await keyItem(keyId));
    },

    async revokeKey(keyId: string): Promise<ApiKeyInfo> {
      const item = await keyItem(keyId);
      await commit("key.revoked", { clientId: item.clientId, keyId }, [
        setOnKey(item, "SET revokedAt = if_not_exists(revokedAt, :at)", { ":at": toSeconds(now()) }),
      ]);
      return withoutSecret(await keyItem(keyId));
    },

    /**
     * A new key with the old one's client, environment, scopes and label; the old one ends at `oldEndsAt`, if not before.
     * The new one ends at `newEndsAt`, or never: the old one's end may be that of an earlier rotation.
     */
    async rotateKey(
      keyId: string,
      oldEndsAt: number,
      newEndsAt?: number,
    ): Promise<{ text: string; key: ApiKeyInfo; old: ApiKeyInfo }> {
      const item = await keyItem(keyId);
      const { clientId, environment, scopes, label, expiresAt } = item;
      if (item.revokedAt !== undefined) {
        throw new AdminError(
          `The API key ${keyId} is revoked; make a new one: \`keys create --client ${clientId} ...\`.`,
        );
      }
      const { userIdSecret } = await requireEnabled(clientId);
      const fresh = newKeyItem(
        {
          clientId,
          environment,
          scopes,
          ...(label === undefined ? {} : { label }),
          ...(newEndsAt === undefined ? {} : { expiresAt: newEndsAt }),
        },
        userIdSecret,
      );
      const endsAt = Math.min(oldEndsAt, expiresAt ?? oldEndsAt);
      await commit("key.rotated", { clientId, keyId, newKeyId: fresh.info.keyId }, [
        clientEnabled(clientId),
        fresh.put,
        setOnKey(
          item,
          "SET expiresAt = :at",
          { ":at": endsAt, ...(expiresAt === undefined ? {} : { ":seen": expiresAt }) },
          `attribute_exists(pk) AND attribute_not_exists(revokedAt) AND ${
            expiresAt === undefined ? "attribute_not_exists(expiresAt)" : "expiresAt = :seen"
          }`,
        ),
      ]);
      return { text: fresh.text, key: fresh.info, old: withoutSecret(await keyItem(keyId)) };
    },

    async putFlow(clientId: string, { environment, flowId, type }: FlowInfo): Promise<FlowInfo> {
      if (flowId === BUILT_IN_FLOW.flowId && type !== BUILT_IN_FLOW.type) {
        throw new AdminError(
          `The flow ${flowId} is built in, with the type ${BUILT_IN_FLOW.type}; give yours another id.`,
        );
      }
      await clientItem(clientId);
      const Item = { ...flowKey(clientId, environment, flowId), clientId, environment, flowId, type };
      await commit("flow.put", { clientId, environment, flowId, type }, [
        clientExists(clientId),
        { Put: { TableName, Item } },
      ]);
      return { environment, flowId, type };
    },

    async listFlows(clientId: string): Promise<FlowInfo[]> {
      await clientItem(clientId);
      const { Items } = await withRetries(() =>
        client.send(
          new QueryCommand({
            TableName,
            KeyConditionExpression: "pk = :pk AND begins_with(sk, :flows)",
            ExpressionAttributeValues: { ":pk": clientPartition(clientId), ":flows": FLOW_PREFIX },
            ConsistentRead: true,
          }),
        ),
      );
      return (Items ?? []).map(({ environment, flowId, type }) => ({ environment, flowId, type }));
    },

    async findFlow(clientId: string, environment: Environment, flowId: string): Promise<FlowInfo> {
      await clientItem(clientId);
      const Key = flowKey(clientId, environment, flowId);
      const { Item } = await withRetries(() =>
        client.send(new GetCommand({ TableName, Key, ConsistentRead: true })),
      );
      if (Item !== undefined) return { environment, flowId, type: Item.type as string };
      throw new AdminError(
        `Client ${clientId} has no flow ${flowId} in ${environment}; \`flows list --client ${clientId}\` shows those there are.`,
      );
    },

    async removeFlow(clientId: string, environment: Environment, flowId: string): Promise<void> {
      const Key = flowKey(clientId, environment, flowId);
      await commit("flow.removed", { clientId, environment, flowId }, [
        { Delete: { TableName, Key, ConditionExpression: "attribute_exists(pk)" } },
      ]);
    },

    /**
     * Since when (epoch seconds) the service has been seen to run with these signing keys: now, if it had not been seen
     * before. `fingerprint` tells sets apart and holds no secret.
     */
    async signingKeysSeenSince(fingerprint: string): Promise<number> {
      const Key = { pk: "signing-keys", sk: "deployed" };
      const { Item } = await withRetries(() =>
        client.send(new GetCommand({ TableName, Key, ConsistentRead: true })),
      );
      if (Item?.fingerprint === fingerprint) return Item.seenAt as number;
      const seenAt = toSeconds(now());
      await commit("signing-keys.deployed", { keys: fingerprint }, [
        { Put: { TableName, Item: { ...Key, fingerprint, seenAt } } },
      ]);
      return seenAt;
    },

    /** Notes what an operator did elsewhere, such as to the signing keys. */
    async audit(action: string, subject: Record<string, string>): Promise<void> {
      await commit(action, subject, []);
    },

    /** The newest events first. */
    async listAudit(limit: number): Promise<AuditEvent[]> {
      const { Items } = await withRetries(() =>
        client.send(
          new QueryCommand({
            TableName,
            KeyConditionExpression: "pk = :pk",
            ExpressionAttributeValues: { ":pk": AUDIT },
            ScanIndexForward: false,
            Limit: limit,
          }),
        ),
      );
      return (Items ?? []).map(({ at, actor: who, action, subject }) => ({
        at,
        actor: who,
        action,
        subject,
      }));
    },
  };

  function clientExists(clientId: string): TransactItem {
    return {
      ConditionCheck: {
        TableName,
        Key: { pk: clientPartition(clientId), sk: CLIENT },
        ConditionExpression: "attribute_exists(pk)",
      },
    };
  }
}

function isConditionFailed(error: unknown): boolean {
  return (
    error instanceof TransactionCanceledException &&
    (error.CancellationReasons ?? []).some(({ Code }) => Code === "ConditionalCheckFailed")
  );
}

function withoutSecret<T extends object>(item: T): Omit<T, "userIdSecret" | "pk" | "sk"> {
  const {
    userIdSecret: _secret,
    pk: _pk,
    sk: _sk,
    ...rest
  } = item as T & Record<"userIdSecret" | "pk" | "sk", unknown>;
  return rest;
}

function byCreation(one: { createdAt: number }, other: { createdAt: number }): number {
  return one.createdAt - other.createdAt;
}
