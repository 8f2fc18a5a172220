import type { SessionId, UserId } from "../../core/ids.ts";
import type { ReportedResult } from "../../core/result.ts";
import type { SessionRecord } from "../../core/session.ts";
import { any, type Clause, clause } from "./expression.ts";
import { ABSENT, imageSeen } from "./rev-clauses.ts";
import { decodeTenant, fromMetadataText, toMetadataText } from "./session-attributes.ts";
import { type Item, SECONDS_PER_DAY } from "./table.ts";

/** Sorts before `slot` and `user`, so that a descending read gives user, slot, records from newest to oldest. */
export const RECORD_PREFIX = "session#";

export const recordKey = (userId: UserId, sessionId: SessionId) => ({
  pk: userId as string,
  sk: RECORD_PREFIX + sessionId,
});

export const isRecordKey = (sk: unknown): sk is string =>
  typeof sk === "string" && sk.startsWith(RECORD_PREFIX);

/** @param retentionDays from now on; 0 is for ever */
export function toRecordItem(
  userId: UserId,
  { tenant, metadata, result, ...record }: SessionRecord,
  { retentionDays, nowSeconds }: { readonly retentionDays: number; readonly nowSeconds: number },
): Item {
  return {
    ...recordKey(userId, record.sessionId),
    ...record,
    ...tenant,
    metadata: toMetadataText(metadata),
    result: result?.status,
    reason: result?.reason,
    reportedAt: result?.reportedAt,
    ttl: retentionDays === 0 ? undefined : nowSeconds + retentionDays * SECONDS_PER_DAY,
  };
}

/**
 * What a restore puts in the place of a record that was lost: the record as it was, marked with when it came back. The
 * next write of the record puts it whole, and so without the mark.
 */
export function toRestoredRecordItem(item: Item, nowSeconds: number): Item {
  return { ...item, restoredAt: nowSeconds };
}

/** Whether the write that left this item did no more than bring a record back. */
export const isRestored = ({ restoredAt }: Item): boolean => restoredAt !== undefined;

/** A record that DynamoDB ought to have deleted counts as absent. */
export function decodeRecord(item: Item | undefined, nowSeconds: number): SessionRecord | undefined {
  if (item === undefined || (item.ttl !== undefined && (item.ttl as number) <= nowSeconds)) return undefined;
  const { sessionId, flowId, status, createdAt, startedAt, endedAt, rev } = item as Omit<
    SessionRecord,
    "metadata" | "tenant" | "result"
  >;
  return {
    sessionId,
    flowId,
    status,
    metadata: fromMetadataText(item.metadata),
    createdAt,
    startedAt,
    endedAt,
    result: decodeResult(item),
    tenant: decodeTenant(item),
    rev,
  };
}

function decodeResult({ result, reason, reportedAt }: Item): ReportedResult | undefined {
  if (result === undefined) return undefined;
  return { status: result, ...(reason === undefined ? {} : { reason }), reportedAt } as ReportedResult;
}

/** The record as it was seen; one past its retention was seen as none. */
export function recordSeen(record: SessionRecord | undefined, nowSeconds: number): Clause {
  if (record === undefined) {
    return any(ABSENT, clause("#ttl <= :today", { ":today": nowSeconds }, { "#ttl": "ttl" }));
  }
  return imageSeen(record.rev, clause("sessionId = :seenId", { ":seenId": record.sessionId }));
}
