import { TransactionCanceledException } from "@aws-sdk/client-dynamodb";
import { TransactWriteCommand, type TransactWriteCommandInput } from "@aws-sdk/lib-dynamodb";
import type { Refusal } from "../../core/refusal.ts";
import {
  type Ending,
  type SessionImages,
  type SessionRecord,
  type Slot,
  sessionFacts,
} from "../../core/session.ts";
import type { Judge, LiveSession } from "../../core/session-token.ts";
import { withRetries } from "../retry.ts";
import { slotKey, toRecordItem, userKey, type VerificationTable } from "./items.ts";
import { readSession } from "./read.ts";

type TransactItem = NonNullable<TransactWriteCommandInput["TransactItems"]>[number];

const HELD = "sessionId = :sessionId";

/** Sends transactions, and remembers whether one may have taken effect although no answer came. */
function createSender({ client }: VerificationTable) {
  let mayHaveLanded = false;
  return {
    async send(TransactItems: TransactItem[]): Promise<void> {
      try {
        await client.send(new TransactWriteCommand({ TransactItems }));
      } catch (error) {
        if (!(error instanceof TransactionCanceledException)) mayHaveLanded = true;
        throw error;
      }
    },
    /** What is found as it was wanted may then be this call's own doing. */
    mayHaveLanded: () => mayHaveLanded,
  };
}

/**
 * Marks a session as begun and gives it the record that outlasts its slot, in one transaction. What is decided is
 * decided again on a fresh read when somebody else was faster.
 * @param judge whether the session may be started, from what is stored of it
 * @throws Unavailable when the store did not take it; repeating it is safe
 */
export async function startSession(
  table: VerificationTable,
  seen: LiveSession,
  judge: Judge,
  now: number,
): Promise<{ kind: "started" | "unchanged"; slot: Slot } | Refusal> {
  const sender = createSender(table);
  let session: LiveSession | Refusal | undefined = seen;
  return withRetries(async () => {
    const { userId } = seen.user;
    session ??= judge(await readSession(table, userId, seen.slot.sessionId, now));
    if (session.kind === "refused") return session;
    if (session.slot.status === "in_progress") {
      return { kind: sender.mayHaveLanded() ? "started" : "unchanged", slot: session.slot };
    }
    const slot: Slot = { ...session.slot, status: "in_progress", startedAt: now };
    session = undefined; // whatever comes next must be decided on another read
    await sender.send([
      {
        Update: {
          TableName: table.tableName,
          Key: slotKey(userId),
          UpdateExpression: "SET #status = :inProgress, startedAt = :now",
          ConditionExpression: `${HELD} AND #status = :open AND expiresAt > :now`,
          ExpressionAttributeNames: { "#status": "status" },
          ExpressionAttributeValues: {
            ":sessionId": slot.sessionId,
            ":open": "open",
            ":inProgress": "in_progress",
            ":now": now,
          },
        },
      },
      {
        Put: {
          TableName: table.tableName,
          Item: toRecordItem(table, userId, { ...sessionFacts(slot), status: "in_progress" }, now),
          ConditionExpression: "attribute_not_exists(pk)",
        },
      },
    ]);
    return { kind: "started", slot };
  });
}

/**
 * Ends a session: the record is written, the slot deleted if it holds this session, and the user's status set if the
 * decision says so, all in one transaction on the images that the decision was taken on.
 * @param decide what is to happen, from what is stored of the session and its user
 * @throws Unavailable when the store did not take it; repeating it is safe
 */
export async function endSession(
  table: VerificationTable,
  userId: string,
  sessionId: string,
  decide: (images: SessionImages) => Ending,
  now: number,
): Promise<{ kind: "ended" | "unchanged"; record: SessionRecord } | Refusal> {
  const sender = createSender(table);
  return withRetries(async () => {
    const images = await readSession(table, userId, sessionId, now);
    const ending = decide(images);
    if (ending.kind === "unchanged" && sender.mayHaveLanded())
      return { kind: "ended", record: ending.record };
    if (ending.kind !== "end") return ending;
    const items = [writeRecord(table, userId, ending.record, images.record, now)];
    if (images.slot?.sessionId === sessionId) items.push(deleteSlot(table, userId, sessionId));
    if (ending.setsUserStatus) items.push(setUserStatus(table, userId, ending.record, now));
    await sender.send(items);
    return { kind: "ended", record: ending.record };
  });
}

/** Only over the record that was seen: another result, or an erasure, may have come in between. */
function writeRecord(
  table: VerificationTable,
  userId: string,
  record: SessionRecord,
  seen: SessionRecord | undefined,
  now: number,
): TransactItem {
  const Put = { TableName: table.tableName, Item: toRecordItem(table, userId, record, now) };
  if (seen === undefined) {
    return {
      Put: {
        ...Put,
        ConditionExpression: "attribute_not_exists(pk) OR #ttl <= :now", // one past its retention counts as absent
        ExpressionAttributeNames: { "#ttl": "ttl" },
        ExpressionAttributeValues: { ":now": now },
      },
    };
  }
  const { result } = seen;
  const sameReason = result?.reason === undefined ? "attribute_not_exists(reason)" : "reason = :seenReason";
  const sameResult = result === undefined ? "attribute_not_exists(#result)" : "#result = :seenResult";
  return {
    Put: {
      ...Put,
      ConditionExpression: `#status = :seenStatus AND ${sameResult} AND ${sameReason}`,
      ExpressionAttributeNames: { "#status": "status", "#result": "result" },
      ExpressionAttributeValues: {
        ":seenStatus": seen.status,
        ...(result === undefined ? {} : { ":seenResult": result.status }),
        ...(result?.reason === undefined ? {} : { ":seenReason": result.reason }),
      },
    },
  };
}

function deleteSlot(table: VerificationTable, userId: string, sessionId: string): TransactItem {
  return {
    Delete: {
      TableName: table.tableName,
      Key: slotKey(userId),
      ConditionExpression: HELD,
      ExpressionAttributeValues: { ":sessionId": sessionId },
    },
  };
}

function setUserStatus(
  table: VerificationTable,
  userId: string,
  { sessionId, result }: SessionRecord,
  now: number,
): TransactItem {
  return {
    Update: {
      TableName: table.tableName,
      Key: userKey(userId),
      UpdateExpression:
        "SET #status = :status, statusSessionId = :sessionId, #result = :result, updatedAt = :now",
      ConditionExpression:
        "attribute_exists(pk) AND (attribute_not_exists(statusSessionId) OR statusSessionId <= :sessionId)",
      ExpressionAttributeNames: { "#status": "status", "#result": "result" },
      ExpressionAttributeValues: {
        ":status": result?.status,
        ":sessionId": sessionId,
        ":result": { ...result, sessionId },
        ":now": now,
      },
    },
  };
}
