import { describe, expect, test } from "vitest";
import { newRev } from "../../functions/core/rev.ts";
import { Unavailable } from "../../functions/store/retry.ts";
import type { Sent } from "../support/faults.ts";
import {
  type Actor,
  accepted,
  type Container,
  createStoreWorld,
  HALF_AN_HOUR,
  refusedAs,
  sends,
  slotOf,
  type StoreWorld,
  throttle,
  transaction,
} from "../support/store.ts";

const slotUpdate = sends("UpdateItem", "slot");
const slotPut = sends("PutItem", "slot");
const userUpdate = sends("UpdateItem", "user");

/** The same user's calls through a container that is overtaken. */
function overtaken(world: StoreWorld, refId: string, aheadMs = 0): Actor & Pick<Container, "network"> {
  const container = world.container({ aheadMs });
  return { ...world.user(refId, container), network: container.network };
}

describe("an opening", () => {
  test.each([-5_000, 5_000])("by a clock %i ms off never moves an expiry back", async (aheadMs) => {
    const world = createStoreWorld();
    const user = world.user("behind");
    const first = slotOf(await user.open());
    const again = slotOf(await overtaken(world, "behind", aheadMs).open());
    expect(again.expiresAt).toBe(Math.max(first.expiresAt, first.expiresAt + aheadMs / 1_000));
    expect((await world.item(user.userId, "slot"))?.expiresAt).toBe(again.expiresAt);
  });

  test("whose session is extended in between by a clock ahead answers that later expiry", async () => {
    const world = createStoreWorld();
    const user = world.user("ahead");
    await user.open();
    const late = overtaken(world, "ahead");
    late.network.before(slotUpdate, () => overtaken(world, "ahead", 1_000).open());
    expect((await late.open()).slot.expiresAt).toBe(world.seconds() + 1 + HALF_AN_HOUR);
  });

  test("without metadata, of a started session that is extended in between, leaves the metadata", async () => {
    const world = createStoreWorld();
    const user = world.user("started-ahead");
    const first = slotOf(await user.open({ metadata: { a: "1" } }));
    await user.start(first);
    const late = overtaken(world, "started-ahead");
    late.network.before(slotUpdate, () => overtaken(world, "started-ahead", 1_000).open());
    expect((await late.open()).slot.metadata).toEqual({ a: "1" });
    for (const sk of ["slot", `session#${first.sessionId}`]) {
      expect(await world.item(user.userId, sk)).toMatchObject({ metadata: '{"a":"1"}' });
    }
  });

  test("of a session that has a younger rev and an earlier expiry extends what it has seen", async () => {
    const world = createStoreWorld();
    const user = world.user("younger");
    const first = slotOf(await user.open());
    await world.put({
      ...(await world.item(user.userId, "slot")),
      expiresAt: first.expiresAt - 60,
      ttl: first.expiresAt - 60,
    });
    // This container's revs are older than the one that is there.
    const behind = overtaken(world, "younger", -1_000);
    const again = await behind.open();
    expect(again).toMatchObject({
      kind: "reused",
      slot: { sessionId: first.sessionId, expiresAt: first.expiresAt - 1 },
    });
    expect((again.slot.rev ?? "") > (first.rev ?? "")).toBe(true);
  });

  test("whose session expires while it pauses opens another, and does not revive it", async () => {
    const world = createStoreWorld();
    const user = world.user("paused");
    const first = slotOf(await user.open());
    world.clock.nowMs += (HALF_AN_HOUR - 1) * 1_000;
    const change = async () =>
      world.put({ ...(await world.item(user.userId, "slot")), rev: newRev(world.clock.nowMs + 2_000) });
    await change(); // by a clock that is ahead
    const container = world.container({
      whilePaused: () => {
        world.clock.nowMs += 1_000;
      },
    });
    const extension = (sent: Sent) => slotUpdate(sent) && JSON.stringify(sent.input).includes(":seen");
    container.network.before(extension, change);
    const answer = await world.user("paused", container).open();
    expect(answer.kind).toBe("created");
    expect(answer.slot.sessionId).not.toBe(first.sessionId);
    expect(world.pauses).toHaveLength(1);
  });

  test("over a dead session that somebody extends first is a reuse", async () => {
    const world = createStoreWorld();
    const user = world.user("extended");
    const first = slotOf(await user.open());
    world.clock.nowMs += (HALF_AN_HOUR - 1) * 1_000;
    const ahead = overtaken(world, "extended", 5_000);
    ahead.network.before(slotPut, () => user.open());
    const answer = await ahead.open();
    expect([answer.kind, answer.slot.sessionId]).toEqual(["reused", first.sessionId]);
  });

  test("over an emptied slot that somebody takes first is a reuse of theirs", async () => {
    const world = createStoreWorld();
    const user = world.user("emptied");
    await user.cancel(slotOf(await user.open()));
    const late = overtaken(world, "emptied");
    let theirs = "";
    late.network.before(slotPut, async () => {
      theirs = (await user.open()).slot.sessionId;
    });
    const answer = await late.open();
    expect([answer.kind, answer.slot.sessionId]).toEqual(["reused", theirs]);
  });

  test("with metadata for a session that ends in between opens another, with it", async () => {
    const world = createStoreWorld();
    const user = world.user("noted");
    const first = slotOf(await user.open());
    await user.start(first);
    const late = overtaken(world, "noted");
    late.network.before(transaction, () => user.result(first, "failed"));
    const answer = await late.open({ metadata: { a: "1" } });
    expect(answer).toMatchObject({ kind: "created", slot: { metadata: { a: "1" } } });
    expect(await world.item(user.userId, `session#${first.sessionId}`)).toMatchObject({
      status: "completed",
      result: "failed",
    });
  });

  test("with metadata for a session that is superseded in between notes it on the one that there is", async () => {
    const world = createStoreWorld();
    const user = world.user("noted-newer");
    const first = slotOf(await user.open());
    await user.start(first);
    const late = overtaken(world, "noted-newer");
    let theirs = "";
    late.network.before(transaction, async () => {
      theirs = slotOf(await user.force()).sessionId;
    });
    expect(await late.open({ metadata: { a: "1" } })).toMatchObject({
      kind: "reused",
      slot: { sessionId: theirs, metadata: { a: "1" } },
    });
    expect((await user.read())?.slot?.sessionId).toBe(theirs);
    expect(await world.item(user.userId, `session#${first.sessionId}`)).toMatchObject({
      status: "superseded",
    });
  });

  test("with metadata for a session that is started in between notes it on the record", async () => {
    const world = createStoreWorld();
    const user = world.user("noted-late");
    const first = slotOf(await user.open());
    const late = overtaken(world, "noted-late");
    late.network.before(slotUpdate, () => user.start(first));
    expect((await late.open({ metadata: { a: "1" } })).slot.metadata).toEqual({ a: "1" });
    expect(await world.item(user.userId, `session#${first.sessionId}`)).toMatchObject({
      metadata: '{"a":"1"}',
      status: "in_progress",
    });
  });

  test("with details that others change in between is written on what they left", async () => {
    const world = createStoreWorld();
    const user = world.user("details");
    await user.open();
    const late = overtaken(world, "details");
    late.network.before(userUpdate, () => user.open({ details: { firstName: "A" } }));
    late.network.before(userUpdate, () => user.open({ details: { firstName: "B", lastName: "C" } }));
    await late.open({ details: { firstName: "D" } });
    expect((await user.read())?.user.details).toEqual({ firstName: "D", lastName: "C" });
  });
});

