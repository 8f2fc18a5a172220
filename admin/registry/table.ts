import { randomUUID } from "node:crypto";
import { TransactionCanceledException } from "@aws-sdk/client-dynamodb";
import {
  GetCommand,
  QueryCommand,
  type QueryCommandInput,
  ScanCommand,
  TransactWriteCommand,
  type TransactWriteCommandInput,
} from "@aws-sdk/lib-dynamodb";
import { AUDIT, clientKey, type Item, type ItemKey } from "../../functions/store/clients/items.ts";
import type { DynamoDBDocumentClient } from "../../functions/store/dynamodb.ts";
import { withRetries } from "../../functions/store/retry.ts";
import { AdminError } from "../admin-error.ts";
import { sortableId } from "./sortable-id.ts";
import type { AuditAction, AuditSubject } from "./audit.ts";

export type TransactItem = NonNullable<TransactWriteCommandInput["TransactItems"]>[number];

/** What the registry's parts share: the Clients table, a clock, and who works here. */
export type ClientsTable = ReturnType<typeof openClientsTable>;

/** What a write is conditioned on, and the names and values in its expressions. */
export type Clause = {
  readonly condition?: string;
  readonly names?: Readonly<Record<string, string>>;
  readonly values?: Readonly<Record<string, unknown>>;
};

export const EXISTS = "attribute_exists(pk)";
export const ABSENT = "attribute_not_exists(pk)";

/** A client's keys may be many: DynamoDB takes a hundred writes in one transaction. */
const TRANSACTION_SIZE = 90;

const CHANGED_MEANWHILE =
  "Another operator changed this in the same moment. Look at it with the `list` command, then repeat yours.";

/** @param actor who works here, asked for once something is to be noted */
export function openClientsTable(
  dynamodb: DynamoDBDocumentClient,
  TableName: string,
  { now, actor }: { now: () => number; actor: string | (() => Promise<string>) },
) {
  return {
    TableName,
    /** The clock, in epoch milliseconds. */
    now,
    /** A new id, which sorts by its time. */
    newId: () => sortableId(now()),

    /** Makes changes and leaves their audit event, all or nothing. */
    async commit(
      action: AuditAction,
      subject: AuditSubject,
      changes: readonly TransactItem[],
    ): Promise<void> {
      const at = now();
      const who = typeof actor === "string" ? actor : await actor();
      const event = { at: new Date(at).toISOString(), actor: who, action, subject };
      const Put = { TableName, Item: { pk: AUDIT, sk: sortableId(at), ...event } };
      const command = new TransactWriteCommand({
        TransactItems: [...changes, { Put }],
        // A repeat of a write whose answer was lost is answered like the first, and writes nothing twice.
        ClientRequestToken: randomUUID(),
      });
      await withRetries(async () => {
        try {
          await dynamodb.send(command);
        } catch (error) {
          if (isConditionFailed(error)) throw new AdminError(CHANGED_MEANWHILE, { cause: error });
          throw error;
        }
      });
    },

    /** Makes changes that are no event of their own, some at a time: a repeat does what a crash left out. */
    async write(changes: readonly TransactItem[]): Promise<void> {
      for (let at = 0; at < changes.length; at += TRANSACTION_SIZE) {
        const TransactItems = changes.slice(at, at + TRANSACTION_SIZE);
        await withRetries(() => dynamodb.send(new TransactWriteCommand({ TransactItems })));
      }
    },

    async get(Key: ItemKey): Promise<Item | undefined> {
      const { Item } = await withRetries(() =>
        dynamodb.send(new GetCommand({ TableName, Key, ConsistentRead: true })),
      );
      return Item;
    },

    /** The items of a Query, page by page. */
    async *query(input: Omit<QueryCommandInput, "TableName">): AsyncGenerator<Item> {
      let start: Record<string, unknown> | undefined;
      do {
        const page = await withRetries(() =>
          dynamodb.send(
            new QueryCommand({
              TableName,
              ConsistentRead: true,
              ...input,
              ...(start === undefined ? {} : { ExclusiveStartKey: start }),
            }),
          ),
        );
        yield* page.Items ?? [];
        start = page.LastEvaluatedKey;
      } while (start !== undefined);
    },

    /** All items that pass the filter: the table holds an operator's handiwork, not its clients' users. */
    async scan(FilterExpression: string, values: Record<string, unknown>): Promise<Item[]> {
      const items: Item[] = [];
      let start: Record<string, unknown> | undefined;
      do {
        const page = await withRetries(() =>
          dynamodb.send(
            new ScanCommand({
              TableName,
              ConsistentRead: true,
              FilterExpression,
              ExpressionAttributeValues: values,
              ...(start === undefined ? {} : { ExclusiveStartKey: start }),
            }),
          ),
        );
        items.push(...(page.Items ?? []));
        start = page.LastEvaluatedKey;
      } while (start !== undefined);
      return items;
    },

    put: (Item: Item, clause: Clause = {}): TransactItem => ({
      Put: { TableName, Item: { ...Item }, ...expressions(clause) },
    }),

    update: (key: ItemKey, UpdateExpression: string, clause: Clause = {}): TransactItem => ({
      Update: { TableName, Key: { pk: key.pk, sk: key.sk }, UpdateExpression, ...expressions(clause) },
    }),

    /** Only under a client that is there, even if it is changed in the same moment. */
    requireClient(clientId: string, clause: Clause = {}): TransactItem {
      const condition = clause.condition === undefined ? EXISTS : `${EXISTS} AND ${clause.condition}`;
      const Key = clientKey(clientId);
      return {
        ConditionCheck: {
          TableName,
          Key: { pk: Key.pk, sk: Key.sk },
          ConditionExpression: condition,
          ...expressions({ ...clause, condition }),
        },
      };
    },
  };
}

function expressions({ condition, names, values }: Clause) {
  return {
    ...(condition === undefined ? {} : { ConditionExpression: condition }),
    ...(names === undefined ? {} : { ExpressionAttributeNames: { ...names } }),
    ...(values === undefined ? {} : { ExpressionAttributeValues: { ...values } }),
  };
}

function isConditionFailed(error: unknown): boolean {
  return (
    error instanceof TransactionCanceledException &&
    (error.CancellationReasons ?? []).some(({ Code }) => Code === "ConditionalCheckFailed")
  );
}

/** The oldest first; what was made within one second by id, which sorts by its millisecond. */
export function byCreation<Made extends { createdAt: number }>(idOf: (made: Made) => string) {
  return (one: Made, other: Made): number =>
    one.createdAt - other.createdAt || (idOf(one) < idOf(other) ? -1 : 1);
}
