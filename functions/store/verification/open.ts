import { randomUUID } from "node:crypto";
import { ConditionalCheckFailedException } from "@aws-sdk/client-dynamodb";
import { PutCommand, TransactWriteCommand, UpdateCommand } from "@aws-sdk/lib-dynamodb";
import { unmarshall } from "@aws-sdk/util-dynamodb";
import { isLive, SESSION_TTL_SECONDS, type Slot, sessionFacts } from "../../core/session.ts";
import type { UserIdentity } from "../../core/user.ts";
import type { DetailName, DetailsPatch } from "../../core/user-details.ts";
import { Contended, withRetries } from "../retry.ts";
import {
  detailAttribute,
  EXTRAS,
  type Item,
  slotKey,
  toRecordItem,
  toSlot,
  toSlotItem,
  userKey,
  type VerificationTable,
} from "./items.ts";

export type OpenRequest = {
  readonly user: UserIdentity;
  readonly details?: DetailsPatch;
  readonly flowId: string;
  /** Given for a forced creation only, where repeating the call is to give the same session. */
  readonly idempotencyKey?: string;
  /** A fresh session id at every call: each attempt at the slot has one of its own. */
  readonly newSessionId: () => string;
  /** Epoch seconds. */
  readonly now: number;
};

/** `superseded` is the live session whose place a created one took, if there was one. */
export type Opened =
  | { readonly kind: "created"; readonly slot: Slot; readonly superseded?: Slot }
  | { readonly kind: "reused"; readonly slot: Slot };

/** A session that a forced call with the same key made, but for another flow. Nothing was changed. */
export type KeyMismatch = { readonly kind: "idempotency_mismatch" };

const ABSENT = "attribute_not_exists(pk)";
const ACTIVE = "#status IN (:open, :inProgress) AND expiresAt > :now";
const NEVER_STARTED = "#status = :open";
const IMAGE_SEEN = "sessionId = :seenId AND #status = :seenStatus AND expiresAt = :seenExpiry";
/** A put that was given up may still arrive: it must not take the place of what a later attempt of its call has put. */
const OF_ANOTHER_CALL = "(attribute_not_exists(callId) OR callId <> :callId)";
const BEARS_NO_SUCH_KEY = "(attribute_not_exists(idempotencyKey) OR idempotencyKey <> :key)";

/**
 * Creates or updates the user and gives them their one active session: the one there is, extended to 30 minutes from
 * now, or a new one. Both writes are conditional updates, sent together.
 * @throws Unavailable when the store did not take it; some of it may be stored, and repeating it is safe
 */
export async function openSession(table: VerificationTable, request: OpenRequest): Promise<Opened> {
  return both(upsertUser(table, request), claimSlot(table, request));
}

/**
 * Creates or updates the user and gives them a new session in the place of whatever there is. With an idempotency key
 * the call may still be refused by what the slot holds, and then must have changed nothing: the slot comes first.
 * @throws Unavailable when the store did not take it; some of it may be stored, and repeating it is safe
 */
export async function forceSession(
  table: VerificationTable,
  request: OpenRequest,
): Promise<Opened | KeyMismatch> {
  if (request.idempotencyKey === undefined) return both(upsertUser(table, request), takeSlot(table, request));
  const opened = await takeSlot(table, request);
  if (opened.kind !== "idempotency_mismatch") await upsertUser(table, request);
  return opened;
}

/**
 * Awaits both, whatever one of them does: a promise left behind in a frozen Lambda fires later, over newer data.
 */
async function both<T>(upserted: Promise<void>, opened: Promise<T>): Promise<T> {
  const [user, slot] = await Promise.allSettled([upserted, opened]);
  if (user.status === "rejected") throw user.reason;
  if (slot.status === "rejected") throw slot.reason;
  return slot.value;
}

