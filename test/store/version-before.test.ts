import { describe, expect, test } from "vitest";
import { sessionIdOf } from "../../functions/core/ids.ts";
import { newRev } from "../../functions/core/rev.ts";
import type { Slot } from "../../functions/core/session.ts";
import {
  type Actor,
  accepted,
  createStoreWorld,
  HALF_AN_HOUR,
  refusedAs,
  slotOf,
  type StoreWorld,
} from "../support/store.ts";

/** What the version before has left of a user: no rev, no tenant in slot and record, a `callId`. */
async function leave(
  world: StoreWorld,
  user: Actor,
  { status = "open", ...more }: Record<string, unknown> = {},
) {
  const { userId, refId, clientId, environment } = user.identity;
  const made = world.seconds() - 60;
  const sessionId = sessionIdOf(newRev(made * 1_000), user.owner);
  const facts = { sessionId, flowId: "idv", createdAt: made };
  const startedAt = status === "in_progress" ? made + 10 : undefined;
  const slot = {
    pk: userId,
    sk: "slot",
    ...facts,
    status,
    ...(startedAt === undefined ? {} : { startedAt }),
    expiresAt: made + HALF_AN_HOUR,
    ttl: made + HALF_AN_HOUR,
    callId: "0d2f6c1e-0000-4000-8000-000000000000",
    ...more,
  };
  await world.put(slot);
  await world.put({
    pk: userId,
    sk: "user",
    refId,
    clientId,
    environment,
    status: "not_started",
    "user.firstName": "A",
    createdAt: made,
    updatedAt: made,
  });
  if (startedAt !== undefined) {
    await world.put({ pk: userId, sk: `session#${sessionId}`, ...facts, status, startedAt });
  }
  return { ...slot, metadata: undefined } as unknown as Slot;
}