describe("a user", () => {
  test("who is taken out of a seal by another opening first is written on what that left", async () => {
    const world = createStoreWorld();
    const user = world.user("unsealed");
    await user.erase();
    const late = overtaken(world, "unsealed");
    late.network.before(sends("PutItem", "user"), () => user.open({ details: { lastName: "B" } }));
    await late.open({ details: { firstName: "A" } });
    expect((await user.read())?.user.details).toEqual({ firstName: "A", lastName: "B" });
  });

  test("has a rev above the one before, whatever the clock says of who changes details", async () => {
    const world = createStoreWorld();
    const user = world.user("user-above");
    await user.open({ details: { firstName: "A" } });
    const before = (await world.item(user.userId, "user"))?.rev as string;
    await overtaken(world, "user-above", -2_000).open({ details: { firstName: "B" } });
    const after = await world.item(user.userId, "user");
    expect([after?.["user.firstName"], (after?.rev as string) > before]).toEqual(["B", true]);
  });
});

describe("a forced creation", () => {
  test("has an id above the session that it supersedes, whatever its clock says", async () => {
    const world = createStoreWorld();
    const first = slotOf(await world.user("above").open());
    const behind = overtaken(world, "above", -2_000);
    const forced = slotOf(await behind.force());
    expect(forced.sessionId > first.sessionId).toBe(true);
  });

  test("over a session that is started in between marks it superseded", async () => {
    const world = createStoreWorld();
    const user = world.user("starting");
    const first = slotOf(await user.open());
    const late = overtaken(world, "starting");
    late.network.before(slotPut, () => user.start(first));
    expect(await late.force()).toMatchObject({ kind: "created", superseded: { sessionId: first.sessionId } });
    expect(await world.item(user.userId, `session#${first.sessionId}`)).toMatchObject({
      status: "superseded",
    });
  });

  test("over a started session that completes in between leaves its result", async () => {
    const world = createStoreWorld();
    const user = world.user("completing");
    const first = slotOf(await user.open());
    await user.start(first);
    const late = overtaken(world, "completing");
    late.network.before(transaction, () => user.result(first, "successful"));
    const forced = accepted(await late.force());
    expect([forced.kind, "superseded" in forced]).toEqual(["created", false]);
    expect(await world.item(user.userId, `session#${first.sessionId}`)).toMatchObject({
      result: "successful",
    });
  });

  test("over a started session that is extended in between supersedes it still", async () => {
    const world = createStoreWorld();
    const user = world.user("extended");
    const first = slotOf(await user.open());
    await user.start(first);
    world.clock.nowMs += 60_000;
    const late = overtaken(world, "extended");
    late.network.before(transaction, () => user.open());
    expect(await late.force()).toMatchObject({ kind: "created", superseded: { sessionId: first.sessionId } });
    expect(await world.item(user.userId, `session#${first.sessionId}`)).toMatchObject({
      status: "superseded",
    });
  });

  test("over a started session that expires while it pauses leaves its record to its result", async () => {
    const world = createStoreWorld();
    const user = world.user("expiring");
    const first = slotOf(await user.open());
    await user.start(first);
    world.clock.nowMs += (HALF_AN_HOUR - 1) * 1_000;
    const container = world.container({
      whilePaused: () => {
        world.clock.nowMs += 1_000;
      },
    });
    container.network.fail(userUpdate, throttle()); // while the slot is seen to hold a started session
    const forced = accepted(await world.user("expiring", container).force());
    expect([forced.kind, "superseded" in forced, world.pauses.length]).toEqual(["created", false, 1]);
    expect(await user.session(first)).toMatchObject({ status: "expired" });
    expect(accepted(await user.result(first, "successful")).kind).toBe("ended");
  });

  test.each([false, true])(
    "with a key does not answer with a session that is superseded in that moment; started: %s",
    async (started) => {
      const world = createStoreWorld();
      const user = world.user("keyed");
      const keyed = slotOf(await user.force({ key: "k" }));
      if (started) await user.start(keyed);
      world.clock.nowMs += 60_000;
      const late = overtaken(world, "keyed");
      let theirs = "";
      late.network.before(
        (sent) => slotUpdate(sent) && JSON.stringify(sent.input).includes("seen"),
        async () => {
          theirs = slotOf(await user.force()).sessionId;
        },
      );
      const answer = accepted(await late.force({ key: "k" }));
      expect(answer.kind).toBe("created");
      expect([keyed.sessionId, theirs]).not.toContain(answer.slot.sessionId);
      expect((await user.find(answer.slot)).kind).toBe("live");
    },
  );

  test("with a key whose session is no more when it is to be extended makes another", async () => {
    const world = createStoreWorld();
    const user = world.user("reaped");
    const first = slotOf(await user.force({ key: "k" }));
    world.clock.nowMs += 60_000;
    const late = overtaken(world, "reaped");
    late.network.before(
      (sent) => slotUpdate(sent) && JSON.stringify(sent.input).includes("seen"),
      () => world.reap(user.userId, "slot"),
    );
    const answer = accepted(await late.force({ key: "k" }));
    expect(answer.kind).toBe("created");
    expect(answer.slot.sessionId).not.toBe(first.sessionId);
  });

  test("with a key that is refused changes neither user nor slot, even where the user's write comes first", async () => {
    const world = createStoreWorld();
    const user = world.user("refused");
    const late = overtaken(world, "refused");
    late.network.before(slotUpdate, () => user.force({ key: "k", details: { firstName: "A" } }));
    expect(refusedAs(await late.force({ key: "k", details: { firstName: "B" } }))).toBe(
      "idempotency_mismatch",
    );
    expect((await user.read())?.user.details).toEqual({ firstName: "A" });
  });

  test("that is repeated while two others take its session and then its key is no refusal: it has changed the user", async () => {
    const world = createStoreWorld();
    const user = world.user("repeated");
    await user.force({ key: "k", details: { firstName: "A" } });
    world.clock.nowMs += 60_000;
    const late = overtaken(world, "repeated");
    late.network.before(
      (sent) => slotUpdate(sent) && JSON.stringify(sent.input).includes("seen"),
      async () => {
        await user.force();
        await user.force({ key: "k", details: { firstName: "B" } });
      },
    );
    await expect(late.force({ key: "k", details: { firstName: "A" } })).rejects.toThrow(Unavailable);
  });
});

