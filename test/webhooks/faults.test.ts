import { isDeepStrictEqual } from "node:util";
import { PutCommand } from "@aws-sdk/lib-dynamodb";
import { Webhook } from "standardwebhooks";
import { afterAll, describe, expect, test } from "vitest";
import type { UserId } from "../../functions/core/ids.ts";
import type { Slot } from "../../functions/core/session.ts";
import { type DeliveryState, testMessage } from "../../functions/webhooks/delivery.ts";
import { createDeliverHandler } from "../../functions/webhooks/handlers.ts";
import type { Posted } from "../../functions/webhooks/post.ts";
import { throttled, timedOut } from "../support/faults.ts";
import { accepted, seeded, slotOf } from "../support/store.ts";
import {
  answers,
  createWebhookWorld,
  isSigned,
  type Request,
  type WebhookWorld,
} from "../support/webhook-world.ts";
import { iso } from "../support/world.ts";

const HOUR = 3_600;
const DAY = 86_400;

/** How many events there are: `npm run test:webhooks` has 100,000. */
const EVENTS = Number(process.env.WEBHOOK_EVENTS ?? 100);
/** They happen in worlds of their own, each of which has a seed; a few are played side by side. */
const WORLDS = Math.ceil(EVENTS / 2_000);
const SIDE_BY_SIDE = 4;
const SEEDS = Array.from({ length: WORLDS }, (_, world) => Number(process.env.WEBHOOK_SEED ?? 7) + world);
const GROUPS = SEEDS.flatMap((_, at) =>
  at % SIDE_BY_SIDE === 0 ? [{ seeds: SEEDS.slice(at, at + SIDE_BY_SIDE) }] : [],
);
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
  const world = await createWebhookWorld({ isLong: true });
  const dead = await world.endpoint({ types: ["session.opened"] });
  const live = await world.endpoint({ types: ["session.canceled"] });
  world.receivers.set(dead.url, () => ({ kind: "unanswered", reason: "timeout" }));
  // Tests, as an operator sends them: the next sweep takes them.
  const nowSeconds = world.seconds();
  for (let made = 0; made < DEAD; made += 20) {
    const some = Array.from({ length: 20 }, (_, nth) => testMessage(`test ${made + nth}`, nowSeconds));
    await Promise.all(some.map((message) => world.deliveries.store(dead, message, nowSeconds, nowSeconds)));
  }
  await world.sweep();
  expect(world.queue.size()).toBe(DEAD);
  for (let made = 0; made < DEAD / 100; made += 1) {
    const user = world.user(`user-${made}`);
    accepted(await user.cancel(slotOf(await user.open())));
  }
  await world.pumpStream();
  const startedMs = world.clock.nowMs;
  // Ten batches at a time, each of which the dead endpoint makes as long as it may be.
  for (let left = true; left; world.clock.nowMs += 15_000) {
    left = (await world.deliverBatches()) && idsAt(world, live).length < DEAD / 100;
  }
  const late = world.requestsTo(live).map(({ atMs }) => (atMs - startedMs) / 1000);
  expect(late).toHaveLength(DEAD / 100);
  // A lane's half of a batch is the live one's at least: its hundred are through in three rounds at most.
  expect(Math.max(...late)).toBeLessThanOrEqual(45);
});

/** What an answer of the API says of a session, and so must be told. */
type Owed = {
  readonly type: string;
  readonly userId: UserId;
  /** All of it that the test knows. */
  readonly said: Readonly<Record<string, unknown>>;
};

/** What went wrong in all worlds, and how often. */
const met: Record<string, number> = {};