describe.each(["open", "in_progress"])(
  "what the version before has left, a session that is %s:",
  (status) => {
    const setUp = async () => {
      const world = createStoreWorld();
      const user = world.user("old");
      return { world, user, slot: await leave(world, user, { status }) };
    };

    test("is read", async () => {
      const { user, slot } = await setUp();
      expect(await user.find(slot)).toMatchObject({
        kind: "live",
        slot: { status, tenant: undefined, rev: undefined },
      });
      expect((await user.read())?.user.details).toEqual({ firstName: "A" });
      expect(await user.session(slot)).toMatchObject({ status, expiresAt: slot.expiresAt });
    });

    test("is reused and extended, and gets a rev and whose it is", async () => {
      const { world, user, slot } = await setUp();
      const opened = await user.open({ details: { lastName: "B" } });
      expect(opened).toMatchObject({ kind: "reused", slot: { sessionId: slot.sessionId, status } });
      expect(await world.item(user.userId, "slot")).toMatchObject({
        clientId: user.identity.clientId,
        environment: "sandbox",
        rev: expect.any(String),
        expiresAt: world.seconds() + HALF_AN_HOUR,
      });
      expect(await world.item(user.userId, "user")).toMatchObject({
        "user.firstName": "A",
        "user.lastName": "B",
        rev: expect.any(String),
      });
    });

    test("is written on by the first request, as what is old", async () => {
      const { world, user } = await setUp();
      world.network.sent.length = 0;
      await user.open({ details: { lastName: "B" } });
      expect(world.network.sent).toHaveLength(2);
    });

    test("keeps its expiry, when a clock that is behind extends it", async () => {
      const { world, user, slot } = await setUp();
      const behind = world.user("old", world.container({ aheadMs: -90_000 }));
      for (const metadata of [{}, { metadata: { a: "1" } }]) {
        expect((await behind.open(metadata)).slot.expiresAt).toBe(slot.expiresAt);
      }
      expect((await world.item(user.userId, "slot"))?.expiresAt).toBe(slot.expiresAt);
    });

    test("takes metadata", async () => {
      const { world, user, slot } = await setUp();
      expect((await user.open({ metadata: { a: "1" } })).slot.metadata).toEqual({ a: "1" });
      if (status === "in_progress") {
        expect(await world.item(user.userId, `session#${slot.sessionId}`)).toMatchObject({
          metadata: '{"a":"1"}',
        });
      }
    });

    test("is superseded by a session whose id lies above", async () => {
      const { world, user, slot } = await setUp();
      const behind = world.user("old", world.container({ aheadMs: -61_000 }));
      const forced = accepted(await behind.force());
      expect(forced).toMatchObject({ kind: "created", superseded: { sessionId: slot.sessionId } });
      expect(await world.item(user.userId, "slot")).not.toHaveProperty("callId");
      if (status === "in_progress") {
        expect(forced.slot.sessionId > slot.sessionId).toBe(true);
        expect(await world.item(user.userId, `session#${slot.sessionId}`)).toMatchObject({
          status: "superseded",
          clientId: user.identity.clientId,
        });
      }
    });

    test("is started, and its record says whose it is", async () => {
      const { world, user, slot } = await setUp();
      expect(accepted(await user.start(slot))).toMatchObject({
        kind: status === "open" ? "started" : "unchanged",
        environment: "sandbox",
        slot: { status: "in_progress" },
      });
      if (status === "open") {
        expect(await world.item(user.userId, `session#${slot.sessionId}`)).toMatchObject({
          clientId: user.identity.clientId,
          rev: expect.any(String),
        });
      }
    });

    test.each(["cancel", "result"] as const)("takes a %s", async (ending) => {
      const { world, user, slot } = await setUp();
      expect(
        accepted(await (ending === "cancel" ? user.cancel(slot) : user.result(slot, "pending"))).kind,
      ).toBe("ended");
      expect(Object.keys((await world.item(user.userId, "slot")) ?? {}).toSorted()).toEqual([
        "pk",
        "rev",
        "sk",
        "ttl",
      ]);
      if (ending === "result") expect(accepted(await user.result(slot, "successful")).kind).toBe("ended");
    });

    test("is erased", async () => {
      const { world, user, slot } = await setUp();
      expect(await user.erase()).toEqual({ erased: true });
      expect(await world.items(user.userId)).toMatchObject([{ sealed: true }, { sealed: true }]);
      expect(refusedAs(await user.find(slot))).toBe("session_ended");
    });

    test("is not extended by a start that has seen it before somebody extended it", async () => {
      if (status === "in_progress") return;
      const { world, user, slot } = await setUp();
      const seen = accepted(await user.find(slot));
      if (seen.kind !== "live") throw new Error("The session is to be live");
      await world.put({
        ...(await world.item(user.userId, "slot")),
        expiresAt: slot.expiresAt + 5,
        ttl: slot.expiresAt + 5,
      });
      expect(accepted(await world.store.startSession(user.claimsOf(slot), seen)).slot.expiresAt).toBe(
        slot.expiresAt + 5,
      );
    });

    test("keeps the metadata that it is given, with the same expiry, while it is started", async () => {
      if (status === "in_progress") return;
      const { world, user, slot } = await setUp();
      const seen = accepted(await user.find(slot));
      if (seen.kind !== "live") throw new Error("The session is to be live");
      const behind = world.user("old", world.container({ aheadMs: -90_000 }));
      expect((await behind.open({ metadata: { a: "1" } })).slot.expiresAt).toBe(slot.expiresAt);
      expect(accepted(await world.store.startSession(user.claimsOf(slot), seen)).slot.metadata).toEqual({
        a: "1",
      });
    });
  },
);

test("a key of the version before is told from its use for another flow, as that version did", async () => {
  const world = createStoreWorld();
  const user = world.user("old-key");
  const slot = await leave(world, user, { idempotencyKey: "k" });
  expect(refusedAs(await user.force({ key: "k", flowId: "other" }))).toBe("idempotency_mismatch");
  expect(accepted(await user.force({ key: "k" }))).toMatchObject({
    kind: "reused",
    replayed: true,
    slot: { sessionId: slot.sessionId },
  });
  expect(slotOf(await user.force({ key: "another" })).sessionId).not.toBe(slot.sessionId);
});
