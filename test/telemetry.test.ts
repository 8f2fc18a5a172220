import { afterAll, describe, expect, test } from "vitest";
import { createWorld } from "./support/world.ts";
import { auditOf, countsOf, describeFault } from "../functions/telemetry.ts";
import { newDirectory, removeDirectory, startDev } from "./support/dev-server.ts";
import { walk } from "./support/walk.ts";

const directory = newDirectory();
afterAll(() => removeDirectory(directory));

describe("one request", () => {
  test("leaves a line with route, client, outcome, code, duration and DynamoDB requests", async () => {
    const world = await createWorld();
    const { body, headers } = await world.open({ refId: "line" });
    expect(world.lines).toEqual([
      {
        requestId: headers.get("x-request-id"),
        route: "POST /v2/sessions",
        method: "POST",
        status: 201,
        clientId: world.demo.clientId,
        environment: "sandbox",
        keyId: expect.stringMatching(/^key_/),
        apiKeyCache: "miss",
        userId: body.userId,
        sessionId: body.sessionId,
        outcome: "session_created",
        durationMs: expect.any(Number),
        dynamodbRequests: 4,
        storeRetries: 0,
      },
    ]);
  });

  test("names its route by the pattern, never by the path", async () => {
    const world = await createWorld();
    await world.call("GET", "/v2/users/someone@example.com/sessions", { key: world.demo.apiKeys.sandbox });
    await world.call("GET", "/v2/users/someone@example.com/other");
    await world.call("PATCH", "/v2/users/someone@example.com");
    expect(world.lines.map(({ route, code }) => [route, code])).toEqual([
      ["GET /v2/users/:refId/sessions", "user_not_found"],
      [undefined, "not_found"],
      ["/v2/users/:refId", "method_not_allowed"],
    ]);
    expect(JSON.stringify(world.lines)).not.toContain("someone");
  });
});

describe("what a user's life leaves in audit and metrics", () => {
  test("one audit event for everything that was changed, by whom, and none for what was not", async () => {
    const world = await createWorld();
    const key = world.demo.apiKeys.sandbox;
    const keys = await world.registry.listKeys(world.demo.clientId);
    const backend = keys.find(
      ({ label, environment }) => label === "demo backend" && environment === "sandbox",
    );
    const engine = keys.find(({ label }) => label === "demo verification engine");
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
    await world.call("DELETE", "/v2/users/audited", { key });
    await world.call("DELETE", "/v2/users/audited", { key });
    await world.open({ refId: "" });

    const by = { clientId: world.demo.clientId, environment: "sandbox", userId: first.userId };
    const byBackend = { ...by, keyId: backend?.keyId };
    expect(world.lines.flatMap(auditOf)).toEqual([
      { action: "session.opened", ...byBackend, sessionId: first.sessionId },
      { action: "session.started", ...by, sessionId: first.sessionId },
      { action: "session.superseded", ...byBackend, sessionId: first.sessionId },
      { action: "session.opened", ...byBackend, sessionId: second.sessionId },
      { action: "session.canceled", ...byBackend, sessionId: second.sessionId },
      { action: "session.opened", ...byBackend, sessionId: third.sessionId },
      {
        action: "session.finished",
        ...by,
        keyId: engine?.keyId,
        sessionId: third.sessionId,
        result: "failed",
      },
      { action: "user.erased", ...byBackend },
    ]);
    const names = world.lines
      .flatMap(countsOf)
      .map(({ name, dimension }) => [name, ...(dimension ?? [])].join(" "));
    const times = (name: string) => names.filter((other) => other === name).length;
    expect(
      Object.fromEntries(
        [...new Set(names)].filter((name) => !name.startsWith("ApiKey")).map((name) => [name, times(name)]),
      ),
    ).toEqual({
      SessionsCreated: 2,
      SessionsReused: 1,
      SessionsStarted: 1,
      SessionsForced: 1,
      SessionsSuperseded: 1,
      SessionsCanceled: 1,
      "Results result failed": 1,
      UsersErased: 1,
      "Refusals code invalid_request": 1,
    });
    expect([times("ApiKeyCacheMisses"), times("ApiKeyCacheHits")]).toEqual([2, 9]);
  });

  test("dimensions take few values, whatever callers send", async () => {
    const world = await createWorld();
    for (let count = 0; count < 20; count += 1) {
      await world.open({ refId: `user-${count}`, [`member-${count}`]: count });
      await world.call("GET", `/v2/users/user-${count}`, { key: `key-${count}` });
    }
    const dimensions = new Set(
      world.lines.flatMap(countsOf).map(({ dimension }) => JSON.stringify(dimension)),
    );
    expect([...dimensions].toSorted()).toEqual([
      '["code","invalid_api_key"]',
      '["code","invalid_request"]',
      undefined,
    ]);
  });

  test("a retry of the store is counted", () => {
    const event = {
      requestId: "r",
      method: "POST",
      status: 503,
      durationMs: 1,
      dynamodbRequests: 8,
      storeRetries: 6,
      code: "unavailable",
    } as const;
    expect(countsOf(event)).toEqual([
      { name: "Faults", value: 1, dimension: ["code", "unavailable"] },
      { name: "StoreRetries", value: 6 },
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
    expect((fault.frames as string[])[0]).toMatch(/^at .*telemetry\.test\.ts/);
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
});

describe("what stands on standard output", () => {
  test("are JSON lines and embedded metrics, as CloudWatch reads them", async () => {
    const { dev, output, stop } = await startDev(directory, {
      DATA: "memory",
      POWERTOOLS_METRICS_DISABLED: "false",
      AWS_LAMBDA_INITIALIZATION_TYPE: "on-demand", // as Lambda sets it
    });
    const welcome = output().length;
    await walk(dev.url, { backendKey: dev.apiKeys.sandbox, resultsKey: dev.resultsKey });
    await stop();
    const lines = output()
      .slice(welcome)
      .split("\n")
      .filter((line) => line.trim() !== "")
      .map((line) => JSON.parse(line));
    const metrics = lines.filter((line) => line._aws !== undefined);
    const namesOf = (line: { _aws: { CloudWatchMetrics: { Metrics: { Name: string }[] }[] } }) =>
      line._aws.CloudWatchMetrics.flatMap(({ Metrics }) => Metrics.map(({ Name }) => Name));
    const names = new Set(metrics.flatMap(namesOf));
    for (const name of [
      "ColdStart",
      "SessionsCreated",
      "SessionsReused",
      "SessionsForced",
      "SessionsSuperseded",
      "Results",
      "Refusals",
      "ApiKeyCacheHits",
    ]) {
      expect(names).toContain(name);
    }
    expect(metrics.find((line) => namesOf(line).includes("Results"))).toMatchObject({
      service: "verification-sessions",
      result: "successful",
      Results: 1,
    });
    expect(metrics[0]._aws.CloudWatchMetrics[0].Namespace).toBe("VerificationSessions");
    const messages = new Set(lines.filter((line) => line._aws === undefined).map(({ message }) => message));
    expect(messages).toEqual(new Set(["request", "audit"]));
  });

  test("keeps the audit whatever the level of the log", async () => {
    const { dev, output, stop } = await startDev(directory, {
      DATA: "memory",
      POWERTOOLS_LOG_LEVEL: "ERROR",
    });
    const welcome = output().length;
    await walk(dev.url, { backendKey: dev.apiKeys.sandbox, resultsKey: dev.resultsKey });
    await stop();
    const log = output().slice(welcome);
    expect(log).not.toContain('"message":"request"');
    expect(log.match(/"message":"audit"/g)?.length).toBe(8);
  });
});
