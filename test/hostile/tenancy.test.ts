import { beforeAll, describe, expect, test } from "vitest";
import { OPERATIONS, type Operation, type OperationName } from "../../functions/contract/operations.ts";
import { type Scope, SCOPES } from "../../functions/contract/vocabulary.ts";
import { createWorld, type World } from "../support/world.ts";

let world: World;
let victim: { userId: string; sessionId: string; token: string };
let before: Record<string, unknown>[];
const cursorOf = async (key: string) =>
  (await world.call("GET", "/v2/users/victim/sessions?limit=1", { key })).body.nextCursor as string;

beforeAll(async () => {
  world = await createWorld();
  const first = await world.open({ refId: "victim", user: { firstName: "Amina" }, metadata: { order: "1" } });
  await world.call("POST", "/v2/session/start", { token: first.body.token });
  victim = (await world.open({ refId: "victim", forceCreation: true })).body;
  before = await world.items(victim.userId);
});

const keyOf: Record<string, () => Promise<string>> = {
  "another client's key": async () => {
    const { clientId } = await world.registry.createClient("Other");
    return world.addKey(
      SCOPES.filter((scope) => scope !== "results:write"),
      "sandbox",
      clientId,
    );
  },
  "another client's key for results": async () => {
    const { clientId } = await world.registry.createClient("Other engine");
    return world.addKey(["results:write"], "sandbox", clientId);
  },
  "a key of the same client's other environment": async () => world.demo.apiKeys.production,
  "a key for results of the other environment": async () => world.addKey(["results:write"], "production"),
};

const backend = (Object.entries(OPERATIONS) as [OperationName, Operation][]).filter(
  ([, { access }]) => access.kind === "apiKey",
);
const BODIES: Partial<Record<OperationName, unknown>> = {
  openSession: { refId: "victim", user: { firstName: "Mallory" }, forceCreation: true },
  reportResult: { status: "failed" },
};

describe.each(Object.keys(keyOf))("%s", (who) => {
  test.each(backend)("reaches nothing of the user by %s", async (name, operation) => {
    const key = (await keyOf[who]?.()) ?? "";
    const path = operation.path.replace("{refId}", "victim").replace("{sessionId}", victim.sessionId);
    const cursor = await cursorOf(world.demo.apiKeys.sandbox);
    const answers = [
      await world.call(operation.method, path, {
        key,
        ...(operation.method === "GET" ? {} : { json: BODIES[name] ?? {} }),
      }),
      ...(name === "listSessions" ? [await world.call("GET", `${path}?cursor=${cursor}`, { key })] : []),
    ];
    for (const { text } of answers) {
      expect(text).not.toContain(victim.sessionId);
      expect(text).not.toContain(victim.userId);
      expect(text).not.toContain("Amina");
    }
    expect(await world.items(victim.userId)).toEqual(before);
  });
});

test.each(backend)(
  "a key that lacks the scope of %s changes and reads nothing by it",
  async (name, operation) => {
    const { access } = operation;
    const scope = access.kind === "apiKey" ? access.scope : undefined;
    const key = await world.addKey(SCOPES.filter((other): other is Scope => other !== scope));
    const path = operation.path.replace("{refId}", "victim").replace("{sessionId}", victim.sessionId);
    const answer = await world.call(operation.method, path, {
      key,
      ...(operation.method === "GET" ? {} : { json: BODIES[name] ?? {} }),
    });
    expect(answer.body.code).toBe("insufficient_scope");
    expect(await world.items(victim.userId)).toEqual(before);
  },
);
