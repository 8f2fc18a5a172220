import { describe, expect, test } from "vitest";
import { isMadeFor } from "../../functions/core/ids.ts";
import type { Sent } from "../support/faults.ts";
import {
  accepted,
  createStoreWorld,
  DAY,
  HALF_AN_HOUR,
  refusedAs,
  sends,
  slotOf,
  type StoreWorld,
} from "../support/store.ts";

const DAY_MS = DAY * 1_000;

/** User and slot bear one life, or none; the session is live, and a later opening finds it. */
async function expectWhole(world: StoreWorld, refId: string, sessionId: string) {
  const user = world.user(refId);
  const [slot, stored] = [await world.item(user.userId, "slot"), await world.item(user.userId, "user")];
  expect([stored?.refId, stored?.life]).toEqual([refId, slot?.life]);
  const again = await user.open();
  expect([again.kind, again.slot.sessionId]).toEqual(["reused", sessionId]);
  expect((await user.find(again.slot)).kind).toBe("live");
}

describe.each(["open", "force"] as const)("%s", (call) => {
  test.each([0, 60])("over seals that are %i s old is in a life that is told by them", async (seconds) => {
    const world = createStoreWorld();
    const user = world.user("sealed");
    await user.erase();
    world.clock.nowMs += seconds * 1_000;
    const opened = accepted(await user[call]({ details: { firstName: "A" } }));
    expect(opened.slot.life).toBe((await world.item(user.userId, "user"))?.life);
    expect(opened.slot.life).toMatch(/^[0-9A-Z]{26}$/);
    expect(isMadeFor(opened.slot.sessionId, user.owner)).toBe(true);
    expect(await world.item(user.userId, "user")).not.toHaveProperty("sealed");
    expect(await world.item(user.userId, "slot")).not.toHaveProperty("sealed");
    await expectWhole(world, "sealed", opened.slot.sessionId);
  });

  test("within a second of an erasure, by a clock that is behind, is a session of the new life", async () => {
    const world = createStoreWorld();
    const user = world.user("at-once");
    await user.open();
    await user.erase();
    const behind = world.user("at-once", world.container({ aheadMs: -2_000 }));
    const opened = accepted(await behind[call]());
    expect((await user.find(opened.slot)).kind).toBe("live");
    expect(accepted(await user.result(opened.slot, "failed")).kind).toBe("ended");
    expect((await user.read())?.records).toHaveLength(1);
  });

  // That a user is given a life on what was seen alone (`life !== undefined` in upsert-user.ts) no test here can tell: without it
  // the same items come out, unless the write arrives a day late, at a user whose seal was reaped before the slot's once more.
  test("where the user's seal was reaped and the slot's was not gives the user the slot's life", async () => {
    const world = createStoreWorld();
    const user = world.user("user-reaped");
    await user.erase();
    world.clock.nowMs += DAY_MS;
    await world.reap(user.userId, "user");
    const opened = accepted(await user[call]({ details: { firstName: "A" } }));
    expect(opened.kind).toBe("created");
    expect(opened.slot.life).toBeDefined();
    await expectWhole(world, "user-reaped", opened.slot.sessionId);
    expect((await user.read())?.user.details).toEqual({ firstName: "A" });
  });

  test("where the user's seal was reaped and the slot's was not gives the user a rev above with the life", async () => {
    const world = createStoreWorld();
    const container = world.container();
    const [user, there] = [world.user("life-given"), world.user("life-given", container)];
    await user.erase();
    world.clock.nowMs += DAY_MS;
    await world.reap(user.userId, "user");
    let before: Record<string, unknown> | undefined;
    const givesLife = (sent: Sent) =>
      sends("UpdateItem", "user")(sent) &&
      Object.values(sent.input.ExpressionAttributeNames ?? {}).includes("life");
    container.network.before(givesLife, async () => {
      before = await world.item(user.userId, "user");
    });
    await there[call]();
    const after = await world.item(user.userId, "user");
    expect([before?.life, String(after?.rev) > String(before?.rev)]).toEqual([undefined, true]);
    expect(after?.life).toMatch(/^[0-9A-Z]{26}$/);
  });

  test("where the user's seal was reaped and the slot's was not leaves what another has noted on its session since", async () => {
    const world = createStoreWorld();
    const container = world.container();
    const [user, there] = [world.user("noted"), world.user("noted", container)];
    await user.erase();
    world.clock.nowMs += DAY_MS;
    await world.reap(user.userId, "user");
    let written = false;
    const extendsIt = (sent: Sent) => written && sends("UpdateItem", "slot")(sent);
    container.network.before(sends("PutItem", "slot"), async () => void (written = true));
    container.network.before(extendsIt, () => user.open({ metadata: { order: "later" } }));
    const opened = accepted(await there[call]({ metadata: { order: "first" } }));
    expect(opened.kind).toBe("created");
    expect((await user.open()).slot.metadata).toEqual({ order: "later" });
    await expectWhole(world, "noted", opened.slot.sessionId);
  });

  test("where the slot's seal was reaped and the user's was not gives the slot the user's life", async () => {
    const world = createStoreWorld();
    const user = world.user("slot-reaped");
    await user.erase();
    world.clock.nowMs += DAY_MS;
    await world.reap(user.userId, "slot");
    const opened = accepted(await user[call]({ details: { firstName: "A" } }));
    expect(opened.kind).toBe("created");
    expect(opened.slot.life).toBeDefined();
    await expectWhole(world, "slot-reaped", opened.slot.sessionId);
  });

  test.each(["user", "slot"])(
    "meets the seal of the %s alone, the other item being of nobody any more",
    async (sealed) => {
      const world = createStoreWorld();
      const user = world.user("one-seal");
      await user.open();
      await user.erase();
      await user.open();
      await user.erase();
      world.clock.nowMs += DAY_MS;
      await world.reap(user.userId, sealed === "user" ? "slot" : "user");
      const opened = accepted(await user[call]());
      await expectWhole(world, "one-seal", opened.slot.sessionId);
    },
  );

  test("of a user in a second life whose slot was reaped gives the slot that life", async () => {
    const world = createStoreWorld();
    const user = world.user("returned");
    await user.erase();
    const { life } = slotOf(await user.open());
    world.clock.nowMs += DAY_MS;
    await world.reap(user.userId, "slot");
    const opened = accepted(await user[call]({ metadata: { a: "1" } }));
    expect(opened).toMatchObject({ kind: "created", slot: { life, metadata: { a: "1" } } });
    await expectWhole(world, "returned", opened.slot.sessionId);
  });

  test("keeps the life over a dead and an emptied slot", async () => {
    const world = createStoreWorld();
    const user = world.user("kept");
    await user.erase();
    const first = slotOf(await user.open());
    world.clock.nowMs += HALF_AN_HOUR * 1_000;
    const second = slotOf(await user[call]());
    await user.cancel(second);
    const third = slotOf(await user[call]());
    world.clock.nowMs += 60_000;
    await user.cancel(third);
    world.clock.nowMs += 60_000;
    const fourth = slotOf(await user[call]());
    expect([second.life, third.life, fourth.life]).toEqual([first.life, first.life, first.life]);
    await expectWhole(world, "kept", fourth.sessionId);
  });
});

