import { ResourceNotFoundException } from "@aws-sdk/client-dynamodb";
import {
  QueryCommand,
  ScanCommand,
  TransactWriteCommand,
  type TransactWriteCommandInput,
} from "@aws-sdk/lib-dynamodb";
import type { UserId } from "../functions/core/ids.ts";
import { newRev } from "../functions/core/rev.ts";
import { isOfEarlierLife } from "../functions/core/session.ts";
import { toSeconds } from "../functions/core/time.ts";
import type { User } from "../functions/core/user.ts";
import type { DynamoDBDocumentClient } from "../functions/store/dynamodb.ts";
import { withRetries } from "../functions/store/retry.ts";
import { conditionOf, updateOf } from "../functions/store/verification/expression.ts";
import {
  decodeRecord,
  isRecordKey,
  RECORD_PREFIX,
  toRestoredRecordItem,
} from "../functions/store/verification/record-item.ts";
import { ABSENT } from "../functions/store/verification/rev-clauses.ts";
import { decodeSlot, lifeOfSlot, SLOT, type SlotImage } from "../functions/store/verification/slot-item.ts";
import type { Item } from "../functions/store/verification/table.ts";
import {
  decodeUser,
  USER,
  type UserImage,
  userKey,
  userSeen,
} from "../functions/store/verification/user-item.ts";
import { AdminError } from "./admin-error.ts";

type TransactItem = NonNullable<TransactWriteCommandInput["TransactItems"]>[number];

/** Where things are brought back from, and to. */
export type Tables = {
  readonly dynamodb: DynamoDBDocumentClient;
  /** The table that was restored to a moment. */
  readonly from: string;
  /** The table that the service works on. */
  readonly to: string;
  /** The clock, in epoch milliseconds. */
  readonly now: () => number;
};

export type Options = {
  /** Only this user. */
  readonly userId?: UserId | undefined;
  /** Looks what is missing, and writes nothing. */
  readonly dryRun: boolean;
  /** Also the records of users who were lost and made anew since, which may as well have been erased. */
  readonly includeRecreated: boolean;
  /** Told once, before the first write. */
  readonly beforeWriting: () => Promise<void>;
  readonly progress: (text: string) => void;
};

/** Why nothing of a user was brought back, though the restored table has something. */
type Skipped = "erased" | "recreated" | "expired" | "withoutUser";

export type Report = {
  users: number;
  records: number;
  /** Users of whom nothing is missing. */
  complete: number;
  skipped: Record<Skipped, number>;
};

/** What the restored table has of one user. */
type Source = { readonly userId: UserId; readonly items: readonly Item[] };
/** What the service's table has of them. */
type Present = {
  readonly user: UserImage;
  readonly slot: SlotImage;
  readonly sortKeys: ReadonlySet<unknown>;
};

type Missing =
  | { readonly kind: "skipped"; readonly why: Skipped }
  | { readonly kind: "missing"; readonly user: Item | undefined; readonly records: readonly Item[] };

/** Together with the user, what one transaction of a hundred takes. */
const MAX_RECORDS = 90;
const USERS_AT_ONCE = 10;

/**
 * Brings users and records back where they are absent: never over what is there, a seal included, never a slot, and
 * nothing of a life that an erasure has ended. Each write is conditioned on the user as seen and gives it a new rev, so
 * that an erasure beside it looks again. Records are marked as restored, so that no client is told of them as news.
 * Repeating it goes on where it stopped.
 */
export async function restore(tables: Tables, options: Options): Promise<Report> {
  const report: Report = {
    users: 0,
    records: 0,
    complete: 0,
    skipped: { erased: 0, recreated: 0, expired: 0, withoutUser: 0 },
  };
  let noted: Promise<void> | undefined;
  const note = () => (noted ??= options.beforeWriting());
  let looked = 0;
  for await (const sources of batches(sourcesOf(tables, options.userId), USERS_AT_ONCE)) {
    await Promise.all(sources.map((source) => restoreUser(tables, options, source, report, note)));
    looked += sources.length;
    options.progress(
      `Looked at ${looked} users; brought back ${report.users} users and ${report.records} records`,
    );
  }
  return report;
}

async function restoreUser(
  tables: Tables,
  { dryRun, includeRecreated }: Options,
  source: Source,
  report: Report,
  note: () => Promise<void>,
): Promise<void> {
  for (let round = 0; ; round += 1) {
    // A transaction that somebody was faster than is decided anew, on another look.
    const outcome = await withRetries(async () => {
      const present = await readPresent(tables, source.userId);
      const missing = missingOf(source, present, includeRecreated, toSeconds(tables.now()));
      if (missing.kind === "skipped") return missing;
      const records = dryRun ? missing.records : missing.records.slice(0, MAX_RECORDS);
      const users = missing.user === undefined ? 0 : 1;
      if (users + records.length === 0) return { kind: "complete" as const };
      if (!dryRun) {
        await note();
        await write(tables, source.userId, present.user, missing.user, records);
      }
      return { kind: "broughtBack" as const, users, records: records.length };
    });
    if (outcome.kind === "broughtBack") {
      report.users += outcome.users;
      report.records += outcome.records;
      if (!dryRun) continue; // until nothing is missing: one transaction may not have held all
    } else if (round === 0) {
      if (outcome.kind === "complete") report.complete += 1;
      else report.skipped[outcome.why] += 1;
    }
    return;
  }
}

