import { DeleteCommand, PutCommand, ScanCommand } from "@aws-sdk/lib-dynamodb";
import { marshall } from "@aws-sdk/util-dynamodb";
import type { DynamoDBRecord } from "aws-lambda";
import { randomUUID } from "node:crypto";
import { decodeTime } from "ulid";
import { expect, test } from "vitest";
import { deriveUserId, type SessionId } from "../../functions/core/ids.ts";
import { restore } from "../../admin/restore.ts";
import { isRefusal } from "../../functions/core/refusal.ts";
import { createVerificationStore } from "../../functions/store/verification/store.ts";
import { toChange } from "../../functions/webhooks/changes.ts";
import { eventsOf } from "../../functions/webhooks/events.ts";
import { createTables } from "../../scripts/local/tables.ts";
import { connectOvertaken, createUser, DAY, HOUR, REF_ID } from "../support/office.ts";

type Item = Record<string, any>;

/** The Verification table, restored to the moment of the snapshot, beside the one that goes on and is damaged. */
async function createDamage() {
  const office = await createUser();
  const { dynamodb, tables, run, clock, userId, user, verification } = office;
  const from = `restored-${randomUUID()}`;
  const scan = async (TableName: string): Promise<Item[]> =>
    (await dynamodb.send(new ScanCommand({ TableName }))).Items ?? [];
  const all = () => scan(tables.verificationTable);
  return {
    ...office,
    from,
    now: () => clock.now * 1000,
    /** The frontend begins a session. */
    start: async (sessionId: SessionId) => {
      const { userId, clientId, environment } = user;
      const claims = { userId, clientId, environment, sessionId, flowId: "idv", expiresAt: clock.now + HOUR };
      const seen = await verification.findTokenSession(claims);
      if (isRefusal(seen)) throw new Error(seen.detail);
      await verification.startSession(claims, seen);
    },
    all,
    userItem: async () => (await all()).find(({ pk, sk }) => pk === userId && sk === "user"),
    recordsOf: async (of = userId) =>
      (await all())
        .filter(({ pk, sk }) => pk === of && sk.startsWith("session#"))
        .map(({ sk }) => sk.slice("session#".length)),
    /** What point-in-time recovery would restore to another table. */
    snapshot: async () => {
      await createTables(dynamodb, { verificationTable: from, clientsTable: `${from}-unused` });
      for (const Item of await all()) await dynamodb.send(new PutCommand({ TableName: from, Item }));
      clock.now += HOUR;
    },
    lose: (sk: string, pk: string = userId) =>
      dynamodb.send(new DeleteCommand({ TableName: tables.verificationTable, Key: { pk, sk } })),
    /** DynamoDB deletes what has expired. */
    reap: async () => {
      for (const { pk, sk, ttl } of await all()) {
        if (ttl !== undefined && ttl <= clock.now) {
          await dynamodb.send(new DeleteCommand({ TableName: tables.verificationTable, Key: { pk, sk } }));
        }
      }
    },
    restoreAll: async (...more: string[]) => {
      const { code, stderr, stdout } = await run("restore", "--from", from, "--json", "--yes", ...more);
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      const { users, records, complete, skipped } = JSON.parse(stdout);
      const why = Object.fromEntries(Object.entries(skipped).filter(([, count]) => count !== 0));
      return { users, records, complete, skipped: why };
    },
  };
}

/** What clients are told of a write, by the images before and after it. */
function told(before: Item | undefined, after: Item | undefined): string[] {
  const { pk, sk } = after ?? before ?? {};
  const change = toChange({
    dynamodb: {
      Keys: marshall({ pk, sk }),
      ...(before === undefined ? {} : { OldImage: marshall(before) }),
      ...(after === undefined ? {} : { NewImage: marshall(after) }),
    },
  } as DynamoDBRecord);
  return change === undefined ? [] : eventsOf(change).map(({ type }) => type);
}

const record = (sessionId: SessionId) => `session#${sessionId}`;
const NOTHING = { users: 0, records: 0, complete: 0, skipped: {} };

