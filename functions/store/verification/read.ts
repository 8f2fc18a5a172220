import { QueryCommand } from "@aws-sdk/lib-dynamodb";
import { refuseUnknownSession, refuseUnknownUser } from "../../core/ending.ts";
import type { SessionId, UserId } from "../../core/ids.ts";
import type { Refusal } from "../../core/refusal.ts";
import { revFloor } from "../../core/rev.ts";
import {
  holds,
  isOfEarlierLife,
  lifeOf,
  type NamedSession,
  type SessionRecord,
  type SessionView,
  viewRecord,
  viewSlot,
} from "../../core/session.ts";
import type { Page, ReadForPage } from "../../core/session-list.ts";
import {
  decideToken,
  type LiveSession,
  type SessionClaims,
  type TokenRefusal,
} from "../../core/session-token.ts";
import type { User, UserIdentity } from "../../core/user.ts";
import { CutShort, withRetries } from "../retry.ts";
import { lookAt, lookUntilCertain, readHeads } from "./look.ts";
import { decodeRecord, isRecordKey, RECORD_PREFIX, recordKey } from "./record-item.ts";
import { decodeSlot, heldIn, lifeOfSlot, SLOT, type SlotImage } from "./slot-item.ts";
import { clockOf, type Item, type VerificationTable } from "./table.ts";
import { decodeUser, presentIn, USER, type UserImage } from "./user-item.ts";

/** A user with the newest of their sessions. `slot` may be dead. */
export type UserOverview = ReadForPage & { readonly user: User };

/** Judges a token's claims by what is stored. */
export async function findTokenSession(
  table: VerificationTable,
  claims: SessionClaims,
): Promise<LiveSession | TokenRefusal> {
  const images = await withRetries(() => lookAt(table, claims.userId, claims.sessionId), table.sleep);
  return decideToken(claims, images, clockOf(table).nowSeconds);
}

/** One session of a user. One that was never started and is over has left nothing to find. */
export async function findSession(
  table: VerificationTable,
  { userId }: UserIdentity,
  { sessionId }: NamedSession,
): Promise<SessionView | Refusal<"user_not_found" | "session_not_found">> {
  const { user, slot, record } = await withRetries(() => lookAt(table, userId, sessionId), table.sleep);
  const { nowSeconds } = clockOf(table);
  if (user === undefined) return refuseUnknownUser();
  if (record !== undefined) return viewRecord(record, slot, nowSeconds);
  return holds(slot, sessionId, nowSeconds) ? viewSlot(slot) : refuseUnknownSession();
}

/** User and slot come before the records. */
const HEADS = 2;

/** The user, the slot and the newest `maxRecords` records, by one consistent Query of bounded size. */
export function readUser(
  table: VerificationTable,
  userId: UserId,
  { maxRecords }: { readonly maxRecords: number },
): Promise<UserOverview | undefined> {
  return overviewOf(table, () => query(table, userId, { limit: maxRecords + HEADS }));
}

/**
 * One page of a user's history. `lastScanned` is where the next page goes on. The first page is one Query; a later one
 * does not lie beside user and slot, and so is two requests side by side.
 */
export function readHistory(
  table: VerificationTable,
  userId: UserId,
  { before, limit }: Page,
): Promise<UserOverview | undefined> {
  const more = limit + 1; // tells whether there is a next page
  return overviewOf(table, async () => {
    if (before === undefined) return query(table, userId, { limit: more + HEADS });
    const [heads, page] = await Promise.all([
      readHeads(table, userId),
      query(table, userId, { before, limit: more }),
    ]);
    return { ...page, ...heads };
  });
}

/** What was read of a partition, from its end. */
type Look = {
  readonly user: UserImage;
  readonly slot: SlotImage;
  readonly records: readonly Item[];
  /** The oldest session that was reached, where there is more behind it. */
  readonly lastScanned: SessionId | undefined;
};