/** What is to be brought back of a user. */
export function missingOf(
  { items }: Source,
  { user: present, slot, sortKeys }: Present,
  includeRecreated: boolean,
  nowSeconds: number,
): Missing {
  const userItem = items.find(({ sk }) => sk === USER);
  const lost = decodeUser(userItem);
  // Records without a user count as absent in every read: an erasure stopped halfway.
  if (lost.kind !== "present") return { kind: "skipped", why: "withoutUser" };
  if (isExpired(userItem, nowSeconds)) return { kind: "skipped", why: "expired" };
  if (present.kind === "sealed") return { kind: "skipped", why: "erased" };
  const life = present.kind === "present" ? present.user.life : lifeOfSlot(slot);
  if (life !== undefined && life !== lost.user.life) return { kind: "skipped", why: "erased" };
  if (present.kind === "present" && !includeRecreated && isAnother(present.user, lost.user)) {
    return { kind: "skipped", why: "recreated" };
  }
  const records = items.filter((item) => {
    if (!isRecordKey(item.sk) || sortKeys.has(item.sk)) return false;
    const record = decodeRecord(item, nowSeconds);
    return record !== undefined && !isOfEarlierLife(record.sessionId, lost.user.life);
  });
  return { kind: "missing", user: present.kind === "absent" ? userItem : undefined, records };
}

/** A user who was made at another time was made anew: after the loss, or after an erasure whose seal is gone by now. */
function isAnother(present: User, lost: User): boolean {
  return present.createdAt !== lost.createdAt || present.life !== lost.life;
}

function isExpired(item: Item | undefined, nowSeconds: number): boolean {
  return item?.ttl !== undefined && (item.ttl as number) <= nowSeconds;
}

async function write(
  { dynamodb, to, now }: Tables,
  userId: UserId,
  present: UserImage,
  user: Item | undefined,
  records: readonly Item[],
): Promise<void> {
  const nowMs = now();
  const rev = newRev(
    nowMs,
    present.kind === "present" ? present.user.rev : (user?.rev as string | undefined),
  );
  const put = (item: Item): TransactItem => ({
    Put: { TableName: to, Item: { ...item, rev }, ...conditionOf(ABSENT) },
  });
  // An erasure that has listed the records already seals the user on the rev that it saw: it has to look again.
  const touch: TransactItem = {
    Update: { TableName: to, Key: userKey(userId), ...updateOf({ set: { rev } }, userSeen(present)) },
  };
  const TransactItems = [
    user === undefined ? touch : put(user),
    ...records.map((record) => put(toRestoredRecordItem(record, toSeconds(nowMs)))),
  ];
  await dynamodb.send(new TransactWriteCommand({ TransactItems }));
}

async function readPresent({ dynamodb, to }: Tables, userId: UserId): Promise<Present> {
  const items = new Map<unknown, Item>();
  for await (const item of query(dynamodb, to, userId)) items.set(item.sk, item);
  return {
    user: decodeUser(items.get(USER)),
    slot: decodeSlot(items.get(SLOT)),
    sortKeys: new Set(items.keys()),
  };
}

/** A table's users with their records: a Scan brings the items of one partition one after the other. */
async function* sourcesOf({ dynamodb, from }: Tables, userId: UserId | undefined): AsyncGenerator<Source> {
  let items: Item[] = [];
  for await (const item of userId === undefined ? scan(dynamodb, from) : query(dynamodb, from, userId)) {
    const [first] = items;
    if (first !== undefined && first.pk !== item.pk) {
      yield { userId: first.pk as UserId, items };
      items = [];
    }
    items.push(item);
  }
  const [last] = items;
  if (last !== undefined) yield { userId: last.pk as UserId, items };
}

async function* scan(dynamodb: DynamoDBDocumentClient, TableName: string): AsyncGenerator<Item> {
  let start: Record<string, unknown> | undefined;
  do {
    const page = await orNoTable(TableName, () =>
      dynamodb.send(
        new ScanCommand({
          TableName,
          FilterExpression: "sk = :user OR begins_with(sk, :record)",
          ExpressionAttributeValues: { ":user": USER, ":record": RECORD_PREFIX },
          ...(start === undefined ? {} : { ExclusiveStartKey: start }),
        }),
      ),
    );
    yield* page.Items ?? [];
    start = page.LastEvaluatedKey;
  } while (start !== undefined);
}

async function* query(
  dynamodb: DynamoDBDocumentClient,
  TableName: string,
  userId: UserId,
): AsyncGenerator<Item> {
  let start: Record<string, unknown> | undefined;
  do {
    const page = await orNoTable(TableName, () =>
      dynamodb.send(
        new QueryCommand({
          TableName,
          KeyConditionExpression: "pk = :pk",
          ExpressionAttributeValues: { ":pk": userId },
          ConsistentRead: true,
          ...(start === undefined ? {} : { ExclusiveStartKey: start }),
        }),
      ),
    );
    yield* page.Items ?? [];
    start = page.LastEvaluatedKey;
  } while (start !== undefined);
}

async function orNoTable<Page>(name: string, read: () => Promise<Page>): Promise<Page> {
  try {
    return await withRetries(read);
  } catch (error) {
    if (!(error instanceof ResourceNotFoundException)) throw error;
    throw new AdminError(`There is no table ${name} in this account and region.`, { cause: error });
  }
}

async function* batches<Value>(values: AsyncIterable<Value>, size: number): AsyncGenerator<Value[]> {
  let batch: Value[] = [];
  for await (const value of values) {
    batch.push(value);
    if (batch.length < size) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}
