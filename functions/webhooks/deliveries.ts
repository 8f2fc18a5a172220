import {
  DeleteCommand,
  GetCommand,
  paginateQuery,
  PutCommand,
  QueryCommand,
  UpdateCommand,
} from "@aws-sdk/lib-dynamodb";
import type { UserId } from "../core/ids.ts";
import type { Tenant } from "../core/session.ts";
import type { DynamoDBDocumentClient } from "../store/dynamodb.ts";
import { withRetries } from "../store/retry.ts";
import {
  all,
  type Changes,
  type Clause,
  clause,
  conditionOf,
  updateOf,
} from "../store/verification/expression.ts";
import { ABSENT } from "../store/verification/rev-clauses.ts";
import { type Written, writeIf } from "../store/verification/write-if.ts";
import type { Delivery, DeliveryKey, DeliveryState, Message, Outcome } from "./delivery.ts";
import { dueAt } from "./due.ts";
import type { WebhookId } from "./endpoint.ts";
import { firstEventIdOf } from "./event-id.ts";
import { UNDELIVERED_INDEX } from "./indexes.ts";

// The Deliveries table. Its stream is nobody's: in Verification these items would feed the stream that makes them.

/** The table as its functions see it. */
export type DeliveriesTable = { readonly dynamodb: DynamoDBDocumentClient; readonly tableName: string };

type Item = Readonly<Record<string, unknown>>;
export type ItemKey = { readonly pk: string; readonly sk: string };

/** How long a delivery is kept, for operators to look at and to replay. */
const KEPT_SECONDS = 30 * 86_400;

/** The partition of what could not be read, and how long it is kept. */
export const SET_ASIDE = "set-aside";
const SET_ASIDE_SECONDS = 14 * 86_400;

/** How many are removed at once: the store's client has 50 connections. */
const SIDE_BY_SIDE = 25;

const DELIVERY_PREFIX = "delivery#";
/** Every event's id sorts before it. */
const AFTER_ALL = "~";

/** The partition of all that is kept of an endpoint. */
export const webhookPartition = (webhookId: WebhookId) => `webhook#${webhookId}`;

export const deliveryKey = ({ webhookId, eventId }: DeliveryKey): ItemKey => ({
  pk: webhookPartition(webhookId),
  sk: DELIVERY_PREFIX + eventId,
});

export const isDeliveryKey = ({ sk }: ItemKey) => sk.startsWith(DELIVERY_PREFIX);

export function toDelivery(item: Item): Delivery {
  const { webhookId, clientId, environment, eventId, type, at, state, attempts, createdAt } =
    item as Delivery;
  const { sessionId, lastAttemptAt, lastOutcome, due } = item as Delivery;
  return {
    webhookId,
    clientId,
    environment,
    eventId,
    type,
    at,
    ...(sessionId === undefined ? {} : { sessionId }),
    state,
    attempts,
    createdAt,
    ...(lastAttemptAt === undefined ? {} : { lastAttemptAt }),
    ...(lastOutcome === undefined ? {} : { lastOutcome }),
    ...(due === undefined ? {} : { due }),
    // One JSON text: as a map it would lose a member of the metadata that is called `__proto__`.
    ...(item.message === undefined ? {} : { message: JSON.parse(item.message as string) as Message }),
  };
}

const IS_WAITING = clause("#state = :waiting", { ":waiting": "waiting" }, { "#state": "state" });
const IS_UNDELIVERED = clause(
  "#state IN (:waiting, :failed)",
  { ":waiting": "waiting", ":failed": "failed" },
  { "#state": "state" },
);
const IS_REPLAYABLE = clause(
  "#state = :failed AND attribute_exists(message)",
  { ":failed": "failed" },
  { "#state": "state" },
);
const EXISTS = clause("attribute_exists(pk)");
const hasMade = (attempts: number) => clause("attempts = :attempts", { ":attempts": attempts });

const WAITS_NO_MORE = ["dueShard", "due"];
const IS_SETTLED = [...WAITS_NO_MORE, "message", "undeliveredOf"];

/** Which deliveries of an endpoint are wanted, the newest first. Times are epoch seconds. */
export type DeliveryFilter = {
  readonly state?: DeliveryState | undefined;
  readonly sessionId?: string | undefined;
  readonly since?: number | undefined;
  readonly until?: number | undefined;
  /** The id of an event that only older ones are wanted than; within one second, ids tell which is older. */
  readonly before?: string | undefined;
};

export type DeliveryStore = ReturnType<typeof createDeliveryStore>;

