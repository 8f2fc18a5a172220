import { describe, expect, test } from "vitest";
import {
  type Actor,
  aWrite,
  createStoreWorld,
  sends,
  slotOf,
  type StoreWorld,
  transaction,
} from "../support/store.ts";

/**
 * A request that was given up may arrive long after, when later calls have been answered. None of these does any harm:
 * each is sent, given up and delivered after what the test says.
 */
type Late = {
  readonly name: string;
  /** What the call that gives its request up finds. */
  readonly prepare?: (user: Actor, world: StoreWorld) => Promise<unknown>;
  readonly call: (user: Actor, world: StoreWorld) => Promise<unknown>;
  readonly givesUp: ReturnType<typeof sends>;
  /** What is answered before it arrives. */
  readonly meanwhile: (user: Actor, world: StoreWorld) => Promise<unknown>;
};

const slotUpdate = sends("UpdateItem", "slot");
const userUpdate = sends("UpdateItem", "user");

const open = async (user: Actor) => slotOf(await user.open());
const openAndStart = async (user: Actor) => user.start(await open(user));
const active = async (user: Actor) => {
  const slot = (await user.read())?.slot;
  if (slot === undefined) throw new Error("There is no session");
  return slot;
};

const LATE: readonly Late[] = [
  {
    name: "an older e-mail over a newer one",
    prepare: open,
    call: (user) => user.open({ details: { email: "old@example.com" } }),
    givesUp: userUpdate,
    meanwhile: (user) => user.open({ details: { email: "new@example.com" } }),
  },
  {
    name: "a user over their erasure",
    prepare: open,
    call: (user) => user.open(),
    givesUp: userUpdate,
    meanwhile: (user) => user.erase(),
  },
  {
    name: "a user's details over their next life",
    prepare: open,
    call: (user) => user.open({ details: { email: "old@example.com" } }),
    givesUp: userUpdate,
    meanwhile: async (user) => {
      await user.erase();
      await open(user);
    },
  },
  {
    name: "a first session over an erasure",
    call: (user) => user.open(),
    givesUp: slotUpdate,
    meanwhile: (user) => user.erase(),
  },
  {
    name: "a session over one that was canceled",
    call: (user) => user.open(),
    givesUp: slotUpdate,
    meanwhile: async (user) => user.cancel(await open(user)),
  },
  {
    name: "an extension over a cancellation",
    prepare: open,
    call: (user) => user.open(),
    givesUp: slotUpdate,
    meanwhile: async (user) => user.cancel(await active(user)),
  },
  {
    name: "older metadata over newer",
    prepare: open,
    call: (user) => user.open({ metadata: { a: "old" } }),
    givesUp: slotUpdate,
    meanwhile: (user) => user.open({ metadata: { a: "new" } }),
  },
  {
    name: "a forced session over a later caller's",
    prepare: open,
    call: (user) => user.force(),
    givesUp: slotUpdate,
    meanwhile: (user) => user.force(),
  },
  {
    name: "a forced session over the later caller's who only extended",
    prepare: open,
    call: (user) => user.force(),
    givesUp: slotUpdate,
    meanwhile: (user) => user.open(),
  },
  {
    name: "a forced session over an erasure",
    prepare: open,
    call: (user) => user.force(),
    givesUp: slotUpdate,
    meanwhile: (user) => user.erase(),
  },
  {
    name: "a forced session over a started one, after that was forced",
    prepare: openAndStart,
    call: (user) => user.force(),
    givesUp: transaction,
    meanwhile: (user) => user.force(),
  },
  {
    name: "a start after a cancellation",
    prepare: open,
    call: async (user) => user.start(await active(user)),
    givesUp: transaction,
    meanwhile: async (user) => user.cancel(await active(user)),
  },
  {
    name: "a start over an extension, whose expiry would go back",
    prepare: open,
    call: async (user) => user.start(await active(user)),
    givesUp: transaction,
    meanwhile: (user) => user.open(),
  },
  {
    name: "a cancellation after a start",
    prepare: open,
    call: async (user) => user.cancel(await active(user)),
    givesUp: transaction,
    meanwhile: async (user) => user.start(await active(user)),
  },
  {
    name: "a result after another",
    prepare: openAndStart,
    call: async (user) => user.result(await active(user), "failed"),
    givesUp: transaction,
    meanwhile: async (user) => user.result(await active(user), "successful"),
  },
  {
    name: "an erasure over the next life",
    prepare: openAndStart,
    call: (user) => user.erase(),
    givesUp: transaction,
    meanwhile: async (user) => {
      await user.erase();
      await openAndStart(user);
    },
  },
  {
    name: "an erasure over a session that was started since",
    prepare: open,
    call: (user) => user.erase(),
    givesUp: transaction,
    meanwhile: async (user) => user.start(await active(user)),
  },
];

