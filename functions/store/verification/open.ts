import { UpdateCommand } from "@aws-sdk/lib-dynamodb";
import { revFloor } from "../../core/rev.ts";
import { isLive, type Metadata, SESSION_TTL_SECONDS, type Slot } from "../../core/session.ts";
import { all, any, type Clause, updateOf } from "./expression.ts";
import { openInRounds, type OpenRequest, type Opened, type SlotPolicy, type SlotStep } from "./opening.ts";
import { ABSENT, below, olderThan } from "./rev-clauses.ts";
import { toMetadataText } from "./session-attributes.ts";
import { EMPTIED, expiresBy, live, NEVER_STARTED, type SlotImage, slotKey } from "./slot-item.ts";
import { metadataFor, newSlot, type SlotCall, type SlotWritten, slotWritten } from "./slot-writes.ts";
import { clockOf, type VerificationTable } from "./table.ts";
import { writeIf } from "./write-if.ts";

/**
 * Creates or updates the user and gives them their one active session: the one there is, extended to 30 minutes from
 * now, or a new one. Both writes are conditional updates, sent together.
 * @throws Unavailable when the store did not take it; some of it may be stored, and repeating it is safe
 */
export async function openSession(table: VerificationTable, request: OpenRequest): Promise<Opened> {
  const opened = await openInRounds(table, request, REUSE);
  if (opened.kind === "refused") throw new Error("Only a call with an idempotency key can be refused");
  return opened;
}

const REUSE: SlotPolicy = { blind: claim, next: afterClaim };

/** Reuses and extends the active session or creates one, whichever is due when DynamoDB evaluates the condition. */
async function claim(table: VerificationTable, call: SlotCall): Promise<SlotWritten> {
  const slot = newSlot(table, call, { kind: "absent" });
  const { sessionId, flowId, status, createdAt, expiresAt, tenant, rev, life } = slot;
  const written = await writeIf(
    table.dynamodb.send(
      new UpdateCommand({
        TableName: table.tableName,
        Key: slotKey(call.request.identity.userId),
        ...updateOf(
          {
            set: { expiresAt, ttl: expiresAt, rev, metadata: toMetadataText(slot.metadata) },
            setIfAbsent: { sessionId, flowId, ...tenant, status, createdAt, life },
          },
          mayClaim(slot, revFloor(clockOf(table).nowMs)),
        ),
        ReturnValues: "ALL_NEW",
        ReturnValuesOnConditionCheckFailure: "ALL_OLD",
      }),
    ),
  );
  return slotWritten(written.kind === "failed" ? written.image : written.attributes, written.kind);
}

function mayClaim({ metadata, createdAt, expiresAt, rev = "" }: Slot, floor: string): Clause {
  const inItsPlace =
    metadata === undefined
      ? below(rev) // extending a session may happen in any order
      : all(NEVER_STARTED, olderThan(floor));
  return any(ABSENT, all(EMPTIED, olderThan(floor)), all(live(createdAt), expiresBy(expiresAt), inItsPlace));
}

function afterClaim(image: SlotImage, call: SlotCall, nowSeconds: number): SlotStep {
  if (image.kind === "absent") return { kind: "blind" };
  if (image.kind !== "held" || !isLive(image.slot, nowSeconds)) return { kind: "put", seen: image };
  const { slot } = image;
  if (isNews(metadataFor(call, slot), slot)) {
    return slot.status === "in_progress" ? { kind: "note", seen: slot } : { kind: "extend", seen: slot };
  }
  return slot.expiresAt < nowSeconds + SESSION_TTL_SECONDS
    ? { kind: "extend", seen: slot }
    : { kind: "done", slot };
}

function isNews(metadata: Metadata | undefined, slot: Slot): boolean {
  return metadata !== undefined && toMetadataText(metadata) !== toMetadataText(slot.metadata);
}