async function upsertUser(table: VerificationTable, { user, details, now }: OpenRequest): Promise<void> {
  const names: Record<string, string> = { "#status": "status", "#environment": "environment" };
  const values: Item = {
    ":refId": user.refId,
    ":clientId": user.clientId,
    ":environment": user.environment,
    ":notStarted": "not_started",
    ":now": now,
  };
  const set = [
    "refId = if_not_exists(refId, :refId)",
    "clientId = if_not_exists(clientId, :clientId)",
    "#environment = if_not_exists(#environment, :environment)",
    "#status = if_not_exists(#status, :notStarted)",
    "createdAt = if_not_exists(createdAt, :now)",
    // A call without details changes nothing of a user who is there.
    details === undefined ? "updatedAt = if_not_exists(updatedAt, :now)" : "updatedAt = :now",
  ];
  const remove: string[] = [];
  const attributes = {
    ...Object.fromEntries(
      Object.entries(details?.set ?? {}).map(([name, value]) => [detailAttribute(name as DetailName), value]),
    ),
    ...(details?.extras === undefined ? {} : { [EXTRAS]: JSON.stringify(details.extras) }),
  };
  for (const [index, [attribute, value]] of Object.entries(attributes).entries()) {
    names[`#s${index}`] = attribute;
    values[`:s${index}`] = value;
    set.push(`#s${index} = :s${index}`);
  }
  for (const [index, name] of (details?.remove ?? []).entries()) {
    names[`#r${index}`] = detailAttribute(name);
    remove.push(`#r${index}`);
  }
  const command = new UpdateCommand({
    TableName: table.tableName,
    Key: userKey(user.userId),
    UpdateExpression: `SET ${set.join(", ")}${remove.length > 0 ? ` REMOVE ${remove.join(", ")}` : ""}`,
    ExpressionAttributeNames: names,
    ExpressionAttributeValues: values,
  });
  await withRetries(() => table.client.send(command));
}

/** Reuses and extends the active session or creates one, whichever is due when DynamoDB evaluates the condition. */
async function claimSlot(table: VerificationTable, request: OpenRequest): Promise<Opened> {
  const callId = randomUUID();
  return withRetries(async () => {
    const slot = newSlot(request, callId);
    const found = await claim(table, request, slot);
    if (isLive(found, request.now)) {
      // Made by this very call: an earlier attempt had won, only its answer was lost.
      return { kind: found.callId === callId ? "created" : "reused", slot: found };
    }
    await replaceDead(table, request, found, slot);
    return { kind: "created", slot };
  });
}

/** What the slot holds after the claim. A dead session fails the claim and is returned as it stands. */
async function claim(table: VerificationTable, { user, now }: OpenRequest, slot: Slot): Promise<Slot> {
  const command = new UpdateCommand({
    TableName: table.tableName,
    Key: slotKey(user.userId),
    UpdateExpression:
      "SET sessionId = if_not_exists(sessionId, :sessionId), flowId = if_not_exists(flowId, :flowId), " +
      "#status = if_not_exists(#status, :open), createdAt = if_not_exists(createdAt, :now), " +
      "callId = if_not_exists(callId, :callId), expiresAt = :expiry, #ttl = :expiry",
    // A later expiry than ours was set by a clock ahead of this one, and an expiry never moves back.
    ConditionExpression: `${ABSENT} OR (${ACTIVE} AND expiresAt <= :expiry)`,
    ExpressionAttributeNames: { "#status": "status", "#ttl": "ttl" },
    ExpressionAttributeValues: {
      ":sessionId": slot.sessionId,
      ":flowId": slot.flowId,
      ":callId": slot.callId,
      ":open": "open",
      ":inProgress": "in_progress",
      ":now": now,
      ":expiry": slot.expiresAt,
    },
    ReturnValues: "ALL_NEW",
    ReturnValuesOnConditionCheckFailure: "ALL_OLD",
  });
  return slotAfter(async () => (await table.client.send(command)).Attributes);
}

/** A put, not an update, which would carry `startedAt` and the idempotency key over. Who loses looks again. */
async function replaceDead(
  table: VerificationTable,
  { user }: OpenRequest,
  seen: Slot,
  slot: Slot,
): Promise<void> {
  const command = new PutCommand({
    TableName: table.tableName,
    Item: toSlotItem(user.userId, slot),
    ConditionExpression: IMAGE_SEEN,
    ExpressionAttributeNames: { "#status": "status" },
    ExpressionAttributeValues: {
      ":seenId": seen.sessionId,
      ":seenStatus": seen.status,
      ":seenExpiry": seen.expiresAt,
    },
  });
  try {
    await table.client.send(command);
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) throw new Contended();
    throw error;
  }
}

/** Puts a new session over whatever there is, in one write unless a live session was started. */
async function takeSlot(table: VerificationTable, request: OpenRequest): Promise<Opened | KeyMismatch> {
  const { idempotencyKey, flowId, now } = request;
  const callId = randomUUID();
  return withRetries(async () => {
    const slot = newSlot(request, callId);
    const put = await putOver(table, request, slot);
    if (put.kind === "done") {
      const superseded = isLive(put.before, now) ? put.before : undefined;
      return { kind: "created", slot, ...(superseded === undefined ? {} : { superseded }) };
    }
    const { before } = put;
    if (before.callId === callId) return { kind: "created", slot: before };
    if (idempotencyKey !== undefined && before.idempotencyKey === idempotencyKey) {
      if (before.flowId !== flowId) return { kind: "idempotency_mismatch" };
      return { kind: "reused", slot: await extend(table, request, before) };
    }
    await supersedeStarted(table, request, before, slot);
    return { kind: "created", slot, superseded: before };
  });
}

