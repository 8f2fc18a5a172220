import { expect, test } from "vitest";
import { slotOf } from "../support/store.ts";
import { answers, createWebhookWorld, type WebhookWorld } from "../support/webhook-world.ts";

// What docs/webhooks.md says of costs is counted here.

type Cost = { requests: Record<string, number>; writeUnits: number; readUnits: number };

const NOTHING = (): Cost => ({ requests: {}, writeUnits: 0, readUnits: 0 });

/** Counts what the two functions ask about single events, and the units that DynamoDB says it took, indexes included. */
function meter({ dynamodbs }: WebhookWorld): () => Cost {
  let cost = NOTHING();
  for (const dynamodb of Object.values(dynamodbs))
    dynamodb.middlewareStack.add(
      (next, { commandName = "" }) =>
        async (args) => {
          const input = { ...args.input, ReturnConsumedCapacity: "INDEXES" };
          const result = await next({ ...args, input });
          const { ConsumedCapacity } = result.output as { ConsumedCapacity?: { CapacityUnits?: number } };
          const { IndexName, Item, Key } = args.input as Asked;
          // An endpoint's health is written once a minute at most, and the sweep looks once a minute for all events.
          if (IndexName !== undefined || (Item ?? Key)?.sk === "health") return result;
          const name = commandName.replace(/Command$/, "");
          cost.requests[name] = (cost.requests[name] ?? 0) + 1;
          cost[/^(Get|Query)/.test(name) ? "readUnits" : "writeUnits"] +=
            ConsumedCapacity?.CapacityUnits ?? 0;
          return result;
        },
      { step: "initialize" },
    );
  return () => {
    const spent = cost;
    cost = NOTHING();
    return spent;
  };
}

type Asked = { IndexName?: string; Item?: { sk?: string }; Key?: { sk?: string } };

async function metered() {
  const world = await createWebhookWorld();
  const endpoint = await world.endpoint({ types: ["session.opened"] });
  const spent = meter(world);
  // What is looked up once a minute and container is not a single event's.
  await world.user("before").open();
  await world.settle();
  spent();
  return { world, endpoint, spent };
}

test("an event that is delivered at the first try", async () => {
  const { world, spent } = await metered();
  const sentBefore = world.queue.sent.length;
  slotOf(await world.user("a").open());
  await world.settle();
  expect(spent()).toEqual({
    requests: { PutItem: 1, UpdateItem: 2, GetItem: 1 },
    writeUnits: 5,
    readUnits: 1,
  });
  expect(world.queue.sent.length - sentBefore).toBe(1);
});

test("an event that is given up after eight attempts", async () => {
  const { world, endpoint, spent } = await metered();
  const sentBefore = world.queue.sent.length;
  world.receivers.set(endpoint.url, answers(500));
  slotOf(await world.user("a").open());
  // Containers know the endpoint, as they do where others are delivered to all the time.
  await world.settle();
  await world.pass(200_000);
  const { requests, writeUnits } = spent();
  expect((await world.list(endpoint, { state: "failed" })).map(({ attempts }) => attempts)).toEqual([8]);
  expect({ writes: (requests.PutItem ?? 0) + (requests.UpdateItem ?? 0), writeUnits }).toEqual({
    writes: 22,
    writeUnits: 49,
  });
  expect(world.queue.sent.length - sentBefore).toBe(8);
});

test("an event that nobody wants", async () => {
  const { world, spent } = await metered();
  const sentBefore = world.queue.sent.length;
  const user = world.user("a");
  const slot = slotOf(await user.open());
  await world.settle();
  spent();
  await user.cancel(slot);
  await world.settle();
  expect(spent()).toEqual(NOTHING());
  expect(world.queue.sent.length - sentBefore).toBe(1);
});

test("an event of a client without endpoints: one look-up a minute and container", async () => {
  const world = await createWebhookWorld();
  const spent = meter(world);
  await world.user("a").open();
  await world.settle();
  expect(spent()).toMatchObject({ requests: { Query: 1 }, writeUnits: 0 });
  await world.user("b").open();
  await world.settle();
  expect(spent()).toEqual(NOTHING());
});