describe("a start", () => {
  test("that another one overtakes answers as that one did, and its time stays", async () => {
    const world = createStoreWorld();
    const user = world.user("twice");
    const slot = slotOf(await user.open());
    const late = overtaken(world, "twice", 5_000);
    late.network.before(transaction, () => user.start(slot));
    expect(accepted(await late.start(slot))).toMatchObject({
      kind: "unchanged",
      slot: { startedAt: world.seconds() },
    });
    expect(await world.item(user.userId, `session#${slot.sessionId}`)).toMatchObject({
      startedAt: world.seconds(),
    });
  });

  test("of a session that is extended in between answers the later expiry", async () => {
    const world = createStoreWorld();
    const user = world.user("extended");
    const slot = slotOf(await user.open());
    const late = overtaken(world, "extended");
    late.network.before(transaction, () => overtaken(world, "extended", 2_000).open());
    expect(accepted(await late.start(slot)).slot.expiresAt).toBe(slot.expiresAt + 2);
    expect((await world.item(user.userId, "slot"))?.expiresAt).toBe(slot.expiresAt + 2);
  });

  test("of a session that expires before it arrives is refused", async () => {
    const world = createStoreWorld();
    const user = world.user("expires");
    const slot = slotOf(await user.open());
    world.clock.nowMs += (HALF_AN_HOUR - 1) * 1_000;
    const ahead = overtaken(world, "expires", 0);
    const seen = accepted(await ahead.find(slot));
    world.clock.nowMs += 1_000;
    if (seen.kind !== "live") throw new Error("The session is to be live");
    const { store } = world.container();
    expect(refusedAs(await store.startSession(user.claimsOf(slot), seen))).toBe("token_expired");
    expect(await world.item(user.userId, `session#${slot.sessionId}`)).toBeUndefined();
  });

  test("does not happen twice, though the record of the first is past its retention and gone", async () => {
    const world = createStoreWorld();
    const user = world.user("gone");
    const slot = slotOf(await user.open());
    const late = overtaken(world, "gone", 5_000);
    late.network.before(transaction, async () => {
      await user.start(slot);
      await world.reap(user.userId, `session#${slot.sessionId}`);
    });
    expect(accepted(await late.start(slot)).slot.startedAt).toBe(world.seconds());
    expect(await world.item(user.userId, `session#${slot.sessionId}`)).toBeUndefined();
  });

  test("revives no session whose record has ended, whatever the slot says", async () => {
    const world = createStoreWorld();
    const user = world.user("revived");
    const slot = slotOf(await user.open());
    const stored = (await world.item(user.userId, "slot")) ?? {};
    const late = overtaken(world, "revived");
    late.network.before(transaction, async () => {
      await user.cancel(slot);
      await world.put(stored); // as no write of ours does
    });
    expect(refusedAs(await late.start(slot))).toBe("session_canceled");
    expect(await world.item(user.userId, `session#${slot.sessionId}`)).toMatchObject({ status: "canceled" });
  });

  test.each<[string, string, (user: Actor, slot: Parameters<Actor["cancel"]>[0]) => Promise<unknown>]>([
    ["cancel", "session_canceled", (user, slot) => user.cancel(slot)],
    ["result", "session_completed", (user, slot) => user.result(slot, "failed")],
    ["forced creation", "session_superseded", (user) => user.force()],
    ["erasure", "session_ended", (user) => user.erase()],
    [
      "erasure and another life",
      "session_ended",
      async (user) => {
        await user.erase();
        await user.open();
      },
    ],
  ])("that a %s overtakes is refused as %s", async (_name, code, act) => {
    const world = createStoreWorld();
    const user = world.user("overtaken");
    const slot = slotOf(await user.open());
    const late = overtaken(world, "overtaken");
    let after: unknown;
    late.network.before(transaction, async () => {
      await act(user, slot);
      after = await world.items(user.userId);
    });
    expect(refusedAs(await late.start(slot))).toBe(code);
    expect(await world.items(user.userId)).toEqual(after);
  });
});

