import { BatchGetCommand } from "@aws-sdk/lib-dynamodb";
import type { SessionId, UserId } from "../../core/ids.ts";
import { isSame } from "../../core/same.ts";
import { holds, isOfEarlierLife, laterLife } from "../../core/session.ts";
import type { SessionImages } from "../../core/session-images.ts";
import { Contended, CutShort } from "../retry.ts";
import { decodeRecord, RECORD_PREFIX, recordKey } from "./record-item.ts";
import { decodeSlot, heldIn, lifeOfSlot, SLOT, type SlotImage, slotKey } from "./slot-item.ts";
import { clockOf, type Item, type VerificationTable } from "./table.ts";
import { decodeUser, presentIn, USER, type UserImage, userKey } from "./user-item.ts";

/** How many looks are taken at once. They agree at the second unless somebody writes just then. */
const MAX_LOOKS = 4;

/**
 * Looks at several items, which are read consistently and yet are no snapshot. What is in doubt is looked at again
 * until two looks running agree: every change leaves something that never was there before, so between the two all of
 * it was there at one time.
 * @throws Contended when it does not come to rest
 */
export async function lookUntilCertain<Seen>(
  look: () => Promise<Seen>,
  isInDoubt: (seen: Seen) => boolean,
): Promise<Seen> {
  let seen = await look();
  for (let looks = 1; isInDoubt(seen); looks += 1) {
    if (looks === MAX_LOOKS) throw new Contended();
    const before = seen;
    seen = await look();
    if (isSame(seen, before)) break;
  }
  return seen;
}

/**
 * What is stored of one session and its user: consistent reads in one request. A session that moves from the slot to its
 * record between two of the reads seems to be in neither, and one that ends seems to have expired: such a look is not
 * believed alone. Not retried.
 */
export function lookAt(
  table: VerificationTable,
  userId: UserId,
  sessionId: SessionId,
): Promise<SessionImages> {
  return lookUntilCertain(
    () => readImages(table, userId, sessionId),
    (images) => mayBeTorn(images, sessionId, clockOf(table).nowSeconds),
  );
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
  const slot = decodeSlot(items.get(SLOT));
  const record = decodeRecord(items.get(RECORD_PREFIX + sessionId), clockOf(table).nowSeconds);
  const life = laterLife(user?.life, lifeOfSlot(slot));
  return { user, slot: heldIn(slot), record: isOfEarlierLife(sessionId, life) ? undefined : record, life };
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
