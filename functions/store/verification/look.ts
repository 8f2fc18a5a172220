import { BatchGetCommand } from "@aws-sdk/lib-dynamodb";
import type { SessionId, UserId } from "../../core/ids.ts";
import { holds, isOfEarlierLife } from "../../core/session.ts";
import type { SessionImages } from "../../core/session-images.ts";
import { Contended, CutShort } from "../retry.ts";
import { decodeRecord, RECORD_PREFIX, recordKey } from "./record-item.ts";
import { decodeSlot, heldIn, SLOT, type SlotImage, slotKey } from "./slot-item.ts";
import { clockOf, type Item, type VerificationTable } from "./table.ts";
import { decodeUser, presentIn, USER, type UserImage, userKey } from "./user-item.ts";

/**
 * What is stored of one session and its user: consistent reads in one request. BatchGetItem is no snapshot: a session
 * that moves from the slot to its record between two of the reads seems to be in neither, and one that ends seems to
 * have expired. So then it is asked once more, and the second look decides. Not retried.
 */
export async function lookAt(
  table: VerificationTable,
  userId: UserId,
  sessionId: SessionId,
): Promise<SessionImages> {
  const first = await readImages(table, userId, sessionId);
  if (!mayBeTorn(first, sessionId, clockOf(table).nowSeconds)) return first;
  const second = await readImages(table, userId, sessionId);
  // Nothing but an erasure takes a record away, and with it the user, whom this look may have found before that.
  const isErased = first.record !== undefined && second.record === undefined;
  return isErased && second.user?.life === first.user?.life ? { ...second, user: undefined } : second;
}

function mayBeTorn({ user, slot, record }: SessionImages, sessionId: SessionId, nowSeconds: number): boolean {
  if (user === undefined || holds(slot, sessionId, nowSeconds)) return false;
  return record === undefined || record.status === "in_progress";
}

async function readImages(
  table: VerificationTable,
  userId: UserId,
  sessionId: SessionId,
): Promise<SessionImages> {
  const items = await batchGet(table, [userKey(userId), slotKey(userId), recordKey(userId, sessionId)]);
  const user = presentIn(decodeUser(items.get(USER)));
  const record = decodeRecord(items.get(RECORD_PREFIX + sessionId), clockOf(table).nowSeconds);
  return {
    user,
    slot: heldIn(decodeSlot(items.get(SLOT))),
    record: isOfEarlierLife(sessionId, user?.life) ? undefined : record,
  };
}

/** What lies where a user and their slot are. Not retried. */
export async function readHeads(
  table: VerificationTable,
  userId: UserId,
): Promise<{ readonly user: UserImage; readonly slot: SlotImage }> {
  const items = await batchGet(table, [userKey(userId), slotKey(userId)]);
  return { user: decodeUser(items.get(USER)), slot: decodeSlot(items.get(SLOT)) };
}

async function batchGet(
  { dynamodb, tableName }: VerificationTable,
  keys: readonly { pk: string; sk: string }[],
): Promise<Map<string, Item>> {
  const { Responses, UnprocessedKeys } = await dynamodb.send(
    new BatchGetCommand({ RequestItems: { [tableName]: { Keys: [...keys], ConsistentRead: true } } }),
  );
  if (Responses === undefined) throw new CutShort("No items came back from a read");
  // A part is worth nothing: what is decided needs all of it.
  if (UnprocessedKeys?.[tableName] !== undefined) throw new Contended();
  return new Map((Responses[tableName] ?? []).map((item) => [item.sk as string, item]));
}
