import { BatchGetCommand, QueryCommand } from "@aws-sdk/lib-dynamodb";
import type { SessionImages, SessionRecord, Slot } from "../../core/session.ts";
import type { User } from "../../core/user.ts";
import { Contended, withRetries } from "../retry.ts";
import {
  type Item,
  RECORD_PREFIX,
  recordKey,
  SLOT,
  slotKey,
  toRecord,
  toSlot,
  toUser,
  USER,
  userKey,
  type VerificationTable,
} from "./items.ts";

/** A user with the newest of their sessions. `slot` may be dead. */
export type UserOverview = {
  readonly user: User;
  readonly slot?: Slot;
  readonly records: readonly SessionRecord[];
};

/**
 * What is stored of one session and its user: consistent reads in one request. BatchGetItem is no snapshot: a session that
 * moves from the slot to its record between two of the reads seems to be in neither, so then it is asked once more.
 */
export async function readSession(
  table: VerificationTable,
  userId: string,
  sessionId: string,
  now: number,
): Promise<SessionImages> {
  const images = await readImages(table, userId, sessionId, now);
  const found = images.record !== undefined || images.slot?.sessionId === sessionId;
  return found || images.user === undefined ? images : readImages(table, userId, sessionId, now);
}

async function readImages(
  table: VerificationTable,
  userId: string,
  sessionId: string,
  now: number,
): Promise<SessionImages> {
  const items = await batchGet(table, [userKey(userId), slotKey(userId), recordKey(userId, sessionId)]);
  const user = toUser(items.get(USER));
  const slot = toSlot(items.get(SLOT));
  const record = toRecord(items.get(RECORD_PREFIX + sessionId), now);
  return {
    ...(user === undefined ? {} : { user }),
    ...(slot === undefined ? {} : { slot }),
    ...(record === undefined ? {} : { record }),
  };
}

async function batchGet(
  table: VerificationTable,
  keys: readonly { pk: string; sk: string }[],
): Promise<Map<string, Item>> {
  return withRetries(async () => {
    const { Responses, UnprocessedKeys } = await table.client.send(
      new BatchGetCommand({ RequestItems: { [table.tableName]: { Keys: [...keys], ConsistentRead: true } } }),
    );
    // A part is worth nothing: what is decided needs all of it.
    if (UnprocessedKeys?.[table.tableName] !== undefined) throw new Contended();
    return new Map((Responses?.[table.tableName] ?? []).map((item) => [item.sk as string, item]));
  });
}

/** The user, the slot and the newest `maxRecords` records, by one consistent Query of bounded size. */
export async function readUser(
  table: VerificationTable,
  userId: string,
  maxRecords: number,
  now: number,
): Promise<UserOverview | undefined> {
  const { items } = await queryDescending(table, userId, { limit: maxRecords + 2 });
  const user = toUser(items.find((item) => item.sk === USER));
  if (user === undefined) return undefined;
  const slot = toSlot(items.find((item) => item.sk === SLOT));
  return { user, ...(slot === undefined ? {} : { slot }), records: toRecords(items, now) };
}

/** One page of a user's history, older than session `before`. `lastScanned` is where the next page goes on. */
export async function readHistory(
  table: VerificationTable,
  userId: string,
  page: { readonly before?: string; readonly limit: number },
  now: number,
): Promise<(UserOverview & { readonly lastScanned?: string }) | undefined> {
  const [heads, { items, lastKey }] = await Promise.all([
    batchGet(table, [userKey(userId), slotKey(userId)]),
    // One more than asked for tells whether there is a next page.
    queryDescending(table, userId, { recordsOnly: true, ...page, limit: page.limit + 1 }),
  ]);
  const user = toUser(heads.get(USER));
  if (user === undefined) return undefined;
  const slot = toSlot(heads.get(SLOT));
  return {
    user,
    ...(slot === undefined ? {} : { slot }),
    records: toRecords(items, now),
    ...(lastKey === undefined ? {} : { lastScanned: lastKey.slice(RECORD_PREFIX.length) }),
  };
}

function toRecords(items: readonly Item[], now: number): SessionRecord[] {
  return items
    .filter((item) => (item.sk as string).startsWith(RECORD_PREFIX))
    .map((item) => toRecord(item, now))
    .filter((record) => record !== undefined);
}

async function queryDescending(
  table: VerificationTable,
  userId: string,
  { limit, recordsOnly = false, before }: { limit: number; recordsOnly?: boolean; before?: string },
): Promise<{ items: Item[]; lastKey?: string }> {
  const { Items, LastEvaluatedKey } = await withRetries(() =>
    table.client.send(
      new QueryCommand({
        TableName: table.tableName,
        KeyConditionExpression: recordsOnly ? "pk = :pk AND begins_with(sk, :records)" : "pk = :pk",
        ExpressionAttributeValues: { ":pk": userId, ...(recordsOnly ? { ":records": RECORD_PREFIX } : {}) },
        ...(before === undefined ? {} : { ExclusiveStartKey: recordKey(userId, before) }),
        ScanIndexForward: false,
        ConsistentRead: true,
        Limit: limit,
      }),
    ),
  );
  return { items: Items ?? [], ...(LastEvaluatedKey === undefined ? {} : { lastKey: LastEvaluatedKey.sk }) };
}