test("a lost user comes back with their records, as they were but for a new rev and a mark, and no slot does", async () => {
  const { snapshot, lose, restoreAll, all, userId, sessions, registry, clock } = await createDamage();
  await snapshot();
  const before = await all();
  await lose("user");
  await lose("slot");
  await lose(record(sessions.first));

  expect(await restoreAll()).toEqual({ ...NOTHING, users: 1, records: 1 });
  const after = await all();
  const lasting = before
    .filter(({ sk }) => sk !== "slot")
    .map((item) => (item.sk === "user" ? item : { ...item, restoredAt: clock.now }));
  expect(after.map(({ rev: _rev, ...item }) => item)).toEqual(lasting.map(({ rev: _rev, ...item }) => item));
  const newestBefore = Math.max(...before.map(({ rev }) => decodeTime(rev)));
  for (const { rev } of after) expect(decodeTime(rev)).toBeGreaterThan(newestBefore);

  const events = (await registry.listAudit(2)).map(({ action, subject }) => ({ action, subject }));
  expect(events).toEqual([
    { action: "restore.done", subject: expect.objectContaining({ users: "1", records: "1" }) },
    { action: "restore.begun", subject: { table: expect.any(String) } },
  ]);
  expect(after.every(({ pk }) => pk === userId)).toBe(true);
});

test("a record that comes back is no news to clients, and what happens to it afterwards is", async () => {
  const { snapshot, lose, restoreAll, report, all, sessions } = await createDamage();
  const { second } = sessions;
  const item = async () => (await all()).find(({ sk }) => sk === record(second));
  await report(second, { status: "pending" });
  await snapshot();
  await lose(record(second));

  expect(await restoreAll()).toEqual({ ...NOTHING, records: 1 });
  const restored = await item();
  expect(told(undefined, restored)).toEqual([]);
  await report(second, { status: "successful" });
  const reviewed = await item();
  expect(told(restored, reviewed)).toEqual(["session.reviewed"]);
  expect(reviewed).not.toHaveProperty("restoredAt");
});

test("a record that is missing comes back to a user who is there, and the user's item is only touched", async () => {
  const { snapshot, lose, restoreAll, userItem, recordsOf, sessions } = await createDamage();
  await snapshot();
  const before = await userItem();
  await lose(record(sessions.first));

  expect(await restoreAll()).toEqual({ ...NOTHING, records: 1 });
  expect(await recordsOf()).toEqual([sessions.first]);
  const after = await userItem();
  expect(after).toEqual({ ...before, rev: after?.rev });
  expect(after?.rev > before?.rev).toBe(true);
});

test("what is there is never overwritten, and where nothing is missing nothing is written or noted", async () => {
  const { snapshot, restoreAll, all, report, open, sessions, actions, clock } = await createDamage();
  await snapshot();
  const later = await open();
  await report(later, { status: "failed" });
  clock.now += HOUR;
  const before = await all();
  const noted = await actions();

  expect(await restoreAll()).toEqual({ ...NOTHING, complete: 1 });
  expect(await all()).toEqual(before);
  expect(await actions()).toEqual(noted);
  expect(later).not.toBe(sessions.second);
});

test("a dry run says what is missing, and writes and notes nothing", async () => {
  const { snapshot, lose, run, from, all, sessions, actions } = await createDamage();
  await snapshot();
  await lose("user");
  await lose(record(sessions.first));
  const [before, noted] = [await all(), await actions()];

  const { stdout, code } = await run("restore", "--from", from, "--dry-run");
  expect(code).toBe(0);
  expect(stdout).toMatch(/^Nothing was written\. Missing:\nusers +1\nrecords +1\n/);
  expect(await all()).toEqual(before);
  expect(await actions()).toEqual(noted);
});

test("nothing comes back over the seals of an erasure, nor beside one of them", async () => {
  const { snapshot, lose, restoreAll, verification, userId, all } = await createDamage();
  await snapshot();
  await verification.eraseUser(userId);
  const sealed = await all();

  expect(await restoreAll()).toEqual({ ...NOTHING, skipped: { erased: 1 } });
  expect(await all()).toEqual(sealed);
  await lose("user"); // DynamoDB reaps the two seals at different times
  expect(await restoreAll()).toEqual({ ...NOTHING, skipped: { erased: 1 } });
});

test("an erasure that comes between the look and the write is not undone", async () => {
  const { snapshot, lose, tables, from, verification, userId, all, now } = await createDamage();
  await snapshot();
  await lose("user");
  const dynamodb = connectOvertaken(tables.verificationTable, () => verification.eraseUser(userId));
  const report = await restore(
    { dynamodb, from, to: tables.verificationTable, now },
    { dryRun: false, includeRecreated: false, beforeWriting: async () => {}, progress: () => {} },
  );

  expect(report).toMatchObject({ users: 0, records: 0, skipped: { erased: 1 } });
  expect((await all()).map(({ sk, sealed }) => [sk, sealed])).toEqual([
    ["slot", true],
    ["user", true],
  ]);
});

