import { describe, expect, test } from "vitest";
import type { SessionId } from "../../functions/core/ids.ts";
import { revTime } from "../../functions/core/rev.ts";
import { pageSessions } from "../../functions/core/session-list.ts";
import {
  type Actor,
  accepted,
  createStoreWorld,
  DAY,
  HALF_AN_HOUR,
  refusedAs,
  slotOf,
} from "../support/store.ts";

describe("opening", () => {
  test("creates the user and their session, both with whose they are and a rev of their own attempt", async () => {
    const world = createStoreWorld();
    const user = world.user("new");
    const { refId, clientId, environment } = user.identity;
    const opened = await user.open({ details: { firstName: "A" }, metadata: { order: "7" } });
    const now = world.seconds();
    expect(opened).toEqual({
      kind: "created",
      slot: {
        sessionId: expect.stringMatching(/^ses_/),
        flowId: "idv",
        status: "open",
        metadata: { order: "7" },
        createdAt: now,
        startedAt: undefined,
        expiresAt: now + HALF_AN_HOUR,
        idempotencyKey: undefined,
        requestHash: undefined,
        tenant: { clientId, environment },
        rev: expect.any(String),
        life: undefined,
      },
    });
    expect(revTime(opened.slot.rev ?? "")).toBe(world.clock.nowMs);
    expect(await world.item(user.userId, "slot")).toEqual({
      pk: user.userId,
      sk: "slot",
      sessionId: opened.slot.sessionId,
      flowId: "idv",
      clientId,
      environment,
      status: "open",
      metadata: '{"order":"7"}',
      createdAt: now,
      expiresAt: now + HALF_AN_HOUR,
      ttl: now + HALF_AN_HOUR,
      rev: opened.slot.rev,
    });
    expect(await world.item(user.userId, "user")).toEqual({
      pk: user.userId,
      sk: "user",
      refId,
      clientId,
      environment,
      status: "not_started",
      "user.firstName": "A",
      createdAt: now,
      updatedAt: now,
      rev: expect.any(String),
    });
  });

  test("without details creates a user who was changed then, and changes no user who is there", async () => {
    const world = createStoreWorld();
    const user = world.user("plain");
    await user.open();
    const created = await world.item(user.userId, "user");
    expect(created).toMatchObject({ createdAt: world.seconds(), updatedAt: world.seconds() });
    world.clock.nowMs += 60_000;
    await user.open();
    await user.open({ patch: { set: {}, remove: [] } });
    expect(await world.item(user.userId, "user")).toEqual(created);
  });

  test("again returns the session, extended to half an hour from now", async () => {
    const world = createStoreWorld();
    const user = world.user("again");
    const first = slotOf(await user.open());
    world.clock.nowMs += 600_000;
    const again = await user.open({ flowId: "other" });
    expect(again).toEqual({
      kind: "reused",
      slot: { ...first, expiresAt: world.seconds() + HALF_AN_HOUR, rev: expect.any(String) },
    });
    expect(await world.item(user.userId, "slot")).toMatchObject({
      expiresAt: world.seconds() + HALF_AN_HOUR,
      ttl: world.seconds() + HALF_AN_HOUR,
    });
  });

  test("over a dead session that is still there opens another, with nothing of the old one left", async () => {
    const world = createStoreWorld();
    const user = world.user("dead");
    const first = slotOf(await user.force({ key: "k", metadata: { a: "b" } }));
    await user.start(first);
    world.clock.nowMs += HALF_AN_HOUR * 1_000;
    const next = await user.open();
    expect(next.kind).toBe("created");
    expect(next.slot.sessionId > first.sessionId).toBe(true);
    const stored = await world.item(user.userId, "slot");
    for (const name of ["startedAt", "idempotencyKey", "requestHash", "metadata"])
      expect(stored).not.toHaveProperty(name);
  });

  test("with metadata replaces the session's as a whole; without leaves it", async () => {
    const world = createStoreWorld();
    const user = world.user("noted");
    await user.open({ metadata: { a: "1", b: "2" } });
    world.clock.nowMs += 60_000;
    expect((await user.open({ metadata: { c: "3" } })).slot.metadata).toEqual({ c: "3" });
    expect((await user.open()).slot.metadata).toEqual({ c: "3" });
    expect((await user.open({ metadata: {} })).slot.metadata).toEqual({});
  });

  test("with metadata for a session that was started writes slot and record", async () => {
    const world = createStoreWorld();
    const user = world.user("noted-started");
    const { slot } = await user.open();
    await user.start(slot);
    world.clock.nowMs += 60_000;
    const noted = await user.open({ metadata: { a: "1" } });
    expect(noted).toMatchObject({
      kind: "reused",
      slot: {
        sessionId: slot.sessionId,
        status: "in_progress",
        metadata: { a: "1" },
        expiresAt: world.seconds() + HALF_AN_HOUR,
      },
    });
    const stored = await world.item(user.userId, `session#${slot.sessionId}`);
    expect(stored).toMatchObject({
      status: "in_progress",
      metadata: '{"a":"1"}',
      startedAt: world.seconds() - 60,
    });
    expect(accepted(await user.result(slot, "failed")).record.metadata).toEqual({ a: "1" });
  });

  test("merges details: members given replace, those removed go, the others stay", async () => {
    const world = createStoreWorld();
    const user = world.user("merged");
    await user.open({ details: { firstName: "A", lastName: "B" } });
    world.clock.nowMs += 60_000;
    await user.open({
      patch: { set: { lastName: "C", email: "c@example.com" }, remove: ["firstName"], extras: { plan: 3 } },
    });
    const read = await user.read();
    expect(read?.user.details).toEqual({ lastName: "C", email: "c@example.com" });
    expect(read?.user.extras).toEqual({ plan: 3 });
    expect(read?.user.updatedAt).toBe(world.seconds());
  });
});