test("a start, a supersession and an extension keep the life", async () => {
  const world = createStoreWorld();
  const user = world.user("kept-on");
  await user.erase();
  const { slot } = await user.open();
  expect(accepted(await user.start(slot)).slot.life).toBe(slot.life);
  world.clock.nowMs += 60_000;
  expect((await user.open({ metadata: { a: "1" } })).slot.life).toBe(slot.life);
  expect(slotOf(await user.force()).life).toBe(slot.life);
  expect((await user.open()).slot.life).toBe(slot.life);
});

test("a user who is erased again has another life, above the first", async () => {
  const world = createStoreWorld();
  const user = world.user("twice");
  await user.erase();
  const first = slotOf(await user.open());
  await user.erase();
  const second = slotOf(await user.open());
  expect((second.life ?? "") > (first.life ?? "")).toBe(true);
  expect(refusedAs(await user.find(first))).toBe("session_ended");
});

describe("where the user's seal was reaped before the slot's, and an opening has not yet given the user their life", () => {
  async function halfReturned(until: "the user is there" | "the slot is there") {
    const world = createStoreWorld();
    const user = world.user("half-returned");
    const before = slotOf(await user.open());
    await user.start(before);
    const record = await world.item(user.userId, `session#${before.sessionId}`);
    await user.erase();
    world.clock.nowMs += DAY_MS;
    await world.reap(user.userId, "user");
    await world.put(record ?? {}); // one of very many, which are removed last
    const { store, network } = world.container();
    const stop = async () => {
      network.outage = ({ command }) => (command === "UpdateItemCommand" ? new Error("no more") : undefined);
    };
    if (until === "the slot is there") network.before(sends("PutItem", "slot"), stop);
    else network.fail(sends("PutItem", "slot"), new Error("no more"));
    await expect(world.user("half-returned", { store, network }).open()).rejects.toThrow("no more");
    expect(await world.item(user.userId, "user")).not.toHaveProperty("life");
    expect(await world.item(user.userId, "slot")).toHaveProperty(
      until === "the slot is there" ? "life" : "sealed",
    );
    return { user, before };
  }

  test.each(["the user is there", "the slot is there"] as const)(
    "a session of before is none, when %s",
    async (until) => {
      const { user, before } = await halfReturned(until);
      expect(refusedAs(await user.find({ ...before, expiresAt: before.expiresAt + DAY }))).toBe(
        "session_ended",
      );
      expect(refusedAs(await user.cancel(before))).toBe("session_not_found");
      expect(refusedAs(await user.result(before, "failed"))).toBe("session_not_found");
      expect(refusedAs(await user.session(before))).toBe("session_not_found");
      expect((await user.read())?.records).toEqual([]);
      expect(await user.history(1, `ses_7${"Z".repeat(25)}`)).toMatchObject({
        records: [],
        lastScanned: undefined,
      });
    },
  );
});

