import timers from "node:timers/promises";
import type { createApp } from "../../functions/app.ts";
import { SCOPES, type Environment } from "../../functions/contract/vocabulary.ts";
import {
  API_KEY_ENTROPY_BYTES,
  type ApiKey,
  formatApiKey,
  hashApiKey,
} from "../../functions/core/api-key.ts";
import type { SessionClaims } from "../../functions/core/session-token.ts";
import type { ClientsStore } from "../../functions/store/clients/store.ts";
import type { QuotaStore } from "../../functions/store/quota.ts";
import type { createVerificationStore } from "../../functions/store/verification/store.ts";
import type { TokenSigner } from "../../functions/token.ts";
import type { DynamoDBDocumentClient } from "../../functions/store/dynamodb.ts";
import type { Direct } from "./direct.ts";
import type { Call } from "./calls.ts";
import type { Answer } from "./model.ts";
import type { RunActor, Running } from "./run.ts";
import { type HoldOptions, holdRequests, TABLE } from "./wire.ts";
import { actors } from "./virtual.ts";

export type Item = Record<string, unknown> & { readonly pk: string; readonly sk: string };

/** Whose user it is: what an API key stands for. */
export type Tenant = { readonly clientId: string; readonly environment: Environment };
export type Person = Tenant & { readonly refId: string };

const TOKEN_TOLERANCE_SECONDS = 5;

/** The product, on an engine: every request of a call waits for the run that the call is part of. */
export type Stage = Awaited<ReturnType<typeof createStage>>;

/** The product's code. */
export type Code = {
  readonly createApp: typeof createApp;
  readonly createVerificationStore: typeof createVerificationStore;
};

/** @param as gives the specifier under which a file of the code is loaded */
export async function loadCode(as: (specifier: string) => string): Promise<Code> {
  const [app, store] = await Promise.all([
    import(as("../../functions/app.ts")) as Promise<Pick<Code, "createApp">>,
    import(as("../../functions/store/verification/store.ts")) as Promise<
      Pick<Code, "createVerificationStore">
    >,
  ]);
  return { ...app, ...store };
}

/**
 * @param code the product's, as it is or as a broken variant has it
 * @param client the client of the engine that the product is given
 * @param direct how its requests reach the engine
 */
export async function createStage(
  code: Code,
  client: DynamoDBDocumentClient,
  direct: Direct,
  options: HoldOptions = {},
) {
  const { forget } = holdRequests(client, direct, options);
  const apiKeys = new Map<string, ApiKey>();
  const textOf = new Map<string, string>();

  const apiKeyOf = ({ clientId, environment }: Tenant): string => {
    const name = `${clientId} ${environment}`;
    const known = textOf.get(name);
    if (known !== undefined) return known;
    const text = formatApiKey(environment, Buffer.from(name.padEnd(API_KEY_ENTROPY_BYTES, "-")));
    textOf.set(name, text);
    apiKeys.set(hashApiKey(text), {
      keyId: `key-${name}`,
      clientId,
      environment,
      scopes: SCOPES,
      createdAt: 0,
      userIdSecret: Buffer.from(`the secret of ${clientId}`.padEnd(32, ".")).toString("base64url"),
    });
    return text;
  };
  // Nobody here is limited, and the clients never change: neither is what this is about.
  const clients: ClientsStore = {
    async findApiKey(hash) {
      const key = apiKeys.get(hash);
      return { cached: true, ...(key === undefined ? {} : { key }) };
    },
    findFlow: async () => undefined,
    listFlows: async () => [],
    findSettings: async () => ({}),
  };
  const quota: QuotaStore = {
    take: async () => ({
      allowed: true,
      quota: 1,
      remaining: 1,
      secondsLeft: 1,
      told: Promise.resolve(true),
    }),
  };

  const now = () => actors.getStore()?.nowMs() ?? Date.now();
  const sleep = (ms: number) => actors.getStore()?.sleep(ms) ?? timers.setTimeout(ms);
  const faults: unknown[] = [];
  const app = code.createApp({
    stores: {
      clients,
      quota,
      verification: code.createVerificationStore({
        dynamodb: client,
        tableName: TABLE,
        retentionDays: 365,
        userRetentionDays: 0,
        now,
        sleep,
      }),
    },
    signer: SIGNER,
    now,
    log: {
      request() {},
      fault: (error) => {
        faults.push(error);
      },
    },
  });

  return {
    direct,
    faults,

    /** Plays a call: for an actor of a run or, without one, in real time. */
    async play(person: Person, call: Call, named: Running["named"], actor?: RunActor): Promise<Answer> {
      const ask = async (): Promise<Answer> => {
        const { method, path, json, headers } = requestOf(person, call, named, apiKeyOf(person));
        const response = await app.request(path, {
          method,
          headers: { ...headers, ...(json === undefined ? {} : { "content-type": "application/json" }) },
          ...(json === undefined ? {} : { body: JSON.stringify(json) }),
        });
        const text = await response.text();
        return {
          status: response.status,
          body: text === "" ? undefined : JSON.parse(text),
          replayed: response.headers.get("idempotent-replayed") === "true",
        };
      };
      return actor === undefined ? ask() : actors.run(actor, ask);
    },

    /** All that is stored of a user. */
    async items(userId: string): Promise<Item[]> {
      const { Items } = await direct.send("Query", {
        TableName: TABLE,
        KeyConditionExpression: "pk = :pk",
        ExpressionAttributeValues: { ":pk": userId },
        ConsistentRead: true,
      });
      return ((Items ?? []) as Item[]).map(inOrder);
    },

    /** Makes of what is stored of a user what is wanted. */
    async restore(found: readonly Item[], wanted: readonly Item[]): Promise<void> {
      for (const pk of new Set([...found, ...wanted].map((item) => item.pk))) forget(pk);
      const there = new Map(found.map((item) => [item.sk, JSON.stringify(item)]));
      const changes = [
        ...wanted
          .filter((item) => there.get(item.sk) !== JSON.stringify(item))
          .map((Item) => ({ PutRequest: { Item } })),
        ...found
          .filter(({ sk }) => !wanted.some((item) => item.sk === sk))
          .map(({ pk, sk }) => ({ DeleteRequest: { Key: { pk, sk } } })),
      ];
      for (let at = 0; at < changes.length; at += 25) {
        await direct.send("BatchWriteItem", { RequestItems: { [TABLE]: changes.slice(at, at + 25) } });
      }
    },
  };
}