describe.each([
  ["cancel", (user: Actor, slot: Parameters<Actor["cancel"]>[0]) => user.cancel(slot)],
  ["result", (user: Actor, slot: Parameters<Actor["cancel"]>[0]) => user.result(slot, "failed")],
] as const)("a %s", (ending, end) => {
  test("of an open session that is started in that moment keeps when it was started", async () => {
    const world = createStoreWorld();
    const user = world.user("just-started");
    const slot = slotOf(await user.open());
    const late = overtaken(world, "just-started", 5_000);
    late.network.before(transaction, () => user.start(slot));
    const { record } = accepted(await end(late, slot));
    expect(record).toMatchObject({
      status: ending === "cancel" ? "canceled" : "completed",
      startedAt: world.seconds(),
      endedAt: world.seconds() + 5,
    });
    expect(await world.item(user.userId, `session#${slot.sessionId}`)).toMatchObject({
      startedAt: world.seconds(),
    });
  });

  test("of a session that is extended in that moment ends it", async () => {
    const world = createStoreWorld();
    const user = world.user("just-extended");
    const slot = slotOf(await user.open());
    const late = overtaken(world, "just-extended");
    late.network.before(transaction, () => overtaken(world, "just-extended", 1_000).open());
    expect(accepted(await end(late, slot)).kind).toBe("ended");
    expect(await world.item(user.userId, "slot")).not.toHaveProperty("sessionId");
  });

  test("of a live session is taken though its record is past its retention and not yet deleted", async () => {
    const world = createStoreWorld();
    const user = world.user("past-retention");
    const slot = slotOf(await user.open());
    await user.start(slot);
    const record = await world.item(user.userId, `session#${slot.sessionId}`);
    await world.put({ ...record, ttl: world.seconds() });
    expect(accepted(await end(user, slot)).record).toMatchObject({
      startedAt: world.seconds(),
      endedAt: world.seconds(),
    });
    expect((await world.item(user.userId, `session#${slot.sessionId}`))?.ttl).toBeGreaterThan(
      world.seconds(),
    );
  });

  test.each([false, true])(
    "of a session that is superseded in that moment is refused, and the newer one goes on; started: %s",
    async (started) => {
      const world = createStoreWorld();
      const user = world.user("superseded");
      const slot = slotOf(await user.open());
      if (started) await user.start(slot);
      const late = overtaken(world, "superseded");
      late.network.before(transaction, () => user.force());
      const refused = await end(late, slot);
      expect(refused).toMatchObject({
        code: "session_conflict",
        reason: started ? "superseded" : "never_started",
      });
      const newer = (await user.read())?.slot;
      expect(newer?.status).toBe("open");
      expect((await user.read())?.user.status).toBe("not_started");
    },
  );

  test("of a session whose user is erased in that moment finds no user, and leaves nothing", async () => {
    const world = createStoreWorld();
    const user = world.user("erased");
    const slot = slotOf(await user.open());
    await user.start(slot);
    const late = overtaken(world, "erased");
    late.network.before(transaction, () => user.erase());
    expect(refusedAs(await end(late, slot))).toBe("user_not_found");
    expect(await world.items(user.userId)).toMatchObject([{ sealed: true }, { sealed: true }]);
  });
});