test("a token that a clock ahead has seen expire is expired by a clock behind, though another session is there", async () => {
  const world = createStoreWorld();
  const user = world.user("apart");
  const slot = slotOf(await user.open());
  world.clock.nowMs += HALF_AN_HOUR * 1_000 - 1_000;
  const ahead = world.user("apart", world.container({ aheadMs: 2_000 }));
  expect((await ahead.open()).kind).toBe("created");
  expect(refusedAs(await user.find(slot))).toBe("token_expired");
});

test("a user younger than their session is not taken for one of another life", async () => {
  // The slot is written, the user not: their opening failed half-way, and somebody else's makes the user later.
  const world = createStoreWorld();
  const user = world.user("younger");
  const failing = world.container();
  failing.network.outage = (sent) => (sends("UpdateItem", "user")(sent) ? new Error("no more") : undefined);
  await expect(world.user("younger", failing).open()).rejects.toThrow("no more");
  world.clock.nowMs += 10_000;
  const { kind, slot } = await user.open();
  expect(kind).toBe("reused");
  expect((await user.find(slot)).kind).toBe("live");
  expect(accepted(await user.result(slot, "failed")).kind).toBe("ended");
});

describe("a record of an earlier life that is still there", () => {
  test("counts as absent in every read, and ends the history", async () => {
    const world = createStoreWorld();
    const user = world.user("left-over");
    const older = [];
    for (let made = 0; made < 3; made += 1) {
      const slot = slotOf(await user.force());
      await user.start(slot);
      older.push({ slot, record: await world.item(user.userId, `session#${slot.sessionId}`) });
      world.clock.nowMs += 1_000;
    }
    await user.erase();
    for (const { record } of older) await world.put(record ?? {});
    const { slot } = await user.open();
    await user.cancel(slot);
    const ids = [slot.sessionId];
    expect((await user.read())?.records.map(({ sessionId }) => sessionId)).toEqual(ids);
    const page = await user.history(1);
    expect(page?.records.map(({ sessionId }) => sessionId)).toEqual(ids);
    expect(page?.lastScanned).toBeUndefined();
    for (const { slot: gone } of older) {
      expect(refusedAs(await user.session(gone))).toBe("session_not_found");
      expect(refusedAs(await user.cancel(gone))).toBe("session_not_found");
      expect(refusedAs(await user.result(gone, "failed"))).toBe("session_not_found");
    }
    expect(await user.erase()).toEqual({ erased: true });
    expect(await world.items(user.userId)).toHaveLength(2);
  });
});
