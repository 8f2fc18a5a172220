import { describe, expect, test } from "vitest";
import { createWorld, inSeconds, iso, type World } from "../support/world.ts";

/** One user's calls, as their client's backend, their frontend and the verification engine make them. */
function actor(world: World, refId: string) {
  const key = world.demo.apiKeys.sandbox;
  const path = `/v2/users/${encodeURIComponent(refId)}`;
  return {
    open: async (more: Record<string, unknown> = {}) => (await world.open({ refId, ...more })).body,
    start: (token: string) => world.call("POST", "/v2/session/start", { token }),
    result: (sessionId: string, status: string, reason?: string) =>
      world.call("PUT", `${path}/sessions/${sessionId}/result`, {
        key: world.demo.resultsKey,
        json: { status, ...(reason === undefined ? {} : { reason }) },
      }),
    cancel: (sessionId: string) => world.call("POST", `${path}/sessions/${sessionId}/cancel`, { key }),
    erase: () => world.call("DELETE", path, { key }),
    user: () => world.call("GET", path, { key }),
    sessions: (query = "") => world.call("GET", `${path}/sessions${query}`, { key }),
  };
}

const HALF_AN_HOUR_MS = 1_800_000;

/** What an erasure leaves: two seals that tell nothing of anybody, gone a day later. */
const seals = (userId: string, nowSeconds: number) =>
  ["slot", "user"].map((sk) => ({
    pk: userId,
    sk,
    sealed: true,
    rev: expect.any(String),
    ttl: nowSeconds + 86_400,
  }));

