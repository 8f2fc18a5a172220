import { BatchWriteCommand, DeleteCommand } from "@aws-sdk/lib-dynamodb";
import { ulid } from "ulid";
import { describe, expect, onTestFinished, test } from "vitest";
import { connectFaulty, type Sent, throttled, timedOut } from "../support/faults.ts";
import { callApp, createWorld, inSeconds, type World } from "../support/world.ts";

const HALF_AN_HOUR = 1_800;
const HOUR_MS = 3_600_000;

/** One user's calls, as their client's backend, their frontend and the verification engine make them. */
function actor(world: World, refId: string, app = world.app) {
  const key = world.demo.apiKeys.sandbox;
  const path = `/v2/users/${refId}`;
  const open = (json: Record<string, unknown> = {}, headers: Record<string, string> = {}) =>
    callApp(app, "POST", "/v2/sessions", { key, json: { refId, ...json }, headers });
  return {
    open,
    force: (idempotencyKey?: string) =>
      open(
        { forceCreation: true },
        idempotencyKey === undefined ? {} : { "idempotency-key": idempotencyKey },
      ),
    read: (token: string) => callApp(app, "GET", "/v2/session", { token }),
    start: (token: string) => callApp(app, "POST", "/v2/session/start", { token }),
    result: (sessionId: string, status: string, reason?: string) =>
      callApp(app, "PUT", `${path}/sessions/${sessionId}/result`, {
        key: world.demo.resultsKey,
        json: { status, ...(reason === undefined ? {} : { reason }) },
      }),
    cancel: (sessionId: string) => callApp(app, "POST", `${path}/sessions/${sessionId}/cancel`, { key }),
    erase: () => callApp(app, "DELETE", path, { key }),
  };
}

/** What happens elsewhere just before a container sends the first request that `before` is about. */
type Meanwhile = { readonly before: (sent: Sent) => boolean; readonly act: () => Promise<unknown> };

/**
 * The same user's calls through another container, one that is overtaken: by one `Meanwhile` after the other, each of
 * which must have come about by the end of the test.
 */
function overtaken(
  world: World,
  refId: string,
  meanwhile: readonly Meanwhile[],
  { aheadSeconds = 0 }: { aheadSeconds?: number } = {},
) {
  const due = [...meanwhile];
  onTestFinished(() => {
    expect(due, "what never happened").toEqual([]);
  });
  const app = world.anotherContainer({
    now: () => world.clock.nowMs + aheadSeconds * 1_000,
    connect: (endpoint) =>
      connectFaulty(endpoint, async (sent) => {
        if (due[0]?.before(sent) === true) await due.shift()?.act();
        return undefined;
      }),
  });
  return actor(world, refId, app);
}

const sends = (command: string, sk?: string) => (sent: Sent) =>
  sent.command === `${command}Command` &&
  (sk === undefined || JSON.stringify(sent.input).includes(`"${sk}"`));
const transaction = sends("TransactWriteItems");

const remove = (world: World, pk: string, sk: string) =>
  world.dynamodb.send(new DeleteCommand({ TableName: world.tables.verificationTable, Key: { pk, sk } }));

