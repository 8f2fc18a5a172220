import { DeleteCommand } from "@aws-sdk/lib-dynamodb";
import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { WEBHOOK_BODIES } from "../../functions/contract/webhook-bodies.ts";
import type { EventType, SessionEventType } from "../../functions/contract/webhooks.ts";
import type { Slot } from "../../functions/core/session.ts";
import { sessionBody } from "../../functions/routes/answers.ts";
import { newSecret } from "../../functions/webhooks/signing.ts";
import { accepted, type Actor, slotOf } from "../support/store.ts";
import { answers, createWebhookWorld, expectSigned, type WebhookWorld } from "../support/webhook-world.ts";

const MINUTE = 60;
const HOUR = 3_600;
const DAY = 86_400;

const iso = (epochSeconds: number) => new Date(epochSeconds * 1000).toISOString().replace(".000", "");

/** An event as the reference has it: the schema is open, so no member may be there that it does not know. */
function expectAsDocumented(event: { type: EventType }): void {
  const { success, output } = v.safeParse(WEBHOOK_BODIES[event.type], event);
  expect(success ? output : "not as documented").toEqual(event);
}

/** A user with a session of their own, opened and told of. */
async function opened(world: WebhookWorld, refId = "user-1"): Promise<Slot> {
  const slot = slotOf(await world.user(refId).open({ metadata: { order: "7" } }));
  await world.settle();
  return slot;
}

describe("a session's life", () => {
  test("is told as it happens, signed, with the session as the backend calls answer it", async () => {
    const world = await createWebhookWorld();
    const endpoint = await world.endpoint();
    const user = world.user("auth0|x");
    const openedAt = world.seconds();
    const slot = slotOf(await user.open({ metadata: { order: "7" } }));
    world.clock.nowMs += 10_000;
    accepted(await user.start(slot));
    world.clock.nowMs += 10_000;
    accepted(await user.result(slot, "pending", "blurred"));
    world.clock.nowMs += 10_000;
    accepted(await user.result(slot, "successful"));
    await world.settle();

    const common = {
      sessionId: slot.sessionId,
      refId: "auth0|x",
      userId: user.userId,
      flowId: "idv",
      environment: "sandbox",
      createdAt: iso(openedAt),
      metadata: { order: "7" },
    };
    const begun = { ...common, startedAt: iso(openedAt + 10) };
    const ended = { ...begun, status: "completed", endedAt: iso(openedAt + 20) };
    // In no promised order: the attempts are made side by side.
    const told = world.requests.map(({ event }) => event);
    expect(told.toSorted((one, other) => (one.timestamp < other.timestamp ? -1 : 1))).toEqual([
      {
        type: "session.opened",
        timestamp: iso(openedAt),
        data: { ...common, status: "open", expiresAt: iso(openedAt + 1_800) },
      },
      {
        type: "session.started",
        timestamp: iso(openedAt + 10),
        data: { ...begun, status: "in_progress", expiresAt: iso(openedAt + 1_800) },
      },
      {
        type: "session.completed",
        timestamp: iso(openedAt + 20),
        data: { ...ended, result: { status: "pending", reason: "blurred", reportedAt: iso(openedAt + 20) } },
      },
      {
        type: "session.reviewed",
        timestamp: iso(openedAt + 30),
        data: { ...ended, result: { status: "successful", reportedAt: iso(openedAt + 30) } },
      },
    ]);
    for (const request of world.requests) {
      expect(request.url).toBe(endpoint.url);
      expectAsDocumented(request.event);
      expectSigned(request, endpoint.secrets[0]?.secret ?? "");
    }
    expect(new Set(world.requests.map(({ headers }) => headers["webhook-id"])).size).toBe(4);
  });

  type Happening = (user: Actor, slot: Slot, world: WebhookWorld) => Promise<unknown>;
  const startedAnd =
    (then: Happening): Happening =>
    async (user, slot, world) => {
      accepted(await user.start(slot));
      world.clock.nowMs += 10_000;
      await then(user, slot, world);
    };
  test.each<[SessionEventType, Happening]>([
    ["session.opened", async () => {}],
    ["session.started", startedAnd(async () => {})],
    ["session.completed", startedAnd((user, slot) => user.result(slot, "pending", "blurred"))],
    [
      "session.reviewed",
      startedAnd(async (user, slot, world) => {
        accepted(await user.result(slot, "pending", "blurred"));
        world.clock.nowMs += 10_000;
        accepted(await user.result(slot, "successful"));
      }),
    ],
    ["session.canceled", (user, slot) => user.cancel(slot)],
    ["session.superseded", startedAnd((user) => user.force())],
    ["session.expired", startedAnd((_user, _slot, world) => world.pass(1_800 + 120))],
  ])("%s has the session as the backend is answered, with whose it is", async (type, happening) => {
    const world = await createWebhookWorld();
    await world.endpoint({ types: [type] });
    const user = world.user("auth0|x");
    const slot = slotOf(await user.open({ metadata: { order: "7" } }));
    await world.settle();
    world.clock.nowMs += 10_000;
    await happening(user, slot, world);
    await world.settle();
    const told = world.requests.filter(({ event }) => event.data.sessionId === slot.sessionId);
    const answered = sessionBody(accepted(await user.session(slot)));
    const { userId } = user;
    expect(told.map(({ event }) => event.data)).toEqual([
      { ...answered, refId: "auth0|x", userId, environment: "sandbox" },
    ]);
  });

  test("is told of its other ends, each once", async () => {
    const world = await createWebhookWorld();
    const endpoint = await world.endpoint();
    const [canceled, forced, startedAndForced] = ["a", "b", "c"].map(world.user);
    if (canceled === undefined || forced === undefined || startedAndForced === undefined) throw new Error();
    accepted(await canceled.cancel(slotOf(await canceled.open())));
    await forced.open();
    await forced.force();
    accepted(await startedAndForced.start(slotOf(await startedAndForced.open())));
    await startedAndForced.force();
    await world.settle();
    for (const { event } of world.requests) expectAsDocumented(event);
    expect(world.arrivedAt(endpoint)).toEqual([
      "session.canceled",
      "session.opened",
      "session.opened",
      "session.opened",
      "session.opened",
      "session.opened",
      "session.started",
      "session.superseded",
      "session.superseded",
    ]);
  });

  test("is not told of what changes nothing: reuse, extension, metadata, a repeated result", async () => {
    const world = await createWebhookWorld();
    const endpoint = await world.endpoint();
    const user = world.user("a");
    const slot = slotOf(await user.open());
    world.clock.nowMs += 60_000;
    await user.open();
    await user.open({ metadata: { order: "8" } });
    accepted(await user.result(slot, "failed"));
    accepted(await user.result(slot, "failed"));
    await world.settle();
    expect(world.arrivedAt(endpoint)).toEqual(["session.completed", "session.opened"]);
  });
});

