import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { ConditionalCheckFailedException, PutItemCommand } from "@aws-sdk/client-dynamodb";
import { describe, expect, test } from "vitest";
import { createClientsStore } from "../../functions/store/clients.ts";
import { newRequestScope, requestScope } from "../../functions/store/request-scope.ts";
import { Unavailable } from "../../functions/store/retry.ts";
import { connectLocal } from "../../scripts/local/workspace.ts";
import {
  conflicted,
  connectFaulty,
  errorNamed,
  type Fault,
  type Sent,
  throttled,
  timedOut,
} from "../support/faults.ts";
import { callApp, createWorld, type World } from "../support/world.ts";

/** A world whose store fails as `plan.fault` says, once that is set. */
async function createFaultyWorld(): Promise<{
  world: World;
  plan: { fault?: (sent: Sent) => Fault | undefined };
}> {
  const plan: { fault?: (sent: Sent) => Fault | undefined } = {};
  const world = await createWorld({
    connect: (endpoint) => connectFaulty(endpoint, (sent) => plan.fault?.(sent)),
  });
  await world.open({ refId: "warms-the-key" });
  return { world, plan };
}

/** Fails the first request that `matches`, and no other. */
function firstOf(matches: (sent: Sent) => boolean, fault: Fault): (sent: Sent) => Fault | undefined {
  let done = false;
  return (sent) => {
    if (done || !matches(sent)) return undefined;
    done = true;
    return fault;
  };
}

const touches = (sk: string, command?: string) => (sent: Sent) =>
  JSON.stringify(sent.input).includes(`"${sk}"`) && (command === undefined || sent.command === command);

const lost: Fault = { when: "after", error: timedOut() };

describe("a passing fault is not seen by the caller", () => {
  test.each([
    throttled(),
    timedOut(),
    errorNamed("InternalServerError"),
    errorNamed("Error", { code: "ECONNRESET" }),
    errorNamed("X", { $metadata: { httpStatusCode: 500 } }),
  ])("%s at every first request", async (error) => {
    const { world, plan } = await createFaultyWorld();
    for (const sk of ["user", "slot"]) {
      plan.fault = firstOf(touches(sk), { when: "before", error });
      expect((await world.open({ refId: `passing-${sk}` })).status).toBe(201);
    }
    expect(world.lines.at(-1)).toMatchObject({ storeRetries: 1, dynamodbRequests: 2 });
  });

  test("a transaction that was canceled by a conflict is made again", async () => {
    const { world, plan } = await createFaultyWorld();
    const { body } = await world.open({ refId: "conflict" });
    plan.fault = firstOf(({ command }) => command === "TransactWriteItemsCommand", {
      when: "before",
      error: conflicted(),
    });
    expect((await world.call("POST", "/v2/session/start", { token: body.token })).status).toBe(200);
    plan.fault = firstOf(({ command }) => command === "TransactWriteItemsCommand", {
      when: "before",
      error: conflicted(),
    });
    expect((await world.open({ refId: "conflict", forceCreation: true })).status).toBe(201);
  });

  test("what BatchGetItem and BatchWriteItem leave over is asked for again", async () => {
    // Neither engine leaves anything over, so the answers are cut in a middleware.
    let cuts = 0;
    const world = await createWorld({
      connect: (endpoint) => {
        const client = connectLocal(endpoint);
        client.middlewareStack.add(
          (next, context) => async (args) => {
            const input = args.input as { RequestItems?: Record<string, unknown> };
            if (cuts === 0 || !String(context.commandName).startsWith("Batch")) return next(args);
            cuts -= 1;
            const left =
              context.commandName === "BatchGetItemCommand" ? "UnprocessedKeys" : "UnprocessedItems";
            return { output: { $metadata: {}, [left]: input.RequestItems }, response: {} };
          },
          { step: "build", name: "leftOver" },
        );
        return client;
      },
    });
    const { body } = await world.open({ refId: "left-over" });
    cuts = 1;
    expect((await world.call("GET", "/v2/session", { token: body.token })).status).toBe(200);
    await world.call("POST", `/v2/users/left-over/sessions/${body.sessionId}/cancel`, {
      key: world.demo.apiKeys.sandbox,
    });
    cuts = 2;
    expect(
      (await world.call("DELETE", "/v2/users/left-over", { key: world.demo.apiKeys.sandbox })).status,
    ).toBe(204);
    expect(await world.items(body.userId)).toEqual([]);
  });
});

