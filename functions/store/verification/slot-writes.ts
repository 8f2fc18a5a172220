import { PutCommand, TransactWriteCommand, UpdateCommand } from "@aws-sdk/lib-dynamodb";
import { type SessionId, sessionIdOf } from "../../core/ids.ts";
import { newRev, type Rev } from "../../core/rev.ts";
import {
  isLive,
  type Metadata,
  SESSION_TTL_SECONDS,
  type SessionRecord,
  sessionFacts,
  type Slot,
} from "../../core/session.ts";
import type { UserIdentity } from "../../core/user.ts";
import { CutShort } from "../retry.ts";
import { all, conditionOf, updateOf } from "./expression.ts";
import { toRecordItem } from "./record-item.ts";
import { toMetadataText } from "./session-attributes.ts";
import {
  decodeSlot,
  heldIn,
  lastRevOfSlot,
  lifeOfSlot,
  live,
  type SlotImage,
  slotKey,
  slotSeen,
  toSlotItem,
} from "./slot-item.ts";
import { clockOf, type Item, type VerificationTable } from "./table.ts";
import { writeIf } from "./write-if.ts";

/** What an opening asks of the slot. */
export type SlotRequest = {
  readonly identity: UserIdentity;
  readonly userIdSecret: string;
  readonly flowId: string;
  readonly metadata: Metadata | undefined;
  readonly idempotencyKey: string | undefined;
  readonly requestHash: string | undefined;
};

/** What one call knows while it takes the slot. */
export type SlotCall = {
  readonly request: SlotRequest;
  /** The session ids of its attempts, each with the session whose place it takes, as far as that is known. */
  readonly own: Map<SessionId, Slot | undefined>;
  /** The sessions that it has given its metadata to. What others have set there since is younger. */
  readonly noted: Set<SessionId>;
  /** The user's life, for a slot that has none. */
  readonly life: Rev | undefined;
};

/** A write of the slot: how it left the slot, or the image that its condition failed on. */
export type SlotWritten =
  | { readonly kind: "written"; readonly slot: Slot }
  | { readonly kind: "failed"; readonly image: SlotImage };

/** A session of this attempt, in the place of what was seen, and its expiry. */
export function newSlot(table: VerificationTable, call: SlotCall, seen: SlotImage): Slot {
  const { identity, userIdSecret, flowId, metadata, idempotencyKey, requestHash } = call.request;
  const { nowMs, nowSeconds } = clockOf(table);
  const rev = newRev(nowMs, lastRevOfSlot(seen));
  const sessionId = sessionIdOf(rev, { userId: identity.userId, userIdSecret });
  const before = heldIn(seen);
  call.own.set(sessionId, isLive(before, nowSeconds) ? before : undefined);
  call.noted.add(sessionId);
  return {
    sessionId,
    flowId,
    status: "open",
    metadata,
    createdAt: nowSeconds,
    startedAt: undefined,
    expiresAt: nowSeconds + SESSION_TTL_SECONDS,
    idempotencyKey,
    requestHash,
    tenant: { clientId: identity.clientId, environment: identity.environment },
    rev,
    life: lifeOfSlot(seen) ?? call.life,
  };
}

/** Puts a new session in the place of what was seen: an update would leave what the image has and the new one has not. */
export async function putSlot(
  table: VerificationTable,
  call: SlotCall,
  seen: SlotImage,
): Promise<SlotWritten> {
  const slot = newSlot(table, call, seen);
  const written = await writeIf(
    table.dynamodb.send(
      new PutCommand({
        TableName: table.tableName,
        Item: toSlotItem(call.request.identity.userId, slot),
        ...conditionOf(slotSeen(seen)),
        ReturnValuesOnConditionCheckFailure: "ALL_OLD",
      }),
    ),
  );
  return written.kind === "failed"
    ? { kind: "failed", image: decodeSlot(written.image) }
    : { kind: "written", slot };
}

/** The metadata that a call has yet to give to a session: none to one that it, or an earlier call with its key, made or noted it on. */
export function metadataFor({ request, noted }: SlotCall, slot: Slot): Metadata | undefined {
  const bearsKey = request.idempotencyKey !== undefined && slot.idempotencyKey === request.idempotencyKey;
  return bearsKey || noted.has(slot.sessionId) ? undefined : request.metadata;
}

