import { beforeEach, expect, inject, test } from "vitest";
import { connectLocal } from "../../scripts/local/workspace.ts";
import type { DynamoDBDocumentClient } from "../../functions/store/dynamodb.ts";
import { createWorld, type World } from "../support/world.ts";

type Capacity = { readonly CapacityUnits?: number };

/** What the requests of one call cost, counted where they leave the SDK and as DynamoDB itself says. */
const cost = { requests: 0, trips: 0, reads: 0, writes: 0 };
let last: "sent" | "answered" = "answered";

function connectCounting(endpoint: string): DynamoDBDocumentClient {
  const client = connectLocal(endpoint);
  client.middlewareStack.add(
    (next, context) => async (args) => {
      Object.assign(args.input, { ReturnConsumedCapacity: "TOTAL" });
      cost.requests += 1;
      // Requests that leave before an answer has come share a trip.
      if (last === "answered") cost.trips += 1;
      last = "sent";
      try {
        const answer = await next(args);
        const { ConsumedCapacity } = answer.output as { ConsumedCapacity?: Capacity | Capacity[] };
        // DynamoDB charges the writes of a transaction twice; its local edition counts them once.
        const factor =
          /Transact/.test(String(context.commandName)) && inject("dynamodbEngine") === "DynamoDB Local"
            ? 2
            : 1;
        const units =
          factor *
          [ConsumedCapacity ?? []].flat().reduce((sum, { CapacityUnits = 0 }) => sum + CapacityUnits, 0);
        cost[/Get|Query/.test(String(context.commandName)) ? "reads" : "writes"] += units;
        return answer;
      } catch (error) {
        // DynamoDB charges a write whose condition failed one unit for each KiB, as if it had been made.
        cost.writes += 1;
        throw error;
      } finally {
        last = "answered";
      }
    },
    { step: "initialize", name: "cost" },
  );
  return client;
}

let world: World;
beforeEach(async () => {
  world = await createWorld({ connect: connectCounting });
  await world.open({ refId: "warms-the-key" });
});

async function costOf(act: () => Promise<{ status: number }>, status: number): Promise<typeof cost> {
  Object.assign(cost, { requests: 0, trips: 0, reads: 0, writes: 0 });
  last = "answered";
  expect((await act()).status).toBe(status);
  return { ...cost };
}

const open = (body: Record<string, unknown> = {}) => world.open({ refId: "counted", ...body });

test("a first creation: two requests in one trip, two write units, and none for a warm API key", async () => {
  expect(await costOf(() => open({ user: { firstName: "A" } }), 201)).toEqual({
    requests: 2,
    trips: 1,
    reads: 0,
    writes: 2,
  });
});

test("a reuse with its extension: two requests in one trip, two write units", async () => {
  await open();
  expect(await costOf(() => open(), 200)).toEqual({ requests: 2, trips: 1, reads: 0, writes: 2 });
});

test("a forced creation over nothing or an open session: two requests in one trip, two write units", async () => {
  for (const _ of ["nothing", "open"]) {
    expect(await costOf(() => open({ forceCreation: true }), 201)).toEqual({
      requests: 2,
      trips: 1,
      reads: 0,
      writes: 2,
    });
  }
});

test("a dead session still in the slot: three requests in two trips, three write units", async () => {
  await open();
  world.clock.nowMs += 1_800_000;
  await world.open({ refId: "warms-the-key" });
  expect(await costOf(() => open(), 201)).toEqual({ requests: 3, trips: 2, reads: 0, writes: 3 });
});

test("a forced creation over a session that was started: three requests in two trips, six write units", async () => {
  const { body } = await open();
  await world.call("POST", "/v2/session/start", { token: body.token });
  expect(await costOf(() => open({ forceCreation: true }), 201)).toEqual({
    requests: 3,
    trips: 2,
    reads: 0,
    writes: 6,
  });
});

test("an API key that is not cached: one read and one trip more, and the hourly note of its use beside the writes", async () => {
  const key = await world.addKey(["sessions:write"]);
  expect(await costOf(() => world.open({ refId: "counted" }, { key }), 201)).toEqual({
    requests: 4,
    trips: 2,
    reads: 1,
    writes: 3,
  });
  expect(await costOf(() => world.open({ refId: "counted" }, { key }), 200)).toMatchObject({
    requests: 2,
    trips: 1,
  });
});

test("a flow of the client's own is read once a minute, the built-in one never", async () => {
  const kyc = { flowId: "kyc-plus", user: { firstName: "A" } };
  expect(await costOf(() => open(kyc), 201)).toMatchObject({ requests: 3, trips: 2, reads: 1 });
  expect(await costOf(() => open(kyc), 200)).toMatchObject({ requests: 2, trips: 1 });
  expect(await costOf(() => open({ flowId: "idv" }), 200)).toMatchObject({ requests: 2, trips: 1 });
});

test("the status of a user: one request; its cost does not grow with other users", async () => {
  await open();
  const read = () => world.call("GET", "/v2/users/counted", { key: world.demo.apiKeys.sandbox });
  const alone = await costOf(read, 200);
  expect(alone).toMatchObject({ requests: 1, trips: 1, writes: 0 });
  await Promise.all(Array.from({ length: 50 }, (_, index) => world.open({ refId: `other-${index}` })));
  expect(await costOf(read, 200)).toEqual(alone);
});

test("a frontend's read: one request; a start: one more, a transaction of two items", async () => {
  const { body } = await open();
  expect(await costOf(() => world.call("GET", "/v2/session", { token: body.token }), 200)).toMatchObject({
    requests: 1,
  });
  const start = () => world.call("POST", "/v2/session/start", { token: body.token });
  expect(await costOf(start, 200)).toMatchObject({ requests: 2, trips: 2, writes: 4 });
  expect(await costOf(start, 200)).toMatchObject({ requests: 1, writes: 0 });
});

test("a refusal before the store is asked costs nothing", async () => {
  expect(await costOf(() => open({ refId: "" }), 400)).toMatchObject({ requests: 0 });
  const mistyped = `${world.demo.apiKeys.sandbox.slice(0, -1)}_`;
  expect(await costOf(() => world.open({ refId: "r" }, { key: mistyped }), 401)).toMatchObject({
    requests: 0,
  });
});
