import { randomUUID } from "node:crypto";
import { DeleteTableCommand } from "@aws-sdk/client-dynamodb";
import { GetCommand } from "@aws-sdk/lib-dynamodb";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import type { SessionId, UserId } from "../../functions/core/ids.ts";
import {
  createDeliveryStore,
  type DeliveryFilter,
  deliveryKey,
} from "../../functions/webhooks/deliveries.ts";
import type { Message } from "../../functions/webhooks/delivery.ts";
import { DUE_SHARDS } from "../../functions/webhooks/due.ts";
import type { WebhookId } from "../../functions/webhooks/endpoint.ts";
import { eventIdOf } from "../../functions/webhooks/event-id.ts";
import { createHealthStore } from "../../functions/webhooks/health-store.ts";
import { createWaitingStore, type Due } from "../../functions/webhooks/waiting.ts";
import { createTables } from "../../scripts/local/tables.ts";
import { connectLocal } from "../../scripts/local/workspace.ts";

const dynamodb = connectLocal(inject("dynamodbEndpoint"));
const tableName = `deliveries-${randomUUID()}`;
const table = { dynamodb, tableName };
const deliveries = createDeliveryStore(table);
const waiting = createWaitingStore(table);

beforeAll(() => createTables(dynamodb, { deliveriesTable: tableName }));
afterAll(async () => {
  await dynamodb.send(new DeleteTableCommand({ TableName: tableName }));
  dynamodb.destroy();
});

const NOW = 1_000_000;
const tenant = { clientId: "cli_1", environment: "sandbox" } as const;

let made = 0;
const newWebhook = () => ({ ...tenant, webhookId: `wh_${(made += 1)}` as WebhookId });

function newMessage(
  at = NOW,
  userId: UserId = `usr_${randomUUID()}`,
  sessionId: SessionId = "ses_1",
): Message {
  const session = {
    sessionId,
    flowId: "idv",
    status: "open",
    metadata: JSON.parse('{ "__proto__": "kept" }'),
    createdAt: at,
    startedAt: undefined,
    endedAt: undefined,
    expiresAt: at + 1_800,
    result: undefined,
  } as const;
  return { eventId: eventIdOf(at, [randomUUID()]), type: "session.opened", at, about: { userId, session } };
}

/** Everything that is due by then, in all shards. */
async function allDue(by: number): Promise<Due[]> {
  return (await Promise.all(DUE_SHARDS.map((shard) => waiting.listDue(shard, by, 100)))).flat();
}
const isDue = async (key: { webhookId: WebhookId; eventId: string }, by: number) =>
  (await allDue(by)).some(({ pk, sk }) => pk === deliveryKey(key).pk && sk === deliveryKey(key).sk);

/** A delivery that waits for its first attempt. */
const stored = (message = newMessage()) => deliveries.store(newWebhook(), message, NOW + 900, NOW);
/** A delivery to an endpoint that is paused. */
const missed = (message = newMessage()) => deliveries.store(newWebhook(), message, undefined, NOW);
/** The same, with its first attempt begun. */
async function claimed(message?: Message) {
  const delivery = await deliveries.claim(await stored(message), 1, "me", NOW);
  if (delivery === undefined) throw new Error("not claimed");
  return delivery;
}

describe("storing", () => {
  test("a delivery waits under a lease, with all that it says", async () => {
    const message = newMessage();
    const delivery = await stored(message);
    expect(delivery).toEqual({
      ...tenant,
      webhookId: delivery.webhookId,
      eventId: message.eventId,
      type: "session.opened",
      at: NOW,
      sessionId: "ses_1",
      state: "waiting",
      attempts: 0,
      createdAt: NOW,
      due: NOW + 900,
      message: JSON.parse(JSON.stringify(message)),
    });
    expect(await deliveries.find(delivery)).toEqual(delivery);
    expect(delivery.message?.about?.session.metadata).toEqual(JSON.parse('{ "__proto__": "kept" }'));
    expect(await isDue(delivery, NOW + 899)).toBe(false);
    expect(await isDue(delivery, NOW + 900)).toBe(true);
  });

  test("a repeat finds what became of the first", async () => {
    const webhook = newWebhook();
    const message = newMessage();
    const first = await deliveries.store(webhook, message, NOW + 900, NOW);
    expect(await deliveries.store(webhook, message, NOW + 2_000, NOW + 60)).toEqual(first);
    await deliveries.delivered(first, 200);
    expect((await deliveries.store(webhook, message, NOW + 2_000, NOW + 60)).state).toBe("delivered");
  });

  test("what an endpoint misses while it is paused is failed, and not due", async () => {
    const delivery = await missed();
    expect(delivery).toMatchObject({ state: "failed", lastOutcome: "paused", attempts: 0 });
    expect(await isDue(delivery, NOW + 10_000)).toBe(false);
  });

  test("it is kept for thirty days", async () => {
    const { Item } = await dynamodb.send(
      new GetCommand({ TableName: tableName, Key: deliveryKey(await stored()) }),
    );
    expect(Item?.ttl).toBe(NOW + 30 * 86_400);
  });
});