describe.each(LATE)("$name", ({ prepare, call, givesUp, meanwhile }) => {
  // The repeat of a call that was given up is what the caller sees; a container that died would not have sent it.
  test.each([0, 4_000, 60_000])("is not written when it arrives %i ms late", async (lateMs) => {
    const world = createStoreWorld();
    const user = world.user("late");
    await prepare?.(user, world);
    world.clock.nowMs += 60_000;
    const dying = world.container();
    const late = dying.network.giveUp(givesUp);
    let givenUp = false;
    dying.network.outage = (sent) => {
      if (givenUp && aWrite(sent)) return new Error("The container is no more");
      if (givesUp(sent)) givenUp = true;
      return undefined;
    };
    await expect(call(world.user("late", dying), world)).rejects.toThrow("no more");
    world.clock.nowMs += 1_000;
    await meanwhile(user, world);
    const before = await world.items(user.userId);
    world.clock.nowMs += lateMs;
    expect(await late.deliver()).toBe("refused");
    expect(await world.items(user.userId)).toEqual(before);
  });
});

describe("an older e-mail does not arrive over one that a later call found there already", () => {
  const seen = (sent: Parameters<typeof userUpdate>[0]) =>
    userUpdate(sent) && JSON.stringify(sent.input).includes("rev = :seen");

  // Four seconds are too young for a blind write by one clock, and old enough by one that is two seconds ahead.
  test.each([
    { name: "by a clock that is ahead", agoMs: 4_000, aheadMs: 2_000, givesUp: userUpdate, writes: 2 },
    { name: "on what both of them saw", agoMs: 1_000, aheadMs: 0, givesUp: seen, writes: 3 },
  ])("$name", async ({ agoMs, aheadMs, givesUp, writes }) => {
    const world = createStoreWorld();
    const user = world.user("named");
    await user.open({ details: { email: "new@example.com" } });
    world.clock.nowMs += agoMs;
    const dying = world.container({ aheadMs });
    const late = dying.network.giveUp(givesUp);
    dying.network.outage = (sent) =>
      dying.network.sent.filter(userUpdate).length >= writes && aWrite(sent)
        ? new Error("no more")
        : undefined;
    await expect(world.user("named", dying).open({ details: { email: "old@example.com" } })).rejects.toThrow(
      "no more",
    );
    await user.open({ details: { email: "new@example.com" } });
    expect(await late.deliver()).toBe("refused");
    expect((await user.read())?.user.details.email).toBe("new@example.com");
  });
});

test("a first session that nobody has taken the place of may arrive late, and is found", async () => {
  const world = createStoreWorld();
  const user = world.user("harmless");
  const dying = world.container();
  const late = dying.network.giveUp(slotUpdate);
  dying.network.outage = (sent) =>
    dying.network.sent.filter(slotUpdate).length > 1 && aWrite(sent) ? new Error("no more") : undefined;
  await expect(world.user("harmless", dying).open()).rejects.toThrow("no more");
  expect(await late.deliver()).toBe("taken");
  expect((await user.open()).kind).toBe("reused");
});