describe("a result", () => {
  test("makes no user of one whose item alone is gone", async () => {
    const world = createStoreWorld();
    const user = world.user("ghost");
    const slot = slotOf(await user.open());
    await user.start(slot);
    const late = overtaken(world, "ghost");
    late.network.before(transaction, () => world.reap(user.userId, "user"));
    expect(refusedAs(await late.result(slot, "failed"))).toBe("user_not_found");
    expect(await world.item(user.userId, "user")).toBeUndefined();
  });

  test.each(["first", "second"])(
    "of the %s life sets nothing in the next, though its record still lies there",
    async (which) => {
      const world = createStoreWorld();
      const user = world.user("next-life");
      if (which === "second") await user.erase();
      const slot = slotOf(await user.open());
      await user.start(slot);
      await world.reap(user.userId, "slot"); // as when it has expired: only the record and the user are written
      const record = (await world.item(user.userId, `session#${slot.sessionId}`)) ?? {};
      const late = overtaken(world, "next-life");
      late.network.before(transaction, async () => {
        await user.erase();
        await user.open();
        await world.put(record); // as one of more records than an erasure's transaction holds
      });
      expect(refusedAs(await late.result(slot, "failed"))).toBe("session_not_found");
      expect((await user.read())?.user.status).toBe("not_started");
    },
  );

  test("of an earlier life, and older than the one that has set the status, is not taken in the next either", async () => {
    const world = createStoreWorld({ userRetentionDays: 30 });
    const user = world.user("next-life-kept");
    const older = slotOf(await user.open());
    await user.start(older);
    world.clock.nowMs += HALF_AN_HOUR * 1_000;
    await user.result(slotOf(await user.open()), "failed");
    const record = (await world.item(user.userId, `session#${older.sessionId}`)) ?? {};
    const late = overtaken(world, "next-life-kept");
    late.network.before(transaction, async () => {
      await user.erase();
      await user.open();
      await world.put(record); // as one of more records than an erasure's transaction holds
    });
    expect(refusedAs(await late.result(older, "successful"))).toBe("session_not_found");
    expect(await world.item(user.userId, `session#${older.sessionId}`)).toEqual(record);
  });

  test("after a manual review is a conflict if another one was faster, which stands", async () => {
    const world = createStoreWorld();
    const user = world.user("reviewed");
    const slot = slotOf(await user.open());
    await user.result(slot, "pending");
    const late = overtaken(world, "reviewed");
    late.network.before(transaction, () => user.result(slot, "successful"));
    expect(await late.result(slot, "failed")).toMatchObject({
      code: "session_conflict",
      reason: "final_result",
    });
    expect((await user.read())?.user.status).toBe("successful");
  });

  test.each([
    ["another", "blurred"],
    ["no", undefined],
  ])(
    "that was reported in that moment already is not reported again, over one with %s reason",
    async (_name, before) => {
      const world = createStoreWorld();
      const user = world.user("same-report");
      const slot = slotOf(await user.open());
      await user.result(slot, "pending", before);
      const late = overtaken(world, "same-report", 5_000);
      let first: unknown;
      late.network.before(transaction, async () => {
        first = accepted(await user.result(slot, "pending", "second look")).record;
      });
      expect(await late.result(slot, "pending", "second look")).toEqual({ kind: "unchanged", record: first });
    },
  );

  test("of an older session does not overrule a newer one's that comes in the same moment", async () => {
    const world = createStoreWorld();
    const user = world.user("newer");
    const older = slotOf(await user.open());
    await user.start(older);
    world.clock.nowMs += HALF_AN_HOUR * 1_000;
    const newer = slotOf(await user.open());
    const late = overtaken(world, "newer");
    late.network.before(transaction, () => user.result(newer, "successful"));
    expect(accepted(await late.result(older, "failed")).kind).toBe("ended");
    expect(await world.item(user.userId, "user")).toMatchObject({
      status: "successful",
      statusSessionId: newer.sessionId,
    });
  });

  test("leaves the user's rev alone", async () => {
    const world = createStoreWorld();
    const user = world.user("rev");
    const slot = slotOf(await user.open());
    const { rev } = (await world.item(user.userId, "user")) ?? {};
    await user.result(slot, "failed");
    expect(await world.item(user.userId, "user")).toMatchObject({ rev, status: "failed" });
  });
});