describe("an expiry", () => {
  test("is told within two minutes, started or not, without any call", async () => {
    const world = await createWebhookWorld();
    const endpoint = await world.endpoint();
    const slot = await opened(world, "a");
    const user = world.user("b");
    accepted(await user.start(slotOf(await user.open())));
    await world.pass(1_800 + 120);
    const expired = world.requestsTo(endpoint).filter(({ event }) => event.type === "session.expired");
    expect(expired).toHaveLength(2);
    for (const { event, atMs } of expired) {
      expectAsDocumented(event);
      expect(event.data.status).toBe("expired");
      expect(event.timestamp).toBe(iso(slot.expiresAt));
      expect(atMs / 1000 - slot.expiresAt).toBeLessThanOrEqual(120);
    }
    expect(expired.filter(({ event }) => event.data.startedAt !== undefined)).toHaveLength(1);
    expect((await world.items()).filter(({ sk }) => sk === "expiry")).toEqual([]);
  });

  test("is told at its new end where the session was extended", async () => {
    const world = await createWebhookWorld();
    const endpoint = await world.endpoint({ types: ["session.expired"] });
    await opened(world);
    await world.pass(1_000);
    await opened(world);
    await world.pass(1_000);
    expect(world.arrivedAt(endpoint)).toEqual([]);
    await world.pass(1_000);
    expect(world.arrivedAt(endpoint)).toEqual(["session.expired"]);
  });

  test("is told once, though the session's place is taken, its result comes, or DynamoDB deletes it afterwards", async () => {
    const world = await createWebhookWorld();
    const endpoint = await world.endpoint({ types: ["session.expired", "session.completed"] });
    const user = world.user("a");
    const slot = slotOf(await user.open());
    accepted(await user.start(slot));
    await world.pass(2_000);
    accepted(await user.result(slot, "successful"));
    await world.settle();
    expect(world.arrivedAt(endpoint)).toEqual(["session.completed", "session.expired"]);
    await opened(world, "b");
    await world.pass(2_000);
    await opened(world, "b");
    expect(world.arrivedAt(endpoint)).toHaveLength(3);
  });

  test("is told by the stream where nobody swept", async () => {
    const world = await createWebhookWorld();
    const endpoint = await world.endpoint({ types: ["session.expired", "session.completed"] });
    const user = world.user("a");
    const slot = slotOf(await user.open());
    accepted(await user.start(slot));
    await world.settle();
    world.clock.nowMs += 2_000_000;
    accepted(await user.result(slot, "successful"));
    await world.settle();
    expect(world.arrivedAt(endpoint)).toEqual(["session.completed", "session.expired"]);
    await world.pass(HOUR);
    expect(world.arrivedAt(endpoint)).toHaveLength(2);
  });

  test("is told by the stream where DynamoDB deletes the session before a sweep looks, once", async () => {
    const world = await createWebhookWorld();
    const endpoint = await world.endpoint({ types: ["session.expired"] });
    // The stream's own clock says when a slot was deleted: both sessions are over by it.
    world.clock.nowMs -= HOUR * 1000;
    const [open, begun] = [world.user("a"), world.user("b")];
    await opened(world, "a");
    accepted(await begun.start(await opened(world, "b")));
    await world.settle();
    world.clock.nowMs += HOUR * 1000;
    for (const { userId } of [open, begun]) {
      const Key = { pk: userId, sk: "slot" };
      await world.dynamodb.send(new DeleteCommand({ TableName: world.tables.verificationTable, Key }));
    }
    await world.settle();
    expect(world.arrivedAt(endpoint)).toEqual(["session.expired", "session.expired"]);
    await world.pass(HOUR);
    expect(world.arrivedAt(endpoint)).toHaveLength(2);
    expect((await world.items()).filter(({ sk }) => sk === "expiry")).toEqual([]);
  });

  test("is not told of a session that ended otherwise", async () => {
    const world = await createWebhookWorld();
    const endpoint = await world.endpoint({ types: ["session.expired"] });
    const user = world.user("a");
    accepted(await user.cancel(await opened(world, "a")));
    const forced = world.user("b");
    await opened(world, "b");
    await forced.force();
    accepted(await forced.result(slotOf(await forced.force()), "failed"));
    const erased = world.user("c");
    await opened(world, "c");
    await erased.erase();
    await world.pass(2 * HOUR);
    expect(world.arrivedAt(endpoint)).toEqual([]);
    expect((await world.items()).filter(({ sk }) => sk === "expiry")).toEqual([]);
  });

  test("costs nothing where nobody wants it", async () => {
    const world = await createWebhookWorld();
    await world.endpoint({ types: ["session.completed"] });
    await opened(world);
    expect(await world.items()).toEqual([]);
  });
});