describe("GET /v2/users/{refId}", () => {
  test("answers the user, their status and their active session", async () => {
    const world = await createWorld();
    const amina = actor(world, "amina");
    const opened = await amina.open({ user: { firstName: "Amina", tier: "gold" } });
    const now = iso(inSeconds(world.clock.nowMs));
    const { status, body, headers } = await amina.user();
    expect([status, headers.get("cache-control")]).toEqual([200, "no-store"]);
    expect(body).toEqual({
      userId: opened.userId,
      refId: "amina",
      environment: "sandbox",
      status: "not_started",
      flowId: "idv",
      sessionId: opened.sessionId,
      sessions: [opened.sessionId],
      session: {
        sessionId: opened.sessionId,
        flowId: "idv",
        status: "open",
        createdAt: now,
        expiresAt: iso(inSeconds(world.clock.nowMs) + 1800),
      },
      user: { firstName: "Amina", tier: "gold" },
      createdAt: now,
      updatedAt: now,
    });
  });

  test("answers 404 for a user who is not there, or is another client's or environment's", async () => {
    const world = await createWorld();
    await actor(world, "here").open();
    const other = await world.registry.createClient("Other");
    const otherKey = await world.addKey(["users:read"], "sandbox", other.clientId);
    for (const [refId, key] of [
      ["absent", world.demo.apiKeys.sandbox],
      ["here", world.demo.apiKeys.production],
      ["here", otherKey],
    ] as const) {
      const { status, body } = await world.call("GET", `/v2/users/${refId}`, { key });
      expect([status, body.code]).toEqual([404, "user_not_found"]);
    }
  });

  test.each(["a@b.example", "auth0|5f7c", "tag+1", "x:y", "=~-_", `${"x".repeat(250)}@|+:.~`])(
    "finds %s percent-encoded, plain, and decoded as an HTTP API hands it over",
    async (refId) => {
      const world = await createWorld();
      const { userId } = await actor(world, refId).open();
      const headers = { "x-api-key": world.demo.apiKeys.sandbox };
      const answers = [
        await world.app.request(`/v2/users/${encodeURIComponent(refId)}`, { headers }),
        await world.app.request(`/v2/users/${refId}`, { headers }),
        await world.app.request(
          "/ignored",
          { headers },
          { gateway: { requestId: "r", path: `/v2/users/${refId}` } },
        ),
      ];
      for (const answer of answers) expect(await answer.json()).toMatchObject({ userId });
    },
  );

  test("a decoded path names no other user than the one that was asked for", async () => {
    const world = await createWorld();
    const headers = { "x-api-key": world.demo.apiKeys.sandbox };
    const { userId } = await actor(world, "a@b").open();
    for (const rawPath of [
      "/v2/users/a@b#c",
      "/v2/users/a@b?c",
      "/v2/users/a%40b",
      "/v2/users/x/../a@b",
      "/v2/users/./a@b",
      "/v2/users/x\\..\\a@b",
      "/v2/users//a@b",
    ]) {
      const answer = await world.app.request(
        "/v2/users/a@b",
        { method: "DELETE", headers },
        { gateway: { requestId: "r", path: rawPath } },
      );
      expect([400, 404]).toContain(answer.status);
    }
    expect(await world.items(userId)).toHaveLength(2);
  });

  test("status follows the active session and the results", async () => {
    const world = await createWorld();
    const user = actor(world, "status");
    const statusNow = async () => (await user.user()).body.status;
    const first = await user.open();
    expect(await statusNow()).toBe("not_started");
    await user.start(first.token);
    expect(await statusNow()).toBe("in_progress");
    await user.result(first.sessionId, "pending", "document is blurred");
    expect(await statusNow()).toBe("pending");
    const second = await user.open();
    expect(await statusNow()).toBe("pending");
    await user.start(second.token);
    expect(await statusNow()).toBe("in_progress");
    await user.cancel(second.sessionId);
    expect(await statusNow()).toBe("pending");
    await user.result(first.sessionId, "successful");
    expect(await statusNow()).toBe("successful");
  });

  test("a successful user is not lowered by a session that is opened, started, canceled or expires", async () => {
    const world = await createWorld();
    const user = actor(world, "successful");
    const first = await user.open();
    await user.result(first.sessionId, "successful");
    const second = await user.open();
    expect((await user.user()).body.status).toBe("successful");
    await user.start(second.token);
    expect((await user.user()).body.status).toBe("successful");
    await user.cancel(second.sessionId);
    expect((await user.user()).body.status).toBe("successful");
    await user.start((await user.open()).token);
    world.clock.nowMs += HALF_AN_HOUR_MS;
    expect((await user.user()).body.status).toBe("successful");
  });

  test("lists up to 50 session ids, newest first, the active one included", async () => {
    const world = await createWorld();
    const user = actor(world, "many");
    const ids: string[] = [];
    for (let count = 0; count < 53; count += 1) {
      world.clock.nowMs += 1000;
      const { sessionId } = await user.open();
      ids.unshift(sessionId);
      if (count < 52) await user.cancel(sessionId);
    }
    const { body } = await user.user();
    expect(body.sessions).toEqual(ids.slice(0, 50));
    expect(body.sessionId).toBe(ids[0]);
    expect(body.session.sessionId).toBe(ids[0]);
  });

  test("an expired session that DynamoDB has not deleted is no longer the active one", async () => {
    const world = await createWorld();
    const user = actor(world, "dead");
    const { token, sessionId, userId } = await user.open();
    await user.start(token);
    world.clock.nowMs += HALF_AN_HOUR_MS;
    expect(await world.item(userId, "slot")).toBeDefined();
    const { body } = await user.user();
    expect(body).toMatchObject({ session: null, status: "expired", sessions: [sessionId] });
    expect((await user.sessions()).body.sessions[0].status).toBe("expired");
  });
});