describe("the slot", () => {
  test("of a session that is reused or forced again with its key is due to be deleted when it expires", async () => {
    const world = await createWorld();
    const user = actor(world, "renewed");
    const extended = async () => {
      world.clock.nowMs += 600_000;
      return inSeconds(world.clock.nowMs) + HALF_AN_HOUR;
    };
    const { userId } = (await user.open()).body;
    const reusedUntil = await extended();
    expect((await user.open()).status).toBe(200);
    expect(await world.item(userId, "slot")).toMatchObject({ expiresAt: reusedUntil, ttl: reusedUntil });

    await user.force("key");
    const forcedUntil = await extended();
    expect((await user.force("key")).status).toBe(200);
    expect(await world.item(userId, "slot")).toMatchObject({ expiresAt: forcedUntil, ttl: forcedUntil });
  });

  test.each([false, true])(
    "keeps its later expiry when a clock behind repeats a forced call with its key; started: %s",
    async (started) => {
      const world = await createWorld();
      const { body } = await actor(world, "behind").force("key");
      if (started) await actor(world, "behind").start(body.token);
      const slot = await world.item(body.userId, "slot");
      const repeated = await overtaken(world, "behind", [], { aheadSeconds: -5 }).force("key");
      expect([repeated.status, repeated.body.expiresAt]).toEqual([200, body.expiresAt]);
      expect(await world.item(body.userId, "slot")).toEqual(slot);
    },
  );

  test("is not extended nor answered with by a key whose session is superseded in that moment", async () => {
    const world = await createWorld();
    const user = actor(world, "superseded-key");
    const keyed = (await user.force("key")).body;
    let forced: Record<string, any> = {};
    let slotLater: unknown;
    const late = overtaken(
      world,
      "superseded-key",
      [
        {
          before: sends("UpdateItem", "slot"),
          act: async () => {
            forced = (await user.force()).body;
          },
        },
        {
          before: sends("PutItem", "slot"),
          act: async () => {
            slotLater = await world.item(keyed.userId, "slot");
          },
        },
      ],
      { aheadSeconds: 5 },
    );
    const answer = await late.force("key");
    expect([answer.status, answer.body.created]).toEqual([201, true]);
    expect([keyed.sessionId, forced.sessionId]).not.toContain(answer.body.sessionId);
    expect(slotLater).toMatchObject({
      sessionId: forced.sessionId,
      expiresAt: inSeconds(world.clock.nowMs) + HALF_AN_HOUR,
    });
    expect((await user.read(answer.body.token)).status).toBe(200);
    expect((await user.read(forced.token)).body.code).toBe("session_superseded");
  });

  test("that a clock ahead takes for dead stays if somebody extends it first", async () => {
    const world = await createWorld();
    const user = actor(world, "extended");
    const { userId, sessionId } = (await user.open()).body;
    world.clock.nowMs += (HALF_AN_HOUR - 1) * 1_000;
    const ahead = overtaken(
      world,
      "extended",
      [{ before: sends("PutItem", "slot"), act: () => user.open() }],
      { aheadSeconds: 5 },
    );
    const answer = await ahead.open();
    expect([answer.status, answer.body.sessionId]).toEqual([200, sessionId]);
    expect(await world.item(userId, "slot")).toMatchObject({ sessionId });
  });

  test.each(["nothing", "open", "in_progress"])(
    "a forced creation whose answer was lost has not superseded itself; before it there was: %s",
    async (before) => {
      const world = await createWorld();
      const user = actor(world, "lost");
      const earlier = before === "nothing" ? undefined : (await user.open()).body;
      if (before === "in_progress") await user.start(earlier.token);
      let losses = 0;
      const app = world.anotherContainer({
        connect: (endpoint) =>
          connectFaulty(endpoint, ({ command }) => {
            if (command !== "PutItemCommand" && command !== "TransactWriteItemsCommand") return undefined;
            // The one write that succeeds: over a started session it is the transaction.
            if ((command === "PutItemCommand") === (before === "in_progress")) return undefined;
            losses += 1;
            return losses === 1 ? { when: "after", error: timedOut() } : undefined;
          }),
      });
      const forced = await actor(world, "lost", app).force();
      expect([forced.status, forced.body.created]).toEqual([201, true]);
      const event = world.lines.at(-1);
      expect(event).toMatchObject({ outcome: "session_forced", sessionId: forced.body.sessionId });
      // Whether a superseded one is still known of after such a loss is not promised.
      expect(event?.supersededSessionId).toBeOneOf([undefined, earlier?.sessionId]);
      expect(losses).toBeGreaterThan(0);
      expect(await world.item(forced.body.userId, "slot")).toMatchObject({
        sessionId: forced.body.sessionId,
      });
    },
  );
});

