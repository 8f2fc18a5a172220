import { GetCommand, PutCommand, QueryCommand } from "@aws-sdk/lib-dynamodb";
import type { Hono } from "hono";
import { inject } from "vitest";
import { createApi } from "../../functions/app.ts";
import type { Environment, Scope } from "../../functions/contract/vocabulary.ts";
import type { Api, GatewayRequest } from "../../functions/http/message.ts";
import type { FaultFields, Log, RequestLine } from "../../functions/http/request-log.ts";
import { serveApi, type WebEnv } from "../../functions/http/web.ts";

import { createClientsStore } from "../../functions/store/clients/store.ts";
import type { DynamoDBDocumentClient } from "../../functions/store/dynamodb.ts";
import { createQuotaStore } from "../../functions/store/quota.ts";
import { createVerificationStore } from "../../functions/store/verification/store.ts";
import { createTokenSigner } from "../../functions/token.ts";
import { createRegistry, type Registry } from "../../admin/registry/registry.ts";
import { generateSigningKeySet } from "../../admin/signing-keys.ts";
import { createDemoClient, type DemoCredentials } from "../../scripts/local/demo.ts";
import type { TableNames } from "../../scripts/local/tables.ts";
import { recordActions } from "./actions.ts";
import { connectLocal } from "../../scripts/local/workspace.ts";
import { holdAgainstReference } from "./traffic.ts";

export const ISSUER = "https://api.example.test";

/** An answer of the API. `body` is the parsed JSON, or `undefined` where there was none. */
// What a test expects of a body is the test's to say.
export type Answer = { status: number; headers: Headers; body: any; text: string };

export type CallOptions = {
  key?: string;
  token?: string;
  headers?: Record<string, string>;
  /** Sent as JSON. */
  json?: unknown;
  /** Sent as it is. */
  body?: string | Uint8Array<ArrayBuffer>;
  /** What a gateway would tell of the request. */
  gateway?: GatewayRequest;
};

type ContainerOptions = {
  now?: () => number;
  log?: Log;
  connect?: (endpoint: string) => DynamoDBDocumentClient;
};

/** The whole app with a client of its own, so with users that no other test sees, and a clock that tests may move. */
export type World = {
  app: Hono<WebEnv>;
  /** The same, as Lambda calls it. */
  api: Api;
  clock: { nowMs: number };
  demo: DemoCredentials;
  registry: Registry;
  dynamodb: DynamoDBDocumentClient;
  tables: TableNames;
  /** What was logged, a line a request. */
  lines: RequestLine[];
  faults: { error: unknown; fields: FaultFields }[];
  signingKeys: Awaited<ReturnType<typeof generateSigningKeySet>>;
  call(method: string, path: string, options?: CallOptions): Promise<Answer>;
  /** `POST /v2/sessions` with the demo client's sandbox key. */
  open(body: Record<string, unknown>, options?: CallOptions): Promise<Answer>;
  addKey(scopes: readonly Scope[], environment?: Environment, clientId?: string): Promise<string>;
  /** A second app on the same data: another container, with caches of its own and, if asked for, another clock. */
  anotherContainer(options?: ContainerOptions): Hono<WebEnv>;
  anotherApi(options?: ContainerOptions): Api;
  items(userId: string): Promise<Record<string, unknown>[]>;
  item(userId: string, sk: string): Promise<Record<string, unknown> | undefined>;
  put(item: Record<string, unknown>): Promise<void>;
};

/**
 * @param options.connect another client for the app's store, such as one that fails on purpose
 */
