import { describe, expect, test } from "vitest";
import { describeFault } from "../../functions/telemetry/fault.ts";
import { Unavailable } from "../../functions/store/retry.ts";
import { createLog } from "../../functions/telemetry/log.ts";
import { handleEvents } from "../../functions/http/lambda-event.ts";
import { createWorld, type World } from "../support/world.ts";

const gateway = () => ({
  requestId: "DCBbLhvTliAEMEw=",
  path: "/v2/sessions",
  awsRequestId: crypto.randomUUID(),
});

describe("one request", () => {
  test("leaves a line with route, client, outcome, code, duration and DynamoDB requests", async () => {
    const world = await createWorld();
    const { body, headers } = await world.open({ refId: "line" });
    expect(world.lines).toEqual([
      {
        event: "request",
        requestId: headers.get("x-request-id"),
        route: "POST /v2/sessions",
        status: 201,
        clientId: world.demo.clientId,
        sandbox: true,
        keyId: expect.stringMatching(/^key_/),
        apiKeyCache: "miss",
        userId: body.userId,
        sessionId: body.sessionId,
        outcome: "session_created",
        durationMs: expect.any(Number),
        dynamodbRequests: 4,
        dynamodbMs: expect.any(Number),
        audit: [{ action: "session.opened" }],
      },
    ]);
  });

  test("names its route by the template, never by the path", async () => {
    const world = await createWorld();
    await world.call("GET", "/v2/users/someone@example.com/sessions", { key: world.demo.apiKeys.sandbox });
    await world.call("GET", "/v2/users/someone@example.com/other");
    await world.call("PATCH", "/v2/users/someone@example.com");
    expect(world.lines.map(({ route, code }) => [route, code])).toEqual([
      ["GET /v2/users/{refId}/sessions", "user_not_found"],
      [undefined, "not_found"],
      ["/v2/users/{refId}", "method_not_allowed"],
    ]);
    expect(JSON.stringify(world.lines)).not.toContain("someone");
  });

  test("takes at most 450 bytes where a session is reused", async () => {
    const world = await createWorld();
    const lines: string[] = [];
    const log = createLog((line) => lines.push(line));
    const handle = handleEvents(world.anotherApi({ log }));
    const event = {
      version: "2.0",
      rawPath: "/v2/sessions",
      headers: { "x-api-key": world.demo.apiKeys.sandbox, "content-type": "application/json" },
      requestContext: { requestId: gateway().requestId, http: { method: "POST", sourceIp: "192.0.2.1" } },
      body: JSON.stringify({ refId: "bytes" }),
    };
    await handle(event, { awsRequestId: crypto.randomUUID() });
    await handle(event, { awsRequestId: crypto.randomUUID() });
    const reuse = lines.at(-1) ?? "";
    expect(JSON.parse(reuse)).toMatchObject({ outcome: "session_reused", status: 200 });
    expect(Buffer.byteLength(reuse)).toBeLessThanOrEqual(450);
  });

  test("says that it was a container's first, and only then", () => {
    const lines: string[] = [];
    const log = createLog((line) => lines.push(line));
    for (const requestId of ["1", "2"])
      log.request({ event: "request", requestId, status: 200, durationMs: 1 });
    expect(lines.map((line) => JSON.parse(line).coldStart)).toEqual([true, undefined]);
  });

  test("keeps the caller's own id beside ours", async () => {
    const world = await createWorld();
    const id = "3f2a1b0c-1111-4222-8333-444455556666";
    await world.call("GET", "/health", { headers: { "x-request-id": id } });
    await world.call("GET", "/health", { headers: { "x-request-id": "amina@example.com" } });
    expect(world.lines.map(({ callerRequestId }) => callerRequestId)).toEqual([id, undefined]);
  });
});

