import { randomBytes } from "node:crypto";
import type { Environment, Scope } from "../../functions/contract/vocabulary.ts";
import {
  API_KEY_ENTROPY_BYTES,
  type ApiKey,
  apiKeyState,
  formatApiKey,
  hashApiKey,
  mayHaveScopes,
} from "../../functions/core/api-key.ts";
import { toSeconds } from "../../functions/core/time.ts";
import {
  API_KEY,
  apiKeyKey,
  type Client,
  type ItemKey,
  perSecondName,
  toApiKey,
} from "../../functions/store/clients/items.ts";
import { AdminError } from "../admin-error.ts";
import { readClient } from "./clients.ts";
import { ABSENT, byCreation, type Clause, type ClientsTable, EXISTS, type TransactItem } from "./table.ts";

export type NewKey = {
  readonly clientId: string;
  readonly environment: Environment;
  readonly scopes: readonly Scope[];
  readonly label?: string;
  readonly expiresAt?: number;
};

/** What an operator sees of an API key: all but the user-id secret. */
export type ApiKeyInfo = Omit<ApiKey, "userIdSecret">;

/** Only while the client is enabled and its quota is the one that the key bears, even if that changes in the same moment. */
function asSeen({ perSecond }: Client, environment: Environment): Clause {
  const seen = perSecond?.[environment];
  return {
    condition: `attribute_not_exists(disabledAt) AND ${seen === undefined ? "attribute_not_exists(#perSecond)" : "#perSecond = :perSecond"}`,
    names: { "#perSecond": perSecondName("perSecond", environment) },
    ...(seen === undefined ? {} : { values: { ":perSecond": seen } }),
  };
}