describe("who is told", () => {
  test("each endpoint of the client and environment gets what it wants", async () => {
    const world = await createWebhookWorld();
    const [all, some, production] = [
      await world.endpoint(),
      await world.endpoint({ types: ["session.canceled"] }),
      await world.endpoint({ environment: "production" }),
    ];
    const other = await world.endpoint({ clientId: "cli_other" });
    accepted(await world.user("a").cancel(await opened(world, "a")));
    await world.settle();
    expect(world.arrivedAt(all)).toEqual(["session.canceled", "session.opened"]);
    expect(world.arrivedAt(some)).toEqual(["session.canceled"]);
    expect(world.arrivedAt(production)).toEqual([]);
    expect(world.arrivedAt(other)).toEqual([]);
  });

  test("a new endpoint gets events within a minute", async () => {
    const world = await createWebhookWorld();
    await opened(world, "a");
    const endpoint = await world.endpoint();
    world.clock.nowMs += 60_000;
    await opened(world, "b");
    expect(world.arrivedAt(endpoint)).toEqual(["session.opened"]);
  });

  test("the refId is stored nowhere on the way", async () => {
    const world = await createWebhookWorld();
    const endpoint = await world.endpoint();
    world.receivers.set(endpoint.url, answers(500));
    await opened(world, "somebody@example.com");
    expect(world.requestsTo(endpoint)[0]?.event.data.refId).toBe("somebody@example.com");
    expect(JSON.stringify([await world.items(), world.queue.sent, world.lines])).not.toContain("somebody");
  });
});