describe("an erasure", () => {
  test.each<[string, (user: Actor, slot: Parameters<Actor["start"]>[0]) => Promise<unknown>]>([
    ["a start", (user, slot) => user.start(slot)],
    ["an extension", (user) => user.open({ metadata: { a: "1" } })],
    ["a cancellation", (user, slot) => user.cancel(slot)],
    ["details", (user) => user.open({ details: { firstName: "A" } })],
    ["a forced creation", (user) => user.force()],
  ])("takes %s along that comes before it", async (_name, act) => {
    const world = createStoreWorld();
    const user = world.user("along");
    const slot = slotOf(await user.open());
    const late = overtaken(world, "along");
    late.network.before(transaction, () => act(user, slot));
    expect(await late.erase()).toEqual({ erased: true });
    expect(await world.items(user.userId)).toMatchObject([{ sealed: true }, { sealed: true }]);
  });

  test("has a rev above the user's who changes in that moment", async () => {
    const world = createStoreWorld();
    const user = world.user("changes");
    await user.open();
    const rev = newRev(world.clock.nowMs + 2_000);
    const late = overtaken(world, "changes");
    late.network.before(transaction, async () =>
      world.put({ ...(await world.item(user.userId, "user")), rev }),
    );
    await late.erase();
    expect(((await world.item(user.userId, "user"))?.rev as string) > rev).toBe(true);
  });

  test.each(["user", "slot"])("over the seal of the %s alone has a rev above it", async (sealed) => {
    const world = createStoreWorld();
    const user = world.user("sealed-again");
    await user.erase();
    const seal = await world.item(user.userId, sealed);
    await world.reap(user.userId, sealed === "user" ? "slot" : "user");
    await overtaken(world, "sealed-again", -2_000).erase();
    expect(String((await world.item(user.userId, sealed))?.rev) > String(seal?.rev)).toBe(true);
  });

  test("has a rev above both seen, whatever its clock says", async () => {
    const world = createStoreWorld();
    const user = world.user("above");
    const slot = slotOf(await overtaken(world, "above", 2_000).open());
    await user.erase();
    expect(((await world.item(user.userId, "slot"))?.rev as string) > (slot.rev ?? "")).toBe(true);
  });
});

