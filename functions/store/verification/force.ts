import { UpdateCommand } from "@aws-sdk/lib-dynamodb";
import { type Refusal, refuse } from "../../core/refusal.ts";
import { revFloor } from "../../core/rev.ts";
import { isLive, SESSION_TTL_SECONDS, type Slot } from "../../core/session.ts";
import { all, any, type Clause, updateOf } from "./expression.ts";
import { openInRounds, type OpenRequest, type Opened, type SlotPolicy, type SlotStep } from "./opening.ts";
import { ABSENT, olderThan } from "./rev-clauses.ts";
import {
  bearsNot,
  dead,
  decodeSlot,
  EMPTIED,
  heldIn,
  lifeOfSlot,
  NEVER_STARTED,
  type SlotImage,
  slotKey,
  toSlotItem,
} from "./slot-item.ts";
import { newSlot, type SlotCall, type SlotRequest, type SlotWritten } from "./slot-writes.ts";
import { clockOf, type VerificationTable } from "./table.ts";
import { writeIf } from "./write-if.ts";

export type ForceRequest = OpenRequest & {
  /** A repeated call with the same key gets the session that the first one made, while that is the active one. */
  readonly idempotencyKey?: string | undefined;
};

/**
 * Creates or updates the user and gives them a new session in the place of whatever there is. With an idempotency key
 * the call may still be refused by what the slot holds, and then must have changed nothing: the slot comes first.
 * @throws Unavailable when the store did not take it; some of it may be stored, and repeating it is safe
 */
export function forceSession(
  table: VerificationTable,
  request: ForceRequest,
): Promise<Opened | Refusal<"idempotency_mismatch">> {
  return openInRounds(table, request, REPLACE);
}

const REPLACE: SlotPolicy = { blind: take, next: afterTake };

/** Takes a slot that is absent, emptied, dead or never started, unless it bears the call's idempotency key. */
async function take(table: VerificationTable, call: SlotCall): Promise<SlotWritten> {
  const { identity } = call.request;
  const slot = newSlot(table, call, { kind: "absent" });
  const { life, ...attributes } = slot;
  const { pk: _pk, sk: _sk, ...set } = toSlotItem(identity.userId, { ...attributes, life: undefined });
  const written = await writeIf(
    table.dynamodb.send(
      new UpdateCommand({
        TableName: table.tableName,
        Key: slotKey(identity.userId),
        ...updateOf(
          { set, setIfAbsent: { life }, remove: SLOT_ATTRIBUTES.filter((name) => set[name] === undefined) },
          mayTake(slot, revFloor(clockOf(table).nowMs)),
        ),
        ReturnValues: "ALL_OLD",
        ReturnValuesOnConditionCheckFailure: "ALL_OLD",
      }),
    ),
  );
  if (written.kind === "failed") return { kind: "failed", image: decodeSlot(written.image) };
  const before = decodeSlot(written.attributes);
  const superseded = heldIn(before);
  if (isLive(superseded, slot.createdAt)) call.own.set(slot.sessionId, superseded);
  return { kind: "written", slot: { ...slot, life: lifeOfSlot(before) ?? life } };
}

/** What a slot may hold that a new session has not. `callId` is of the version before. */
const SLOT_ATTRIBUTES = ["startedAt", "metadata", "idempotencyKey", "requestHash", "callId"];

function mayTake({ createdAt, idempotencyKey }: Slot, floor: string): Clause {
  return any(
    ABSENT,
    all(
      olderThan(floor),
      any(EMPTIED, dead(createdAt), NEVER_STARTED),
      idempotencyKey === undefined ? undefined : bearsNot(idempotencyKey),
    ),
  );
}

function afterTake(image: SlotImage, call: SlotCall, nowSeconds: number): SlotStep {
  if (image.kind === "absent") return { kind: "blind" };
  if (image.kind !== "held" || !isLive(image.slot, nowSeconds)) return { kind: "put", seen: image };
  const { slot } = image;
  if (call.own.has(slot.sessionId)) return { kind: "done", slot };
  const { request } = call;
  if (request.idempotencyKey !== undefined && slot.idempotencyKey === request.idempotencyKey) {
    if (!isSameRequest(slot, request)) {
      return {
        kind: "refused",
        refusal: refuse(
          "idempotency_mismatch",
          "This `Idempotency-Key` was used with another `flowId`, `user` or `metadata`; use a new key.",
        ),
      };
    }
    return slot.expiresAt < nowSeconds + SESSION_TTL_SECONDS
      ? { kind: "extend", seen: slot }
      : { kind: "done", slot };
  }
  return slot.status === "in_progress" ? { kind: "supersede", seen: slot } : { kind: "put", seen: image };
}

/** The version before kept no hash of the request, and told two calls apart by their flow. */
function isSameRequest(slot: Slot, { requestHash, flowId }: SlotRequest): boolean {
  return slot.requestHash === undefined ? slot.flowId === flowId : slot.requestHash === requestHash;
}