export function keyRegistry(table: ClientsTable) {
  async function keyItem(keyId: string): Promise<ApiKey & ItemKey> {
    const [item] = await table.scan("keyId = :keyId", { ":keyId": keyId });
    if (item !== undefined) return { ...toApiKey(item), pk: String(item.pk), sk: String(item.sk) };
    throw new AdminError(`There is no API key ${keyId}; \`keys list --client <id>\` shows those there are.`);
  }

  function newKeyItem(
    key: NewKey,
    { perSecond, userIdSecret }: Client,
  ): { text: string; info: ApiKeyInfo; put: TransactItem } {
    const text = formatApiKey(key.environment, randomBytes(API_KEY_ENTROPY_BYTES));
    const quota = perSecond?.[key.environment];
    const info: ApiKeyInfo = {
      keyId: `key_${table.newId()}`,
      createdAt: toSeconds(table.now()),
      ...key,
      ...(quota === undefined ? {} : { perSecond: quota }),
    };
    const item = { ...apiKeyKey(hashApiKey(text)), ...info, userIdSecret };
    return { text, info, put: table.put(item, { condition: ABSENT }) };
  }

  return {
    /**
     * The text of the key is in this answer and nowhere else.
     * @throws AdminError when the client is disabled, or a production key could open sessions and report their results
     */
    async createKey(key: NewKey): Promise<{ text: string; key: ApiKeyInfo }> {
      requireScopes(key.environment, key.scopes);
      const client = await readEnabledClient(table, key.clientId);
      const { text, info, put } = newKeyItem(key, client);
      await table.commit("key.created", { clientId: key.clientId, keyId: info.keyId }, [
        table.requireClient(key.clientId, asSeen(client, key.environment)),
        put,
      ]);
      return { text, key: info };
    },

    /** The keys of a client, the oldest first. */
    async listKeys(clientId: string): Promise<ApiKeyInfo[]> {
      await readClient(table, clientId);
      const values = { ":clientId": clientId, ":key": API_KEY };
      return (await table.scan("clientId = :clientId AND sk = :key", values))
        .map((item) => withoutSecret(toApiKey(item)))
        .toSorted(byCreation(({ keyId }) => keyId));
    },

    /** The keys of all clients, the oldest first. */
    async listAllKeys(): Promise<ApiKeyInfo[]> {
      return (await table.scan("sk = :key", { ":key": API_KEY }))
        .map((item) => withoutSecret(toApiKey(item)))
        .toSorted(byCreation(({ keyId }) => keyId));
    },

    async findKey(keyId: string): Promise<ApiKeyInfo> {
      return withoutSecret(await keyItem(keyId));
    },

    /** Changes a key's label or scopes; the key itself stays, and so does its text. */
    async updateKey(
      keyId: string,
      change: { label?: string; scopes?: readonly Scope[] },
    ): Promise<ApiKeyInfo> {
      const before = await keyItem(keyId);
      const label = change.label ?? before.label;
      const scopes = change.scopes ?? before.scopes;
      if (change.scopes !== undefined) requireScopes(before.environment, scopes);
      if (label === before.label && scopes.join() === before.scopes.join()) return withoutSecret(before);
      await table.commit("key.updated", { clientId: before.clientId, keyId }, [
        table.update(before, `SET scopes = :scopes${label === undefined ? "" : ", label = :label"}`, {
          condition: `${EXISTS} AND scopes = :seen`,
          values: {
            ":scopes": scopes,
            ":seen": before.scopes,
            ...(label === undefined ? {} : { ":label": label }),
          },
        }),
      ]);
      return withoutSecret({ ...before, scopes, ...(label === undefined ? {} : { label }) });
    },

    /** Revoking again keeps the time of the first. */
    async revokeKey(keyId: string): Promise<ApiKeyInfo> {
      const before = await keyItem(keyId);
      if (before.revokedAt !== undefined) return withoutSecret(before);
      const revokedAt = toSeconds(table.now());
      await table.commit("key.revoked", { clientId: before.clientId, keyId }, [
        table.update(before, "SET revokedAt = :at", {
          condition: `${EXISTS} AND attribute_not_exists(revokedAt)`,
          values: { ":at": revokedAt },
        }),
      ]);
      return withoutSecret({ ...before, revokedAt });
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
      const before = await keyItem(keyId);
      const { clientId, environment, scopes, label, expiresAt } = before;
      if (before.revokedAt !== undefined) {
        throw new AdminError(
          `The API key ${keyId} is revoked; make a new one: \`keys create --client ${clientId} ...\`.`,
        );
      }
      requireScopes(environment, scopes);
      const client = await readEnabledClient(table, clientId);
      const fresh = newKeyItem(
        {
          clientId,
          environment,
          scopes,
          ...(label === undefined ? {} : { label }),
          ...(newEndsAt === undefined ? {} : { expiresAt: newEndsAt }),
        },
        client,
      );
      const endsAt = Math.min(oldEndsAt, expiresAt ?? oldEndsAt);
      await table.commit("key.rotated", { clientId, keyId, newKeyId: fresh.info.keyId }, [
        table.requireClient(clientId, asSeen(client, environment)),
        fresh.put,
        table.update(before, "SET expiresAt = :at", {
          condition: `${EXISTS} AND attribute_not_exists(revokedAt) AND ${
            expiresAt === undefined ? "attribute_not_exists(expiresAt)" : "expiresAt = :seen"
          }`,
          values: { ":at": endsAt, ...(expiresAt === undefined ? {} : { ":seen": expiresAt }) },
        }),
      ]);
      return { text: fresh.text, key: fresh.info, old: withoutSecret({ ...before, expiresAt: endsAt }) };
    },
  };
}

/** Whether a key opens something now and ends within `seconds`. */
export function endsWithin(key: ApiKeyInfo, seconds: number, nowSeconds: number): boolean {
  return (
    apiKeyState(key, nowSeconds) === "active" &&
    key.expiresAt !== undefined &&
    key.expiresAt <= nowSeconds + seconds
  );
}

function requireScopes(environment: Environment, scopes: readonly Scope[]): void {
  if (mayHaveScopes(environment, scopes)) return;
  throw new AdminError(
    "A production key cannot have results:write together with sessions:write: its client could pass its own users. " +
      "Make two keys, and give the one with results:write to the verification engine alone.",
  );
}

async function readEnabledClient(table: ClientsTable, clientId: string): Promise<Client> {
  const found = await readClient(table, clientId);
  if (found.disabledAt === undefined) return found;
  throw new AdminError(
    `The client ${clientId} is disabled; enable it first: \`clients enable ${clientId}\`.`,
  );
}

function withoutSecret(key: ApiKey & Partial<ItemKey>): ApiKeyInfo {
  const { userIdSecret: _secret, pk: _pk, sk: _sk, ...info } = key;
  return info;
}