describe("a fault that stays is 503 unavailable with Retry-After, and never a refusal", () => {
  test.each(["user", "slot"])(
    "at the %s of an opening; the repeated call heals what was left",
    async (sk) => {
      const { world, plan } = await createFaultyWorld();
      plan.fault = (sent) => (touches(sk)(sent) ? { when: "before", error: throttled() } : undefined);
      for (const json of [{}, { forceCreation: true }]) {
        const { status, body, headers } = await world.open({
          refId: "stays",
          user: { firstName: "A" },
          ...json,
        });
        expect([status, body.code, headers.get("retry-after")]).toEqual([503, "unavailable", "1"]);
      }
      delete plan.fault;
      const { status, body } = await world.open({ refId: "stays", user: { firstName: "A" } });
      expect(status).toBeOneOf([200, 201]);
      expect((await world.call("GET", "/v2/session", { token: body.token })).status).toBe(200);
      const user = await world.call("GET", "/v2/users/stays", { key: world.demo.apiKeys.sandbox });
      expect(user.body).toMatchObject({ user: { firstName: "A" }, sessions: [body.sessionId] });
    },
  );

  test("at the look-up of an API key, which is not taken for unknown afterwards", async () => {
    const { world, plan } = await createFaultyWorld();
    const key = await world.addKey(["sessions:write"]);
    plan.fault = ({ command }) =>
      command === "GetItemCommand" ? { when: "before", error: throttled() } : undefined;
    expect((await world.open({ refId: "r" }, { key })).status).toBe(503);
    delete plan.fault;
    expect((await world.open({ refId: "r" }, { key })).status).toBe(201);
  });

  test("on every route", async () => {
    const { world, plan } = await createFaultyWorld();
    const { body } = await world.open({ refId: "everywhere" });
    const path = `/v2/users/everywhere/sessions/${body.sessionId}`;
    const key = world.demo.apiKeys.sandbox;
    const resultsKey = world.demo.resultsKey;
    await world.call("PUT", `/v2/users/x/sessions/${body.sessionId}/result`, {
      key: resultsKey,
      json: { status: "failed" },
    });
    plan.fault = () => ({ when: "before", error: timedOut() });
    const answers = [
      await world.call("GET", "/v2/users/everywhere", { key }),
      await world.call("GET", "/v2/users/everywhere/sessions", { key }),
      await world.call("POST", `${path}/cancel`, { key }),
      await world.call("PUT", `${path}/result`, { key: resultsKey, json: { status: "failed" } }),
      await world.call("DELETE", "/v2/users/everywhere", { key }),
      await world.call("GET", "/v2/session", { token: body.token }),
      await world.call("POST", "/v2/session/start", { token: body.token }),
    ];
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 503));
    delete plan.fault;
    expect((await world.call("GET", "/v2/session", { token: body.token })).body.status).toBe("open");
  });

  test("what DynamoDB refuses for good is 500 at once, and says nothing of it", async () => {
    const { world, plan } = await createFaultyWorld();
    let made = 0;
    plan.fault = (sent) => {
      if (!touches("slot")(sent)) return undefined;
      made += 1;
      return {
        when: "before",
        error: errorNamed("AccessDeniedException", { message: "arn:aws:iam::123456789012:role/x" }),
      };
    };
    const { status, text } = await world.open({ refId: "denied" });
    expect([status, made]).toEqual([500, 1]);
    expect(text).not.toContain("arn:");
  });
});