describe("a receiver that fails", () => {
  test("is tried again after about 5 s, 5 min, 30 min, 2 h, 5 h, 10 h and 10 h, the same event each time", async () => {
    const world = await createWebhookWorld();
    const endpoint = await world.endpoint({ types: ["session.opened"] });
    world.receivers.set(endpoint.url, answers(500));
    await opened(world);
    await world.pass(2 * DAY);
    const requests = world.requestsTo(endpoint);
    const waits = requests.slice(1).map(({ atMs }, index) => (atMs - (requests[index]?.atMs ?? 0)) / 1000);
    const expected = [5, 300, 1_800, 7_200, 18_000, 36_000, 36_000];
    expect(waits).toHaveLength(expected.length);
    for (const [index, wait] of expected.entries()) {
      expect(waits[index]).toBeGreaterThanOrEqual(wait);
      // The long waits end with the next sweep.
      expect(waits[index]).toBeLessThanOrEqual(wait + (wait > 900 ? 60 : 0));
    }
    expect(new Set(requests.map(({ headers }) => headers["webhook-id"])).size).toBe(1);
    expect(new Set(requests.map(({ body }) => body)).size).toBe(1);
    for (const request of requests) expectSigned(request, endpoint.secrets[0]?.secret ?? "");
    expect(await world.list(endpoint)).toEqual([
      expect.objectContaining({ state: "failed", attempts: 8, lastOutcome: 500 }),
    ]);
    expect(world.queue.size()).toBe(0);
  });

  test("and comes back gets what it missed", async () => {
    const world = await createWebhookWorld();
    const endpoint = await world.endpoint({ types: ["session.opened"] });
    world.receivers.set(endpoint.url, () => ({ kind: "unanswered", reason: "connection_refused" }));
    await opened(world);
    await world.pass(HOUR);
    world.receivers.delete(endpoint.url);
    await world.pass(3 * HOUR);
    expect(await world.list(endpoint)).toEqual([
      expect.objectContaining({ state: "delivered", lastOutcome: 200 }),
    ]);
  });

  test("and asks to be let alone is let alone for as long, and no shorter than otherwise", async () => {
    const world = await createWebhookWorld();
    const endpoint = await world.endpoint({ types: ["session.opened"] });
    const asked = ["1200", "1200", "1"];
    world.receivers.set(endpoint.url, () => ({
      kind: "answered",
      status: 503,
      retryAfter: asked.shift() ?? "0",
    }));
    await opened(world);
    await world.pass(2 * HOUR);
    const times = world.requestsTo(endpoint).map(({ atMs }) => atMs / 1000);
    const waits = times.slice(1).map((at, index) => at - (times[index] ?? 0));
    expect(waits).toHaveLength(3);
    for (const [index, least] of [1_200, 1_200, 1_800].entries()) {
      expect(waits[index]).toBeGreaterThanOrEqual(least);
      expect(waits[index]).toBeLessThanOrEqual(least + 60);
    }
  });

  test("with 410 is paused at once, and what happens then is stored and does not circulate", async () => {
    const world = await createWebhookWorld();
    const endpoint = await world.endpoint({ types: ["session.opened"] });
    world.receivers.set(endpoint.url, answers(410));
    await opened(world, "a");
    expect((await world.health(endpoint)).paused?.reason).toBe("gone");
    world.clock.nowMs += 61_000;
    const sentBefore = world.queue.sent.length;
    await opened(world, "b");
    await world.pass(2 * DAY);
    expect(world.requestsTo(endpoint)).toHaveLength(1);
    expect(world.queue.sent.length).toBe(sentBefore);
    expect(await world.list(endpoint, { state: "failed" })).toEqual([
      expect.objectContaining({ lastOutcome: "paused", attempts: 0 }),
      expect.objectContaining({ lastOutcome: 410, attempts: 1 }),
    ]);
  });

  test("for five days is paused, and is not while anything gets through", async () => {
    const world = await createWebhookWorld();
    const dead = await world.endpoint({ types: ["session.opened"] });
    const flaky = await world.endpoint({ types: ["session.opened"] });
    world.receivers.set(dead.url, answers(500));
    let count = 0;
    world.receivers.set(flaky.url, () => ({ kind: "answered", status: (count += 1) === 10 ? 200 : 500 }));
    await opened(world, "a");
    await world.pass(13 * HOUR);
    await opened(world, "b");
    await world.pass(5 * DAY);
    await opened(world, "c");
    expect((await world.health(dead)).paused?.reason).toBe("failing");
    expect((await world.health(flaky)).paused).toBeUndefined();
  });
});