describe("whatever was answered is told, signed and true, with faults at every step", () => {
  test.each(GROUPS)("seeds $seeds", { timeout: LONG_MS }, async ({ seeds }) => {
    const found = await Promise.all(seeds.map((seed) => play(seed, Math.ceil(EVENTS / WORLDS))));
    expect(found).toEqual(
      seeds.map((seed) => ({ seed, untrue: [], missing: [], twice: [], waiting: [], failed: [], queued: 0 })),
    );
  });

  /** A world with its own chances. The engine answers in an order of its own, so that a seed names much the same run again. */
  async function play(seed: number, events: number) {
    const random = seeded(seed);
    const chance = (share: number) => random() < share;
    let faulty = true;
    /** Whether something goes wrong. */
    const strikes = (share: number, what: string) => {
      if (!faulty || !chance(share)) return false;
      met[what] = (met[what] ?? 0) + 1;
      return true;
    };

    /** How many more requests the store does not take, one after the other: longer than anybody goes on asking. */
    let outage = 0;
    const world = await createWebhookWorld({
      isLong: true,
      fault: () => {
        if (outage === 0 && strikes(0.0002, "the store is out for 300 requests")) outage = 300;
        if (outage > 0) {
          outage -= 1;
          return { when: "before", error: throttled() };
        }
        const error = () => (chance(0.5) ? throttled() : timedOut());
        if (strikes(0.005, "the store fails before a request")) return { when: "before", error: error() };
        if (strikes(0.005, "the store fails after a request")) return { when: "after", error: error() };
        return undefined;
      },
    });
    const all = await world.endpoint();
    const some = await world.endpoint({ types: ["session.reviewed", "session.superseded"] });
    let sweeping = false;
    world.queue.onSend = () => {
      if (sweeping && strikes(0.01, "a sweep is killed")) throw new Error("killed");
      if (strikes(0.02, "a message is lost")) return "lost";
      if (strikes(0.02, "a message is doubled")) return "doubled";
      return strikes(0.01, "a message is refused") ? "refused" : "taken";
    };
    world.faults.killPublish = () => strikes(0.03, "publish is killed");
    world.faults.killDeliver = () => strikes(0.03, "deliver is killed after it settled");
    /** What a receiver has said that it has. */
    const taken = new Set<Request>();
    const receive = (request: Request): Posted => {
      if (strikes(0.01, "deliver is killed before it settled")) throw new Error("killed");
      if (strikes(0.03, "a receiver fails")) return { kind: "answered", status: 500 };
      if (strikes(0.02, "a receiver times out")) return { kind: "unanswered", reason: "timeout" };
      taken.add(request);
      return { kind: "answered", status: 200 };
    };
    for (const { url } of [all, some]) world.receivers.set(url, receive);

    const owed = new Map<string, Owed>();
    /** How many requests there had been when a user was erased. */
    const erased = new Map<string, number>();
    const toBeTold = () => [...owed].filter(([, { userId }]) => !erased.has(userId));
    /** Whose session is left to its time. */
    const left: { user: ReturnType<typeof world.user>; slot: Slot; started: boolean }[] = [];
    let users = 0;

    /** What one user does next: a session that comes to an end of some kind. What each answer says must be told. */
    async function live(): Promise<void> {
      const hasExpired = (left[0]?.slot.expiresAt ?? Number.POSITIVE_INFINITY) <= world.seconds();
      const back = hasExpired && chance(0.5) ? left.shift() : undefined;
      const user = back?.user ?? world.user(`user-${(users += 1)}`);
      const { refId } = user.identity;
      const owe = (slot: Slot, type: string, status: string, at = world.seconds(), result?: string) => {
        const { sessionId, flowId, metadata, createdAt } = slot;
        const { userId } = user;
        const facts = { sessionId, refId, userId, flowId, environment: "sandbox", status, metadata, result };
        const said = { type, timestamp: iso(at), createdAt: iso(createdAt), ...facts };
        owed.set(`${sessionId} ${type}`, { type, userId, said });
      };
      const oweOpened = (slot: Slot) => owe(slot, "session.opened", "open", slot.createdAt);
      /** It will run out, unless something comes before. */
      const leave = (slot: Slot, started: boolean) => {
        owe(slot, "session.expired", "expired", slot.expiresAt);
        left.push({ user, slot, started });
      };
      const complete = async (slot: Slot) => {
        const result = chance(0.3) ? "pending" : "successful";
        accepted(await user.result(slot, result));
        owe(slot, "session.completed", "completed", world.seconds(), result);
        if (result === "successful") return;
        accepted(await user.result(slot, "failed"));
        owe(slot, "session.reviewed", "completed", world.seconds(), "failed");
      };

      if (back?.started === true && chance(0.5)) return complete(back.slot);
      const slot = slotOf(await user.open({ metadata: { number: String(owed.size) } }));
      oweOpened(slot);
      const end = random();
      const started = end < 0.7;
      if (started) {
        accepted(await user.start(slot));
        owe(slot, "session.started", "in_progress");
      }
      if (end < 0.35) await complete(slot);
      else if (end < 0.45 || end > 0.98) {
        accepted(await user.cancel(slot));
        owe(slot, "session.canceled", "canceled");
      } else if (end < 0.6 || (end > 0.7 && end < 0.8)) {
        const next = slotOf(await user.force());
        owe(slot, "session.superseded", "superseded");
        oweOpened(next);
        leave(next, false);
      } else if (end < 0.95) leave(slot, started);
      else {
        await user.erase();
        erased.set(user.userId, world.requests.length);
      }
    }

    while (toBeTold().length < events) {
      await Promise.all(Array.from({ length: 10 }, live));
      await world.pumpStream();
      // Now and then some are left in the queue.
      while ((await world.deliverBatches()) && !chance(0.1));
      world.clock.nowMs += chance(0.05) ? 600_000 : 10_000;
      sweeping = true;
      if (chance(0.3)) await Promise.all([world.sweep(), ...(chance(0.2) ? [world.sweep()] : [])]);
      sweeping = false;
      if (strikes(0.1, "the containers are replaced")) world.forget();
    }
    // What was refused or lost is due within the hour; then nothing fails any more.
    await world.pass(HOUR);
    faulty = false;
    outage = 0;
    await world.pass(DAY);

    const untrue: unknown[] = [];
    const ids = new Map<string, Set<string | undefined>>();
    const told = new Set<string>();
    const receivers = new Map(
      [all, some].map(({ url, types, secrets }) => [
        url,
        {
          wants: (type: string) => types === undefined || types.some((wanted) => wanted === type),
          webhook: new Webhook(secrets[0]?.secret ?? ""),
        },
      ]),
    );
    for (const [nth, request] of world.requests.entries()) {
      const { url, event, headers } = request;
      const { type, timestamp, data } = event;
      const key = `${data.sessionId} ${type}`;
      const { sessionId, refId, userId, flowId, environment, status, createdAt, metadata, result } = data;
      const facts = { sessionId, refId, userId, flowId, environment, status, metadata };
      const said = { type, timestamp, createdAt, ...facts, result: result?.status };
      const { wants, webhook } = receivers.get(url)!;
      const isErased = nth >= (erased.get(userId) ?? Number.POSITIVE_INFINITY);
      const isTrue = isDeepStrictEqual(said, owed.get(key)?.said);
      if (!isTrue || isErased || !wants(type) || !isSigned(webhook, request)) untrue.push({ event, headers });
      ids.set(key, (ids.get(key) ?? new Set()).add(headers["webhook-id"]));
      if (taken.has(request)) told.add(`${url} ${key}`);
    }
    const missing = [...receivers].flatMap(([url, { wants }]) =>
      toBeTold()
        .filter(([, { type }]) => wants(type))
        .map(([key]) => `${url} ${key}`)
        .filter((each) => !told.has(each)),
    );
    const listed = async (state: DeliveryState) =>
      (await Promise.all([all, some].map((endpoint) => world.list(endpoint, { state })))).flat();
    count.events += toBeTold().length;
    count.requests += world.requests.length;
    return {
      seed,
      untrue,
      missing,
      // One id for one happening, in every attempt.
      twice: [...ids].filter(([, each]) => each.size > 1),
      waiting: await listed("waiting"),
      failed: await listed("failed"),
      queued: world.queue.size(),
    };
  }

  const count = { events: 0, requests: 0 };
  const startedMs = performance.now();
  afterAll(() => {
    if (process.env.WEBHOOK_EVENTS === undefined) return;
    console.log({ ...count, seconds: Math.round((performance.now() - startedMs) / 1000), ...met });
  });
});