describe("a store that", () => {
  const callOn = async (endpoint: string) => {
    const world = await createWorld();
    const app = world.anotherContainer({ connect: () => connectLocal(endpoint) });
    const answer = await callApp(app, "POST", "/v2/sessions", {
      key: world.demo.apiKeys.sandbox,
      json: { refId: "r" },
    });
    return { answer, event: world.lines.at(-1) };
  };

  test("takes requests and never answers is given up while there is time to say so", async () => {
    const server = createServer(() => {}).listen(0, "127.0.0.1");
    await once(server, "listening");
    const { answer, event } = await callOn(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    server.closeAllConnections();
    server.close();
    expect([answer.status, answer.body.code]).toEqual([503, "unavailable"]);
    // 2 s each, and Lambda ends the function after 10.
    expect(event).toMatchObject({ dynamodbRequests: 3, storeRetries: 2 });
  });

  test("cannot be reached is 503", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    const { answer } = await callOn(`http://127.0.0.1:${port}`);
    expect([answer.status, answer.headers.get("retry-after")]).toEqual([503, "1"]);
  });
});

test("nothing is sent that could not be answered within the time of the request", async () => {
  const world = await createWorld();
  const spent = { ...newRequestScope(), deadlineMs: performance.now() };
  const read = () => createClientsStore(world.dynamodb, world.tables.clientsTable).findApiKey("hash");
  await expect(requestScope.run(spent, read)).rejects.toThrow(Unavailable);
  expect(spent.dynamodbRequests).toBe(0);
  await expect(requestScope.run(newRequestScope(), read)).resolves.toBeUndefined();
});

