import type { NativeAttributeValue } from "@aws-sdk/util-dynamodb";
import type { SessionRecord, Slot } from "../../core/session.ts";
import type { User } from "../../core/user.ts";
import { DETAIL_NAMES, type DetailName } from "../../core/user-details.ts";
import type { DynamoDBDocumentClient } from "../dynamodb.ts";

/** The Verification table as the store sees it. */
export type VerificationTable = {
  readonly client: DynamoDBDocumentClient;
  readonly tableName: string;
  /** For how many days a record is kept from when it was written last; 0 keeps it for ever. */
  readonly retentionDays: number;
};

export type Item = Record<string, NativeAttributeValue>;

export const USER = "user";
export const SLOT = "slot";
/** Sorts before `slot` and `user`, so that a descending read gives user, slot, records from newest to oldest. */
export const RECORD_PREFIX = "session#";

export const userKey = (userId: string) => ({ pk: userId, sk: USER });
export const slotKey = (userId: string) => ({ pk: userId, sk: SLOT });
export const recordKey = (userId: string, sessionId: string) => ({
  pk: userId,
  sk: RECORD_PREFIX + sessionId,
});

/** A detail is an attribute of its own: a path into a map fails where the map is missing. */
export const detailAttribute = (name: DetailName) => `user.${name}`;
/** The extra members, one JSON text: DynamoDB's numbers do not hold every number that JSON may. */
export const EXTRAS = "user.extras";

const SECONDS_PER_DAY = 86_400;

export function toSlotItem(userId: string, slot: Slot): Item {
  return { ...slotKey(userId), ...slot, ttl: slot.expiresAt };
}

export function toSlot(item: Item | undefined): Slot | undefined {
  if (item === undefined) return undefined;
  const { sessionId, flowId, status, createdAt, startedAt, expiresAt, callId, idempotencyKey } =
    item as Slot & Item;
  return {
    sessionId,
    flowId,
    status,
    createdAt,
    expiresAt,
    callId,
    ...(startedAt === undefined ? {} : { startedAt }),
    ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
  };
}

export function toRecordItem(
  table: VerificationTable,
  userId: string,
  record: SessionRecord,
  now: number,
): Item {
  const { result, ...facts } = record;
  return {
    ...recordKey(userId, record.sessionId),
    ...facts,
    ...(result === undefined
      ? {}
      : { result: result.status, reason: result.reason, reportedAt: result.reportedAt }),
    ...(table.retentionDays === 0 ? {} : { ttl: now + table.retentionDays * SECONDS_PER_DAY }),
  };
}

/** A record that DynamoDB ought to have deleted counts as absent. */
export function toRecord(item: Item | undefined, now: number): SessionRecord | undefined {
  if (item === undefined || (item.ttl !== undefined && (item.ttl as number) <= now)) return undefined;
  const { sessionId, flowId, status, createdAt, startedAt, endedAt } = item as SessionRecord & Item;
  return {
    sessionId,
    flowId,
    status,
    createdAt,
    ...(startedAt === undefined ? {} : { startedAt }),
    ...(endedAt === undefined ? {} : { endedAt }),
    ...(item.result === undefined
      ? {}
      : {
          result: {
            status: item.result,
            ...(item.reason === undefined ? {} : { reason: item.reason }),
            reportedAt: item.reportedAt,
          },
        }),
  };
}

export function toUser(item: Item | undefined): User | undefined {
  if (item === undefined) return undefined;
  const { pk, refId, clientId, environment, status, statusSessionId, result, createdAt, updatedAt } = item;
  return {
    userId: pk,
    refId,
    clientId,
    environment,
    details: Object.fromEntries(
      DETAIL_NAMES.filter((name) => item[detailAttribute(name)] !== undefined).map((name) => [
        name,
        item[detailAttribute(name)],
      ]),
    ),
    extras: item[EXTRAS] === undefined ? {} : JSON.parse(item[EXTRAS]),
    status,
    ...(statusSessionId === undefined ? {} : { statusSessionId }),
    ...(result === undefined ? {} : { result }),
    createdAt,
    updatedAt,
  };
}