describe("while a delivery waits", () => {
  async function failing() {
    const world = await createWebhookWorld();
    const endpoint = await world.endpoint({ types: ["session.opened"] });
    world.receivers.set(endpoint.url, answers(500));
    const slot = await opened(world);
    world.receivers.delete(endpoint.url);
    return { world, endpoint, slot };
  }

  test("its user is erased: nothing is sent, and what it said is gone", async () => {
    const { world, endpoint } = await failing();
    await world.user("user-1").erase();
    await world.settle();
    expect(await world.list(endpoint)).toEqual([
      expect.objectContaining({ state: "dropped", lastOutcome: "erased" }),
    ]);
    await world.pass(DAY);
    expect(world.requestsTo(endpoint)).toHaveLength(1);
    expect(JSON.stringify(await world.items())).not.toContain("order");
  });

  test("its user is erased and comes back: only the new life is told of", async () => {
    const { world, endpoint, slot } = await failing();
    const user = world.user("user-1");
    world.clock.nowMs += 1_000;
    await user.erase();
    world.clock.nowMs += 1_000;
    const next = slotOf(await user.open());
    // The next attempt is due before the stream shows the seal.
    world.clock.nowMs += 5_000;
    await world.pumpQueue();
    expect(await world.list(endpoint)).toEqual([
      expect.objectContaining({ state: "dropped", lastOutcome: "erased" }),
    ]);
    await world.pass(DAY);
    const told = world.requestsTo(endpoint).map(({ event }) => event.data.sessionId);
    expect(told).toEqual([slot.sessionId, next.sessionId]);
  });

  test("its user is erased, and comes back when their seals are gone", async () => {
    const { world, endpoint, slot } = await failing();
    world.receivers.set(endpoint.url, answers(503, "86400"));
    world.clock.nowMs += 6_000;
    await world.settle();
    world.receivers.delete(endpoint.url);
    const user = world.user("user-1");
    await user.erase();
    world.clock.nowMs += (DAY + HOUR) * 1000;
    for (const sk of ["user", "slot"]) {
      await world.dynamodb.send(
        new DeleteCommand({ TableName: world.tables.verificationTable, Key: { pk: user.userId, sk } }),
      );
    }
    slotOf(await user.open());
    await world.sweep();
    await world.pumpQueue();
    expect(world.requestsTo(endpoint).map(({ event }) => event.data.sessionId)).toEqual([
      slot.sessionId,
      slot.sessionId,
    ]);
    expect((await world.list(endpoint))[0]).toMatchObject({ state: "dropped", lastOutcome: "erased" });
  });

  test("its endpoint is deleted: it is dropped", async () => {
    const { world, endpoint } = await failing();
    await world.deleteEndpoint(endpoint);
    world.forget();
    await world.pass(HOUR);
    expect(world.requestsTo(endpoint)).toHaveLength(1);
    expect(await world.list(endpoint)).toEqual([
      expect.objectContaining({ state: "dropped", lastOutcome: "deleted" }),
    ]);
  });

  test("its endpoint is paused: it is kept as failed, and can be replayed", async () => {
    const { world, endpoint } = await failing();
    await world.changeEndpoint(endpoint, { pausedAt: world.seconds() });
    world.forget();
    await world.pass(HOUR);
    expect(world.requestsTo(endpoint)).toHaveLength(1);
    const [delivery] = await world.list(endpoint);
    if (delivery === undefined) throw new Error("no delivery");
    expect(delivery).toMatchObject({ state: "failed", lastOutcome: "paused" });
    await world.changeEndpoint(endpoint, { pausedAt: undefined as never });
    world.forget();
    await world.deliveries.replay(delivery, world.seconds(), world.seconds());
    await world.pass(2 * MINUTE);
    expect(world.requestsTo(endpoint)).toHaveLength(2);
    expect((await world.list(endpoint))[0]).toMatchObject({ state: "delivered" });
  });

  test("its endpoint is resumed: what is replayed at once goes out, whatever a container knew of the pause", async () => {
    const { world, endpoint } = await failing();
    await world.changeEndpoint(endpoint, { pausedAt: world.seconds() });
    world.forget();
    await world.pass(10);
    const [delivery] = await world.list(endpoint);
    if (delivery === undefined) throw new Error("no delivery");
    expect(delivery).toMatchObject({ state: "failed", lastOutcome: "paused" });
    await world.changeEndpoint(endpoint, { pausedAt: undefined as never });
    await world.deliveries.replay(delivery, world.seconds(), world.seconds());
    await world.sweep();
    await world.pumpQueue();
    expect((await world.list(endpoint))[0]).toMatchObject({ state: "delivered" });
  });

  test("its endpoint is resumed after a 410: what is replayed at once is tried again as ever", async () => {
    const { world, endpoint } = await failing();
    world.receivers.set(endpoint.url, answers(410));
    await world.pass(10);
    const [delivery] = await world.list(endpoint);
    if (delivery === undefined) throw new Error("no delivery");
    expect(delivery).toMatchObject({ state: "failed", lastOutcome: 410 });
    await world.resetHealth(endpoint);
    world.receivers.set(endpoint.url, answers(500));
    await world.deliveries.replay(delivery, world.seconds(), world.seconds());
    await world.sweep();
    await world.pumpQueue();
    expect((await world.list(endpoint))[0]).toMatchObject({ state: "waiting", lastOutcome: 500 });
  });

  test("its endpoint is deleted by an operator: the message that is under way finds nothing", async () => {
    const { world, endpoint } = await failing();
    await world.deliveries.removeUndelivered(endpoint.webhookId);
    await world.deleteEndpoint(endpoint);
    const logged = world.lines.length;
    expect(world.queue.size()).toBe(1);
    await world.pass(HOUR);
    expect(world.queue.size()).toBe(0);
    expect(world.requestsTo(endpoint)).toHaveLength(1);
    expect(await world.list(endpoint)).toEqual([]);
    expect(world.lines.slice(logged)).toEqual([]);
  });

  test("its endpoint was paused and is deleted: it is dropped, whatever a container knew of the pause", async () => {
    const { world, endpoint } = await failing();
    await world.changeEndpoint(endpoint, { pausedAt: world.seconds() });
    world.forget();
    await world.pass(10);
    const [delivery] = await world.list(endpoint);
    if (delivery === undefined) throw new Error("no delivery");
    await world.deliveries.replay(delivery, world.seconds(), world.seconds());
    await world.deleteEndpoint(endpoint);
    await world.sweep();
    await world.pumpQueue();
    const [dropped] = await world.list(endpoint);
    expect(dropped).toMatchObject({ state: "dropped", lastOutcome: "deleted" });
    expect(dropped).not.toHaveProperty("message");
  });

  test("its secret is replaced: it is signed with both, and later with the new one alone", async () => {
    const { world, endpoint } = await failing();
    world.receivers.set(endpoint.url, answers(500));
    const [old, fresh] = [endpoint.secrets[0]?.secret ?? "", newSecret()];
    const secrets = [{ secret: fresh }, { secret: old, endsAt: world.seconds() + HOUR }];
    await world.changeEndpoint(endpoint, { secrets });
    world.forget();
    await world.pass(10);
    expectSigned(world.requestsTo(endpoint)[1] as never, fresh, old);
    await world.pass(3 * HOUR);
    expectSigned(world.requestsTo(endpoint).at(-1) as never, fresh);
  });

  test("its URL is changed: the next attempt goes to the new one", async () => {
    const { world, endpoint } = await failing();
    const url = "https://new.example.com/";
    await world.changeEndpoint(endpoint, { url });
    world.forget();
    await world.pass(10);
    expect(world.requestsTo({ ...endpoint, url })).toHaveLength(1);
  });
});

test("the log has ids, outcome and milliseconds, and neither a URL, nor a secret, nor what was said", async () => {
  const world = await createWebhookWorld();
  const endpoint = await world.endpoint({ types: ["session.opened"] });
  world.receivers.set(endpoint.url, answers(500));
  const slot = await opened(world);
  const line = world.lines.find(({ event }) => event === "delivery");
  expect(line).toEqual({
    event: "delivery",
    webhookId: endpoint.webhookId,
    eventId: expect.stringMatching(/^evt_/),
    type: "session.opened",
    clientId: endpoint.clientId,
    environment: "sandbox",
    sessionId: slot.sessionId,
    attempt: 1,
    outcome: 500,
    state: "waiting",
    durationMs: 0,
  });
  const all = JSON.stringify(world.lines);
  for (const kept of [endpoint.url, endpoint.secrets[0]?.secret ?? "", "order", "user-1"]) {
    expect(all).not.toContain(kept);
  }
});