describe("an attempt", () => {
  test("is taken by one of two messages", async () => {
    const delivery = await stored();
    expect(await deliveries.claim(delivery, 1, "one", NOW + 1)).toMatchObject({
      attempts: 1,
      lastAttemptAt: NOW + 1,
      due: NOW + 900,
    });
    expect(await deliveries.claim(delivery, 1, "other", NOW + 2)).toBeUndefined();
  });

  test("whose claim's answer was lost is known by who claimed it", async () => {
    const delivery = await claimed();
    expect(await deliveries.claim(delivery, 1, "me", NOW)).toMatchObject({ attempts: 1 });
  });

  test("of another number than the next one is not to be had", async () => {
    const delivery = await stored();
    expect(await deliveries.claim(delivery, 2, "me", NOW)).toBeUndefined();
    expect(await deliveries.claim({ ...delivery, eventId: "evt_none" }, 1, "me", NOW)).toBeUndefined();
  });

  test("that arrived leaves ids, and nothing that was said", async () => {
    const delivery = await claimed();
    await deliveries.delivered(delivery, 204);
    expect(await deliveries.find(delivery)).toEqual({
      ...tenant,
      webhookId: delivery.webhookId,
      eventId: delivery.eventId,
      type: "session.opened",
      at: NOW,
      sessionId: "ses_1",
      state: "delivered",
      attempts: 1,
      createdAt: NOW,
      lastAttemptAt: NOW,
      lastOutcome: 204,
    });
    expect(await isDue(delivery, NOW + 10_000)).toBe(false);
    expect(await deliveries.claim(delivery, 2, "me", NOW)).toBeUndefined();
  });

  test("that failed is due again, with all that it says", async () => {
    const delivery = await claimed();
    await deliveries.retry(delivery, 500, NOW + 5);
    expect(await deliveries.find(delivery)).toEqual({ ...delivery, lastOutcome: 500, due: NOW + 5 });
    expect(await isDue(delivery, NOW + 5)).toBe(true);
    expect(await deliveries.claim(delivery, 2, "me", NOW + 5)).toMatchObject({ attempts: 2 });
  });

  test("that failed late changes nothing of the one that has begun since", async () => {
    const first = await claimed();
    const second = await deliveries.claim(first, 2, "other", NOW + 901);
    await deliveries.retry(first, "timeout", NOW + 5);
    await deliveries.fail(first, "timeout");
    expect(await deliveries.find(first)).toEqual(second);
  });

  test("that arrived late counts, whatever came after it", async () => {
    const first = await claimed();
    const second = await deliveries.claim(first, 2, "other", NOW + 901);
    await deliveries.delivered(first, 200);
    await deliveries.retry(second ?? first, 500, NOW + 5);
    expect(await deliveries.find(first)).toMatchObject({ state: "delivered", lastOutcome: 200 });
  });

  test("that was the last one leaves a failed delivery, which can be replayed from the start", async () => {
    const delivery = await claimed();
    await deliveries.fail(delivery, 503);
    expect(await deliveries.find(delivery)).toMatchObject({
      state: "failed",
      lastOutcome: 503,
      message: delivery.message,
    });
    expect(await isDue(delivery, NOW + 10_000)).toBe(false);
    expect(await deliveries.replay(delivery, NOW + 7, NOW)).toBe(true);
    expect(await deliveries.find(delivery)).toMatchObject({ state: "waiting", attempts: 0, due: NOW + 7 });
    expect(await deliveries.claim(delivery, 1, "again", NOW + 7)).toMatchObject({
      message: delivery.message,
    });
  });

  test("cannot be replayed where it waits, arrived, or never was", async () => {
    const delivery = await claimed();
    expect(await deliveries.replay(delivery, NOW, NOW)).toBe(false);
    await deliveries.delivered(delivery, 200);
    expect(await deliveries.replay(delivery, NOW, NOW)).toBe(false);
    expect(await deliveries.replay({ ...delivery, eventId: "evt_none" }, NOW, NOW)).toBe(false);
  });
});

