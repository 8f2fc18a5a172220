import timers from "node:timers/promises";
import type { createApi } from "../../functions/app.ts";
import type { toChange } from "../../functions/webhooks/changes.ts";
import type { erasedBy, eventsOf } from "../../functions/webhooks/events.ts";
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
import { type Item, itemsOf, rememberAnswers, replaceItems, type Written } from "./engine-memory.ts";
import { type Told, toldOf } from "./told.ts";
import type { Call } from "./calls.ts";
import type { Answer } from "./model.ts";
import type { RunActor, Running } from "./run.ts";
import { type HoldOptions, holdRequests, TABLE } from "./wire.ts";
import { actors } from "./virtual.ts";

/** Whose user it is: what an API key stands for. */
export type Tenant = { readonly clientId: string; readonly environment: Environment };
export type Person = Tenant & { readonly refId: string };

const TOKEN_TOLERANCE_SECONDS = 5;

/**
 * The product, on an engine: every request of a call waits for the run that the call is part of. Unless requests go over the wire, the
 * engine's answers are kept.
 */
export type Stage = Awaited<ReturnType<typeof createStage>>;

/** The product's code. */
export type Code = {
  readonly createApi: typeof createApi;
  readonly createVerificationStore: typeof createVerificationStore;
  readonly toChange: typeof toChange;
  readonly eventsOf: typeof eventsOf;
  readonly erasedBy: typeof erasedBy;
};

/** @param as gives the specifier under which a file of the code is loaded */
export async function loadCode(as: (specifier: string) => string): Promise<Code> {
  const [app, store, changes, events] = await Promise.all([
    import(as("../../functions/app.ts")) as Promise<Pick<Code, "createApi">>,
    import(as("../../functions/store/verification/store.ts")) as Promise<
      Pick<Code, "createVerificationStore">
    >,
    import(as("../../functions/webhooks/changes.ts")) as Promise<Pick<Code, "toChange">>,
    import(as("../../functions/webhooks/events.ts")) as Promise<Pick<Code, "eventsOf" | "erasedBy">>,
  ]);
  return { ...app, ...store, ...changes, ...events };
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
  const memory = options.overWire === true ? undefined : rememberAnswers(direct);
  const { forget } = holdRequests(client, memory ?? direct, options);
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
  const api = code.createApi({
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

  const announced: Parameters<typeof toldOf>[2] = new WeakMap();

  return {
    memory,
    faults,

    /** Plays a call: for an actor of a run or, without one, in real time. */
    async play(person: Person, call: Call, named: Running["named"], actor?: RunActor): Promise<Answer> {
      const ask = async (): Promise<Answer> => {
        const { method, path, json, headers } = requestOf(person, call, named, apiKeyOf(person));
        const sent = json === undefined ? "" : JSON.stringify(json);
        const all: Record<string, string> = {
          ...headers,
          ...(sent === "" ? {} : { "content-type": "application/json" }),
        };
        const reply = await api({
          method,
          path,
          query: "",
          header: (name) => all[name],
          body: async () => Buffer.from(sent),
        });
        return {
          status: reply.status,
          body: reply.body === undefined || reply.body === "" ? undefined : JSON.parse(reply.body),
          replayed: reply.headers["idempotent-replayed"] === "true",
        };
      };
      return actor === undefined ? ask() : actors.run(actor, ask);
    },

    /** What was written of a user since it was last restored; nothing where no answers are kept. */
    written: (userId: string): readonly Written[] => memory?.written(userId) ?? [],

    /** What clients are told of these writes. */
    told: (written: readonly Written[]): Told => toldOf(code, written, announced),

    /** All that is stored of a user. */
    items: async (userId: string): Promise<readonly Item[]> =>
      memory?.items(userId) ?? (await itemsOf(direct, userId)),

    /** Has what is stored of a user, which was `found`, be what is wanted. */
    async restore(userId: string, found: readonly Item[], wanted: readonly Item[]): Promise<void> {
      forget(userId);
      if (memory === undefined) await replaceItems(direct, found, wanted);
      else memory.become(userId, wanted);
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