describe("forcing", () => {
  test("takes the place of an open session, and names it", async () => {
    const world = createStoreWorld();
    const user = world.user("forced");
    const first = slotOf(await user.open({ metadata: { a: "1" } }));
    world.clock.nowMs += 60_000;
    const forced = accepted(await user.force({ flowId: "other" }));
    expect(forced).toMatchObject({
      kind: "created",
      superseded: { sessionId: first.sessionId },
      slot: { flowId: "other" },
    });
    expect(await world.item(user.userId, "slot")).not.toHaveProperty("metadata");
    expect(refusedAs(await user.find(first))).toBe("session_superseded");
    expect((await user.find(forced.slot)).kind).toBe("live");
  });

  test("over a session that was started marks its record superseded", async () => {
    const world = createStoreWorld();
    const user = world.user("forced-started");
    const first = slotOf(await user.open());
    await user.start(first);
    const forced = accepted(await user.force());
    expect(forced).toMatchObject({ kind: "created", superseded: { sessionId: first.sessionId } });
    expect(await world.item(user.userId, `session#${first.sessionId}`)).toMatchObject({
      status: "superseded",
      endedAt: world.seconds(),
      rev: forced.slot.rev,
    });
  });

  test("with the key of the active session leaves the metadata that another call has given it since", async () => {
    const world = createStoreWorld();
    const user = world.user("keyed-and-noted");
    const first = slotOf(await user.force({ key: "k", metadata: { order: "first" } }));
    world.clock.nowMs += 60_000;
    await user.open({ metadata: { order: "later" } });
    world.clock.nowMs += 60_000;
    const replayed = accepted(await user.force({ key: "k", metadata: { order: "first" } }));
    expect(replayed).toMatchObject({
      replayed: true,
      slot: { sessionId: first.sessionId, metadata: { order: "later" } },
    });
    expect((await user.open()).slot.metadata).toEqual({ order: "later" });
  });

  test("with the key of the active session returns it, extended; with another body it is refused and changes nothing", async () => {
    const world = createStoreWorld();
    const user = world.user("keyed");
    const first = slotOf(await user.force({ key: "k", details: { firstName: "A" }, metadata: { a: "1" } }));
    world.clock.nowMs += 60_000;
    const replayed = accepted(
      await user.force({ key: "k", details: { firstName: "A" }, metadata: { a: "1" } }),
    );
    expect(replayed).toMatchObject({
      kind: "reused",
      replayed: true,
      slot: { sessionId: first.sessionId, expiresAt: world.seconds() + HALF_AN_HOUR },
    });
    world.clock.nowMs += 60_000; // a write that has not seen the user would be taken
    const before = await world.items(user.userId);
    for (const other of [
      { flowId: "other", details: { firstName: "A" }, metadata: { a: "1" } },
      { details: { firstName: "B" }, metadata: { a: "1" } },
      { details: { firstName: "A" }, metadata: { a: "2" } },
      {},
    ]) {
      expect(refusedAs(await user.force({ key: "k", ...other }))).toBe("idempotency_mismatch");
    }
    expect(await world.items(user.userId)).toEqual(before);
  });

  test("with the key of the active session within the same second leaves the slot as it is", async () => {
    const world = createStoreWorld();
    const user = world.user("keyed-at-once");
    await user.force({ key: "k" });
    const before = await world.item(user.userId, "slot");
    expect(accepted(await user.force({ key: "k" }))).toMatchObject({ kind: "reused", replayed: true });
    expect(await world.item(user.userId, "slot")).toEqual(before);
  });

  test.each([undefined, "k"])(
    "over a session that has expired supersedes nobody; its key: %s",
    async (key) => {
      const world = createStoreWorld();
      const user = world.user("forced-dead");
      const options = key === undefined ? {} : { key };
      const first = slotOf(await user.force(options));
      world.clock.nowMs += HALF_AN_HOUR * 1_000;
      const forced = accepted(await user.force(options));
      expect([forced.kind, "superseded" in forced]).toEqual(["created", false]);
      expect(forced.slot.sessionId).not.toBe(first.sessionId);
      expect(world.pauses).toEqual([]);
    },
  );

  test("with another key, or after another forced session, opens a new one", async () => {
    const world = createStoreWorld();
    const user = world.user("keys");
    const ids = [];
    for (const key of ["a", "b", "a"]) ids.push(slotOf(await user.force({ key })).sessionId);
    expect(new Set(ids).size).toBe(3);
  });
});