test("an erasure takes with it what comes back between its look and its write", async () => {
  const { snapshot, lose, restoreAll, tables, userId, sessions, recordsOf, now } = await createDamage();
  await snapshot();
  await lose(record(sessions.first));
  const dynamodb = connectOvertaken(tables.verificationTable, async () => {
    expect(await restoreAll()).toEqual({ ...NOTHING, records: 1 });
    expect(await recordsOf()).toEqual([sessions.first]);
  });
  const { verificationTable: tableName } = tables;
  const retention = { retentionDays: 365, userRetentionDays: 0 };
  await createVerificationStore({ dynamodb, tableName, ...retention, now }).eraseUser(userId);
  expect(await recordsOf()).toEqual([]);
});

test("a session that ends between the look and the write keeps the record of its end", async () => {
  const { snapshot, lose, tables, from, verification, user, sessions, all, now, start, clock } =
    await createDamage();
  await start(sessions.second);
  await snapshot();
  clock.now -= HOUR; // the session is still active
  await lose(record(sessions.second));
  const cancel = () => verification.cancelSession(user, { sessionId: sessions.second, issued: true });
  const dynamodb = connectOvertaken(tables.verificationTable, cancel);
  const report = await restore(
    { dynamodb, from, to: tables.verificationTable, now },
    { dryRun: false, includeRecreated: false, beforeWriting: async () => {}, progress: () => {} },
  );

  expect(report).toMatchObject({ users: 0, records: 0, complete: 1 });
  const ended = (await all()).find(({ sk }) => sk === record(sessions.second));
  expect(ended?.status).toBe("canceled");
});

test("a user who is past their retention by now does not come back, nor do their records", async () => {
  const { snapshot, lose, restoreAll, dynamodb, from, userItem, all, clock } = await createDamage();
  await snapshot();
  await dynamodb.send(new PutCommand({ TableName: from, Item: { ...(await userItem()), ttl: clock.now } }));
  for (const { sk } of await all()) await lose(sk);

  expect(await restoreAll()).toEqual({ ...NOTHING, skipped: { expired: 1 } });
});

test("nothing of the life before an erasure comes back to a user who came back", async () => {
  const { snapshot, restoreAll, verification, userId, open, all, clock } = await createDamage();
  await snapshot();
  await verification.eraseUser(userId);
  clock.now += HOUR;
  await open();
  const before = await all();

  expect(await restoreAll()).toEqual({ ...NOTHING, skipped: { erased: 1 } });
  expect(await restoreAll("--include-recreated")).toEqual({ ...NOTHING, skipped: { erased: 1 } });
  expect(await all()).toEqual(before);
});

test("a user who was made anew once the seals were gone is not given the records of another life", async () => {
  const { snapshot, restoreAll, verification, userId, open, reap, recordsOf, clock } = await createDamage();
  await snapshot();
  await verification.eraseUser(userId);
  clock.now += 2 * DAY;
  await reap();
  await open();

  expect(await restoreAll()).toEqual({ ...NOTHING, skipped: { recreated: 1 } });
  expect(await recordsOf()).toEqual([]);
});

test("a user who was lost and made anew is given their records where the operator says that none was erased", async () => {
  const { snapshot, lose, restoreAll, open, sessions, recordsOf, userItem } = await createDamage();
  await snapshot();
  await lose("user");
  await lose("slot");
  await lose(record(sessions.first));
  await open();
  const before = await userItem();

  expect(await restoreAll()).toEqual({ ...NOTHING, skipped: { recreated: 1 } });
  expect(await restoreAll("--include-recreated")).toEqual({ ...NOTHING, records: 1 });
  expect(await recordsOf()).toEqual([sessions.first]);
  expect(await userItem()).toEqual({ ...before, rev: expect.any(String) });
});

test("what had been erased, sealed or left over at the moment of the restore does not come back", async () => {
  const { snapshot, restoreAll, lose, verification, userId, dynamodb, tables, all } = await createDamage();
  const leftOver = {
    pk: userId,
    sk: "session#ses_01M834GPFSSDPXSY8HN00WASXD",
    sessionId: "ses_01M834GPFSSDPXSY8HN00WASXD",
  };
  await verification.eraseUser(userId);
  await dynamodb.send(
    new PutCommand({
      TableName: tables.verificationTable,
      Item: { ...leftOver, status: "completed", flowId: "idv", createdAt: 1 },
    }),
  );
  await snapshot();
  await lose("user");
  await lose("slot");
  await lose(leftOver.sk);

  expect(await restoreAll()).toEqual({ ...NOTHING, skipped: { withoutUser: 1 } });
  expect(await all()).toEqual([]);
});