/** The same item with its attributes by name: the engine gives them in any order. */
const inOrder = (item: Item): Item =>
  Object.fromEntries(Object.entries(item).toSorted(([one], [other]) => (one < other ? -1 : 1))) as Item;

function requestOf(
  { refId }: Person,
  call: Call,
  named: Running["named"],
  apiKey: string,
): { method: string; path: string; headers: Record<string, string>; json?: unknown } {
  const backend = { "x-api-key": apiKey };
  const frontend = { authorization: `Bearer ${named?.token}` };
  const user = `/v2/users/${refId}`;
  switch (call.kind) {
    case "open": {
      const { force, email, metadata, idempotencyKey } = call;
      return {
        method: "POST",
        path: "/v2/sessions",
        headers: {
          ...backend,
          ...(idempotencyKey === undefined ? {} : { "idempotency-key": idempotencyKey }),
        },
        json: {
          refId,
          ...(force === undefined ? {} : { forceCreation: force }),
          ...(email === undefined ? {} : { user: { email } }),
          ...(metadata === undefined ? {} : { metadata }),
        },
      };
    }
    case "start":
      return { method: "POST", path: "/v2/session/start", headers: frontend };
    case "readToken":
      return { method: "GET", path: "/v2/session", headers: frontend };
    case "cancel":
      return { method: "POST", path: `${user}/sessions/${named?.sessionId}/cancel`, headers: backend };
    case "result":
      return {
        method: "PUT",
        path: `${user}/sessions/${named?.sessionId}/result`,
        headers: backend,
        json: { status: call.status },
      };
    case "readSession":
      return { method: "GET", path: `${user}/sessions/${named?.sessionId}`, headers: backend };
    case "erase":
      return { method: "DELETE", path: user, headers: backend };
    case "readUser":
      return { method: "GET", path: user, headers: backend };
    case "listSessions":
      return { method: "GET", path: `${user}/sessions`, headers: backend };
  }
}

/**
 * Tokens that anybody can read and make: what jose does has tests of its own, and takes turns of the event loop that nobody
 * here could hold.
 */
const SIGNER: TokenSigner = {
  sign: async ({ sessionId, userId, clientId, environment, flowId, expiresAt }) =>
    Buffer.from(JSON.stringify({ sessionId, userId, clientId, environment, flowId, expiresAt })).toString(
      "base64url",
    ),
  async verify(token, nowMs) {
    const claims = JSON.parse(Buffer.from(token, "base64url").toString()) as SessionClaims;
    return claims.expiresAt + TOKEN_TOLERANCE_SECONDS <= Math.floor(nowMs / 1000)
      ? { kind: "expired" }
      : { kind: "valid", claims };
  },
  publicKeys: { keys: [] },
};