describe("a session", () => {
  test("is started once, and its record outlasts the slot", async () => {
    const world = createStoreWorld();
    const user = world.user("started");
    const { slot } = await user.open({ metadata: { a: "1" } });
    const started = accepted(await user.start(slot));
    expect(started).toMatchObject({
      kind: "started",
      environment: "sandbox",
      slot: { status: "in_progress", startedAt: world.seconds() },
    });
    world.clock.nowMs += 1_000;
    expect(accepted(await user.start(slot))).toEqual({ ...started, kind: "unchanged" });
    expect(await world.item(user.userId, `session#${slot.sessionId}`)).toEqual({
      pk: user.userId,
      sk: `session#${slot.sessionId}`,
      sessionId: slot.sessionId,
      flowId: "idv",
      clientId: user.identity.clientId,
      environment: "sandbox",
      status: "in_progress",
      metadata: '{"a":"1"}',
      createdAt: slot.createdAt,
      startedAt: slot.createdAt,
      ttl: slot.createdAt + 365 * DAY,
      rev: started.slot.rev,
    });
  });

  test.each(["cancel", "result"] as const)(
    "that has a %s leaves an emptied slot and a record",
    async (ending) => {
      const world = createStoreWorld();
      const user = world.user("ended");
      const { slot } = await user.open();
      const ended = accepted(
        await (ending === "cancel" ? user.cancel(slot) : user.result(slot, "pending", "blurred")),
      );
      expect(ended.kind).toBe("ended");
      expect(await world.item(user.userId, "slot")).toEqual({
        pk: user.userId,
        sk: "slot",
        rev: ended.record.rev,
        ttl: world.seconds() + DAY,
      });
      expect(await world.item(user.userId, `session#${slot.sessionId}`)).toMatchObject({
        status: ending === "cancel" ? "canceled" : "completed",
        endedAt: world.seconds(),
      });
      const read = await user.read();
      expect(read?.slot).toBeUndefined();
      expect(read?.user).toMatchObject(
        ending === "cancel"
          ? { status: "not_started" }
          : { status: "pending", statusSessionId: slot.sessionId, result: { reason: "blurred" } },
      );
      expect(refusedAs(await user.find(slot))).toBe(
        ending === "cancel" ? "session_canceled" : "session_completed",
      );
      const again = accepted(
        await (ending === "cancel" ? user.cancel(slot) : user.result(slot, "pending", "blurred")),
      );
      expect(again).toEqual({ kind: "unchanged", record: ended.record });
    },
  );

  test("that was started takes its result when its slot is long gone", async () => {
    const world = createStoreWorld();
    const user = world.user("late-result");
    const { slot } = await user.open();
    await user.start(slot);
    world.clock.nowMs += 7 * DAY * 1_000;
    await world.reap(user.userId, "slot");
    expect(await user.session(slot)).toMatchObject({ status: "expired" });
    expect(accepted(await user.result(slot, "successful")).kind).toBe("ended");
    expect((await user.read())?.user.status).toBe("successful");
  });

  test("is found while it is active or has a record, and else is not", async () => {
    const world = createStoreWorld();
    const user = world.user("found");
    expect(refusedAs(await user.session({ sessionId: `ses_${"0".repeat(26)}` }))).toBe("user_not_found");
    const open = slotOf(await user.open());
    expect(await user.session(open)).toMatchObject({ status: "open", expiresAt: open.expiresAt });
    const forced = slotOf(await user.force());
    expect(refusedAs(await user.session(open))).toBe("session_not_found");
    await user.cancel(forced);
    expect(await user.session(forced)).toMatchObject({ status: "canceled", endedAt: world.seconds() });
  });

  test("that has ended stays ended, whatever its slot says", async () => {
    const world = createStoreWorld();
    const user = world.user("contradicted");
    const { slot } = await user.open();
    const item = await world.item(user.userId, "slot");
    await user.cancel(slot);
    await world.put(item ?? {});
    expect(refusedAs(await user.find(slot))).toBe("session_canceled");
    expect(await user.session(slot)).toMatchObject({ status: "canceled" });
    for (const read of [await user.read(), await user.history()])
      expect(read).toMatchObject({ slot: undefined, records: [{ status: "canceled" }] });
  });
});

