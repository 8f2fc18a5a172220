import { PutCommand } from "@aws-sdk/lib-dynamodb";
import { describe, expect, test } from "vitest";
import { isRefusal } from "../../functions/core/refusal.ts";
import type { Slot } from "../../functions/core/session.ts";
import { createDeliverHandler } from "../../functions/webhooks/handlers.ts";
import type { Posted } from "../../functions/webhooks/post.ts";
import { throttled, timedOut } from "../support/faults.ts";
import { accepted, seeded, slotOf } from "../support/store.ts";
import { answers, createWebhookWorld, expectSigned, type WebhookWorld } from "../support/webhook-world.ts";

const HOUR = 3_600;
const DAY = 86_400;

/** How many events the long run has at least: `npm run test:webhooks` asks for 100,000. */
const EVENTS = Number(process.env.WEBHOOK_EVENTS ?? 200);
/** Deliveries to an endpoint that is dead, beside a hundredth as many to one that lives. */
const DEAD = Math.max(200, EVENTS / 10);
const LONG_MS = 3_600_000;

const idsAt = (world: WebhookWorld, endpoint: { url: string }) =>
  world.requests.filter(({ url }) => url === endpoint.url).map(({ headers }) => headers["webhook-id"]);

async function withEndpoint() {
  const world = await createWebhookWorld();
  const endpoint = await world.endpoint({ types: ["session.opened"] });
  return { world, endpoint };
}

describe("the publishing function", () => {
  test("that is killed between sending and its answer tells the same again, and it is delivered once", async () => {
    const { world, endpoint } = await withEndpoint();
    let kills = 3;
    world.faults.killPublish = () => (kills -= 1) >= 0;
    await world.user("a").open();
    await world.settle();
    expect(kills).toBeLessThan(0);
    expect(idsAt(world, endpoint)).toHaveLength(1);
    expect(await world.list(endpoint)).toHaveLength(1);
  });

  test("that is read again after the delivery tells nothing twice", async () => {
    const { world, endpoint } = await withEndpoint();
    await world.user("a").open();
    await world.settle();
    const sent = world.queue.sent.length;
    await world.readAgain();
    await world.settle();
    expect(world.queue.sent).toHaveLength(sent);
    expect(idsAt(world, endpoint)).toHaveLength(1);
  });

  test("that is read again while the delivery waits for another attempt sends nothing", async () => {
    const { world, endpoint } = await withEndpoint();
    world.receivers.set(endpoint.url, answers(500));
    await world.user("a").open();
    await world.settle();
    const sent = world.queue.sent.length;
    await world.readAgain();
    expect(world.queue.sent).toHaveLength(sent);
  });

  test("whose queue refuses for hours reads the stream again until it does not, and loses nothing", async () => {
    const { world, endpoint } = await withEndpoint();
    let refusing = true;
    world.queue.onSend = () => (refusing ? "refused" : "taken");
    let tries = 0;
    world.faults.killPublish = () => {
      tries += 1;
      world.clock.nowMs += HOUR * 1000;
      refusing = tries < 6;
      return false;
    };
    await world.user("a").open();
    await world.user("b").open();
    await world.settle();
    expect(tries).toBeGreaterThanOrEqual(6);
    expect(new Set(idsAt(world, endpoint)).size).toBe(2);
    expect(await world.list(endpoint, { state: "delivered" })).toHaveLength(2);
  });

  test("sets aside what it cannot read, says so, and goes on", async () => {
    const { world, endpoint } = await withEndpoint();
    const { userId } = world.user("a");
    const broken = { pk: userId, sk: "slot", sessionId: "ses_1", metadata: "{" };
    await world.dynamodb.send(new PutCommand({ TableName: world.tables.verificationTable, Item: broken }));
    await world.user("b").open();
    await world.settle();
    expect(idsAt(world, endpoint)).toHaveLength(1);
    expect(world.lines).toContainEqual(
      expect.objectContaining({ level: "ERROR", fault: expect.objectContaining({ name: "Unreadable" }) }),
    );
    const kept = (await world.items()).find(({ pk }) => pk === "set-aside");
    expect(JSON.parse(kept?.record as string).dynamodb.NewImage.metadata).toEqual({ S: "{" });
  });
});

