import {
  CreateTableCommand,
  DeleteTableCommand,
  type DynamoDBClient,
  ResourceInUseException,
  UpdateTimeToLiveCommand,
} from "@aws-sdk/client-dynamodb";

export type TableNames = {
  readonly verificationTable: string;
  readonly clientsTable: string;
  readonly limitsTable: string;
};

/** The tables with something in them for operators and scripts. */
export type DataTables = Pick<TableNames, "verificationTable" | "clientsTable">;

/** The tables as infra/storage.ts deploys them. */
const TABLES = {
  verificationTable: { keys: ["pk", "sk"], ttl: true },
  clientsTable: { keys: ["pk", "sk"], ttl: false },
  limitsTable: { keys: ["pk"], ttl: true },
} as const satisfies Record<keyof TableNames, { keys: readonly string[]; ttl: boolean }>;

/** Makes the tables that are named; those that are there stay as they are. */
export async function createTables(dynamodb: DynamoDBClient, names: Partial<TableNames>): Promise<void> {
  await Promise.all(
    (Object.entries(names) as [keyof TableNames, string][]).map(async ([table, TableName]) => {
      const { keys, ttl } = TABLES[table];
      try {
        await dynamodb.send(
          new CreateTableCommand({
            TableName,
            BillingMode: "PAY_PER_REQUEST",
            AttributeDefinitions: keys.map((AttributeName) => ({ AttributeName, AttributeType: "S" })),
            KeySchema: keys.map((AttributeName, index) => ({
              AttributeName,
              KeyType: index === 0 ? "HASH" : "RANGE",
            })),
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
