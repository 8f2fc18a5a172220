import { unmarshall } from "@aws-sdk/util-dynamodb";
import type { DynamoDBRecord } from "aws-lambda";
import { isUserId, type UserId } from "../core/ids.ts";
import { decodeRecord, isRecordKey, isRestored } from "../store/verification/record-item.ts";
import { decodeSlot, SLOT } from "../store/verification/slot-item.ts";
import { type Item, SECONDS_PER_DAY } from "../store/verification/table.ts";
import type { Change } from "./events.ts";

/** A record of the stream that is not as the store writes items. */
export class Unreadable extends Error {
  override readonly name = "Unreadable";
}

/** Records of every age count: a stream is read within a day, and what it says was so when it was written. */
const NEVER_TOO_OLD = 0;

/**
 * What a record of the Verification table's stream shows; `undefined` of items that nobody is told of,
 * and where a record was only restored: what it says was told when it happened, or could have been.
 * @throws Unreadable where it is not as the store writes items
 */
export function toChange({ dynamodb }: DynamoDBRecord): Change | undefined {
  try {
    const { pk, sk } = fromImage(dynamodb?.Keys) ?? {};
    if (sk !== SLOT && !isRecordKey(sk)) return undefined;
    if (typeof pk !== "string" || !isUserId(pk)) throw new TypeError("pk is no user's id");
    const before = fromImage(dynamodb?.OldImage);
    const after = fromImage(dynamodb?.NewImage);
    if (before === undefined && after === undefined) throw new TypeError("there are no images");
    if (sk !== SLOT && after !== undefined && isRestored(after)) return undefined;
    const writtenAt = Math.floor(dynamodb?.ApproximateCreationDateTime ?? 0);
    return sk === SLOT
      ? slotChange(pk, before, after, writtenAt)
      : {
          kind: "record",
          userId: pk,
          writtenAt,
          before: decodeRecord(before, NEVER_TOO_OLD),
          after: decodeRecord(after, NEVER_TOO_OLD),
        };
  } catch (cause) {
    throw new Unreadable("A record of the stream cannot be read", { cause });
  }
}

function slotChange(
  userId: UserId,
  before: Item | undefined,
  after: Item | undefined,
  writtenAt: number,
): Change {
  return {
    kind: "slot",
    userId,
    writtenAt,
    before: decodeSlot(before),
    after: decodeSlot(after),
    // An emptied slot tells in its `ttl` when it was emptied; nothing but the stream tells when one was deleted.
    goneAt: after === undefined ? writtenAt : Number(after.ttl) - SECONDS_PER_DAY,
  };
}

type Image = NonNullable<DynamoDBRecord["dynamodb"]>["Keys"];

function fromImage(image: Image): Item | undefined {
  // The two packages spell the same wire format.
  return image === undefined ? undefined : unmarshall(image as Parameters<typeof unmarshall>[0]);
}