/** All that may be done to deliveries. Every function throws `Unavailable` when the store gives out. */
export function createDeliveryStore({ dynamodb, tableName }: DeliveriesTable) {
  function update(Key: ItemKey, changes: Changes, condition: Clause): Promise<Written> {
    return withRetries(() =>
      writeIf(
        dynamodb.send(
          new UpdateCommand({
            TableName: tableName,
            Key,
            ...updateOf(changes, condition),
            ReturnValues: "ALL_NEW",
            ReturnValuesOnConditionCheckFailure: "ALL_OLD",
          }),
        ),
      ),
    );
  }

  return {
    /**
     * Stores what an endpoint is to be told, once: a repeat finds what became of the first.
     * @param due until when the message that is about to be sent has a lease; `undefined` where the endpoint is paused, and
     * the delivery is kept for replay only
     */
    async store(
      { webhookId, clientId, environment }: Tenant & { readonly webhookId: WebhookId },
      message: Message,
      due: number | undefined,
      nowSeconds: number,
    ): Promise<Delivery> {
      const { eventId, type, at, about } = message;
      const key = deliveryKey({ webhookId, eventId });
      const Item = {
        ...key,
        webhookId,
        clientId,
        environment,
        eventId,
        type,
        at,
        sessionId: about?.session.sessionId,
        attempts: 0,
        createdAt: nowSeconds,
        ttl: nowSeconds + KEPT_SECONDS,
        message: JSON.stringify(message),
        ...(due === undefined
          ? { state: "failed", lastOutcome: "paused", undeliveredOf: about?.userId }
          : { state: "waiting", ...dueAt(key, due) }),
      };
      const written = await withRetries(() =>
        writeIf(
          dynamodb.send(
            new PutCommand({
              TableName: tableName,
              Item,
              ...conditionOf(ABSENT),
              ReturnValuesOnConditionCheckFailure: "ALL_OLD",
            }),
          ),
        ),
      );
      return toDelivery(written.kind === "failed" && written.image !== undefined ? written.image : Item);
    },

    /**
     * Takes an attempt by its number: of two messages for the same one, one is left with nothing to do.
     * @param claimant tells this call from every other, so that a claim whose answer was lost is known as its own
     * @returns the delivery; `undefined` where the attempt is taken, or where nothing waits any more
     */
    async claim(
      key: DeliveryKey,
      attempt: number,
      claimant: string,
      nowSeconds: number,
    ): Promise<Delivery | undefined> {
      const written = await update(
        deliveryKey(key),
        { set: { attempts: attempt, lastAttemptAt: nowSeconds, claimant } },
        all(IS_WAITING, hasMade(attempt - 1)),
      );
      if (written.kind === "written") return toDelivery(written.attributes ?? {});
      const { image } = written;
      const own = image?.claimant === claimant && image.attempts === attempt && image.state === "waiting";
      return own ? toDelivery(image) : undefined;
    },

    /** It arrived. What it said is kept no longer. */
    async delivered(key: DeliveryKey, status: number): Promise<void> {
      await update(
        deliveryKey(key),
        { set: { state: "delivered", lastOutcome: status }, remove: IS_SETTLED },
        EXISTS,
      );
    },

    /** The attempt failed, and another one is due then, unless that one has begun already. */
    async retry(delivery: Delivery, outcome: Outcome, due: number): Promise<void> {
      const key = deliveryKey(delivery);
      const { attempts, message } = delivery;
      await update(
        key,
        { set: { lastOutcome: outcome, undeliveredOf: message?.about?.userId, ...dueAt(key, due) } },
        all(IS_WAITING, hasMade(attempts)),
      );
    },

    /** No other attempt is made unless an operator replays it. */
    async fail(delivery: Delivery, outcome: Outcome): Promise<void> {
      const { attempts, message } = delivery;
      await update(
        deliveryKey(delivery),
        {
          set: { state: "failed", lastOutcome: outcome, undeliveredOf: message?.about?.userId },
          remove: WAITS_NO_MORE,
        },
        all(IS_WAITING, hasMade(attempts)),
      );
    },

    /** It is never to arrive: its user is erased, or its endpoint deleted. What it said is kept no longer. */
    async drop(key: DeliveryKey, outcome: Outcome): Promise<void> {
      await update(
        deliveryKey(key),
        { set: { state: "dropped", lastOutcome: outcome }, remove: IS_SETTLED },
        IS_UNDELIVERED,
      );
    },

    /**
     * Drops what was tried and did not arrive about an erased user. What was not tried yet is dropped when it is due.
     * @param until a session id that all sessions of the ended life sort before
     */
    async forget(userId: UserId, until: string): Promise<void> {
      const query = {
        TableName: tableName,
        IndexName: UNDELIVERED_INDEX,
        KeyConditionExpression: "undeliveredOf = :userId",
        ExpressionAttributeValues: { ":userId": userId },
      };
      const ofThatLife = clause("sessionId < :until", { ":until": until });
      let start: Record<string, unknown> | undefined;
      do {
        const page = await withRetries(() =>
          dynamodb.send(
            new QueryCommand({ ...query, ...(start === undefined ? {} : { ExclusiveStartKey: start }) }),
          ),
        );
        for (const { pk, sk } of (page.Items ?? []) as ItemKey[]) {
          await update(
            { pk, sk },
            { set: { state: "dropped", lastOutcome: "erased" }, remove: IS_SETTLED },
            all(IS_UNDELIVERED, ofThatLife),
          );
        }
        start = page.LastEvaluatedKey;
      } while (start !== undefined);
    },

    /**
     * Removes all that did not arrive at an endpoint, what waits included: with it goes what it said. A message that is
     * under way finds nothing then.
     */
    async removeUndelivered(webhookId: WebhookId): Promise<void> {
      const pages = paginateQuery(
        { client: dynamodb },
        {
          TableName: tableName,
          KeyConditionExpression: "pk = :pk AND begins_with(sk, :deliveries)",
          FilterExpression: IS_UNDELIVERED.text,
          ExpressionAttributeNames: IS_UNDELIVERED.names,
          ExpressionAttributeValues: {
            ...IS_UNDELIVERED.values,
            ":pk": webhookPartition(webhookId),
            ":deliveries": DELIVERY_PREFIX,
          },
          ProjectionExpression: "pk, sk",
          ConsistentRead: true,
        },
      );
      const remove = ({ pk, sk }: ItemKey) =>
        withRetries(() =>
          writeIf(
            dynamodb.send(
              new DeleteCommand({ TableName: tableName, Key: { pk, sk }, ...conditionOf(IS_UNDELIVERED) }),
            ),
          ),
        );
      for await (const { Items = [] } of pages) {
        for (let at = 0; at < Items.length; at += SIDE_BY_SIDE) {
          await Promise.all((Items.slice(at, at + SIDE_BY_SIDE) as ItemKey[]).map(remove));
        }
      }
    },

    /** Keeps a record of the stream that cannot be read, for an operator to look at. It holds no personal details. */
    async setAside(sequenceNumber: string, record: string, nowSeconds: number): Promise<void> {
      const Item = { pk: SET_ASIDE, sk: sequenceNumber, record, ttl: nowSeconds + SET_ASIDE_SECONDS };
      await withRetries(() => dynamodb.send(new PutCommand({ TableName: tableName, Item })));
    },

    async find(key: DeliveryKey): Promise<Delivery | undefined> {
      const { Item } = await withRetries(() =>
        dynamodb.send(new GetCommand({ TableName: tableName, Key: deliveryKey(key), ConsistentRead: true })),
      );
      return Item === undefined ? undefined : toDelivery(Item);
    },

    /** The deliveries of an endpoint that pass the filter, those of the newest events first. */
    async *list(webhookId: WebhookId, filter: DeliveryFilter = {}): AsyncGenerator<Delivery> {
      const { state, sessionId, since = 0, until, before } = filter;
      const from = firstEventIdOf(since);
      const end = until === undefined ? AFTER_ALL : firstEventIdOf(until);
      const to = before !== undefined && before < end ? before : end;
      if (to < from) return;
      const wanted = [
        ...(state === undefined
          ? []
          : [clause("#state = :state", { ":state": state }, { "#state": "state" })]),
        ...(sessionId === undefined ? [] : [clause("sessionId = :sessionId", { ":sessionId": sessionId })]),
      ];
      const { text, names, values } = all(...wanted);
      const pages = paginateQuery(
        { client: dynamodb },
        {
          TableName: tableName,
          KeyConditionExpression: "pk = :pk AND sk BETWEEN :from AND :to",
          ...(text === "" ? {} : { FilterExpression: text }),
          ...(Object.keys(names).length === 0 ? {} : { ExpressionAttributeNames: names }),
          ExpressionAttributeValues: {
            ...values,
            ":pk": webhookPartition(webhookId),
            ":from": DELIVERY_PREFIX + from,
            ":to": DELIVERY_PREFIX + to,
          },
          ScanIndexForward: false,
          ConsistentRead: true,
        },
      );
      for await (const { Items = [] } of pages) {
        yield* Items.map(toDelivery).filter(({ eventId }) => eventId !== before);
      }
    },

    /**
     * Has a failed delivery wait again, as if it had never been tried.
     * @returns whether it does: it may have been settled meanwhile
     */
    async replay(key: DeliveryKey, due: number, nowSeconds: number): Promise<boolean> {
      const itemKey = deliveryKey(key);
      const changes = {
        state: "waiting",
        attempts: 0,
        ttl: nowSeconds + KEPT_SECONDS,
        ...dueAt(itemKey, due),
      };
      return (await update(itemKey, { set: changes }, IS_REPLAYABLE)).kind === "written";
    },
  };
}
