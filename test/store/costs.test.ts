import { describe, expect, inject, test } from "vitest";
import { connectLocal } from "../../scripts/local/workspace.ts";
import { countCost, noCost } from "../support/cost.ts";
import {
  type Actor,
  createStoreWorld,
  DAY,
  HALF_AN_HOUR,
  slotOf,
  type StoreWorld,
} from "../support/store.ts";

async function costOf(
  prepare: (user: Actor, world: StoreWorld) => Promise<unknown>,
  act: (user: Actor) => Promise<unknown>,
): Promise<string> {
  const world = createStoreWorld();
  await prepare(world.user("counted"), world);
  const cost = noCost();
  const container = world.container({ dynamodb: countCost(connectLocal(inject("dynamodbEndpoint")), cost) });
  await act(world.user("counted", container));
  const { requests, trips, reads, writes } = cost;
  return told(`${requests} requests, ${trips} trips, ${reads} reads, ${writes} writes`);
}

/** DynamoDB's local edition counts neither the writes of a transaction nor the reads of what is not there as DynamoDB does. */
function told(cost: string): string {
  return inject("dynamodbEngine") === "DynamoDB Local" ? cost.replace(/, [\d.]+ reads.*/, "") : cost;
}

const nothing = async () => undefined;
const later = (world: StoreWorld, seconds = 60) => {
  world.clock.nowMs += seconds * 1_000;
};
const active = async (user: Actor) => {
  const slot = (await user.read())?.slot;
  if (slot === undefined) throw new Error("There is no session");
  return slot;
};

const open = async (user: Actor, world: StoreWorld) => {
  await user.open();
  later(world);
};
const started = async (user: Actor, world: StoreWorld) => {
  await user.start(slotOf(await user.open()));
  later(world);
};
const dead = async (user: Actor, world: StoreWorld) => {
  await user.open();
  later(world, HALF_AN_HOUR);
};
const canceled = async (user: Actor, world: StoreWorld) => {
  await user.cancel(slotOf(await user.open()));
  later(world);
};

type Case = readonly [
  string,
  (user: Actor, world: StoreWorld) => Promise<unknown>,
  (user: Actor) => Promise<unknown>,
  string,
];

const COMMON = "2 requests, 1 trips, 0 reads, 2 writes";
const ONE_TRIP_MORE = "3 requests, 2 trips, 0 reads, 3 writes";

describe("two parallel writes, one trip, two units:", () => {
  test.each<Case>([
    [
      "a first opening",
      nothing,
      (user) => user.open({ details: { firstName: "A" }, metadata: { a: "1" } }),
      COMMON,
    ],
    ["a reuse with its extension", open, (user) => user.open(), COMMON],
    ["a reuse within the same second", (user) => user.open(), (user) => user.open(), COMMON],
    ["a reuse with other details", open, (user) => user.open({ details: { firstName: "B" } }), COMMON],
    ["a reuse with metadata", open, (user) => user.open({ metadata: { a: "1" } }), COMMON],
    ["a reuse of a started session", started, (user) => user.open(), COMMON],
    ["an opening after a cancellation", canceled, (user) => user.open(), COMMON],
    ["a forced creation over nothing", nothing, (user) => user.force(), COMMON],
    ["a forced creation over an open session", open, (user) => user.force(), COMMON],
    ["a forced creation over a dead session", dead, (user) => user.force(), COMMON],
    [
      "a forced creation over a dead session that was started",
      async (user, world) => {
        await user.start(slotOf(await user.open()));
        later(world, HALF_AN_HOUR);
      },
      (user) => user.force(),
      COMMON,
    ],
    ["a forced creation after a cancellation", canceled, (user) => user.force(), COMMON],
    [
      "a forced creation over a session of a second life",
      async (user, world) => {
        await user.erase();
        await open(user, world);
      },
      (user) => user.force(),
      COMMON,
    ],
  ])("%s", async (_name, prepare, act, expected) => {
    expect(await costOf(prepare, act)).toBe(told(expected));
  });
});