describe("the delivering function", () => {
  test("that is killed after it settled and before its message is deleted posts no more", async () => {
    const { world, endpoint } = await withEndpoint();
    let kills = 2;
    world.faults.killDeliver = () => (kills -= 1) >= 0;
    await world.user("a").open();
    await world.pass(HOUR);
    expect(kills).toBeLessThan(0);
    expect(idsAt(world, endpoint)).toHaveLength(1);
    expect(world.queue.size()).toBe(0);
  });

  test("that is killed between post and settling posts the same event again", async () => {
    const { world, endpoint } = await withEndpoint();
    let kills = 2;
    world.receivers.set(endpoint.url, () => {
      kills -= 1;
      if (kills >= 0) throw new Error("killed");
      return { kind: "answered", status: 200 };
    });
    await world.user("a").open();
    await world.pass(HOUR);
    const ids = idsAt(world, endpoint);
    expect(ids).toHaveLength(3);
    expect(new Set(ids).size).toBe(1);
    expect(await world.list(endpoint, { state: "delivered" })).toHaveLength(1);
  });

  test("whose queue refuses finds another attempt when it is due", async () => {
    const { world, endpoint } = await withEndpoint();
    await world.user("a").open();
    await world.pumpStream();
    world.receivers.set(endpoint.url, answers(500));
    world.queue.onSend = () => "refused";
    await world.pumpQueue();
    world.receivers.delete(endpoint.url);
    world.queue.onSend = () => "taken";
    await world.pass(120);
    expect(idsAt(world, endpoint)).toHaveLength(2);
    expect(await world.list(endpoint, { state: "delivered" })).toHaveLength(1);
  });

  test("that gets a message which is none of ours leaves it to the dead-letter queue", async () => {
    const { world } = await withEndpoint();
    const deliver = createDeliverHandler(world);
    const bodies = ["{", "{}", '{"webhookId":"wh_1","eventId":"evt_1","attempt":1}'];
    const Records = bodies.map((body, index) => ({ messageId: `m${index}`, body }));
    expect(await deliver({ Records } as never)).toEqual({
      batchItemFailures: Records.map(({ messageId }) => ({ itemIdentifier: messageId })),
    });
  });
});

describe("a message", () => {
  test("that is lost costs time, and nothing else", async () => {
    const { world, endpoint } = await withEndpoint();
    let losing = true;
    world.queue.onSend = () => (losing ? "lost" : "taken");
    await world.user("a").open();
    await world.settle();
    losing = false;
    await world.pass(900 + 60);
    expect(idsAt(world, endpoint)).toHaveLength(1);
    expect(await world.list(endpoint, { state: "delivered" })).toHaveLength(1);
  });

  test("that is doubled is delivered once", async () => {
    const { world, endpoint } = await withEndpoint();
    world.queue.onSend = () => "doubled";
    await world.user("a").open();
    await world.pass(HOUR);
    expect(idsAt(world, endpoint)).toHaveLength(1);
  });

  test("that is doubled does not double the attempts of a delivery that fails", async () => {
    const { world, endpoint } = await withEndpoint();
    world.queue.onSend = () => "doubled";
    world.receivers.set(endpoint.url, answers(500));
    await world.user("a").open();
    await world.pass(2 * DAY);
    expect(idsAt(world, endpoint)).toHaveLength(8);
  });

  test("names its endpoint's group", async () => {
    const { world, endpoint } = await withEndpoint();
    await world.user("a").open();
    await world.settle();
    expect(world.queue.sent).toEqual([
      { task: { webhookId: endpoint.webhookId, eventId: idsAt(world, endpoint)[0], attempt: 1 } },
    ]);
  });
});

