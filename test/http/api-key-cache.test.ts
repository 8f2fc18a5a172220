import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { formatApiKey } from "../../functions/core/api-key.ts";
import { connectFaulty, throttled } from "../support/faults.ts";
import { createWorld } from "../support/world.ts";

const READ = "/v2/users/nobody";

test("a revoked key stops working within 60 s in a warm container, and at once in a new one", async () => {
  const world = await createWorld();
  const { text: key, key: info } = await world.registry.createKey({
    clientId: world.demo.clientId,
    environment: "sandbox",
    scopes: ["users:read"],
  });
  const status = async () => (await world.call("GET", READ, { key })).status;
  expect(await status()).toBe(404);
  await world.registry.revokeKey(info.keyId);
  world.clock.nowMs += 59_999;
  expect(await status()).toBe(404);
  world.clock.nowMs += 1;
  expect(await status()).toBe(401);
  const cold = await world.anotherContainer().request(READ, { headers: { "x-api-key": key } });
  expect(cold.status).toBe(401);
});

test("a disabled client's keys stop within 60 s, and an enabled one's work again within 60 s", async () => {
  const world = await createWorld();
  const { clientId } = await world.registry.createClient("Other");
  const keys = [
    await world.addKey(["users:read"], "sandbox", clientId),
    await world.addKey(["users:read"], "production", clientId),
  ];
  const statuses = async () =>
    Promise.all(keys.map(async (key) => (await world.call("GET", READ, { key })).status));
  expect(await statuses()).toEqual([404, 404]);
  await world.registry.disableClient(clientId);
  world.clock.nowMs += 60_000;
  expect(await statuses()).toEqual([401, 401]);
  await world.registry.enableClient(clientId);
  world.clock.nowMs += 60_000;
  expect(await statuses()).toEqual([404, 404]);
  expect((await world.call("GET", READ, { key: world.demo.apiKeys.sandbox })).status).toBe(404);
});

test("a key that expires stops on the second, cached or not", async () => {
  const world = await createWorld();
  const expiresAt = Math.floor(world.clock.nowMs / 1000) + 10;
  const { text: key } = await world.registry.createKey({
    clientId: world.demo.clientId,
    environment: "sandbox",
    scopes: ["users:read"],
    expiresAt,
  });
  const status = async () => (await world.call("GET", READ, { key })).status;
  world.clock.nowMs += 9_000;
  expect(await status()).toBe(404);
  world.clock.nowMs += 1_000;
  expect(await status()).toBe(401);
});

test("an unknown key is looked up once in 5 s; one that was made since works after that", async () => {
  const world = await createWorld();
  const key = formatApiKey("sandbox", randomBytes(24));
  const requests = async () => {
    await world.call("GET", READ, { key });
    return world.lines.at(-1)?.dynamodbRequests ?? 0;
  };
  expect([await requests(), await requests()]).toEqual([1, 0]);
  world.clock.nowMs += 4_999;
  expect(await requests()).toBe(0);
  world.clock.nowMs += 1;
  expect(await requests()).toBe(1);
});

test("a flood of invented keys does not push the good ones out", async () => {
  const world = await createWorld();
  const key = world.demo.apiKeys.sandbox;
  await world.call("GET", READ, { key });
  for (let count = 0; count < 1_100; count += 1) {
    await world.call("GET", READ, {
      key: formatApiKey("sandbox", randomBytes(24)),
    });
  }
  await world.call("GET", READ, { key });
  expect(world.lines.at(-1)).toMatchObject({ status: 404 });
  expect(world.lines.at(-1)).not.toHaveProperty("apiKeyCache");
});

test("the hour of a key's use is noted once an hour, apart from the key", async () => {
  const world = await createWorld();
  const { text: key, key: info } = await world.registry.createKey({
    clientId: world.demo.clientId,
    environment: "sandbox",
    scopes: ["users:read"],
  });
  const noted = async () => (await world.item(`key#${info.keyId}`, "usage"))?.lastUsedAt;
  const hour = () => Math.floor(world.clock.nowMs / 3_600_000) * 3_600;
  world.clock.nowMs = Math.ceil(world.clock.nowMs / 3_600_000) * 3_600_000;
  const first = hour();
  await world.call("GET", READ, { key });
  expect(await noted()).toBe(first);
  await world.call("GET", READ, { key });
  expect(world.lines.at(-1)?.dynamodbRequests).toBe(1);
  world.clock.nowMs += 3_600_000;
  await world.call("GET", READ, { key });
  expect(await noted()).toBe(first + 3_600);
});

test("a key that lacks the scope was used all the same", async () => {
  const world = await createWorld();
  const { text: key, key: info } = await world.registry.createKey({
    clientId: world.demo.clientId,
    environment: "sandbox",
    scopes: ["users:read"],
  });
  expect((await world.call("GET", "/v2/flows", { key })).status).toBe(403);
  expect(await world.item(`key#${info.keyId}`, "usage")).toBeDefined();
});

test("a call does not fail, nor is it retried, for a use that could not be noted", async () => {
  let tried = 0;
  const world = await createWorld({
    connect: (endpoint) =>
      connectFaulty(endpoint, ({ input }) => {
        if (!JSON.stringify(input).includes("usage")) return undefined;
        tried += 1;
        return { when: "before", error: throttled() };
      }),
  });
  expect((await world.call("GET", READ, { key: world.demo.apiKeys.sandbox })).status).toBe(404);
  expect(tried).toBe(1);
  expect(world.lines).toMatchObject([{ keyUsageLost: true }]);
  expect(world.lines[0]).not.toHaveProperty("storeRetries");
});