test("a record of an earlier life that an erasure had not reached yet does not come back with the user", async () => {
  const {
    snapshot,
    restoreAll,
    lose,
    verification,
    userId,
    open,
    report,
    clock,
    dynamodb,
    tables,
    all,
    recordsOf,
    sessions,
  } = await createDamage();
  const earlier = (await all()).find(({ sk }) => sk === record(sessions.first));
  await verification.eraseUser(userId);
  clock.now += HOUR;
  const later = await open();
  await report(later, { status: "failed" });
  await dynamodb.send(new PutCommand({ TableName: tables.verificationTable, Item: earlier ?? {} }));
  await snapshot();
  for (const { sk } of await all()) await lose(sk);

  expect(await restoreAll()).toEqual({ ...NOTHING, users: 1, records: 1 });
  expect(await recordsOf()).toEqual([later]);
});

test("what has outlived its retention by now does not come back", async () => {
  const { snapshot, lose, restoreAll, sessions, clock } = await createDamage();
  await snapshot();
  await lose(record(sessions.first));
  clock.now += 366 * DAY;

  expect(await restoreAll()).toEqual({ ...NOTHING, complete: 1 });
});

test("one user alone is restored where one is named", async () => {
  const { snapshot, lose, restoreAll, verification, userIdSecret, user, recordsOf, sessions, of, all } =
    await createDamage();
  const otherId = deriveUserId(userIdSecret, "production", "other");
  const other = { ...user, userId: otherId, refId: "other" };
  const { slot } = await verification.openSession({ user: other, userIdSecret, flowId: "idv" });
  await verification.reportResult(other, { sessionId: slot.sessionId, issued: true }, { status: "failed" });
  await snapshot();
  for (const { pk, sk } of await all()) await lose(sk, pk);

  expect(await restoreAll("--user-of", REF_ID, ...of)).toEqual({ ...NOTHING, users: 1, records: 1 });
  expect(await recordsOf()).toEqual([sessions.first]);
  expect(await recordsOf(otherId)).toEqual([]);
  expect(await restoreAll()).toEqual({ ...NOTHING, users: 1, records: 1, complete: 1 });
});

test("more records than one transaction holds come back, and an erasure beside the restore takes all along", async () => {
  const { snapshot, restoreAll, lose, dynamodb, tables, userId, all, recordsOf, sessions, verification } =
    await createDamage();
  const item = (await all()).find(({ sk }) => sk === record(sessions.first));
  const ids = Array.from({ length: 120 }, (_, each) => `ses_01MCC5RM00${String(each).padStart(16, "0")}`);
  for (const sessionId of ids) {
    const Item = { ...item, sk: `session#${sessionId}`, sessionId };
    await dynamodb.send(new PutCommand({ TableName: tables.verificationTable, Item }));
  }
  await snapshot();
  const lost = (await all()).filter(({ sk }) => sk.startsWith("session#"));
  for (const { sk } of lost) await lose(sk);
  expect(await restoreAll()).toEqual({ ...NOTHING, records: 121 });
  expect(new Set(await recordsOf())).toEqual(new Set([...ids, sessions.first]));

  for (const { sk } of lost) await lose(sk);
  await Promise.all([restoreAll(), verification.eraseUser(userId)]);
  expect(await recordsOf()).toEqual([]);
});

test("the working table, one that is not there, and half a user are refused", async () => {
  const { run, tables, of } = await createDamage();
  expect((await run("restore", "--from", tables.verificationTable, "--yes")).stderr).toContain(
    "is the table that the service works on",
  );
  expect(await run("restore", "--from", "nowhere", "--yes")).toMatchObject({
    code: 2,
    stderr: "There is no table nowhere in this account and region.\n",
  });
  expect((await run("restore", "--from", "nowhere", "--user-of", REF_ID, "--yes")).stderr).toContain(
    "named by all of --user-of, --client and --environment",
  );
  expect((await run("restore", "--from", "nowhere", ...of)).stderr).toContain("all of --user-of");
});

test("it asks first", async () => {
  const { snapshot, ask, from, lose, recordsOf, sessions } = await createDamage();
  await snapshot();
  await lose(record(sessions.first));
  const declined = await ask("n\n", "restore", "--from", from);
  expect(declined.stderr).toContain(
    `Bring back users and records that are missing on the test data from the table ${from}? [y/N]`,
  );
  expect(await recordsOf()).toEqual([]);
});