/** Extends the session that was seen, and no other; sets its metadata where the call has some for it. */
export async function extendSlot(table: VerificationTable, call: SlotCall, seen: Slot): Promise<SlotWritten> {
  const image: SlotImage = { kind: "held", slot: seen };
  const { rev, expiresAt, stillLive } = extension(table, seen);
  // The metadata of a session that was started is its record's too: see noteOnStarted.
  const metadata = seen.status === "open" ? toMetadataText(metadataFor(call, seen)) : undefined;
  const written = await writeIf(
    table.dynamodb.send(
      new UpdateCommand({
        TableName: table.tableName,
        Key: slotKey(call.request.identity.userId),
        ...updateOf(
          {
            set: { expiresAt, ttl: expiresAt, rev, metadata },
            setIfAbsent: { ...tenantOf(call.request.identity), life: call.life },
          },
          all(slotSeen(image), stillLive),
        ),
        ReturnValues: "ALL_NEW",
        ReturnValuesOnConditionCheckFailure: "ALL_OLD",
      }),
    ),
  );
  return slotWritten(written.kind === "failed" ? written.image : written.attributes, written.kind);
}

/** What an update with `ALL_NEW` and `ALL_OLD` came to. */
export function slotWritten(item: Item | undefined, kind: "written" | "failed"): SlotWritten {
  const image = decodeSlot(item);
  if (kind === "failed") return { kind, image };
  if (image.kind === "held") return { kind, slot: image.slot };
  throw new CutShort("No slot came back from its update");
}

export const tenantOf = ({ clientId, environment }: UserIdentity) => ({ clientId, environment });

/** An expiry never moves back, whatever this clock says. */
function extension(table: VerificationTable, seen: Slot) {
  const { nowMs, nowSeconds } = clockOf(table);
  return {
    rev: newRev(nowMs, lastRevOfSlot({ kind: "held", slot: seen })),
    expiresAt: Math.max(seen.expiresAt, nowSeconds + SESSION_TTL_SECONDS),
    stillLive: live(nowSeconds),
  };
}

/**
 * Puts a new session in the place of a live one that was started: its record must say that it ended in the same moment
 * that it does.
 * @throws when the slot is not as it was seen any more
 */
export async function supersedeStarted(table: VerificationTable, call: SlotCall, seen: Slot): Promise<Slot> {
  const { userId } = call.request.identity;
  const image: SlotImage = { kind: "held", slot: seen };
  const slot = newSlot(table, call, image);
  await table.dynamodb.send(
    new TransactWriteCommand({
      TransactItems: [
        {
          Put: {
            TableName: table.tableName,
            Item: toSlotItem(userId, slot),
            ...conditionOf(slotSeen(image)),
          },
        },
        putRecord(
          table,
          call,
          { ...startedFacts(seen), status: "superseded", endedAt: slot.createdAt },
          slot.rev,
        ),
      ],
    }),
  );
  return slot;
}

/**
 * Extends a session that was started and sets its metadata, which its record holds too.
 * @throws when the slot is not as it was seen any more
 */
export async function noteOnStarted(table: VerificationTable, call: SlotCall, seen: Slot): Promise<Slot> {
  const { identity, metadata } = call.request;
  const { rev, expiresAt, stillLive } = extension(table, seen);
  const tenant = tenantOf(identity);
  const slot: Slot = { ...seen, expiresAt, metadata, tenant, rev, life: seen.life ?? call.life };
  await table.dynamodb.send(
    new TransactWriteCommand({
      TransactItems: [
        {
          Put: {
            TableName: table.tableName,
            Item: toSlotItem(identity.userId, slot),
            ...conditionOf(all(slotSeen({ kind: "held", slot: seen }), stillLive)),
          },
        },
        putRecord(table, call, { ...startedFacts(slot), status: "in_progress", endedAt: undefined }, rev),
      ],
    }),
  );
  return slot;
}

const startedFacts = (slot: Slot) => ({ ...sessionFacts(slot), result: undefined });

/** Unconditional: the record of a live session changes only together with the slot, which was seen. */
function putRecord(
  table: VerificationTable,
  { request: { identity } }: SlotCall,
  record: Omit<SessionRecord, "tenant" | "rev">,
  rev: Rev | undefined,
) {
  const { nowSeconds } = clockOf(table);
  return {
    Put: {
      TableName: table.tableName,
      Item: toRecordItem(
        identity.userId,
        { ...record, tenant: tenantOf(identity), rev },
        { retentionDays: table.retentionDays, nowSeconds },
      ),
    },
  };
}