describe("a sweep", () => {
  test("that dies under its leases is made good when they end", async () => {
    const { world, endpoint } = await withEndpoint();
    world.receivers.set(endpoint.url, answers(503, "1000"));
    await world.user("a").open();
    await world.settle();
    world.receivers.delete(endpoint.url);
    world.clock.nowMs += 1_000_000;
    world.queue.onSend = () => {
      throw new Error("killed");
    };
    await world.sweep();
    world.queue.onSend = () => "taken";
    await world.sweep();
    await world.pumpQueue();
    expect(idsAt(world, endpoint)).toHaveLength(1);
    await world.pass(900 + 60);
    expect(idsAt(world, endpoint)).toHaveLength(2);
  });

  test("whose queue refuses gives its leases back", async () => {
    const { world, endpoint } = await withEndpoint();
    world.receivers.set(endpoint.url, answers(503, "1000"));
    await world.user("a").open();
    await world.settle();
    world.receivers.delete(endpoint.url);
    world.clock.nowMs += 1_000_000;
    world.queue.onSend = () => "refused";
    await world.sweep();
    world.queue.onSend = () => "taken";
    await world.sweep();
    await world.pumpQueue();
    expect(idsAt(world, endpoint)).toHaveLength(2);
  });

  test("that runs twice at once sends each delivery once", async () => {
    const { world, endpoint } = await withEndpoint();
    world.queue.onSend = () => "lost";
    for (const refId of ["a", "b", "c", "d"]) await world.user(refId).open();
    await world.settle();
    world.queue.onSend = () => "taken";
    world.clock.nowMs += 901_000;
    const before = world.queue.sent.length;
    await Promise.all([world.sweep(), world.sweep()]);
    expect(world.queue.sent.length - before).toBe(4);
    await world.pumpQueue();
    expect(idsAt(world, endpoint)).toHaveLength(4);
  });
});

test(`${DEAD} events to a dead endpoint do not delay ${DEAD / 100} to a live one`, {
  timeout: LONG_MS,
}, async () => {
  const world = await createWebhookWorld();
  const dead = await world.endpoint({ types: ["session.opened"] });
  const live = await world.endpoint({ types: ["session.canceled"] });
  world.receivers.set(dead.url, () => ({ kind: "unanswered", reason: "timeout" }));
  const users = Array.from({ length: DEAD }, (_, index) => world.user(`user-${index}`));
  const slots: Slot[] = [];
  for (let at = 0; at < users.length; at += 20) {
    const some = await Promise.all(users.slice(at, at + 20).map((user) => user.open()));
    slots.push(...some.map(slotOf));
  }
  for (const [index, slot] of slots.slice(0, DEAD / 100).entries())
    accepted(await users[index]!.cancel(slot));
  await world.pumpStream();
  const startedMs = world.clock.nowMs;
  // Ten batches at a time, each of which the dead endpoint makes as long as it may be.
  const LANES = 10;
  for (let left = true; left; world.clock.nowMs += 15_000) {
    const done = await Promise.all(Array.from({ length: LANES }, () => world.deliverBatch()));
    left = done.includes(true) && idsAt(world, live).length < DEAD / 100;
  }
  const late = world.requestsTo(live).map(({ atMs }) => (atMs - startedMs) / 1000);
  expect(late).toHaveLength(DEAD / 100);
  // A lane's half of a batch is the live one's at least: its hundred are through in three rounds at most.
  expect(Math.max(...late)).toBeLessThanOrEqual(45);
});