describe("reading", () => {
  /** All of a user's sessions, by pages of one, as callers go through them. */
  async function pageByPage(user: Actor, nowSeconds: number) {
    const seen: SessionId[] = [];
    let before: SessionId | undefined;
    do {
      const read = await user.history(1, before);
      if (read === undefined) throw new Error("There is no user");
      const { sessions, next } = pageSessions(read, { limit: 1, before }, nowSeconds);
      seen.push(...sessions.map(({ sessionId }) => sessionId));
      before = next;
    } while (before !== undefined);
    return seen;
  }

  /** Sessions that were canceled, from oldest to newest. */
  async function cancelSome(user: Actor, count: number) {
    const ids: SessionId[] = [];
    for (let made = 0; made < count; made += 1) {
      const slot = slotOf(await user.open());
      await user.cancel(slot);
      ids.push(slot.sessionId);
    }
    return ids;
  }

  test("shows the active session beside as many of the newest others as are asked for", async () => {
    const world = createStoreWorld();
    const user = world.user("bounded");
    const [, second, third] = await cancelSome(user, 3);
    const { sessionId } = slotOf(await user.open());
    const read = await user.read(2);
    expect(read?.slot).toMatchObject({ sessionId, status: "open" });
    expect(read?.records.map((record) => record.sessionId)).toEqual([third, second]);
  });

  test("page by page shows each session once, from newest to oldest", async () => {
    const world = createStoreWorld();
    const user = world.user("paged");
    const ended = await cancelSome(user, 4);
    const { sessionId } = slotOf(await user.open());
    expect(await pageByPage(user, world.seconds())).toEqual([...ended, sessionId].toReversed());
  });

  test("takes no more of a history than a page and one session behind it, be it the first page or a later one", async () => {
    const user = createStoreWorld().user("long");
    const [, second, third, fourth] = await cancelSome(user, 4);
    const read = async (before?: SessionId) =>
      (await user.history(1, before))?.records.map(({ sessionId }) => sessionId);
    expect(await read()).toEqual([fourth, third]);
    expect(await read(fourth)).toEqual([third, second]);
  });

  test("goes on behind a page of records that are all past their retention", async () => {
    const world = createStoreWorld({ retentionDays: 1 });
    const user = world.user("kept-longer");
    const oldest = slotOf(await user.open());
    await user.start(oldest);
    world.clock.nowMs += HALF_AN_HOUR * 1_000;
    await cancelSome(user, 2);
    world.clock.nowMs += HALF_AN_HOUR * 1_000;
    await user.result(oldest, "failed");
    world.clock.nowMs += (DAY - HALF_AN_HOUR) * 1_000;
    expect(await pageByPage(user, world.seconds())).toEqual([oldest.sessionId]);
  });

  test("finds nobody where a slot and a record are left, and no user", async () => {
    const world = createStoreWorld();
    const user = world.user("reaped");
    const { slot } = await user.open();
    await user.start(slot);
    await world.reap(user.userId, "user");
    expect(await user.read()).toBeUndefined();
    expect(await user.history()).toBeUndefined();
    expect(await user.history(1, `ses_7${"Z".repeat(25)}`)).toBeUndefined();
    expect(refusedAs(await user.session(slot))).toBe("user_not_found");
  });
});