describe("erasing", () => {
  const [before, until, after] = ["ses_01A", "ses_01B", "ses_01C"] as const;

  test("drops what did not arrive about a user's ended life, and what it said", async () => {
    const userId: UserId = `usr_${randomUUID()}`;
    const ofUser = (sessionId: SessionId) => newMessage(NOW, userId, sessionId);
    const failed = await claimed(ofUser(before));
    await deliveries.fail(failed, 500);
    const retried = await claimed(ofUser(before));
    await deliveries.retry(retried, 500, NOW + 5);
    const paused = await missed(ofUser(before));
    const next = await missed(ofUser(after));
    const other = await missed();

    await deliveries.forget(userId, until);
    for (const dropped of [failed, retried, paused]) {
      const found = await deliveries.find(dropped);
      expect(found).toMatchObject({ state: "dropped", lastOutcome: "erased" });
      expect(found).not.toHaveProperty("message");
      expect(found).not.toHaveProperty("due");
    }
    expect(await deliveries.find(next)).toEqual(next);
    expect(await deliveries.find(other)).toEqual(other);
    expect(await deliveries.replay(failed, NOW, NOW)).toBe(false);
  });

  test("a delivery that is dropped when it is due waits no more", async () => {
    const delivery = await claimed();
    await deliveries.drop(delivery, "erased");
    expect(await deliveries.find(delivery)).toMatchObject({ state: "dropped", lastOutcome: "erased" });
    expect(await isDue(delivery, NOW + 10_000)).toBe(false);
  });

  test("what arrived stays delivered", async () => {
    const delivery = await claimed();
    await deliveries.delivered(delivery, 200);
    await deliveries.drop(delivery, "erased");
    expect(await deliveries.find(delivery)).toMatchObject({ state: "delivered" });
  });
});

describe("a lease", () => {
  const dueOf = async (delivery: { webhookId: WebhookId; eventId: string }) =>
    (await allDue(NOW + 10_000)).find(({ sk }) => sk === deliveryKey(delivery).sk) as Due;

  test("is had by one sweep of two", async () => {
    const delivery = await claimed();
    const due = await dueOf(delivery);
    expect(await waiting.lease(due, NOW + 5_000)).toEqual({
      kind: "delivery",
      delivery: { ...delivery, due: NOW + 5_000 },
    });
    expect(await waiting.lease(due, NOW + 5_001)).toBeUndefined();
  });

  test("of a sweep that died ends", async () => {
    const delivery = await stored();
    await waiting.lease(await dueOf(delivery), NOW + 5_000);
    expect(await isDue(delivery, NOW + 4_999)).toBe(false);
    expect(await isDue(delivery, NOW + 5_000)).toBe(true);
  });

  test("is given back", async () => {
    const delivery = await stored();
    const due = await dueOf(delivery);
    await waiting.lease(due, NOW + 5_000);
    await waiting.release(due, NOW + 5_000);
    expect(await isDue(delivery, NOW + 900)).toBe(true);
  });

  test("is not had of what was settled meanwhile, and brings nothing back", async () => {
    const delivery = await claimed();
    const due = await dueOf(delivery);
    await deliveries.delivered(delivery, 200);
    expect(await waiting.lease(due, NOW + 5_000)).toBeUndefined();
    expect(await deliveries.find(delivery)).not.toHaveProperty("due");
  });
});

test("a session whose expiry somebody waits for is due at its end, can be put off, and ends", async () => {
  const expiry = { userId: `usr_${randomUUID()}`, sessionId: `ses_${randomUUID()}`, tenant } as const;
  await waiting.awaitExpiry(expiry, NOW + 1_800);
  const find = async (by: number) => (await allDue(by)).find(({ pk }) => pk.endsWith(expiry.sessionId));
  expect(await find(NOW + 1_799)).toBeUndefined();
  const due = (await find(NOW + 1_800)) as Due;
  expect(await waiting.lease(due, NOW + 2_700)).toEqual({ kind: "expiry", expiry });
  await waiting.awaitExpiry(expiry, NOW + 3_600);
  expect(await find(NOW + 3_599)).toBeUndefined();
  await waiting.endExpiry(expiry);
  expect(await find(NOW + 10_000)).toBeUndefined();
});