describe("an opening beside an erasure", () => {
  test.each([
    ["the user", userUpdate],
    ["the slot", slotUpdate],
  ])("that comes before the write of %s is whole, and after it", async (_name, write) => {
    for (const call of ["open", "force"] as const) {
      const world = createStoreWorld();
      const user = world.user(`beside-${call}`);
      await user.open({ details: { firstName: "A" } });
      world.clock.nowMs += 60_000;
      const late = overtaken(world, `beside-${call}`);
      late.network.before(write, () => user.erase());
      const opened = accepted(await late[call]());
      expect(opened.kind).toBe("created");
      expect((await user.find(opened.slot)).kind).toBe("live");
      const [slot, stored] = await world.items(user.userId);
      expect(stored).toMatchObject({ sk: "user", life: slot?.life });
      expect(stored).not.toHaveProperty("user.firstName");
    }
  });

  test.each([
    ["the user", userUpdate],
    ["the slot", slotUpdate],
  ])("and another's opening, both before the write of %s, is in the new life", async (_name, write) => {
    const world = createStoreWorld();
    const user = world.user("another");
    await user.open();
    world.clock.nowMs += 60_000;
    const late = overtaken(world, "another");
    let theirs = "";
    late.network.before(write, async () => {
      await user.erase();
      theirs = slotOf(await user.open()).sessionId;
    });
    const opened = await late.open({ details: { firstName: "B" } });
    expect([opened.kind, opened.slot.sessionId]).toEqual(["reused", theirs]);
    expect((await user.read())?.user).toMatchObject({ life: opened.slot.life, details: { firstName: "B" } });
  });
});
