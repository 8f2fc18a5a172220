import { beforeEach, describe, expect, test } from "vitest";
import type { Environment } from "../../functions/contract/vocabulary.ts";
import { createWorld, inSeconds, iso, type World } from "../support/world.ts";

let world: World;
beforeEach(async () => {
  world = await createWorld();
});

const open = async (key: string, flowId: string) => {
  const { status, body } = await world.open({ refId: "tenant", flowId, user: { firstName: "A" } }, { key });
  return status === 422 ? body.code : status;
};
const register = (environment: Environment, flowId: string, clientId = world.demo.clientId) =>
  world.registry.putFlow(clientId, { environment, flowId, type: "kyc" });

describe("a flow is its client's alone, also in a container that has just looked it up", () => {
  test("for another client", async () => {
    const { clientId } = await world.registry.createClient("Other");
    const otherKey = await world.addKey(["sessions:write"], "sandbox", clientId);
    await register("sandbox", "x");
    expect(await open(world.demo.apiKeys.sandbox, "x")).toBe(201);
    expect(await open(otherKey, "x")).toBe("unknown_flow");
    // Nor is one client's unknown flow another's.
    await register("sandbox", "y", clientId);
    expect(await open(world.demo.apiKeys.sandbox, "y")).toBe("unknown_flow");
    expect(await open(otherKey, "y")).toBe(201);
  });

  test("for the client's other environment", async () => {
    await register("sandbox", "x");
    expect(await open(world.demo.apiKeys.sandbox, "x")).toBe(201);
    expect(await open(world.demo.apiKeys.production, "x")).toBe("unknown_flow");
    await register("production", "y");
    expect(await open(world.demo.apiKeys.sandbox, "y")).toBe("unknown_flow");
    expect(await open(world.demo.apiKeys.production, "y")).toBe(201);
  });

  test("each with its own type", async () => {
    const { clientId } = await world.registry.createClient("Other");
    const otherKey = await world.addKey(["sessions:write"], "sandbox", clientId);
    await register("sandbox", "x");
    await world.registry.putFlow(clientId, { environment: "sandbox", flowId: "x", type: "idv" });
    const withoutUser = (key: string) => world.open({ refId: "typed", flowId: "x" }, { key });
    expect((await withoutUser(otherKey)).status).toBe(201);
    expect((await withoutUser(world.demo.apiKeys.sandbox)).body.code).toBe("user_required");
  });
});

test.each<[Environment, Environment]>([
  ["sandbox", "production"],
  ["production", "sandbox"],
])("a flow of %s alone is unknown in %s", async (environment, other) => {
  await register(environment, "one-world");
  expect(await open(world.demo.apiKeys[other], "one-world")).toBe("unknown_flow");
  expect(await open(world.demo.apiKeys[environment], "one-world")).toBe(201);
});

test("a token outlives its own end by the 5 s that clocks may differ, if its session goes on", async () => {
  const first = await world.open({ refId: "tolerated" });
  const end = inSeconds(world.clock.nowMs) + 1_800;
  expect(first.body.expiresAt).toBe(iso(end));
  world.clock.nowMs += 10_000;
  const second = await world.open({ refId: "tolerated" });
  expect(second.body.sessionId).toBe(first.body.sessionId);
  const read = async (seconds: number) => {
    world.clock.nowMs = (end + seconds) * 1_000;
    const { status, body } = await world.call("GET", "/v2/session", { token: first.body.token });
    return status === 200 ? body.expiresAt : body.code;
  };
  expect(await read(4)).toBe(second.body.expiresAt);
  expect(await read(5)).toBe("token_expired");
  expect(await read(6)).toBe("token_expired");
});
