import { TransactWriteCommand, type TransactWriteCommandInput } from "@aws-sdk/lib-dynamodb";
import { decideCancel, decideResult, type Ending, type EndingRefusal } from "../../core/ending.ts";
import type { ResultReport } from "../../core/result.ts";
import { newRev } from "../../core/rev.ts";
import type { NamedSession, SessionRecord } from "../../core/session.ts";
import type { SessionImages } from "../../core/session-images.ts";
import type { User, UserIdentity } from "../../core/user.ts";
import { createDoubt, withRetries } from "../retry.ts";
import { all, conditionOf, updateOf } from "./expression.ts";
import { lookAt } from "./look.ts";
import { recordSeen, toRecordItem } from "./record-item.ts";
import { lifeSeen } from "./rev-clauses.ts";
import { lastRevOfSlot, type SlotImage, slotSeen, toEmptiedSlotItem } from "./slot-item.ts";
import { tenantOf } from "./slot-writes.ts";
import { clockOf, type VerificationTable } from "./table.ts";
import { IS_USER, statusIsNotNewerThan, userKey, userTtl } from "./user-item.ts";

export type Ended = { readonly kind: "ended" | "unchanged"; readonly record: SessionRecord };

type TransactItem = NonNullable<TransactWriteCommandInput["TransactItems"]>[number];

/** Ends an active session for good. */
export function cancelSession(
  table: VerificationTable,
  user: UserIdentity,
  named: NamedSession,
): Promise<Ended | EndingRefusal> {
  return endSession(table, user, named, (images, nowSeconds) => decideCancel(images, named, nowSeconds));
}

/** Takes what the verification engine reports of a session. */
export function reportResult(
  table: VerificationTable,
  user: UserIdentity,
  named: NamedSession,
  report: ResultReport,
): Promise<Ended | EndingRefusal> {
  return endSession(table, user, named, (images, nowSeconds) =>
    decideResult(images, named, report, nowSeconds),
  );
}

/**
 * The record is written, the slot emptied if it holds this session, and the user's status set if the decision says so,
 * all in one transaction on the images that the decision was taken on.
 * @throws Unavailable when the store did not take it; repeating it is safe
 */
function endSession(
  table: VerificationTable,
  { userId }: UserIdentity,
  { sessionId }: NamedSession,
  decide: (images: SessionImages, nowSeconds: number) => Ending,
): Promise<Ended | EndingRefusal> {
  const doubt = createDoubt();
  return withRetries(async () => {
    const images = await lookAt(table, userId, sessionId);
    const { nowMs, nowSeconds } = clockOf(table);
    const ending = decide(images, nowSeconds);
    if (ending.kind === "refused") return doubt.refusing(ending);
    if (ending.kind === "unchanged") {
      return { kind: doubt.mayHaveLanded() ? "ended" : "unchanged", record: ending.record };
    }
    const { user, record: before } = images;
    if (user === undefined) throw new Error("A session of no user was to be ended");
    const slot: SlotImage =
      images.slot?.sessionId === sessionId ? { kind: "held", slot: images.slot } : { kind: "absent" };
    const rev = newRev(nowMs, before?.rev, lastRevOfSlot(slot));
    const record: SessionRecord = { ...ending.record, tenant: tenantOf(user), rev };

    const { tableName: TableName, retentionDays } = table;
    const items: TransactItem[] = [
      {
        Put: {
          TableName,
          Item: toRecordItem(userId, record, { retentionDays, nowSeconds }),
          ...conditionOf(recordSeen(before, nowSeconds)),
        },
      },
    ];
    if (slot.kind === "held") {
      items.push({
        Put: {
          TableName,
          Item: toEmptiedSlotItem(userId, rev, slot.slot.life, nowSeconds),
          ...conditionOf(slotSeen(slot)),
        },
      });
    }
    if (ending.setsUserStatus) items.push({ Update: setStatus(table, user, record, nowSeconds) });
    else if (record.result !== undefined && table.userRetentionDays > 0) {
      items.push({ Update: keepUser(table, user, nowSeconds) });
    }
    await doubt.about(table.dynamodb.send(new TransactWriteCommand({ TransactItems: items })));
    return { kind: "ended", record };
  }, table.sleep);
}

/** Leaves the user's rev alone: results come in any order, and the ids of their sessions tell which is newest. */
function setStatus(
  table: VerificationTable,
  user: User,
  { sessionId, result }: SessionRecord,
  nowSeconds: number,
) {
  const ttl = userTtl(table.userRetentionDays, nowSeconds);
  return {
    TableName: table.tableName,
    Key: userKey(user.userId),
    ...updateOf(
      {
        set: {
          status: result?.status,
          statusSessionId: sessionId,
          result: { ...result, sessionId },
          updatedAt: nowSeconds,
          ttl,
        },
        remove: ttl === undefined ? ["ttl"] : [],
      },
      all(IS_USER, lifeSeen(user.life), statusIsNotNewerThan(sessionId)),
    ),
  };
}

/** A result that a newer session's outlives still counts for how long the user is kept. */
function keepUser(table: VerificationTable, user: User, nowSeconds: number) {
  return {
    TableName: table.tableName,
    Key: userKey(user.userId),
    ...updateOf(
      { set: { ttl: userTtl(table.userRetentionDays, nowSeconds) } },
      all(IS_USER, lifeSeen(user.life)),
    ),
  };
}