describe("a start", () => {
  test("that another one overtakes answers as that one did, and its time stays", async () => {
    const world = await createWorld();
    const user = actor(world, "started-twice");
    const { userId, sessionId, token } = (await user.open()).body;
    const late = overtaken(world, "started-twice", [{ before: transaction, act: () => user.start(token) }], {
      aheadSeconds: 5,
    });
    const { status, body } = await late.start(token);
    expect([status, body.status]).toEqual([200, "in_progress"]);
    const startedAt = inSeconds(world.clock.nowMs);
    expect(await world.item(userId, "slot")).toMatchObject({ status: "in_progress", startedAt });
    expect(await world.item(userId, `session#${sessionId}`)).toMatchObject({ startedAt });
  });

  test("does not happen twice, though the record of the first is past its retention and gone", async () => {
    const world = await createWorld();
    const user = actor(world, "started-gone");
    const { userId, sessionId, token } = (await user.open()).body;
    const act = async () => {
      await user.start(token);
      await remove(world, userId, `session#${sessionId}`);
    };
    const late = overtaken(world, "started-gone", [{ before: transaction, act }], { aheadSeconds: 5 });
    expect((await late.start(token)).status).toBe(200);
    expect(await world.item(userId, "slot")).toMatchObject({ startedAt: inSeconds(world.clock.nowMs) });
    expect(await world.item(userId, `session#${sessionId}`)).toBeUndefined();
  });

  test("revives no session whose record has ended, whatever the slot says", async () => {
    const world = await createWorld();
    const user = actor(world, "started-late");
    const { userId, sessionId, token } = (await user.open()).body;
    const slot = (await world.item(userId, "slot")) ?? {};
    const act = async () => {
      await user.cancel(sessionId);
      await world.put(slot); // a write that came late
    };
    const late = await overtaken(world, "started-late", [{ before: transaction, act }]).start(token);
    expect([late.status, late.body.code]).toEqual([401, "session_canceled"]);
    expect(await world.item(userId, `session#${sessionId}`)).toMatchObject({ status: "canceled" });
  });

  test.each<[string, string, (user: ReturnType<typeof actor>, sessionId: string) => Promise<unknown>]>([
    ["cancel", "session_canceled", (user, sessionId) => user.cancel(sessionId)],
    ["result", "session_completed", (user, sessionId) => user.result(sessionId, "failed")],
    ["forced creation", "session_superseded", (user) => user.force()],
    ["erasure", "session_ended", (user) => user.erase()],
  ])("that a %s overtakes is refused as %s", async (_name, code, act) => {
    const world = await createWorld();
    const user = actor(world, "overtaken");
    const { userId, sessionId, token } = (await user.open()).body;
    let after: unknown;
    const late = overtaken(world, "overtaken", [
      {
        before: transaction,
        act: async () => {
          await act(user, sessionId);
          after = await world.items(userId);
        },
      },
    ]);
    const answer = await late.start(token);
    expect([answer.status, answer.body.code]).toEqual([401, code]);
    expect(await world.items(userId)).toEqual(after);
  });
});

/** The two calls that end a session. */
const ENDINGS = [
  { ending: "cancel", end: (user: ReturnType<typeof actor>, sessionId: string) => user.cancel(sessionId) },
  {
    ending: "result",
    end: (user: ReturnType<typeof actor>, sessionId: string) => user.result(sessionId, "failed"),
  },
];