type PutOver =
  | { readonly kind: "done"; readonly before: Slot | undefined }
  | { readonly kind: "held"; readonly before: Slot };

/** Succeeds over a slot that is absent, dead or never started, unless it bears the call's idempotency key. */
async function putOver(
  table: VerificationTable,
  { user, idempotencyKey, now }: OpenRequest,
  slot: Slot,
): Promise<PutOver> {
  const overNeverStarted = [
    NEVER_STARTED,
    OF_ANOTHER_CALL,
    ...(idempotencyKey === undefined ? [] : [BEARS_NO_SUCH_KEY]),
  ];
  const command = new PutCommand({
    TableName: table.tableName,
    Item: toSlotItem(user.userId, slot),
    ConditionExpression: `${ABSENT} OR expiresAt <= :now OR (${overNeverStarted.join(" AND ")})`,
    ExpressionAttributeNames: { "#status": "status" },
    ExpressionAttributeValues: {
      ":open": "open",
      ":now": now,
      ":callId": slot.callId,
      ...(idempotencyKey === undefined ? {} : { ":key": idempotencyKey }),
    },
    ReturnValues: "ALL_OLD",
    ReturnValuesOnConditionCheckFailure: "ALL_OLD",
  });
  try {
    return { kind: "done", before: toSlot((await table.client.send(command)).Attributes) };
  } catch (error) {
    return { kind: "held", before: imageOf(error) };
  }
}

/** Extends the session that is held, and no other. */
async function extend(table: VerificationTable, { user, now }: OpenRequest, held: Slot): Promise<Slot> {
  const expiry = now + SESSION_TTL_SECONDS;
  const command = new UpdateCommand({
    TableName: table.tableName,
    Key: slotKey(user.userId),
    UpdateExpression: "SET expiresAt = :expiry, #ttl = :expiry",
    ConditionExpression: `sessionId = :held AND ${ACTIVE} AND expiresAt <= :expiry`,
    ExpressionAttributeNames: { "#status": "status", "#ttl": "ttl" },
    ExpressionAttributeValues: {
      ":held": held.sessionId,
      ":open": "open",
      ":inProgress": "in_progress",
      ":now": now,
      ":expiry": expiry,
    },
    ReturnValues: "ALL_NEW",
    ReturnValuesOnConditionCheckFailure: "ALL_OLD",
  });
  const after = await slotAfter(async () => (await table.client.send(command)).Attributes);
  if (after.sessionId !== held.sessionId || !isLive(after, now)) throw new Contended();
  return after;
}

/** A live session that was started has a record, which must say that it ended in the same moment that it does. */
async function supersedeStarted(
  table: VerificationTable,
  { user, now }: OpenRequest,
  seen: Slot,
  slot: Slot,
): Promise<void> {
  const record = { ...sessionFacts(seen), status: "superseded", endedAt: now } as const;
  await table.client.send(
    new TransactWriteCommand({
      TransactItems: [
        {
          Put: {
            TableName: table.tableName,
            Item: toSlotItem(user.userId, slot),
            ConditionExpression: "sessionId = :seenId AND #status = :seenStatus",
            ExpressionAttributeNames: { "#status": "status" },
            ExpressionAttributeValues: { ":seenId": seen.sessionId, ":seenStatus": seen.status },
          },
        },
        { Put: { TableName: table.tableName, Item: toRecordItem(table, user.userId, record, now) } },
      ],
    }),
  );
}

function newSlot({ flowId, idempotencyKey, newSessionId, now }: OpenRequest, callId: string): Slot {
  return {
    sessionId: newSessionId(),
    flowId,
    status: "open",
    createdAt: now,
    expiresAt: now + SESSION_TTL_SECONDS,
    callId,
    ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
  };
}

/** The slot as `write` left it or, where its condition failed, as it stands. */
async function slotAfter(write: () => Promise<Item | undefined>): Promise<Slot> {
  try {
    const slot = toSlot(await write());
    if (slot === undefined) throw new Error("DynamoDB returned no attributes for ALL_NEW");
    return slot;
  } catch (error) {
    return imageOf(error);
  }
}

/** The image that a failed condition was evaluated on. Whatever else went wrong is thrown on. */
function imageOf(error: unknown): Slot {
  if (!(error instanceof ConditionalCheckFailedException)) throw error;
  const slot = toSlot(error.Item === undefined ? undefined : unmarshall(error.Item));
  if (slot === undefined) throw new Contended(); // gone between the condition and the image
  return slot;
}
