import {
  CreateTableCommand,
  DeleteTableCommand,
  type DynamoDBClient,
  ResourceInUseException,
  UpdateTimeToLiveCommand,
} from "@aws-sdk/client-dynamodb";

export type TableNames = { readonly verificationTable: string; readonly clientsTable: string };

/** Makes both tables as infra/storage.ts deploys them; tables that are there stay as they are. */
export async function createTables(dynamodb: DynamoDBClient, names: TableNames): Promise<void> {
  const created = await Promise.all(
    Object.values(names).map(async (TableName) => {
      try {
        await dynamodb.send(
          new CreateTableCommand({
            TableName,
            BillingMode: "PAY_PER_REQUEST",
            AttributeDefinitions: [
              { AttributeName: "pk", AttributeType: "S" },
              { AttributeName: "sk", AttributeType: "S" },
            ],
            KeySchema: [
              { AttributeName: "pk", KeyType: "HASH" },
              { AttributeName: "sk", KeyType: "RANGE" },
            ],
          }),
        );
        return true;
      } catch (error) {
        if (error instanceof ResourceInUseException) return false;
        throw error;
      }
    }),
  );
  if (!created[Object.keys(names).indexOf("verificationTable")]) return;
  await dynamodb.send(
    new UpdateTimeToLiveCommand({
      TableName: names.verificationTable,
      TimeToLiveSpecification: { AttributeName: "ttl", Enabled: true },
    }),
  );
}

export async function dropTables(dynamodb: DynamoDBClient, names: TableNames): Promise<void> {
  await Promise.all(
    Object.values(names).map((TableName) => dynamodb.send(new DeleteTableCommand({ TableName }))),
  );
}