describe.each(ENDINGS)("a $ending", ({ ending, end }) => {
  test("of an open session that is started in that moment keeps when it was started", async () => {
    const world = await createWorld();
    const user = actor(world, "just-started");
    const { userId, sessionId, token } = (await user.open()).body;
    const late = overtaken(world, "just-started", [{ before: transaction, act: () => user.start(token) }], {
      aheadSeconds: 5,
    });
    const { status, body } = await end(late, sessionId);
    expect([status, body.status]).toEqual([200, ending === "cancel" ? "canceled" : "completed"]);
    expect(await world.item(userId, `session#${sessionId}`)).toMatchObject({
      status: body.status,
      startedAt: inSeconds(world.clock.nowMs),
      endedAt: inSeconds(world.clock.nowMs) + 5,
    });
    expect(await world.item(userId, "slot")).toBeUndefined();
  });

  test("of a live session is taken though its record is past its retention and not yet deleted", async () => {
    const world = await createWorld();
    const user = actor(world, "past-retention");
    const { userId, sessionId, token } = (await user.open()).body;
    await user.start(token);
    const record = await world.item(userId, `session#${sessionId}`);
    const now = inSeconds(world.clock.nowMs);
    await world.put({ ...record, ttl: now });
    expect((await end(user, sessionId)).status).toBe(200);
    const stored = await world.item(userId, `session#${sessionId}`);
    expect(stored).toMatchObject({ startedAt: now, endedAt: now });
    expect(stored?.ttl).toBeGreaterThan(now);
  });

  test.each([false, true])(
    "of a session that is superseded in that moment is refused, and the newer one goes on; started: %s",
    async (started) => {
      const world = await createWorld();
      const user = actor(world, "superseded");
      const { userId, sessionId, token } = (await user.open()).body;
      if (started) await user.start(token);
      let forced: Record<string, any> = {};
      const act = async () => {
        forced = (await user.force()).body;
      };
      const late = await end(overtaken(world, "superseded", [{ before: transaction, act }]), sessionId);
      expect(late.status).toBeOneOf(started ? [409] : [404, 409]);
      expect(await world.item(userId, "slot")).toMatchObject({ sessionId: forced.sessionId });
      expect((await user.read(forced.token)).status).toBe(200);
      expect((await world.item(userId, "user"))?.status).toBe("not_started");
    },
  );

  test("of a session whose user is erased in that moment finds no user, and leaves nothing", async () => {
    const world = await createWorld();
    const user = actor(world, "erased");
    const { userId, sessionId, token } = (await user.open()).body;
    await user.start(token);
    const late = overtaken(world, "erased", [{ before: transaction, act: () => user.erase() }]);
    expect((await end(late, sessionId)).body.code).toBe("user_not_found");
    expect(await world.items(userId)).toEqual([]);
  });
});

describe("a result", () => {
  test("makes no user of one whose item alone is gone", async () => {
    const world = await createWorld();
    const user = actor(world, "ghost");
    const { userId, sessionId, token } = (await user.open()).body;
    await user.start(token);
    const act = () => remove(world, userId, "user");
    const late = overtaken(world, "ghost", [{ before: transaction, act }]);
    expect((await late.result(sessionId, "failed")).body.code).toBe("user_not_found");
    expect(await world.item(userId, "user")).toBeUndefined();
  });

  test("after a manual review is a conflict if another one was faster, which stands", async () => {
    const world = await createWorld();
    const user = actor(world, "reviewed");
    const { userId, sessionId } = (await user.open()).body;
    await user.result(sessionId, "pending");
    const late = overtaken(world, "reviewed", [
      { before: transaction, act: () => user.result(sessionId, "successful") },
    ]);
    const answer = await late.result(sessionId, "failed");
    expect([answer.status, answer.body.code]).toEqual([409, "session_conflict"]);
    expect(await world.item(userId, `session#${sessionId}`)).toMatchObject({ result: "successful" });
    expect(await world.item(userId, "user")).toMatchObject({ status: "successful" });
  });

  test.each([
    ["another", "blurred"],
    ["no", undefined],
  ])(
    "that was reported in that moment already is not reported again, over one with %s reason",
    async (_name, before) => {
      const world = await createWorld();
      const user = actor(world, "same-report");
      const { userId, sessionId } = (await user.open()).body;
      await user.result(sessionId, "pending", before);
      world.clock.nowMs += HOUR_MS;
      let first: unknown;
      const act = async () => {
        first = (await user.result(sessionId, "pending", "second look")).body;
      };
      const late = overtaken(world, "same-report", [{ before: transaction, act }], { aheadSeconds: 5 });
      const answer = await late.result(sessionId, "pending", "second look");
      expect([answer.status, answer.body]).toEqual([200, first]);
      expect(await world.item(userId, `session#${sessionId}`)).toMatchObject({
        reason: "second look",
        reportedAt: inSeconds(world.clock.nowMs),
      });
    },
  );

  test("is not written over a record that was ended in that moment, whatever ended it", async () => {
    const world = await createWorld();
    const user = actor(world, "ended");
    const { userId, sessionId, token } = (await user.open()).body;
    await user.start(token);
    await remove(world, userId, "slot"); // as DynamoDB does when it has expired
    const record = await world.item(userId, `session#${sessionId}`);
    const act = () => world.put({ ...record, status: "canceled", endedAt: inSeconds(world.clock.nowMs) });
    const late = overtaken(world, "ended", [{ before: transaction, act }]);
    const answer = await late.result(sessionId, "successful");
    expect([answer.status, answer.body.code]).toEqual([409, "session_conflict"]);
    expect(await world.item(userId, `session#${sessionId}`)).toMatchObject({ status: "canceled" });
    expect(await world.item(userId, "user")).toMatchObject({ status: "not_started" });
  });

  test("of an older session does not overrule a newer one's that comes in the same moment", async () => {
    const world = await createWorld();
    const user = actor(world, "newer");
    const older = (await user.open()).body;
    await user.start(older.token);
    world.clock.nowMs += HOUR_MS;
    const newer = (await user.open()).body;
    const late = overtaken(world, "newer", [
      { before: transaction, act: () => user.result(newer.sessionId, "successful") },
    ]);
    expect((await late.result(older.sessionId, "failed")).status).toBe(200);
    expect(await world.item(older.userId, "user")).toMatchObject({
      status: "successful",
      statusSessionId: newer.sessionId,
    });
    expect(await world.item(older.userId, `session#${older.sessionId}`)).toMatchObject({ result: "failed" });
  });

  test("after a manual review leaves the time that the session ended", async () => {
    const world = await createWorld();
    const user = actor(world, "ended-once");
    const { userId, sessionId } = (await user.open()).body;
    const pending = await user.result(sessionId, "pending");
    const endedAt = inSeconds(world.clock.nowMs);
    world.clock.nowMs += HOUR_MS;
    const final = await user.result(sessionId, "successful");
    expect([final.status, final.body.endedAt]).toEqual([200, pending.body.endedAt]);
    expect(await world.item(userId, `session#${sessionId}`)).toMatchObject({
      endedAt,
      reportedAt: inSeconds(world.clock.nowMs),
    });
  });
});