describe("one trip more:", () => {
  test.each<Case>([
    [
      "details twice within five seconds",
      (user) => user.open({ details: { firstName: "A" } }),
      (user) => user.open({ details: { firstName: "B" } }),
      ONE_TRIP_MORE,
    ],
    [
      "the very same details and metadata twice within five seconds",
      (user) => user.open({ details: { firstName: "A" }, metadata: { a: "1" } }),
      (user) => user.open({ details: { firstName: "A" }, metadata: { a: "1" } }),
      ONE_TRIP_MORE,
    ],
    [
      "metadata twice within five seconds",
      (user) => user.open({ metadata: { a: "1" } }),
      (user) => user.open({ metadata: { a: "2" } }),
      ONE_TRIP_MORE,
    ],
    [
      "force within five seconds of the slot's last change",
      (user) => user.open(),
      (user) => user.force(),
      ONE_TRIP_MORE,
    ],
    [
      "an opening within five seconds of a cancellation",
      async (user) => user.cancel(slotOf(await user.open())),
      (user) => user.open(),
      ONE_TRIP_MORE,
    ],
    [
      "an opening within five seconds of a result",
      async (user) => user.result(slotOf(await user.open()), "failed"),
      (user) => user.open(),
      ONE_TRIP_MORE,
    ],
    ["an opening over a dead session", dead, (user) => user.open(), ONE_TRIP_MORE],
    [
      "a forced creation with a key: the slot comes first",
      nothing,
      (user) => user.force({ key: "k" }),
      "2 requests, 2 trips, 0 reads, 2 writes",
    ],
    [
      "the same over an open session",
      open,
      (user) => user.force({ key: "k" }),
      "2 requests, 2 trips, 0 reads, 2 writes",
    ],
    [
      "its repeat",
      async (user, world) => {
        await user.force({ key: "k" });
        later(world);
      },
      (user) => user.force({ key: "k" }),
      "3 requests, 2 trips, 0 reads, 3 writes",
    ],
    [
      "an opening while seals lie there",
      async (user, world) => {
        await user.erase();
        later(world);
      },
      (user) => user.open(),
      "4 requests, 2 trips, 0 reads, 4 writes",
    ],
    [
      "a user in a second life whose slot was reaped",
      async (user, world) => {
        await user.erase();
        await user.open();
        later(world, DAY);
        await world.reap(user.userId, "slot");
      },
      (user) => user.open(),
      "4 requests, 2 trips, 0 reads, 4 writes",
    ],
    [
      "metadata for a started session: a transaction of slot and record",
      started,
      (user) => user.open({ metadata: { a: "1" } }),
      "3 requests, 2 trips, 0 reads, 6 writes",
    ],
    [
      "metadata for a started session of a second life",
      async (user, world) => {
        await user.erase();
        await started(user, world);
      },
      (user) => user.open({ metadata: { a: "1" } }),
      "3 requests, 2 trips, 0 reads, 6 writes",
    ],
    [
      "a forced creation over a started session: a transaction of slot and record",
      started,
      (user) => user.force(),
      "3 requests, 2 trips, 0 reads, 6 writes",
    ],
  ])("%s", async (_name, prepare, act, expected) => {
    expect(await costOf(prepare, act)).toBe(told(expected));
  });
});

describe("of a session:", () => {
  test.each<Case>([
    ["a token's look", open, async (user) => user.find(slot), "1 requests, 1 trips, 3 reads, 0 writes"],
    ["a start", open, async (user) => user.start(slot), "2 requests, 2 trips, 3 reads, 4 writes"],
    ["a start again", started, async (user) => user.start(slot), "1 requests, 1 trips, 3 reads, 0 writes"],
    ["a cancellation", open, async (user) => user.cancel(slot), "2 requests, 2 trips, 3 reads, 4 writes"],
    [
      "a result",
      started,
      async (user) => user.result(slot, "failed"),
      "2 requests, 2 trips, 3 reads, 6 writes",
    ],
    [
      "a result of a started session that ran out: two looks, and its dead slot is emptied",
      async (user, world) => {
        await started(user, world);
        later(world, HALF_AN_HOUR);
      },
      async (user) => user.result(slot, "failed"),
      "3 requests, 3 trips, 6 reads, 6 writes",
    ],
    ["the session", open, async (user) => user.session(slot), "1 requests, 1 trips, 3 reads, 0 writes"],
  ])("%s", async (_name, prepare, act, expected) => {
    const prepared = async (user: Actor, world: StoreWorld) => {
      await prepare(user, world);
      slot = await active(user);
    };
    expect(await costOf(prepared, act)).toBe(told(expected));
  });

  let slot: Awaited<ReturnType<typeof active>>;
});

test("an erasure is two reads and one transaction", async () => {
  expect(await costOf(started, (user) => user.erase())).toBe(told("3 requests, 3 trips, 3 reads, 6 writes"));
});

test("the status of a user is one read, whose cost does not grow with other users", async () => {
  const alone = await costOf(open, (user) => user.read());
  expect(alone).toMatch(/^1 requests, 1 trips/);
  const beside = async (user: Actor, world: StoreWorld) => {
    await open(user, world);
    await Promise.all(Array.from({ length: 30 }, (_, index) => world.user(`other-${index}`).open()));
  };
  expect(await costOf(beside, (user) => user.read())).toBe(alone);
});

test("the first page of a history is one read, a later one two side by side", async () => {
  const withHistory = async (user: Actor, world: StoreWorld) => {
    for (let made = 0; made < 4; made += 1) {
      slot = slotOf(await user.open());
      await user.cancel(slot);
      later(world);
    }
  };
  let slot: ReturnType<typeof slotOf>;
  expect(await costOf(withHistory, (user) => user.history(2))).toMatch(/^1 requests, 1 trips/);
  expect(await costOf(withHistory, (user) => user.history(2, slot.sessionId))).toMatch(
    /^2 requests, 1 trips/,
  );
});