describe("an erasure", () => {
  test("leaves two seals of one rev, nothing personal, and no record", async () => {
    const world = createStoreWorld();
    const user = world.user("erased");
    const { slot } = await user.open({ details: { firstName: "A" } });
    await user.start(slot);
    expect(await user.erase()).toEqual({ erased: true });
    const [slotSeal, userSeal, ...more] = await world.items(user.userId);
    expect(more).toEqual([]);
    expect(slotSeal).toEqual({
      pk: user.userId,
      sk: "slot",
      sealed: true,
      rev: userSeal?.rev,
      ttl: world.seconds() + DAY,
    });
    expect(userSeal).toEqual({ ...slotSeal, sk: "user" });
    expect(await user.read()).toBeUndefined();
    expect(await user.history()).toBeUndefined();
    expect(refusedAs(await user.find(slot))).toBe("session_ended");
    expect(refusedAs(await user.result(slot, "failed"))).toBe("user_not_found");
  });

  test("of nobody seals too, and says that there was nothing", async () => {
    const world = createStoreWorld();
    const user = world.user("nobody");
    expect(await user.erase()).toEqual({ erased: false });
    expect(await world.items(user.userId)).toMatchObject([{ sealed: true }, { sealed: true }]);
    expect(await user.erase()).toEqual({ erased: false });
  });

  test.each(["user", "slot", "session#"])(
    "of what is left of a user, their %s alone, says so",
    async (left) => {
      const world = createStoreWorld();
      const user = world.user("left-alone");
      await user.start(slotOf(await user.open()));
      for (const { sk } of await world.items(user.userId)) {
        if (!String(sk).startsWith(left)) await world.reap(user.userId, String(sk));
      }
      expect(await user.erase()).toEqual({ erased: true });
    },
  );

  test("is followed by another life, which knows nothing of the one before", async () => {
    const world = createStoreWorld();
    const user = world.user("reborn");
    const before = slotOf(await user.open({ details: { firstName: "A" } }));
    await user.start(before);
    await user.erase();
    const { rev: seal } = (await world.item(user.userId, "user")) ?? {};
    const { kind, slot } = await user.open();
    expect(kind).toBe("created");
    expect([slot.life, (await user.read())?.user.life]).toEqual([seal, seal]);
    expect((await user.read())?.user.details).toEqual({});
    expect((await user.find(slot)).kind).toBe("live");
    expect(refusedAs(await user.find(before))).toBe("session_ended");
    expect(refusedAs(await user.result(before, "failed"))).toBe("session_not_found");
    expect(refusedAs(await user.session(before))).toBe("session_not_found");
  });
});

test("a record past its retention counts as absent, though it is not yet deleted", async () => {
  const world = createStoreWorld({ retentionDays: 1 });
  const user = world.user("retained");
  const { slot } = await user.open();
  await user.start(slot);
  world.clock.nowMs += (DAY - 1) * 1_000;
  expect(await user.session(slot)).toMatchObject({ status: "expired" });
  expect((await user.read())?.records).toHaveLength(1);
  world.clock.nowMs += 1_000;
  expect(refusedAs(await user.session(slot))).toBe("session_not_found");
  expect(refusedAs(await user.result(slot, "successful"))).toBe("session_conflict");
  expect((await user.read())?.records).toEqual([]);
  expect(await world.item(user.userId, `session#${slot.sessionId}`)).toMatchObject({ status: "in_progress" });
});

test("a record is kept for ever where its retention is 0", async () => {
  const world = createStoreWorld({ retentionDays: 0 });
  const user = world.user("for-ever");
  const { slot } = await user.open();
  await user.cancel(slot);
  expect(await world.item(user.userId, `session#${slot.sessionId}`)).not.toHaveProperty("ttl");
});

test("a user is kept for ever, or for so many days after their last open or result", async () => {
  const world = createStoreWorld({ userRetentionDays: 30 });
  const user = world.user("kept");
  const ttl = async () => (await world.item(user.userId, "user"))?.ttl;
  const { slot } = await user.open();
  expect(await ttl()).toBe(world.seconds() + 30 * DAY);
  await user.start(slot);
  world.clock.nowMs += 60_000;
  await user.open();
  expect(await ttl()).toBe(world.seconds() + 30 * DAY);
  world.clock.nowMs += DAY * 1_000;
  await user.result(slot, "pending");
  expect(await ttl()).toBe(world.seconds() + 30 * DAY);
  // A newer session sets the status; the older one's result still counts.
  const newer = slotOf(await user.open());
  await user.result(newer, "failed");
  world.clock.nowMs += DAY * 1_000;
  await user.result(slot, "successful");
  expect(await ttl()).toBe(world.seconds() + 30 * DAY);
  expect((await user.read())?.user.status).toBe("failed");

  const unlimited = world.user("kept", world.container({ userRetentionDays: 0 }));
  await unlimited.open();
  expect(await ttl()).toBeUndefined();

  const last = slotOf(await user.open());
  const opened = await ttl();
  world.clock.nowMs += 60_000;
  await user.cancel(last); // is neither
  expect(await ttl()).toBe(opened);
  await unlimited.result(slotOf(await user.open()), "failed");
  expect(await ttl()).toBeUndefined();
});
