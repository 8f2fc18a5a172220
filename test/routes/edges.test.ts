import { setTimeout as sleep } from "node:timers/promises";
import { ulid } from "ulid";
import { beforeAll, describe, expect, test } from "vitest";
import { Unavailable } from "../../functions/store/retry.ts";
import { connectFaulty } from "../support/faults.ts";
import { callApp, createWorld, inSeconds, type World } from "../support/world.ts";

let world: World;
beforeAll(async () => {
  world = await createWorld();
});

describe("what is exactly as long as it may be is taken", () => {
  test("a user of 16 KiB as UTF-8 JSON, and not one of a byte more", async () => {
    const key = world.demo.apiKeys.sandbox;
    const note = "x".repeat(16_384 - '{"note":"éé"}'.length - 2) + "éé";
    expect(Buffer.byteLength(JSON.stringify({ note }))).toBe(16_384);
    expect((await world.open({ refId: "heavy", user: { note } })).status).toBe(201);
    expect((await world.call("GET", "/v2/users/heavy", { key })).body.user).toEqual({ note });

    const { status, body } = await world.open({ refId: "too-heavy", user: { note: `${note}x` } });
    expect([status, body.errors]).toEqual([
      400,
      [{ pointer: "#/user", code: "invalid_length", detail: expect.any(String) }],
    ]);
  });

  test("another member's name of 64 characters", async () => {
    const user = { ["n".repeat(64)]: 1 };
    expect((await world.open({ refId: "long-name", user })).status).toBe(201);
    const key = world.demo.apiKeys.sandbox;
    expect((await world.call("GET", "/v2/users/long-name", { key })).body.user).toEqual(user);
  });

  test("an Idempotency-Key of 255 characters, of which the last counts as well", async () => {
    const force = (last: string) =>
      world.open(
        { refId: "long-key", forceCreation: true },
        { headers: { "idempotency-key": "k".repeat(254) + last } },
      );
    const first = await force("a");
    expect(first.status).toBe(201);
    const again = await force("a");
    expect([again.status, again.body.sessionId]).toEqual([200, first.body.sessionId]);
    expect((await force("b")).status).toBe(201);
  });

  test("a flowId of 128 characters", async () => {
    const flowId = "f".repeat(128);
    await world.registry.putFlow(world.demo.clientId, { environment: "sandbox", flowId, type: "idv" });
    const { status, body } = await world.open({ refId: "long-flow", flowId });
    expect([status, body.flowId]).toEqual([201, flowId]);
    expect((await world.open({ refId: "long-flow", flowId: `${flowId}f` })).status).toBe(400);
  });
});

test("of very many errors the first twenty are reported, and the number of all", async () => {
  const wrong = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`wrong-${index}`, []]));
  const errorsOf = async (count: number) => (await world.open({ refId: "wrong", user: wrong(count) })).body;
  expect((await errorsOf(20)).errors).toHaveLength(20);
  for (const count of [21, 40]) {
    const { code, detail, errors } = await errorsOf(count);
    expect([code, detail]).toEqual([
      "invalid_request",
      `${count} members are not as they must be; see \`errors\`.`,
    ]);
    expect(errors.map(({ pointer }: { pointer: string }) => pointer)).toEqual(
      Array.from({ length: 20 }, (_, index) => `#/user/wrong-${index}`),
    );
  }
});

test.each([200, 503])(
  "the note of a key's use is written before the answer leaves, also when it is slow: %i",
  async (status) => {
    const order: string[] = [];
    const key = await world.addKey(["users:read"]);
    await world.open({ refId: "noted" });
    const app = world.anotherContainer({
      connect: (endpoint) =>
        connectFaulty(endpoint, async ({ command, input }) => {
          if (JSON.stringify(input).includes(`"usage"`)) {
            await sleep(50);
            order.push("noted");
          }
          return command === "QueryCommand" && status === 503
            ? { when: "before", error: new Unavailable("The store gave out") }
            : undefined;
        }),
    });
    const answer = await callApp(app, "GET", "/v2/users/noted", { key });
    order.push("answered");
    expect(answer.status).toBe(status);
    expect(order).toEqual(["noted", "answered"]);
  },
);

describe("GET /v2/users/{refId}/sessions", () => {
  test.each([
    ["all records count", 0],
    ["the newest records are past their retention, and not yet deleted", 2],
  ])(
    "pages past an active session that is older than a full page, showing each once; %s",
    async (_name, past) => {
      const world = await createWorld();
      const now = inSeconds(world.clock.nowMs);
      // A clock behind made the active session: five records are newer than it is, one is older.
      const opened = (await world.open({ refId: "paged" })).body;
      const sessionIdAt = (offsetMs: number) => `ses_${ulid(world.clock.nowMs + offsetMs)}`;
      const newer = [5_000, 4_000, 3_000, 2_000, 1_000].map(sessionIdAt);
      const older = sessionIdAt(-1_000);
      for (const [index, sessionId] of [...newer, older].entries()) {
        await world.put({
          pk: opened.userId,
          sk: `session#${sessionId}`,
          sessionId,
          flowId: "idv",
          status: "canceled",
          createdAt: now,
          endedAt: now,
          ttl: index < past ? now : now + 86_400,
        });
      }

      const key = world.demo.apiKeys.sandbox;
      for (const limit of [1, 2]) {
        const seen: string[] = [];
        let cursor = "";
        do {
          const query = `limit=${limit}${cursor === "" ? "" : `&cursor=${cursor}`}`;
          const { body } = await world.call("GET", `/v2/users/paged/sessions?${query}`, { key });
          expect(body.sessions.length).toBeLessThanOrEqual(limit);
          seen.push(...body.sessions.map(({ sessionId }: { sessionId: string }) => sessionId));
          cursor = body.nextCursor ?? "";
        } while (cursor !== "");
        expect(seen).toEqual([...newer.slice(past), opened.sessionId, older]);
      }
    },
  );
});
