import {
  CreateTableCommand,
  DeleteTableCommand,
  type DynamoDBClient,
  ResourceInUseException,
  UpdateTimeToLiveCommand,
} from "@aws-sdk/client-dynamodb";
import { DELIVERIES_INDEXES } from "../../functions/webhooks/indexes.ts";

export type TableNames = {
  readonly verificationTable: string;
  readonly clientsTable: string;
  readonly limitsTable: string;
  readonly deliveriesTable: string;
};

/** The tables with something in them for operators and scripts. */
export type DataTables = Pick<TableNames, "verificationTable" | "clientsTable">;

type Table = {
  readonly keys: readonly string[];
  readonly ttl: boolean;
  readonly indexes?: Readonly<Record<string, readonly string[]>>;
};

/** The tables as infra/storage.ts deploys them, but for the stream, which `ensureStream` makes where it is read. */
const TABLES: Readonly<Record<keyof TableNames, Table>> = {
  verificationTable: { keys: ["pk", "sk"], ttl: true },
  clientsTable: { keys: ["pk", "sk"], ttl: false },
  limitsTable: { keys: ["pk"], ttl: true },
  deliveriesTable: { keys: ["pk", "sk"], ttl: true, indexes: DELIVERIES_INDEXES },
};

/** Every attribute that is a key of something is text, but for this one. */
const NUMBERS = new Set(["due"]);

const keySchema = (keys: readonly string[]) =>
  keys.map((AttributeName, index) => ({ AttributeName, KeyType: index === 0 ? "HASH" : "RANGE" }) as const);

/** Makes the tables that are named; those that are there stay as they are. */
export async function createTables(dynamodb: DynamoDBClient, names: Partial<TableNames>): Promise<void> {
  await Promise.all(
    (Object.entries(names) as [keyof TableNames, string][]).map(async ([table, TableName]) => {
      const { keys, ttl, indexes = {} } = TABLES[table];
      const attributes = new Set([...keys, ...Object.values(indexes).flat()]);
      try {
        await dynamodb.send(
          new CreateTableCommand({
            TableName,
            BillingMode: "PAY_PER_REQUEST",
            AttributeDefinitions: [...attributes].map((AttributeName) => ({
              AttributeName,
              AttributeType: NUMBERS.has(AttributeName) ? "N" : "S",
            })),
            KeySchema: keySchema(keys),
            ...(Object.keys(indexes).length === 0
              ? {}
              : {
                  GlobalSecondaryIndexes: Object.entries(indexes).map(([IndexName, indexKeys]) => ({
                    IndexName,
                    KeySchema: keySchema(indexKeys),
                    Projection: { ProjectionType: "KEYS_ONLY" },
                  })),
                }),
          }),
        );
      } catch (error) {
        if (error instanceof ResourceInUseException) return;
        throw error;
      }
      if (!ttl) return;
      await dynamodb.send(
        new UpdateTimeToLiveCommand({
          TableName,
          TimeToLiveSpecification: { AttributeName: "ttl", Enabled: true },
        }),
      );
    }),
  );
}

export async function dropTables(dynamodb: DynamoDBClient, names: Partial<TableNames>): Promise<void> {
  await Promise.all(
    Object.values(names).map((TableName) => dynamodb.send(new DeleteTableCommand({ TableName }))),
  );
}