describe("PUT result", () => {
  test("ends the session and sets the user's status and last result", async () => {
    const world = await createWorld();
    const user = actor(world, "result");
    const { token, sessionId, userId } = await user.open();
    await user.start(token);
    const { status, body } = await user.result(sessionId, "suspected", "photo of a screen");
    const now = iso(inSeconds(world.clock.nowMs));
    const result = { status: "suspected", reason: "photo of a screen", reportedAt: now };
    expect(status).toBe(200);
    expect(body).toEqual({
      sessionId,
      flowId: "idv",
      status: "completed",
      createdAt: now,
      startedAt: now,
      endedAt: now,
      result,
    });
    expect(await world.item(userId, "slot")).not.toHaveProperty("sessionId");
    expect((await user.user()).body).toMatchObject({
      status: "suspected",
      result: { ...result, sessionId },
      session: null,
    });
  });

  test("is taken by an open session that was never started", async () => {
    const world = await createWorld();
    const user = actor(world, "unstarted");
    const { sessionId } = await user.open();
    expect((await user.result(sessionId, "failed")).status).toBe(200);
    expect((await user.user()).body).toMatchObject({ status: "failed", sessions: [sessionId] });
  });

  test("repeated, answers the same and changes nothing", async () => {
    const world = await createWorld();
    const user = actor(world, "repeat");
    const { sessionId, userId } = await user.open();
    for (const status of ["pending", "successful"]) {
      const first = await user.result(sessionId, status, "r");
      const stored = await world.items(userId);
      world.clock.nowMs += 60_000;
      const second = await user.result(sessionId, status, "r");
      expect([second.status, second.body]).toEqual([200, first.body]);
      expect(await world.items(userId)).toEqual(stored);
    }
  });

  test("pending may be followed by a final one hours later; a final one never changes", async () => {
    const world = await createWorld();
    const user = actor(world, "final");
    const { sessionId } = await user.open();
    await user.result(sessionId, "pending");
    world.clock.nowMs += 5 * 3_600_000;
    expect((await user.result(sessionId, "successful")).body.result.status).toBe("successful");
    for (const [status, reason] of [["failed"], ["pending"], ["successful", "another reason"]] as const) {
      const answer = await user.result(sessionId, status, reason);
      expect([answer.status, answer.body.code]).toEqual([409, "session_conflict"]);
    }
    expect((await user.user()).body.status).toBe("successful");
  });

  test.each([true, false])(
    "hours after expiry is taken if the session was started; slot still there: %s",
    async (there) => {
      const world = await createWorld();
      const user = actor(world, "late");
      const { token, sessionId, userId } = await user.open();
      await user.start(token);
      world.clock.nowMs += 5 * 3_600_000;
      if (!there) {
        const { DeleteCommand } = await import("@aws-sdk/lib-dynamodb");
        await world.dynamodb.send(
          new DeleteCommand({ TableName: world.tables.verificationTable, Key: { pk: userId, sk: "slot" } }),
        );
      }
      expect((await user.result(sessionId, "successful")).status).toBe(200);
      expect((await user.user()).body).toMatchObject({ status: "successful", session: null });
      expect((await world.item(userId, "slot")) ?? {}).not.toHaveProperty("sessionId");
    },
  );

  test("of an expired session is taken also when the user has another one, which goes on", async () => {
    const world = await createWorld();
    const user = actor(world, "late-other");
    const first = await user.open();
    await user.start(first.token);
    world.clock.nowMs += 5 * 3_600_000;
    const second = await user.open();
    expect((await user.result(first.sessionId, "failed")).status).toBe(200);
    const { body } = await user.user();
    expect(body).toMatchObject({
      status: "failed",
      session: { sessionId: second.sessionId, status: "open" },
    });
    expect((await user.start(second.token)).status).toBe(200);
  });

  test("of an older session does not overrule a newer one's", async () => {
    const world = await createWorld();
    const user = actor(world, "older");
    const first = await user.open();
    await user.start(first.token);
    world.clock.nowMs += 5 * 3_600_000;
    const second = await user.open();
    await user.result(second.sessionId, "successful");
    expect((await user.result(first.sessionId, "failed")).status).toBe(200);
    const { body } = await user.user();
    expect(body).toMatchObject({ status: "successful", result: { sessionId: second.sessionId } });
    expect(
      (await user.sessions()).body.sessions.map((s: { result: { status: string } }) => s.result.status),
    ).toEqual(["successful", "failed"]);
  });

  test("is a conflict for sessions superseded, started or not, canceled, or expired before they were started", async () => {
    const world = await createWorld();
    const user = actor(world, "refused");
    const superseded = await user.open();
    await user.start(superseded.token);
    const supersededUnstarted = await user.open({ forceCreation: true });
    const canceled = await user.open({ forceCreation: true });
    await user.cancel(canceled.sessionId);
    const neverStarted = await user.open();
    world.clock.nowMs += HALF_AN_HOUR_MS;
    for (const { sessionId } of [superseded, supersededUnstarted, canceled, neverStarted]) {
      const { status, body } = await user.result(sessionId, "successful");
      expect([status, body.code]).toEqual([409, "session_conflict"]);
    }
    expect((await user.user()).body.status).toBe("not_started");
  });

  test("is not found for a session that is unknown, another user's, or of the user's life before an erasure", async () => {
    const world = await createWorld();
    const user = actor(world, "unknown");
    const erased = await user.open();
    await user.erase();
    world.clock.nowMs += 1_000;
    const other = await actor(world, "other").open();
    await user.open();
    const ids = [
      erased.sessionId,
      other.sessionId,
      "ses_00000000000000000000000000",
      "nonsense",
      "x".repeat(2000),
      "..",
    ];
    for (const sessionId of ids) {
      expect((await user.result(sessionId, "successful")).body.code).toBeOneOf([
        "session_not_found",
        "not_found",
      ]);
      expect((await user.cancel(sessionId)).body.code).toBeOneOf(["session_not_found", "not_found"]);
    }
    expect((await actor(world, "nobody").result(other.sessionId, "failed")).body.code).toBe("user_not_found");
  });
});

