import { randomUUID } from "node:crypto";
import { inspect } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  type Client,
  type ClientOptions,
  ConnectionError,
  createClient,
  ProblemError,
  TokenError,
} from "../../client/src/index.ts";
import { newDirectory, removeDirectory, type RunningDev, startDev } from "../support/dev-server.ts";
import { type Fault, startFaultyProxy } from "../support/faulty-proxy.ts";

const ISSUER = "urn:verification-sessions:dev";

let server: RunningDev;
let proxy: Awaited<ReturnType<typeof startFaultyProxy>>;
let client: Client;
let engine: Client;
beforeAll(async () => {
  server = await startDev(newDirectory(), { DATA: "memory", LOG: "silent" });
  proxy = await startFaultyProxy(server.dev.url);
  client = newClient();
  engine = newClient({ apiKey: server.dev.resultsKey });
});
afterAll(async () => {
  await proxy.stop();
  await server.stop();
  removeDirectory(server.directory);
});

const newClient = (options: Partial<ClientOptions> = {}) =>
  createClient({ url: proxy.url, apiKey: server.dev.apiKeys.sandbox, issuer: ISSUER, ...options });
const newRefId = () => `user-${randomUUID()}`;
const start = (token: string) =>
  fetch(`${server.dev.url}/v2/session/start`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}` },
  });
const failureOf = (call: Promise<unknown>) =>
  call.then(
    () => expect.unreachable("The call was answered."),
    (error: unknown) => error,
  );
const problem = (status: number, code: string): Fault => ({
  status,
  headers: { "content-type": "application/problem+json" },
  body: JSON.stringify({
    status,
    code,
    detail: "As it is.",
    requestId: "request-1",
    hint: ["a member of later"],
  }),
});

describe("a user's life", () => {
  test("goes through the client from the first session to the erasure", async () => {
    const refId = newRefId();
    const opened = await client.sessions.open({
      refId,
      user: { firstName: "Amina", plan: "gold", email: undefined },
      metadata: { order: "1234" },
    });
    expect(opened).toMatchObject({ refId, status: "open", created: true, metadata: { order: "1234" } });
    expect(await client.sessions.open({ refId })).toMatchObject({
      sessionId: opened.sessionId,
      created: false,
    });

    await start(opened.token);
    expect(await client.sessions.get(opened)).toMatchObject({ status: "in_progress" });
    expect(await engine.sessions.reportResult(opened, { status: "successful" })).toMatchObject({
      status: "completed",
      result: { status: "successful" },
    });
    expect(await client.users.get(refId)).toMatchObject({
      status: "successful",
      user: { firstName: "Amina", plan: "gold" },
      session: null,
    });

    const second = await client.sessions.open({ refId });
    expect(await client.sessions.cancel(second)).toMatchObject({ status: "canceled" });
    expect(await client.users.erase(refId)).toBeUndefined();
    expect(await failureOf(client.users.get(refId))).toMatchObject({ code: "user_not_found", status: 404 });
  });

  test("takes every refId that the API takes", async () => {
    for (const refId of ["amina+test@example.com", "auth0|1", "a:b=c~d", "..a"]) {
      const { sessionId } = await client.sessions.open({ refId });
      expect((await client.users.get(refId)).session).toMatchObject({ sessionId });
    }
  });

  test("knows the flows", async () => {
    expect(await client.flows.list()).toEqual({
      flows: [
        { flowId: "idv", type: "idv" },
        { flowId: "kyc-plus", type: "kyc" },
      ],
    });
  });
});

describe("a user's sessions", () => {
  test("are a page when awaited, and all of them when iterated", async () => {
    const refId = newRefId();
    const ids: string[] = [];
    for (let count = 0; count < 5; count += 1) {
      const session = await client.sessions.open({ refId, forceCreation: true });
      await start(session.token);
      ids.unshift(session.sessionId);
    }
    const page = await client.users.sessions(refId, { limit: 2 });
    expect(page.sessions.map(({ sessionId }) => sessionId)).toEqual(ids.slice(0, 2));
    const next = await client.users.sessions(refId, { limit: 2, cursor: page.nextCursor });
    expect(next.sessions.map(({ sessionId }) => sessionId)).toEqual(ids.slice(2, 4));

    const all: string[] = [];
    for await (const { sessionId } of client.users.sessions(refId, { limit: 2 })) all.push(sessionId);
    expect(all).toEqual(ids);
  });

  test("end a loop with the error of any of their pages", async () => {
    const refId = newRefId();
    await client.sessions.open({ refId });
    proxy.meet(
      { status: 200, body: JSON.stringify({ sessions: [{ sessionId: "ses_1" }], nextCursor: "more" }) },
      problem(403, "insufficient_scope"),
    );
    const seen: string[] = [];
    const loop = async () => {
      for await (const { sessionId } of client.users.sessions(refId)) seen.push(sessionId);
    };
    expect(await failureOf(loop())).toMatchObject({ code: "insufficient_scope" });
    expect(seen).toEqual(["ses_1"]);
    expect(proxy.seen().map(({ path }) => path)).toEqual([
      `/v2/users/${refId}/sessions`,
      `/v2/users/${refId}/sessions?cursor=more`,
    ]);
  });
});

describe("a refusal", () => {
  test("is a ProblemError that says what, where and under which request", async () => {
    const error = await failureOf(client.sessions.open({ refId: newRefId(), user: { email: "nobody" } }));
    expect(error).toBeInstanceOf(ProblemError);
    const { status, code, errors, requestId, headers, message } = error as ProblemError;
    expect({ status, code, errors }).toEqual({
      status: 400,
      code: "invalid_request",
      errors: [{ pointer: "#/user/email", code: "invalid_format", detail: expect.any(String) }],
    });
    expect(requestId).toBe(headers.get("x-request-id"));
    expect(message).toMatch(/^400 invalid_request: /);
  });

  test("of a later API is one too: its code and its members break nothing", async () => {
    proxy.meet(problem(418, "is_a_teapot"));
    expect(await failureOf(client.flows.list())).toMatchObject({
      name: "ProblemError",
      status: 418,
      code: "is_a_teapot",
      detail: "As it is.",
      requestId: "request-1",
      errors: [],
    });
  });

  test("of a gateway has a status and no code", async () => {
    proxy.meet({ status: 413, body: '{"message":"Request Too Long"}' });
    const error = await failureOf(client.flows.list());
    expect(error).toBeInstanceOf(ProblemError);
    expect(error).toMatchObject({ status: 413, code: undefined, requestId: undefined });
  });

  test("is what a redirect is: the key is not sent on", async () => {
    proxy.meet({ status: 307, headers: { location: `${server.dev.url}/v2/flows` } });
    expect(await failureOf(client.flows.list())).toMatchObject({ name: "ProblemError", status: 307 });
    expect(proxy.seen()).toHaveLength(1);
  });
});

describe("an answer of a later API", () => {
  test("keeps the members that this version does not know", async () => {
    const later = { sessionId: "ses_1", flowId: "idv", status: "paused", createdAt: "?", colour: "blue" };
    proxy.meet({ status: 200, body: JSON.stringify(later) });
    expect(await client.sessions.get({ refId: "user", sessionId: "ses_1" })).toEqual(later);
  });
});

describe("what is sent", () => {
  test("names the client and its version, and the caller's own headers beside the key", async () => {
    proxy.meet();
    await client.flows.list({ headers: { "x-request-id": "1".repeat(32), "X-Api-Key": "another" } });
    expect(proxy.seen()[0]?.headers).toMatchObject({
      "user-agent": expect.stringMatching(/^verification-sessions-client\/\d+\.\d+\.\d+$/),
      "x-request-id": "1".repeat(32),
      "x-api-key": server.dev.apiKeys.sandbox,
    });
  });

  test("goes through the fetch that was given", async () => {
    const urls: string[] = [];
    const counting = newClient({
      url: `${proxy.url}/`,
      fetch: (url, init) => {
        urls.push(url);
        return fetch(url, init);
      },
    });
    await counting.flows.list();
    expect(urls).toEqual([`${proxy.url}/v2/flows`]);
  });

  test.each(["", ".", ".."])(
    "is nothing where the refId %j would lead to another resource",
    async (refId) => {
      proxy.meet();
      expect(await failureOf(client.users.erase(refId))).toBeInstanceOf(TypeError);
      expect(await failureOf(client.users.sessions(refId))).toBeInstanceOf(TypeError);
      expect(await failureOf(client.sessions.get({ refId: "user", sessionId: refId }))).toBeInstanceOf(
        TypeError,
      );
      expect(proxy.seen()).toEqual([]);
    },
  );
});

describe("a client", () => {
  test("is refused where its options cannot be right, and the refusal does not repeat the key", () => {
    expect(() => newClient({ url: "api.example.com" })).toThrow("`url`");
    expect(() => newClient({ apiKey: "" })).toThrow("`apiKey`");
    expect(() => newClient({ apiKey: "vs_sandbox_1\n" })).toThrow(
      new TypeError("`apiKey` must be an API key, without a space or a line break."),
    );
  });

  test("is refused in a browser and in its workers, where a key would be everybody's", () => {
    const own = Object.getOwnPropertyDescriptor(globalThis, "navigator") ?? {};
    try {
      Object.defineProperty(globalThis, "navigator", {
        value: { userAgent: "Mozilla/5.0" },
        configurable: true,
      });
      expect(() => newClient()).toThrow("must not run where users can see it");
    } finally {
      Object.defineProperty(globalThis, "navigator", own);
    }
  });

  test("shows its key to nobody who prints it or its errors", async () => {
    const error = await failureOf(newClient({ url: "http://127.0.0.1:1", maxRetries: 0 }).flows.list());
    expect(error).toBeInstanceOf(ConnectionError);
    expect(inspect([client, error], { depth: 9, showHidden: true })).not.toContain(
      server.dev.apiKeys.sandbox,
    );
  });
});

describe("a token", () => {
  test("is verified over keys that are read once, and tells whose session it is", async () => {
    const fresh = newClient();
    const { token, sessionId, userId, flowId, expiresAt } = await fresh.sessions.open({ refId: newRefId() });
    proxy.meet();
    const told = {
      sessionId,
      userId,
      flowId,
      expiresAt,
      clientId: server.dev.clientId,
      environment: "sandbox",
    };
    expect(await fresh.verifyToken(token)).toEqual(told);
    expect(await fresh.verifyToken(token)).toEqual(told);
    expect(proxy.seen().map(({ path }) => path)).toEqual(["/.well-known/jwks.json"]);
    expect(proxy.seen()[0]?.headers).not.toHaveProperty("x-api-key");
  });

  test("is no good if it was changed, or is of another environment or issuer", async () => {
    const { token } = await client.sessions.open({ refId: newRefId() });
    const [head, claims, signature = ""] = token.split(".");
    const changed = `${head}.${claims}.${signature.startsWith("A") ? "B" : "A"}${signature.slice(1)}`;
    const production = newClient({ apiKey: server.dev.apiKeys.production });
    const others = newClient({ issuer: "https://api.example.com" });
    for (const call of [
      () => client.verifyToken(changed),
      () => client.verifyToken("nonsense"),
      () => production.verifyToken(token),
      () => others.verifyToken(token),
    ]) {
      const error = await failureOf(call());
      expect(error).toBeInstanceOf(TokenError);
      expect(error).toMatchObject({ code: "invalid_token" });
    }
  });

  test("is not judged where the keys are out of reach", async () => {
    const { token } = await client.sessions.open({ refId: newRefId() });
    const fresh = newClient({ maxRetries: 0 });
    proxy.meet("break");
    expect(await failureOf(fresh.verifyToken(token))).toBeInstanceOf(ConnectionError);
    proxy.meet({ status: 200, body: "{}" });
    expect(await failureOf(fresh.verifyToken(token))).toBeInstanceOf(ConnectionError);
    expect(await fresh.verifyToken(token)).toMatchObject({ environment: "sandbox" });
  });
});