describe("the audit of a user's life", () => {
  const keyIdOf = async (world: World, label: string) =>
    (await world.registry.listKeys(world.demo.clientId)).find(
      (key) => key.label === label && key.environment === "sandbox",
    )?.keyId;

  test("is one event for everything that was changed, by whom, and none for what was not", async () => {
    const world = await createWorld();
    const key = world.demo.apiKeys.sandbox;
    const backend = await keyIdOf(world, "demo backend");
    const engine = await keyIdOf(world, "demo verification engine");
    const first = (await world.open({ refId: "audited" })).body;
    await world.open({ refId: "audited" });
    await world.call("POST", "/v2/session/start", { token: first.token });
    await world.call("POST", "/v2/session/start", { token: first.token });
    const second = (await world.open({ refId: "audited", forceCreation: true })).body;
    await world.call("POST", `/v2/users/audited/sessions/${second.sessionId}/cancel`, { key });
    await world.call("POST", `/v2/users/audited/sessions/${second.sessionId}/cancel`, { key });
    const third = (await world.open({ refId: "audited" })).body;
    const result = { key: world.demo.resultsKey, json: { status: "failed" } };
    await world.call("PUT", `/v2/users/audited/sessions/${third.sessionId}/result`, result);
    await world.call("PUT", `/v2/users/audited/sessions/${third.sessionId}/result`, result);
    await world.call("GET", "/v2/users/audited", { key });
    await world.call("DELETE", "/v2/users/audited", { key });
    await world.call("DELETE", "/v2/users/audited", { key });
    await world.open({ refId: "" });

    const events = world.lines.flatMap(({ audit = [], clientId, sandbox, userId, keyId, sessionId }) =>
      audit.map((event) => ({ clientId, sandbox, userId, keyId, sessionId, ...event })),
    );
    const by = { clientId: world.demo.clientId, sandbox: true, userId: first.userId };
    const byBackend = { ...by, keyId: backend };
    expect(events).toEqual([
      { action: "session.opened", ...byBackend, sessionId: first.sessionId },
      { action: "session.started", ...by, keyId: undefined, sessionId: first.sessionId },
      { action: "session.superseded", ...byBackend, sessionId: first.sessionId },
      { action: "session.opened", ...byBackend, sessionId: second.sessionId },
      { action: "session.canceled", ...byBackend, sessionId: second.sessionId },
      { action: "session.opened", ...byBackend, sessionId: third.sessionId },
      { action: "session.finished", ...by, keyId: engine, sessionId: third.sessionId, result: "failed" },
      { action: "user.read", ...byBackend, sessionId: undefined },
      { action: "user.erased", ...byBackend, sessionId: undefined },
    ]);
  });

  test("tells the sentences of a conflict apart", async () => {
    const world = await createWorld();
    const { body } = await world.open({ refId: "conflicts" });
    const path = `/v2/users/conflicts/sessions/${body.sessionId}`;
    const result = (status: string) =>
      world.call("PUT", `${path}/result`, { key: world.demo.resultsKey, json: { status } });
    await result("failed");
    await result("successful");
    await world.call("POST", `${path}/cancel`, { key: world.demo.apiKeys.sandbox });
    expect(world.lines.slice(-2).map(({ code, reason }) => [code, reason])).toEqual([
      ["session_conflict", "final_result"],
      ["session_conflict", "completed"],
    ]);
  });
});

describe("a fault in the log", () => {
  test("has its kind and its frames, and not its message, which may hold what a caller sent", () => {
    const fault = describeFault(
      new SyntaxError('Unexpected token "amina@example.com"\n    at amina', {
        cause: new TypeError("amina"),
      }),
    );
    expect(JSON.stringify(fault)).not.toContain("amina");
    expect(fault).toMatchObject({ name: "SyntaxError", cause: { name: "TypeError" } });
    expect((fault.frames as string[])[0]).toMatch(/^at .*log\.test\.ts/);
  });

  test("keeps the message where it says what is wrong with the deployment", () => {
    const denied = Object.assign(new Error("not authorized to perform: dynamodb:GetItem"), {
      name: "AccessDeniedException",
      $metadata: { httpStatusCode: 400, requestId: "AWS1" },
    });
    expect(describeFault(denied)).toMatchObject({
      message: "not authorized to perform: dynamodb:GetItem",
      httpStatusCode: 400,
      awsRequestId: "AWS1",
    });
  });

  test("says why the store gave out, in words of ours and by the kind of what is behind it", () => {
    const cause = Object.assign(new Error("amina"), { name: "TimeoutError" });
    const fault = describeFault(new Unavailable("There is no time left to ask the store", { cause }));
    expect(fault).toMatchObject({
      name: "Unavailable",
      message: "There is no time left to ask the store",
      cause: { name: "TimeoutError" },
    });
    expect(JSON.stringify(fault)).not.toContain("amina");
  });

  test("is a line of its own with a level, under the request's ids", () => {
    const lines: string[] = [];
    createLog((line) => lines.push(line)).fault(new TypeError("secret"), {
      requestId: "r",
      awsRequestId: "a",
      code: "internal",
    });
    expect(lines).toHaveLength(1);
    expect(lines[0]).not.toContain("secret");
    expect(JSON.parse(lines[0] ?? "")).toMatchObject({
      level: "ERROR",
      event: "fault",
      requestId: "r",
      awsRequestId: "a",
      code: "internal",
      fault: { name: "TypeError" },
    });
  });
});