describe("POST cancel", () => {
  test("ends an active session for good, and answers the same when it is repeated", async () => {
    const world = await createWorld();
    const user = actor(world, "cancel");
    for (const started of [false, true]) {
      const { token, sessionId, userId } = await user.open();
      if (started) await user.start(token);
      const first = await user.cancel(sessionId);
      expect(first.status).toBe(200);
      expect(first.body).toMatchObject({
        sessionId,
        status: "canceled",
        endedAt: iso(inSeconds(world.clock.nowMs)),
      });
      expect(await world.item(userId, "slot")).not.toHaveProperty("sessionId");
      const stored = await world.items(userId);
      world.clock.nowMs += 60_000;
      const second = await user.cancel(sessionId);
      expect([second.status, second.body]).toEqual([200, first.body]);
      expect(await world.items(userId)).toEqual(stored);
    }
    expect((await user.open()).created).toBe(true);
  });

  test("is a conflict for a session completed, superseded or expired, and not found for one unknown", async () => {
    const world = await createWorld();
    const user = actor(world, "no-cancel");
    const completed = await user.open();
    await user.result(completed.sessionId, "pending");
    const superseded = await user.open();
    await user.start(superseded.token);
    const supersededUnstarted = await user.open({ forceCreation: true });
    const expired = await user.open({ forceCreation: true });
    await user.start(expired.token);
    world.clock.nowMs += HALF_AN_HOUR_MS;
    const expiredUnstarted = await user.open();
    world.clock.nowMs += HALF_AN_HOUR_MS;
    for (const { sessionId } of [completed, superseded, supersededUnstarted, expired, expiredUnstarted]) {
      const { status, body } = await user.cancel(sessionId);
      expect([status, body.code]).toEqual([409, "session_conflict"]);
    }
    expect((await user.cancel("ses_00000000000000000000000000")).body.code).toBe("session_not_found");
    expect((await actor(world, "nobody").cancel(expired.sessionId)).body.code).toBe("user_not_found");
  });
});

