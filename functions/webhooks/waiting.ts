import { DeleteCommand, PutCommand, QueryCommand, UpdateCommand } from "@aws-sdk/lib-dynamodb";
import type { SessionId, UserId } from "../core/ids.ts";
import type { Tenant } from "../core/session.ts";
import { withRetries } from "../store/retry.ts";
import { clause, updateOf } from "../store/verification/expression.ts";
import { writeIf } from "../store/verification/write-if.ts";
import { type DeliveriesTable, isDeliveryKey, type ItemKey, toDelivery } from "./deliveries.ts";
import type { Delivery } from "./delivery.ts";
import { dueAt } from "./due.ts";
import { DUE_INDEX } from "./indexes.ts";

/** A session whose end by the clock somebody wants to be told of: looked at when it is due. */
export type Expiry = { readonly userId: UserId; readonly sessionId: SessionId; readonly tenant: Tenant };

/** Something that stands in the index of what is due. */
export type Due = ItemKey & { readonly due: number };

/** What was due, now under a lease of whoever took it. */
export type Leased =
  | { readonly kind: "delivery"; readonly delivery: Delivery }
  | { readonly kind: "expiry"; readonly expiry: Expiry };

const EXPIRY = "expiry";
const expiryKey = (sessionId: SessionId): ItemKey => ({ pk: `${EXPIRY}#${sessionId}`, sk: EXPIRY });

/** Long past when it is looked at; whatever was forgotten goes then. */
const EXPIRY_KEPT_SECONDS = 7 * 86_400;

export type WaitingStore = ReturnType<typeof createWaitingStore>;

/** What waits in the Deliveries table, of either kind. Times are epoch seconds. */
export function createWaitingStore({ dynamodb, tableName }: DeliveriesTable) {
  const moveDue = (key: ItemKey, seen: number, due: number) =>
    withRetries(() =>
      writeIf(
        dynamodb.send(
          new UpdateCommand({
            TableName: tableName,
            Key: key,
            ...updateOf({ set: { due } }, clause("due = :seen", { ":seen": seen })),
            ReturnValues: "ALL_NEW",
            ReturnValuesOnConditionCheckFailure: "ALL_OLD",
          }),
        ),
      ),
    );

  return {
    /** Up to `limit` of what has been due the longest in a shard. */
    async listDue(dueShard: string, nowSeconds: number, limit: number): Promise<Due[]> {
      const { Items } = await withRetries(() =>
        dynamodb.send(
          new QueryCommand({
            TableName: tableName,
            IndexName: DUE_INDEX,
            KeyConditionExpression: "dueShard = :dueShard AND due <= :now",
            ExpressionAttributeValues: { ":dueShard": dueShard, ":now": nowSeconds },
            Limit: limit,
          }),
        ),
      );
      return (Items ?? []) as Due[];
    },

    /** Takes what is due until then; `undefined` where somebody else did, or where it waits no more. */
    async lease({ pk, sk, due }: Due, until: number): Promise<Leased | undefined> {
      const written = await moveDue({ pk, sk }, due, until);
      if (written.kind === "failed" || written.attributes === undefined) return undefined;
      const item = written.attributes;
      if (isDeliveryKey({ pk, sk })) return { kind: "delivery", delivery: toDelivery(item) };
      const { userId, sessionId, clientId, environment } = item as Omit<Expiry, "tenant"> & Tenant;
      return { kind: "expiry", expiry: { userId, sessionId, tenant: { clientId, environment } } };
    },

    /** Gives a lease back: it is due as it was. */
    async release({ pk, sk, due }: Due, until: number): Promise<void> {
      await moveDue({ pk, sk }, until, due);
    },

    /** Has a session looked at when its time is over. */
    async awaitExpiry({ userId, sessionId, tenant }: Expiry, expiresAt: number): Promise<void> {
      const key = expiryKey(sessionId);
      const ttl = expiresAt + EXPIRY_KEPT_SECONDS;
      const Item = { ...key, userId, sessionId, ...tenant, ...dueAt(key, expiresAt), ttl };
      await withRetries(() => dynamodb.send(new PutCommand({ TableName: tableName, Item })));
    },

    /** There is nothing more to look at. */
    async endExpiry({ sessionId }: Expiry): Promise<void> {
      await withRetries(() =>
        dynamodb.send(new DeleteCommand({ TableName: tableName, Key: expiryKey(sessionId) })),
      );
    },
  };
}