describe("an erasure", () => {
  test("that cannot remove a record leaves the user to be found, and its repeat finishes", async () => {
    const world = await createWorld();
    const user = actor(world, "stuck");
    const { userId } = (await user.open()).body;
    // More than one look takes in; the oldest comes last.
    const ids = Array.from({ length: 300 }, (_, index) => `ses_${ulid(world.clock.nowMs - index * 1_000)}`);
    for (let at = 0; at < ids.length; at += 25) {
      const requests = ids.slice(at, at + 25).map((sessionId) => ({
        PutRequest: { Item: { pk: userId, sk: `session#${sessionId}`, sessionId, status: "canceled" } },
      }));
      await world.dynamodb.send(
        new BatchWriteCommand({ RequestItems: { [world.tables.verificationTable]: requests } }),
      );
    }
    const app = world.anotherContainer({
      connect: (endpoint) =>
        connectFaulty(endpoint, ({ command, input }) =>
          command === "BatchWriteItemCommand" && JSON.stringify(input).includes(ids.at(-1) ?? "")
            ? { when: "before", error: throttled() }
            : undefined,
        ),
    });
    const stuck = await actor(world, "stuck", app).erase();
    expect([stuck.status, stuck.body.code]).toEqual([503, "unavailable"]);
    const left = (await world.items(userId)).map(({ sk }) => sk);
    expect(left).toContain("user");
    expect(left).toContain(`session#${ids.at(-1)}`);
    expect(left).not.toContain(`session#${ids[0]}`);

    expect((await user.erase()).status).toBe(204);
    expect(await world.items(userId)).toEqual([]);
  });

  test.each<[string, string, (user: ReturnType<typeof actor>, token: string) => Promise<unknown>]>([
    ["a start that comes before the slot's removal", "slot", (user, token) => user.start(token)],
    ["an opening that comes before the user's removal", "user", (user) => user.open()],
  ])("takes %s along", async (_name, removed, act) => {
    const world = await createWorld();
    const user = actor(world, "along");
    const { userId, token } = (await user.open()).body;
    let found = 0;
    const late = overtaken(world, "along", [
      {
        before: sends("DeleteItem", removed),
        act: async () => {
          await act(user, token);
          found = (await world.items(userId)).length;
        },
      },
    ]);
    expect((await late.erase()).status).toBe(204);
    expect(found).toBeGreaterThan(1);
    expect(await world.items(userId)).toEqual([]);
  });
});