describe("GET /v2/users/{refId}/sessions", () => {
  test("pages through all sessions, newest first, the active one included once", async () => {
    const world = await createWorld();
    const user = actor(world, "history");
    const ids: string[] = [];
    for (let count = 0; count < 7; count += 1) {
      world.clock.nowMs += 1000;
      const { token, sessionId } = await user.open();
      ids.unshift(sessionId);
      if (count % 2 === 0) await user.start(token);
      if (count < 6) await user.cancel(sessionId);
    }
    for (const limit of [1, 2, 3, 6, 7, 8]) {
      const seen: string[] = [];
      let query = `?limit=${limit}`;
      for (;;) {
        const { body } = await user.sessions(query);
        expect(body.sessions.length).toBeGreaterThan(0);
        expect(body.sessions.length).toBeLessThanOrEqual(limit);
        seen.push(...body.sessions.map(({ sessionId }: { sessionId: string }) => sessionId));
        if (body.nextCursor === undefined) break;
        query = `?limit=${limit}&cursor=${body.nextCursor}`;
      }
      expect(seen).toEqual(ids);
    }
    expect((await user.sessions()).body.sessions[0]).toMatchObject({
      sessionId: ids[0],
      status: "in_progress",
    });
  });

  test("shows a session after the one that it followed, though a clock behind made it", async () => {
    const world = await createWorld();
    const user = actor(world, "skewed");
    const older = await user.open();
    await user.cancel(older.sessionId);
    world.clock.nowMs -= 10_000;
    const newer = await user.open();
    for (const limit of [1, 2]) {
      const first = (await user.sessions(`?limit=${limit}`)).body;
      const rest =
        first.nextCursor === undefined
          ? []
          : (await user.sessions(`?limit=${limit}&cursor=${first.nextCursor}`)).body.sessions;
      const ids = [...first.sessions, ...rest].map(({ sessionId }) => sessionId);
      expect(ids).toEqual([newer.sessionId, older.sessionId]);
    }
  });

  test("of a user without sessions is empty, and of nobody is not found", async () => {
    const world = await createWorld();
    const user = actor(world, "none");
    await user.open();
    world.clock.nowMs += HALF_AN_HOUR_MS;
    expect((await user.sessions()).body).toEqual({ sessions: [] });
    expect((await actor(world, "nobody").sessions()).body.code).toBe("user_not_found");
  });

  test("refuses a limit out of 1 to 100 and a cursor that we did not make for this user", async () => {
    const world = await createWorld();
    const user = actor(world, "cursor");
    const other = actor(world, "other");
    for (const who of [user, other]) {
      for (const _ of [1, 2]) await who.cancel((await who.open()).sessionId);
    }
    const { nextCursor } = (await user.sessions("?limit=1")).body;
    for (const limit of ["0", "101", "-1", "1.5", "abc", "", "1e1", "0x1"]) {
      const { status, body } = await user.sessions(`?limit=${limit}`);
      expect([status, body.code, body.errors[0].pointer]).toEqual([400, "invalid_request", "#/limit"]);
    }
    const flipped = (nextCursor[0] === "A" ? "B" : "A") + nextCursor.slice(1);
    const plain = Buffer.from((await user.open()).sessionId).toString("base64url");
    for (const cursor of ["", "x", plain, flipped, `${nextCursor}A`, `${nextCursor}=`, "%00"]) {
      const { status, body } = await user.sessions(`?cursor=${cursor}`);
      expect([status, body.code, body.errors[0].pointer]).toEqual([400, "invalid_request", "#/cursor"]);
    }
    expect((await other.sessions(`?cursor=${nextCursor}`)).body.code).toBe("invalid_request");
    expect((await user.sessions(`?cursor=${nextCursor}`)).status).toBe(200);
  });

  test("has cursors without personal data", async () => {
    const world = await createWorld();
    const user = actor(world, "private@example.com");
    for (const _ of [1, 2]) await user.cancel((await user.open()).sessionId);
    const { nextCursor } = (await user.sessions("?limit=1")).body;
    expect(Buffer.from(nextCursor, "base64url").toString()).not.toMatch(/private|example/);
  });
});

