import { marshall } from "@aws-sdk/util-dynamodb";
import type { DynamoDBRecord } from "aws-lambda";
import { expect, test } from "vitest";
import type { SessionId, UserId } from "../../functions/core/ids.ts";
import type { SessionRecord, Slot } from "../../functions/core/session.ts";
import {
  recordKey,
  toRecordItem,
  toRestoredRecordItem,
} from "../../functions/store/verification/record-item.ts";
import { toSealItem } from "../../functions/store/verification/seal-item.ts";
import { slotKey, toEmptiedSlotItem, toSlotItem } from "../../functions/store/verification/slot-item.ts";
import { userKey } from "../../functions/store/verification/user-item.ts";
import type { Item } from "../../functions/store/verification/table.ts";
import { toChange, Unreadable } from "../../functions/webhooks/changes.ts";
import { isEventId } from "../../functions/webhooks/event-id.ts";
import { erasedBy, eventsOf, expiredEvent } from "../../functions/webhooks/events.ts";

const USER: UserId = `usr_${"u".repeat(43)}`;
const [A, B] = [
  "ses_01K000000000000000000000AA",
  "ses_01K000000000000000000000BB",
] as const satisfies SessionId[];
const REV = "01K0000000000000000000000R";
const TENANT = { clientId: "cli_1", environment: "sandbox" } as const;
const OPENED = 1_000_000;
const EXPIRES = OPENED + 1_800;

const slot = (changes: Partial<Slot> = {}): Item =>
  toSlotItem(USER, {
    sessionId: A,
    flowId: "idv",
    status: "open",
    metadata: { order: "7" },
    createdAt: OPENED,
    startedAt: undefined,
    expiresAt: EXPIRES,
    idempotencyKey: undefined,
    requestHash: undefined,
    tenant: TENANT,
    rev: REV,
    life: undefined,
    ...changes,
  });
const started = (changes: Partial<Slot> = {}) =>
  slot({ status: "in_progress", startedAt: OPENED + 60, ...changes });
/** The session that takes the slot `after` seconds later. */
const next = (after: number, changes: Partial<Slot> = {}) =>
  slot({
    sessionId: B,
    metadata: undefined,
    createdAt: OPENED + after,
    expiresAt: OPENED + after + 1_800,
    ...changes,
  });
const emptied = (after: number) => toEmptiedSlotItem(USER, REV, undefined, OPENED + after);
const seal = toSealItem(slotKey(USER), REV, OPENED + 100);

const record = (changes: Partial<SessionRecord> = {}): Item =>
  toRecordItem(
    USER,
    {
      sessionId: A,
      flowId: "idv",
      status: "in_progress",
      metadata: { order: "7" },
      createdAt: OPENED,
      startedAt: OPENED + 60,
      endedAt: undefined,
      result: undefined,
      tenant: TENANT,
      rev: REV,
      ...changes,
    },
    { retentionDays: 365, nowSeconds: OPENED },
  );
const ended = (status: "canceled" | "superseded") => record({ status, endedAt: OPENED + 90 });
const completed = (status: "pending" | "successful", reason: string | undefined, reportedAt: number) =>
  record({ status: "completed", endedAt: OPENED + 90, result: { status, reason, reportedAt } });
const pending = completed("pending", undefined, OPENED + 90);
const restored = (item: Item) => toRestoredRecordItem(item, OPENED + 300);

function streamed(before: Item | undefined, after: Item | undefined, streamedAt = 0): DynamoDBRecord {
  const image = (item: Item) => marshall(item, { removeUndefinedValues: true });
  const { pk, sk } = (after ?? before) as Item;
  return {
    dynamodb: {
      ApproximateCreationDateTime: streamedAt,
      Keys: marshall({ pk, sk }),
      ...(before === undefined ? {} : { OldImage: image(before) }),
      ...(after === undefined ? {} : { NewImage: image(after) }),
    },
  } as DynamoDBRecord;
}

/** What a client is told of a write: type, session and time of each event. */
function told(before: Item | undefined, after: Item | undefined, streamedAt?: number): string[] {
  const change = toChange(streamed(before, after, streamedAt));
  if (change === undefined) return [];
  return eventsOf(change).map(({ type, session, at }) => {
    const name = session.sessionId === A ? "A" : "B";
    return `${type} ${name} at ${at - OPENED}`;
  });
}

type Row = readonly [write: string, before: Item | undefined, after: Item | undefined, told: string[]];