export async function createWorld(
  options: {
    retentionDays?: number;
    userRetentionDays?: number;
    /** After how long what a container tells of its calls is given up. */
    quotaTimeoutMs?: number;
    connect?: (endpoint: string) => DynamoDBDocumentClient;
  } = {},
): Promise<World> {
  const endpoint = inject("dynamodbEndpoint");
  const dynamodb = connectLocal(endpoint);
  const tables = inject("tables");
  // Whole seconds, so that a test may count on what an hour later is.
  const clock = { nowMs: Math.floor(Date.now() / 1000) * 1000 };
  const registry = createRegistry(dynamodb, tables.clientsTable, { now: () => clock.nowMs, actor: "test" });
  const demo = await createDemoClient(registry);
  const signingKeys = await generateSigningKeySet(clock.nowMs);
  const signer = await createTokenSigner(signingKeys, ISSUER);
  const lines: RequestLine[] = [];
  const faults: World["faults"] = [];
  const capture: Log = {
    request: (line) => lines.push(line),
    fault: (error, fields) => faults.push({ error, fields }),
  };
  const container = ({
    now = () => clock.nowMs,
    log = capture,
    connect = options.connect,
  }: ContainerOptions = {}) => {
    const appDynamodb = recordActions((connect ?? connectLocal)(endpoint), tables);
    return createApi({
      stores: {
        clients: createClientsStore({ dynamodb: appDynamodb, tableName: tables.clientsTable, now }),
        quota: createQuotaStore({
          dynamodb: appDynamodb,
          tableName: tables.limitsTable,
          now,
          // No test is to fail because the machine is busy.
          timeout: () => AbortSignal.timeout(options.quotaTimeoutMs ?? 20_000),
        }),
        verification: createVerificationStore({
          dynamodb: appDynamodb,
          tableName: tables.verificationTable,
          retentionDays: options.retentionDays ?? 365,
          userRetentionDays: options.userRetentionDays ?? 0,
          now,
        }),
      },
      signer,
      now,
      log,
    });
  };
  const api = container();
  const app = serveApi(api);

  const call: World["call"] = (method, path, callOptions) => callApp(app, method, path, callOptions);
  return {
    app,
    clock,
    demo,
    registry,
    dynamodb,
    tables,
    lines,
    faults,
    signingKeys,
    call,
    open: (body, callOptions = {}) =>
      call("POST", "/v2/sessions", { key: demo.apiKeys.sandbox, json: body, ...callOptions }),
    addKey: async (scopes, environment = "sandbox", clientId = demo.clientId) =>
      (await registry.createKey({ clientId, environment, scopes })).text,
    api,
    anotherApi: container,
    anotherContainer: (containerOptions) => serveApi(container(containerOptions)),
    async items(userId) {
      const { Items } = await dynamodb.send(
        new QueryCommand({
          TableName: tables.verificationTable,
          KeyConditionExpression: "pk = :pk",
          ExpressionAttributeValues: { ":pk": userId },
          ConsistentRead: true,
        }),
      );
      return Items ?? [];
    },
    async item(userId, sk) {
      const { Item } = await dynamodb.send(
        new GetCommand({
          TableName: tables.verificationTable,
          Key: { pk: userId, sk },
          ConsistentRead: true,
        }),
      );
      return Item;
    },
    async put(item) {
      await dynamodb.send(new PutCommand({ TableName: tables.verificationTable, Item: item }));
    },
  };
}

/** One call of an app in process, as a backend or a frontend would make it. */
export async function callApp(
  app: Hono<WebEnv>,
  method: string,
  path: string,
  options: CallOptions = {},
): Promise<Answer> {
  const { key, token, json, body } = options;
  const headers: Record<string, string> = {
    ...(key === undefined ? {} : { "x-api-key": key }),
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    ...(json === undefined ? {} : { "content-type": "application/json" }),
    ...options.headers,
  };
  const payload = json === undefined ? body : JSON.stringify(json);
  const response = await app.request(
    path,
    { method, headers, ...(payload === undefined ? {} : { body: payload }) },
    options.gateway === undefined ? undefined : { gateway: options.gateway },
  );
  const text = await response.text();
  holdAgainstReference({
    method,
    path,
    sent: payload,
    text,
    status: response.status,
    headers: response.headers,
  });
  return {
    status: response.status,
    headers: response.headers,
    text,
    body: text === "" ? undefined : JSON.parse(text),
  };
}

export const inSeconds = (nowMs: number) => Math.floor(nowMs / 1000);
export const iso = (epochSeconds: number) =>
  new Date(epochSeconds * 1000).toISOString().replace(".000Z", "Z");

/** The key that signs the world's tokens, with its private half. */
export function signingKeyOf({ signingKeys }: World): { kid: string; x: string; d: string } {
  for (const key of signingKeys.keys) if (key.state === "signing") return key;
  throw new Error("No key signs");
}