describe("a write whose answer was lost has happened once", () => {
  test("a first creation is still a creation", async () => {
    const { world, plan } = await createFaultyWorld();
    plan.fault = firstOf(touches("slot"), lost);
    const first = await world.open({ refId: "lost-claim" });
    expect([first.status, first.body.created]).toEqual([201, true]);
    expect((await world.open({ refId: "lost-claim" })).body.sessionId).toBe(first.body.sessionId);
  });

  test("a forced creation gives one session, which is the active one", async () => {
    const { world, plan } = await createFaultyWorld();
    const before = await world.open({ refId: "lost-force" });
    plan.fault = firstOf(touches("slot", "PutItemCommand"), lost);
    const forced = await world.open({ refId: "lost-force", forceCreation: true });
    expect(forced.status).toBe(201);
    expect(await world.item(before.body.userId, "slot")).toMatchObject({ sessionId: forced.body.sessionId });
  });

  test("a forced write that was given up and arrives late does not take the place of its own repeat", async () => {
    const { world, plan } = await createFaultyWorld();
    await world.open({ refId: "late" });
    let late: Record<string, unknown> = {};
    plan.fault = firstOf(
      (sent) => {
        const matches = touches("slot", "PutItemCommand")(sent);
        if (matches) late = sent.input;
        return matches;
      },
      { when: "before", error: timedOut() },
    );
    const forced = await world.open({ refId: "late", forceCreation: true });
    expect(forced.status).toBe(201);
    await expect(world.dynamodb.send(new PutItemCommand(late as never) as never)).rejects.toThrow(
      ConditionalCheckFailedException,
    );
    expect((await world.call("GET", "/v2/session", { token: forced.body.token })).status).toBe(200);
  });

  test("a forced creation with a key is a creation, and its repeat the same session", async () => {
    const { world, plan } = await createFaultyWorld();
    const headers = { "idempotency-key": "k" };
    plan.fault = firstOf(touches("slot", "PutItemCommand"), lost);
    const first = await world.open({ refId: "lost-key", forceCreation: true }, { headers });
    expect(first.status).toBe(201);
    const second = await world.open({ refId: "lost-key", forceCreation: true }, { headers });
    expect([second.status, second.body.sessionId]).toEqual([200, first.body.sessionId]);
  });

  test("a forced creation over a started session marks that one superseded once", async () => {
    const { world, plan } = await createFaultyWorld();
    const before = await world.open({ refId: "lost-supersede" });
    await world.call("POST", "/v2/session/start", { token: before.body.token });
    plan.fault = firstOf(({ command }) => command === "TransactWriteItemsCommand", lost);
    const forced = await world.open({ refId: "lost-supersede", forceCreation: true });
    expect(forced.status).toBe(201);
    const { userId, sessionId } = before.body;
    expect(await world.item(userId, `session#${sessionId}`)).toMatchObject({ status: "superseded" });
    expect(await world.item(userId, "slot")).toMatchObject({
      sessionId: forced.body.sessionId,
      status: "open",
    });
  });

  test("a start, a result, a cancel and an erasure answer as if nothing had been lost", async () => {
    const { world, plan } = await createFaultyWorld();
    const losingOne = () => {
      plan.fault = firstOf(({ command }) => /TransactWrite|BatchWrite|DeleteItem/.test(command), lost);
    };
    const key = world.demo.apiKeys.sandbox;
    const { body } = await world.open({ refId: "lost-life" });
    losingOne();
    expect((await world.call("POST", "/v2/session/start", { token: body.token })).body.status).toBe(
      "in_progress",
    );
    losingOne();
    const path = `/v2/users/lost-life/sessions/${body.sessionId}`;
    const result = await world.call("PUT", `${path}/result`, {
      key: world.demo.resultsKey,
      json: { status: "failed" },
    });
    expect([result.status, result.body.result.status]).toEqual([200, "failed"]);
    const next = await world.open({ refId: "lost-life" });
    losingOne();
    const canceled = await world.call("POST", `/v2/users/lost-life/sessions/${next.body.sessionId}/cancel`, {
      key,
    });
    expect([canceled.status, canceled.body.status]).toEqual([200, "canceled"]);
    losingOne();
    expect((await world.call("DELETE", "/v2/users/lost-life", { key })).status).toBe(204);
    expect(await world.items(body.userId)).toEqual([]);
    // And all of it is told in the log as done.
    expect(world.lines.map(({ outcome }) => outcome).slice(2)).toEqual([
      "session_started",
      "result_recorded",
      "session_created",
      "session_canceled",
      "user_erased",
    ]);
  });

  test.each([false, true])(
    "a session that was canceled before the repeated write cannot come back; forced: %s",
    async (forceCreation) => {
      const world = await createWorld();
      const key = world.demo.apiKeys.sandbox;
      const loseFirst = firstOf(touches("slot"), lost);
      let slotWrites = 0;
      let canceled: string | undefined;
      const racing = world.anotherContainer({
        connect: (endpoint) =>
          connectFaulty(endpoint, async (sent) => {
            if (!touches("slot")(sent)) return undefined;
            slotWrites += 1;
            if (slotWrites === 2) {
              // The first write took effect: somebody else finds the session and cancels it before the repeat.
              const found = await world.open({ refId: "come-back" });
              canceled = found.body.sessionId;
              await world.call("POST", `/v2/users/come-back/sessions/${canceled}/cancel`, { key });
            }
            return loseFirst(sent);
          }),
      });
      const answer = await callApp(racing, "POST", "/v2/sessions", {
        key,
        json: { refId: "come-back", forceCreation },
      });
      expect(answer.status).toBe(201);
      expect(canceled).toMatch(/^ses_/);
      expect(answer.body.sessionId).not.toBe(canceled);
      expect((await world.call("GET", "/v2/session", { token: answer.body.token })).status).toBe(200);
    },
  );
});

test("both writes of an opening are awaited, whatever one of them does", async () => {
  const order: string[] = [];
  const world = await createWorld();
  const app = world.anotherContainer({
    connect: (endpoint) =>
      connectFaulty(endpoint, async (sent) => {
        if (touches("user")(sent)) return { when: "before", error: errorNamed("AccessDeniedException") };
        if (touches("slot")(sent)) {
          await sleep(50);
          order.push("slot written");
        }
        return undefined;
      }),
  });
  const answer = await callApp(app, "POST", "/v2/sessions", {
    key: world.demo.apiKeys.sandbox,
    json: { refId: "awaited" },
  });
  order.push("answered");
  expect(answer.status).toBe(500);
  expect(order).toEqual(["slot written", "answered"]);
});