const ROWS: readonly Row[] = [
  // What an opening writes.
  ["the first session", undefined, slot(), ["session.opened A at 0"]],
  ["a session after an emptied slot", emptied(100), next(200), ["session.opened B at 200"]],
  ["a session after an erasure", seal, next(200), ["session.opened B at 200"]],
  ["an extension", slot(), slot({ expiresAt: EXPIRES + 600, rev: `${REV}2` }), []],
  ["an extension of a started session", started(), started({ expiresAt: EXPIRES + 600 }), []],
  ["other metadata", slot(), slot({ metadata: { order: "8" } }), []],
  ["other metadata of a started session, its slot", started(), started({ metadata: { order: "8" } }), []],
  ["other metadata of a started session, its record", record(), record({ metadata: { order: "8" } }), []],
  ["a life for a slot that has none", slot(), slot({ life: REV }), []],
  ["a write that changes nothing, of a slot", slot(), slot(), []],
  ["a write that changes nothing, of a started slot", started(), started(), []],
  ["a write that changes nothing, of an emptied slot", emptied(100), emptied(100), []],
  [
    "a session over a dead one that was never started",
    slot(),
    next(1_800),
    ["session.expired A at 1800", "session.opened B at 1800"],
  ],
  [
    "a session over a dead one that was started",
    started(),
    next(2_000),
    ["session.expired A at 1800", "session.opened B at 2000"],
  ],
  // What forcing writes.
  [
    "a session over a live one that was never started",
    slot(),
    next(1_799),
    ["session.superseded A at 1799", "session.opened B at 1799"],
  ],
  ["a session over a live one that was started: its slot", started(), next(90), ["session.opened B at 90"]],
  ["... and its record", record(), ended("superseded"), ["session.superseded A at 90"]],
  // What starting writes.
  ["a start: its slot", slot(), started(), ["session.started A at 60"]],
  [
    "a start, and an extension in one image",
    slot(),
    started({ expiresAt: EXPIRES + 9 }),
    ["session.started A at 60"],
  ],
  ["a start: its record", undefined, record(), []],
  // What a cancellation writes.
  [
    "a cancellation of an open session: its record",
    undefined,
    ended("canceled"),
    ["session.canceled A at 90"],
  ],
  [
    "a cancellation of a started session: its record",
    record(),
    ended("canceled"),
    ["session.canceled A at 90"],
  ],
  ["a cancellation or a result: its slot", slot(), emptied(90), []],
  ["a cancellation or a result of a started session: its slot", started(), emptied(1_799), []],
  // What a result writes.
  ["the result of an open session", undefined, pending, ["session.completed A at 90"]],
  ["the result of a started session", record(), pending, ["session.completed A at 90"]],
  [
    "a final first result",
    record(),
    completed("successful", undefined, OPENED + 90),
    ["session.completed A at 90"],
  ],
  [
    "a final result after `pending`",
    pending,
    completed("successful", undefined, OPENED + 500),
    ["session.reviewed A at 500"],
  ],
  [
    "`pending` again, for another reason",
    pending,
    completed("pending", "still looking", OPENED + 500),
    ["session.reviewed A at 500"],
  ],
  ["a result that changes nothing", pending, pending, []],
  [
    "a final result that somebody changes by hand",
    completed("successful", undefined, OPENED + 90),
    completed("pending", undefined, OPENED + 500),
    [],
  ],
  [
    "the slot of a session that expired and then got its result",
    started(),
    emptied(5_000),
    ["session.expired A at 1800"],
  ],
  ["... at its very end", started(), emptied(1_800), ["session.expired A at 1800"]],
  // What a restore writes, and what comes after it.
  ["a restore of a canceled session", undefined, restored(ended("canceled")), []],
  ["a restore of a session with a result", undefined, restored(pending), []],
  ["a restore of a restored record", restored(pending), restored(pending), []],
  [
    "a final result after a restored `pending`",
    restored(pending),
    completed("successful", undefined, OPENED + 500),
    ["session.reviewed A at 500"],
  ],
  [
    "the result of a restored session that was started",
    restored(record()),
    pending,
    ["session.completed A at 90"],
  ],
  // What an erasure writes.
  ["an erasure of a live session", slot(), seal, []],
  ["an erasure of a started session", started(), seal, []],
  ["an erasure of an emptied slot", emptied(90), seal, []],
  ["an erasure where nothing was", undefined, seal, []],
  ["an erasure after an erasure", seal, seal, []],
  ["an erasure of a record", ended("canceled"), undefined, []],
  ["an erasure of the record of a started session", record(), undefined, []],
];

test.each(ROWS)("%s", (_write, before, after, expected) => {
  expect(told(before, after)).toEqual(expected);
});

test("a slot that DynamoDB deletes had expired, and nobody may have said so before", () => {
  expect(told(slot(), undefined, EXPIRES + 7_200.5)).toEqual(["session.expired A at 1800"]);
  expect(told(started(), undefined, EXPIRES + 7_200)).toEqual(["session.expired A at 1800"]);
  expect(told(emptied(90), undefined, EXPIRES + 90_000)).toEqual([]);
  expect(told(seal, undefined, EXPIRES + 90_000)).toEqual([]);
});

test("a slot that DynamoDB's TTL deletes is read like one that anybody deletes", () => {
  const removed = streamed(slot(), undefined, EXPIRES + 7_200);
  const byTtl = {
    ...removed,
    eventName: "REMOVE",
    userIdentity: { type: "Service", principalId: "dynamodb.amazonaws.com" },
  } as DynamoDBRecord;
  expect(toChange(byTtl)).toEqual(toChange(removed));
});

