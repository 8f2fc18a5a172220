import { decodeJwt } from "jose";
import { describe, expect, test } from "vitest";
import { createWorld } from "../support/world.ts";

const many = <T>(count: number, make: (index: number) => Promise<T>) =>
  Promise.all(Array.from({ length: count }, (_, index) => make(index)));
const tally = (values: readonly (string | number)[]) =>
  Object.fromEntries(
    [...new Set(values)].map((value) => [value, values.filter((other) => other === value).length]),
  );

describe("at once", () => {
  test("200 identical calls for a new refId open one session: one 201, 199 times 200", async () => {
    const world = await createWorld();
    const answers = await many(200, () => world.open({ refId: "two-hundred", user: { firstName: "A" } }));
    expect(tally(answers.map(({ status }) => status))).toEqual({ 201: 1, 200: 199 });
    expect(new Set(answers.map(({ body }) => decodeJwt(body.token).sid)).size).toBe(1);
    expect(new Set(answers.map(({ body }) => body.sessionId)).size).toBe(1);
    expect(answers.filter(({ body }) => body.created)).toHaveLength(1);
  });

  test("100 calls over a dead session that DynamoDB has not deleted open one session", async () => {
    const world = await createWorld();
    const dead = await world.open({ refId: "dead" });
    await world.call("POST", "/v2/session/start", { token: dead.body.token });
    world.clock.nowMs += 1_800_000;
    const answers = await many(100, () => world.open({ refId: "dead" }));
    expect(tally(answers.map(({ status }) => status))).toEqual({ 201: 1, 200: 99 });
    const ids = new Set(answers.map(({ body }) => body.sessionId));
    expect(ids.size).toBe(1);
    expect(ids).not.toContain(dead.body.sessionId);
  });

  test.each([false, true])(
    "50 forced creations give 50 sessions, one of them active; the one before was started: %s",
    async (started) => {
      const world = await createWorld();
      const before = await world.open({ refId: "forced" });
      if (started) await world.call("POST", "/v2/session/start", { token: before.body.token });
      const answers = await many(50, () => world.open({ refId: "forced", forceCreation: true }));
      expect(tally(answers.map(({ status }) => status))).toEqual({ 201: 50 });
      const ids = new Set(answers.map(({ body }) => body.sessionId));
      expect(ids.size).toBe(50);
      const slot = await world.item(before.body.userId, "slot");
      expect(ids).toContain(slot?.sessionId);
      const live = await Promise.all(
        [before, ...answers].map(async ({ body }) => ({
          sessionId: body.sessionId,
          status: (await world.call("GET", "/v2/session", { token: body.token })).status,
        })),
      );
      expect(live.filter(({ status }) => status === 200)).toEqual([
        { sessionId: slot?.sessionId, status: 200 },
      ]);
    },
  );

  test("20 forced creations with one Idempotency-Key open one session", async () => {
    const world = await createWorld();
    for (const before of ["nothing", "open", "in_progress"]) {
      const refId = `keyed-${before}`;
      if (before !== "nothing") {
        const { body } = await world.open({ refId });
        if (before === "in_progress") await world.call("POST", "/v2/session/start", { token: body.token });
      }
      const answers = await many(20, () =>
        world.open({ refId, forceCreation: true }, { headers: { "idempotency-key": "once" } }),
      );
      expect(tally(answers.map(({ status }) => status))).toEqual({ 201: 1, 200: 19 });
      expect(new Set(answers.map(({ body }) => body.sessionId)).size).toBe(1);
    }
  });

  test("updates of different details of one user are all kept", async () => {
    const world = await createWorld();
    const details = {
      firstName: "A",
      lastName: "B",
      gender: "x",
      email: "a@example.com",
      phone: "+15551234567",
      locale: "fr",
    };
    await many(30, (index) => {
      const [name, value] = Object.entries(details)[index % 6] ?? ["", ""];
      return world.open({ refId: "merged", user: { [name]: value } });
    });
    const { body } = await world.call("GET", "/v2/users/merged", { key: world.demo.apiKeys.sandbox });
    expect(body.user).toEqual(details);
  });

  test("contradicting results: one of them stands, for the session and the user", async () => {
    const world = await createWorld();
    const { body } = await world.open({ refId: "results" });
    const path = `/v2/users/results/sessions/${body.sessionId}/result`;
    const statuses = ["successful", "failed", "suspected"];
    const answers = await many(15, (index) =>
      world.call("PUT", path, { key: world.demo.resultsKey, json: { status: statuses[index % 3] } }),
    );
    expect(tally(answers.map(({ status }) => status))).toEqual({ 200: 5, 409: 10 });
    const stood = answers.find(({ status }) => status === 200)?.body.result.status;
    const user = await world.call("GET", "/v2/users/results", { key: world.demo.apiKeys.sandbox });
    expect(user.body).toMatchObject({ status: stood, result: { status: stood, sessionId: body.sessionId } });
  });
});