describe("DELETE /v2/users/{refId}", () => {
  test("removes the user, the active session and all records, and later calls know nothing of them", async () => {
    const world = await createWorld();
    const user = actor(world, "erased");
    const first = await user.open({ user: { firstName: "A" } });
    await user.result(first.sessionId, "successful");
    const { userId, token } = await user.open();
    await user.start(token);
    const { status, text } = await user.erase();
    expect([status, text]).toEqual([204, ""]);
    expect(await world.items(userId)).toEqual(seals(userId, inSeconds(world.clock.nowMs)));
    expect((await user.user()).body.code).toBe("user_not_found");
    expect((await user.result(first.sessionId, "successful")).body.code).toBe("user_not_found");
    expect(await user.open()).toMatchObject({ created: true, userId });
    expect((await user.user()).body).toMatchObject({ status: "not_started", user: {} });
  });

  test("removes several hundred records", async () => {
    const world = await createWorld();
    const user = actor(world, "hundreds");
    const { userId, sessionId } = await user.open();
    await user.cancel(sessionId);
    const record = await world.item(userId, `session#${sessionId}`);
    for (let batch = 0; batch < 13; batch += 1) {
      await Promise.all(
        Array.from({ length: 50 }, (_, index) => {
          const id = `ses_${String(batch * 50 + index).padStart(26, "0")}`;
          return world.put({ ...record, sk: `session#${id}`, sessionId: id });
        }),
      );
    }
    expect((await user.erase()).status).toBe(204);
    expect(await world.items(userId)).toEqual(seals(userId, inSeconds(world.clock.nowMs)));
  });

  test("answers 204 when there was nothing, and leaves nothing behind", async () => {
    const world = await createWorld();
    expect((await actor(world, "nobody").erase()).status).toBe(204);
    expect((await actor(world, "nobody").user()).status).toBe(404);
  });

  test("finishes what a crash left: records without a user, and a slot alone", async () => {
    const world = await createWorld();
    const user = actor(world, "crashed");
    const { userId, sessionId } = await user.open();
    const slot = await world.item(userId, "slot");
    await user.cancel(sessionId);
    const record = await world.item(userId, `session#${sessionId}`);
    await user.erase();
    for (const left of [slot, record]) {
      await world.put(left ?? {});
      expect((await user.erase()).status).toBe(204);
      expect(await world.items(userId)).toEqual(seals(userId, inSeconds(world.clock.nowMs)));
    }
  });

  test("touches no other user", async () => {
    const world = await createWorld();
    const kept = await actor(world, "kept").open({ user: { firstName: "K" } });
    await actor(world, "erased").open();
    await actor(world, "erased").erase();
    await world.call("DELETE", "/v2/users/kept", { key: world.demo.apiKeys.production });
    expect(await world.items(kept.userId)).toHaveLength(2);
  });
});

describe("retention", () => {
  test.each([30, 0])(
    "keeps records for %i days from when they were written last; 0 is for ever",
    async (retentionDays) => {
      const world = await createWorld({ retentionDays });
      const user = actor(world, "kept");
      const { token, sessionId, userId } = await user.open();
      await user.start(token);
      const ttl = async () => (await world.item(userId, `session#${sessionId}`))?.ttl;
      const expected = () =>
        retentionDays === 0 ? undefined : inSeconds(world.clock.nowMs) + retentionDays * 86_400;
      expect(await ttl()).toBe(expected());
      world.clock.nowMs += 60_000;
      await user.result(sessionId, "pending");
      expect(await ttl()).toBe(expected());
      world.clock.nowMs += 60_000;
      await user.result(sessionId, "failed");
      expect(await ttl()).toBe(expected());
    },
  );

  test("a record past it counts as absent though DynamoDB has not deleted it, while the user keeps their result", async () => {
    const world = await createWorld({ retentionDays: 1 });
    const user = actor(world, "past");
    const { sessionId } = await user.open();
    await user.result(sessionId, "successful");
    world.clock.nowMs += 86_400_000;
    expect((await user.sessions()).body).toEqual({ sessions: [] });
    expect((await user.user()).body).toMatchObject({
      status: "successful",
      sessions: [],
      result: { sessionId },
    });
    expect((await user.result(sessionId, "successful")).body.code).toBe("session_conflict");
  });
});