test("what is written a day after it happened is no news: a restore tells nobody anything", () => {
  const done = completed("successful", undefined, OPENED + 90);
  expect(told(undefined, done, OPENED + 90 + 86_400)).toEqual(["session.completed A at 90"]);
  expect(told(undefined, done, OPENED + 91 + 86_400)).toEqual([]);
  expect(told(undefined, slot(), OPENED + 86_401)).toEqual([]);
  expect(told(slot(), undefined, EXPIRES + 86_401)).toEqual([]);
});

test("a slot that somebody deletes by hand while it lives gives no event", () => {
  expect(told(slot(), undefined, EXPIRES - 1)).toEqual([]);
});

test("nobody is told of users and of the use of keys", () => {
  expect(told(undefined, { ...userKey(USER), refId: "r" })).toEqual([]);
  expect(told(undefined, { pk: "key#key_1", sk: "usage", hour: 1 })).toEqual([]);
});

test("what is told of an expiry is the same from the stream and from the sweep", () => {
  const change = toChange(streamed(slot(), next(2_000)));
  if (change?.kind !== "slot" || change.before.kind !== "held") throw new Error("not a slot");
  expect(eventsOf(change)[0]).toEqual(expiredEvent(USER, change.before.slot));
});

test("an event tells of the session as it was then", () => {
  const change = toChange(streamed(record(), completed("pending", "blurred", OPENED + 90)));
  expect(change && eventsOf(change)).toEqual([
    {
      eventId: expect.toSatisfy(isEventId),
      type: "session.completed",
      at: OPENED + 90,
      userId: USER,
      tenant: TENANT,
      session: {
        sessionId: A,
        flowId: "idv",
        status: "completed",
        metadata: { order: "7" },
        createdAt: OPENED,
        startedAt: OPENED + 60,
        endedAt: OPENED + 90,
        expiresAt: undefined,
        result: { status: "pending", reason: "blurred", reportedAt: OPENED + 90 },
      },
    },
  ]);
});

test("each status is that of the event", () => {
  const status = (before: Item | undefined, after: Item | undefined) => {
    const change = toChange(streamed(before, after));
    return change && eventsOf(change).map(({ session }) => session.status);
  };
  expect(status(undefined, slot())).toEqual(["open"]);
  expect(status(slot(), started())).toEqual(["in_progress"]);
  expect(status(slot(), next(90))).toEqual(["superseded", "open"]);
  expect(status(slot(), next(9_000))).toEqual(["expired", "open"]);
  expect(status(record(), ended("canceled"))).toEqual(["canceled"]);
  expect(status(record(), ended("superseded"))).toEqual(["superseded"]);
});

test("an event's id is the same for the same write, whatever else its images bear, and another for another event", () => {
  const ids = (before: Item | undefined, after: Item | undefined) => {
    const change = toChange(streamed(before, after));
    return change === undefined ? [] : eventsOf(change).map(({ eventId }) => eventId);
  };
  expect(ids(undefined, slot())).toEqual(ids(emptied(1), slot({ rev: `${REV}9`, life: REV })));
  const all = ROWS.flatMap(([, before, after]) => ids(before, after));
  const happenings = new Set(ROWS.flatMap(([, before, after]) => told(before, after)));
  // "completed" and "reviewed" each come with two different results in one second.
  expect(new Set(all).size).toBe(happenings.size + 2);
});

test("an image of the version before does not tell whose it is", () => {
  const change = toChange(streamed(undefined, slot({ tenant: undefined })));
  expect(change && eventsOf(change)[0]?.tenant).toBeUndefined();
});

test("an erasure is known by its seal, and by nothing else", () => {
  const erased = (before: Item | undefined, after: Item | undefined) => {
    const change = toChange(streamed(before, after));
    return change && erasedBy(change);
  };
  // Every session id of the seal's millisecond and before sorts before it, and no later one.
  const until = "ses_01K0000001";
  expect(erased(slot(), seal)).toEqual({ userId: USER, until });
  expect(erased(undefined, seal)).toEqual({ userId: USER, until });
  expect(erased(seal, next(200))).toBeUndefined();
  expect(erased(seal, undefined)).toBeUndefined();
  expect(erased(slot(), emptied(90))).toBeUndefined();
  expect(erased(record(), undefined)).toBeUndefined();
});

test("a record that is not as the store writes is unreadable", () => {
  const key = { pk: "nobody", sk: "slot" };
  expect(() => toChange(streamed(undefined, key))).toThrow(Unreadable);
  expect(() => toChange({ dynamodb: { Keys: marshall(recordKey(USER, A)) } } as DynamoDBRecord)).toThrow(
    Unreadable,
  );
  expect(() => toChange(streamed(undefined, { ...slot(), metadata: "{" }))).toThrow(Unreadable);
});