describe("a listing", () => {
  const list = async (webhookId: WebhookId, filter?: DeliveryFilter) => {
    const found: string[] = [];
    for await (const { eventId } of deliveries.list(webhookId, filter)) found.push(eventId);
    return found;
  };

  test("has an endpoint's deliveries, the newest first, by state, session and time", async () => {
    const webhook = newWebhook();
    const messages = [
      newMessage(NOW, undefined, "ses_a"),
      newMessage(NOW + 10, undefined, "ses_b"),
      newMessage(NOW + 20, undefined, "ses_a"),
    ];
    for (const message of messages) await deliveries.store(webhook, message, NOW + 900, NOW);
    await stored();
    const [first, second, third] = messages.map(({ eventId }) => eventId) as [string, string, string];
    await deliveries.delivered({ ...webhook, eventId: second }, 200);

    expect(await list(webhook.webhookId)).toEqual([third, second, first]);
    expect(await list(webhook.webhookId, { state: "waiting" })).toEqual([third, first]);
    expect(await list(webhook.webhookId, { sessionId: "ses_a" })).toEqual([third, first]);
    expect(await list(webhook.webhookId, { state: "delivered", sessionId: "ses_a" })).toEqual([]);
    expect(await list(webhook.webhookId, { since: NOW + 10 })).toEqual([third, second]);
    expect(await list(webhook.webhookId, { until: NOW + 10 })).toEqual([first]);
  });
});

describe("an endpoint's health", () => {
  function newHealth() {
    let nowMs = NOW * 1000;
    const at = (afterSeconds: number) => {
      nowMs = (NOW + afterSeconds) * 1000;
    };
    return { at, store: createHealthStore(table, () => nowMs), other: createHealthStore(table, () => nowMs) };
  }

  test("is what every container knows within a minute", async () => {
    const { at, store, other } = newHealth();
    const { webhookId } = newWebhook();
    expect(await other.find(webhookId)).toEqual({});
    await store.noteFailure(webhookId, 410);
    at(59);
    expect(await other.find(webhookId)).toEqual({});
    at(60);
    expect((await other.find(webhookId)).paused).toEqual({ reason: "gone", at: NOW });
  });

  test("is judged by what is stored, not by what a container knew", async () => {
    const { at, store, other } = newHealth();
    const { webhookId } = newWebhook();
    await store.noteFailure(webhookId, 500);
    at(13 * 3_600);
    await store.noteFailure(webhookId, 500);
    await other.find(webhookId);
    at(13 * 3_600 + 30);
    await store.noteSuccess(webhookId);
    at(5 * 86_400 - 86_000 + 13 * 3_600);
    await other.noteFailure(webhookId, 500);
    expect((await store.find(webhookId)).paused).toBeUndefined();
  });

  test("is forgotten at an operator's word", async () => {
    const { store } = newHealth();
    const { webhookId } = newWebhook();
    await store.noteFailure(webhookId, 410);
    await store.reset(webhookId);
    expect(await store.find(webhookId)).toEqual({});
  });

  test("a hundred failures side by side are one piece of news", async () => {
    const { store } = newHealth();
    const { webhookId } = newWebhook();
    const counted = connectLocal(inject("dynamodbEndpoint"));
    let puts = 0;
    counted.middlewareStack.add(
      (next, { commandName }) =>
        (args) => {
          if (commandName === "PutItemCommand") puts += 1;
          return next(args);
        },
      { step: "build" },
    );
    const container = createHealthStore({ dynamodb: counted, tableName }, () => NOW * 1000);
    await Promise.all(Array.from({ length: 100 }, () => container.noteFailure(webhookId, 500)));
    expect(puts).toBe(1);
    expect((await store.find(webhookId)).failuresSince).toBe(NOW);
    counted.destroy();
  });

  test("whoever loses to others that write at once lets the delivery go on", async () => {
    const containers = Array.from({ length: 30 }, () => newHealth().store);
    const { webhookId } = newWebhook();
    const noted = await Promise.all(containers.map((each) => each.noteFailure(webhookId, 410)));
    for (const { paused } of noted) expect(paused?.reason).toBe("gone");
    expect((await newHealth().store.find(webhookId)).paused).toEqual({ reason: "gone", at: NOW });
  });

  test("two containers that write at once both count", async () => {
    const { store, other } = newHealth();
    const { webhookId } = newWebhook();
    await Promise.all([store.noteFailure(webhookId, 410), other.noteSuccess(webhookId)]);
    const fresh = newHealth().store;
    expect((await fresh.find(webhookId)).paused?.reason).toBe("gone");
  });
});