/** Descending: the user, the slot, the records from newest to oldest. */
async function query(table: VerificationTable, userId: UserId, { before, limit }: Page): Promise<Look> {
  const { Items, LastEvaluatedKey } = await table.dynamodb.send(
    new QueryCommand({
      TableName: table.tableName,
      KeyConditionExpression: "pk = :pk",
      ExpressionAttributeValues: { ":pk": userId },
      ...(before === undefined ? {} : { ExclusiveStartKey: recordKey(userId, before) }),
      ScanIndexForward: false,
      ConsistentRead: true,
      Limit: limit,
    }),
  );
  if (Items === undefined) throw new CutShort("No items came back from a query");
  const lastKey: unknown = LastEvaluatedKey?.sk;
  return {
    user: decodeUser(Items.find(({ sk }) => sk === USER)),
    slot: decodeSlot(Items.find(({ sk }) => sk === SLOT)),
    records: Items.filter(({ sk }) => isRecordKey(sk)),
    lastScanned: isRecordKey(lastKey) ? (lastKey.slice(RECORD_PREFIX.length) as SessionId) : undefined,
  };
}

/** A Query is no snapshot either: a look whose parts contradict each other is not believed alone. */
function overviewOf(table: VerificationTable, read: () => Promise<Look>): Promise<UserOverview | undefined> {
  return withRetries(async () => {
    const look = await lookUntilCertain(read, (seen) => mayBeTorn(seen, table.now()));
    return toOverview(look, clockOf(table).nowSeconds);
  }, table.sleep);
}

function toOverview(look: Look, nowSeconds: number): UserOverview | undefined {
  const user = presentIn(look.user);
  if (user === undefined) return undefined;
  const life = lifeOf(user, lifeOfSlot(look.slot));
  const records = look.records
    .map((item) => decodeRecord(item, nowSeconds))
    .filter((record) => record !== undefined)
    .filter(({ sessionId }) => !isOfEarlierLife(sessionId, life));
  const slot = heldIn(look.slot);
  const { lastScanned } = look;
  return {
    user,
    // The record is asked before the slot: whatever a slot says, a session that was ended stays ended.
    slot: records.some((record) => hasEnded(record) && record.sessionId === slot?.sessionId)
      ? undefined
      : slot,
    records,
    // Whatever lies behind a session of an earlier life is of an earlier life too.
    lastScanned: lastScanned !== undefined && isOfEarlierLife(lastScanned, life) ? undefined : lastScanned,
  };
}

const hasEnded = ({ status }: SessionRecord) => status !== "in_progress";

/** Whether a write may have come between the reads of a Query's parts: they say what never was true at one time. */
function mayBeTorn(look: Look, nowMs: number): boolean {
  const nowSeconds = Math.floor(nowMs / 1000);
  const overview = toOverview(look, nowSeconds);
  if (overview === undefined) return false;
  const { user, records } = overview;
  const image = look.slot;
  const slot = heldIn(image);
  return (
    // An erasure, and another life.
    (image.kind !== "absent" && lifeOfSlot(image) !== user.life) ||
    // A session that ended just now: its record may be missing.
    (image.kind === "emptied" && image.rev >= revFloor(nowMs)) ||
    // A session that has ended, and is in its slot nevertheless, dead or not; or one that was started, and is in no slot. Of these
    // most have expired.
    records.some((record) =>
      hasEnded(record) ? record.sessionId === slot?.sessionId : !holds(slot, record.sessionId, nowSeconds),
    ) ||
    // A result that is the session's and not the user's, or the other way round.
    records.some(
      ({ sessionId, result }) => result !== undefined && sessionId > (user.statusSessionId ?? ""),
    ) ||
    records.some(
      ({ sessionId, result }) =>
        sessionId === user.statusSessionId && result?.reportedAt !== user.result?.reportedAt,
    ) ||
    (user.statusSessionId !== undefined && user.statusSessionId === slot?.sessionId)
  );
}
