import type { DynamoDBDocumentClient } from "../../functions/store/dynamodb.ts";
import type { Direct } from "./direct.ts";
import type { Call } from "./calls.ts";
import type { Answer } from "./model.ts";
import type { RunActor, Running } from "./run.ts";
import { type HoldOptions, holdRequests, TABLE } from "./wire.ts";
import { actors } from "./virtual.ts";

export type Item = Record<string, unknown> & { readonly pk: string; readonly sk: string };

/** Whose user it is: what an API key stands for. */
export type Tenant = { readonly clientId: string; readonly environment: "production" | "sandbox" };
export type Person = Tenant & { readonly refId: string };

const TOKEN_TOLERANCE_SECONDS = 5;

/** The product, on an engine: every request of a call waits for the run that the call is part of. */
export type Stage = Awaited<ReturnType<typeof createStage>>;

export type Code = {
  readonly createApp: (dependencies: any) => {
    request(path: string, init: RequestInit): Response | Promise<Response>;
  };
  readonly createVerificationStore: (options: any) => any;
  readonly newSessionId?: (...args: any[]) => string;
  readonly formatApiKey: (environment: Tenant["environment"], entropy: Uint8Array) => string;
  readonly hashApiKey: (text: string) => string;
};

/** The product's code. @param as gives the specifier under which a file of it is loaded */
export async function loadCode(as: (specifier: string) => string): Promise<Code> {
  const [app, store, ids, keys] = await Promise.all(
    ["app.ts", "store/verification/store.ts", "core/session-id.ts", "core/api-key.ts"].map(
      (file) => import(as(`../../functions/${file}`)) as Promise<object>,
    ),
  );
  return { ...app, ...store, ...ids, ...keys } as Code;
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
  const keys = new Map<string, object>();
  const keyOf = new Map<string, string>();

  const apiKeyOf = ({ clientId, environment }: Tenant): string => {
    const name = `${clientId} ${environment}`;
    const known = keyOf.get(name);
    if (known !== undefined) return known;
    const text = code.formatApiKey(environment, Buffer.from(name.padEnd(24, "-").slice(0, 24)));
    keyOf.set(name, text);
    keys.set(code.hashApiKey(text), {
      keyId: `key-${name}`,
      clientId,
      environment,
      scopes: ["sessions:write", "users:read", "users:write", "results:write"],
      createdAt: 0,
      userIdSecret: Buffer.from(`the secret of ${clientId}`.padEnd(32, ".")).toString("base64url"),
    });
    return text;
  };

  const now = () => actors.getStore()?.nowMs() ?? Date.now();
  const app = code.createApp({
    stores: {
      clients: {
        findApiKey: async (hash: string) => keys.get(hash),
        findFlow: async () => undefined,
      },
      verification: code.createVerificationStore({
        client,
        dynamodb: client,
        tableName: TABLE,
        retentionDays: 365,
        userRetentionDays: 0,
        now,
      }),
    },
    signer: SIGNER,
    now,
    newId: code.newSessionId,
    log: {
      request() {},
      fault(error: Error) {
        if (error.name !== "Unavailable" && error.name !== "Abandoned") faults.push(error);
      },
    },
  });
  const faults: Error[] = [];

  return {
    direct,
    faults,

    /** Plays a call for an actor of a run. */
    play: (person: Person, call: Call, named: Running["named"], actor: RunActor): Promise<Answer> =>
      actors.run(actor, async () => {
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
      }),

    /** All that is stored of a user. */
    async items(userId: string): Promise<Item[]> {
      const { Items } = await direct.send("Query", {
        TableName: TABLE,
        KeyConditionExpression: "pk = :pk",
        ExpressionAttributeValues: { ":pk": userId },
        ConsistentRead: true,
      });
      return (Items ?? []) as Item[];
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

type Claims = {
  sessionId: string;
  userId: string;
  clientId: string;
  environment: string;
  flowId: string;
  expiresAt: number;
};

/** Tokens that anybody can read and make: what jose does has tests of its own, and takes turns of the event loop that nobody here could hold. */
const SIGNER = {
  sign: async ({ sessionId, userId, clientId, environment, flowId, expiresAt }: Claims) =>
    Buffer.from(JSON.stringify({ sessionId, userId, clientId, environment, flowId, expiresAt })).toString(
      "base64url",
    ),
  async verify(token: string, nowMs: number) {
    const claims = JSON.parse(Buffer.from(token, "base64url").toString()) as Claims;
    return claims.expiresAt + TOKEN_TOLERANCE_SECONDS <= Math.floor(nowMs / 1000)
      ? { kind: "expired" }
      : { kind: "valid", claims };
  },
  publicKeys: { keys: [] },
};