test(`of ${EVENTS} events, with faults at every step, whatever was answered is told, signed and true`, {
  timeout: LONG_MS,
}, async () => {
  const random = seeded(7);
  const chance = (share: number) => random() < share;
  let faulty = true;
  const world = await createWebhookWorld(() => {
    if (!faulty || !chance(0.01)) return undefined;
    return { when: chance(0.5) ? "before" : "after", error: chance(0.5) ? throttled() : timedOut() };
  });
  const endpoint = await world.endpoint();
  const other = await world.endpoint();
  world.queue.onSend = () => {
    const sure = faulty ? random() : 1;
    return sure < 0.02 ? "lost" : sure < 0.04 ? "doubled" : sure < 0.06 ? "refused" : "taken";
  };
  world.faults.killPublish = () => faulty && chance(0.03);
  world.faults.killDeliver = () => faulty && chance(0.03);
  const receive = (): Posted => {
    const fate = faulty ? random() : 1;
    if (fate < 0.01) throw new Error("killed");
    if (fate < 0.04) return { kind: "answered", status: 500 };
    if (fate < 0.06) return { kind: "unanswered", reason: "timeout" };
    return { kind: "answered", status: 200 };
  };
  world.receivers.set(endpoint.url, receive);
  world.receivers.set(other.url, receive);

  const owed = new Map<string, string>();
  const erased = new Set<string>();
  let made = 0;
  /** One user's calls: a session that comes to an end of some kind. What each answer says must be told. */
  async function live(): Promise<void> {
    made += 1;
    const user = world.user(`user-${made}`);
    const owe = (slot: Slot, type: string) => owed.set(`${slot.sessionId} ${type}`, user.userId);
    const slot = slotOf(await user.open({ metadata: { number: String(made) } }));
    owe(slot, "session.opened");
    const end = random();
    if (end < 0.7 && !isRefusal(await user.start(slot))) owe(slot, "session.started");
    if (end < 0.4) {
      const result = chance(0.3) ? "pending" : "successful";
      if (!isRefusal(await user.result(slot, result))) owe(slot, "session.completed");
      if (result === "pending" && !isRefusal(await user.result(slot, "failed"))) {
        owe(slot, "session.reviewed");
      }
    } else if (end < 0.55) {
      if (!isRefusal(await user.cancel(slot))) owe(slot, "session.canceled");
    } else if (end < 0.8) {
      const next = slotOf(await user.force());
      owe(slot, "session.superseded");
      owe(next, "session.opened");
      owe(next, "session.expired");
    } else if (end < 0.97) owe(slot, "session.expired");
    else {
      await user.erase();
      erased.add(user.userId);
    }
  }

  while (owed.size * 2 < EVENTS) {
    await Promise.all(Array.from({ length: 10 }, live));
    await world.pumpStream();
    await Promise.all([world.deliverBatch(), world.deliverBatch(), world.deliverBatch()]);
    world.clock.nowMs += 20_000;
    if (chance(0.3)) await world.sweep();
    if (chance(0.1)) world.forget();
  }
  // What was refused or lost is due within the hour; then nothing fails any more.
  await world.pass(HOUR);
  faulty = false;
  await world.pass(DAY);

  for (const each of [endpoint, other]) {
    const told = new Map<string, Set<string>>();
    for (const { event, headers } of world.requestsTo(each)) {
      const key = `${event.data.sessionId} ${event.type}`;
      const ids = told.get(key) ?? new Set();
      told.set(key, ids.add(headers["webhook-id"] ?? ""));
    }
    const missing = [...owed].filter(([key, userId]) => !told.has(key) && !erased.has(userId));
    expect(missing).toEqual([]);
    // One id for one happening, in every attempt; and nothing is told that nobody was answered, but of the erased.
    expect([...told.values()].filter((ids) => ids.size > 1)).toEqual([]);
    expect([...told.keys()].filter((key) => !owed.has(key))).toEqual([]);
  }
  for (const request of world.requests.slice(0, 1_000)) {
    const { secrets } = request.url === endpoint.url ? endpoint : other;
    expectSigned(request, secrets[0]?.secret ?? "");
  }
  expect(await world.list(endpoint, { state: "waiting" })).toEqual([]);
  expect(world.queue.size()).toBe(0);
});
