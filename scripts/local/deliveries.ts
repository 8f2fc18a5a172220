import {
  CreateTableCommand,
  type DynamoDBClient,
  ResourceInUseException,
  UpdateTimeToLiveCommand,
} from "@aws-sdk/client-dynamodb";
import { UNDELIVERED_INDEX } from "../../functions/webhooks/deliveries.ts";
import { DUE_INDEX } from "../../functions/webhooks/due.ts";

/** Makes the table of deliveries as infra/ deploys it; one that is there stays as it is. */
export async function createDeliveriesTable(dynamodb: DynamoDBClient, TableName: string): Promise<void> {
  const Projection = { ProjectionType: "KEYS_ONLY" } as const;
  try {
    await dynamodb.send(
      new CreateTableCommand({
        TableName,
        BillingMode: "PAY_PER_REQUEST",
        AttributeDefinitions: [
          { AttributeName: "pk", AttributeType: "S" },
          { AttributeName: "sk", AttributeType: "S" },
          { AttributeName: "dueShard", AttributeType: "S" },
          { AttributeName: "due", AttributeType: "N" },
          { AttributeName: "undeliveredOf", AttributeType: "S" },
        ],
        KeySchema: [
          { AttributeName: "pk", KeyType: "HASH" },
          { AttributeName: "sk", KeyType: "RANGE" },
        ],
        GlobalSecondaryIndexes: [
          {
            IndexName: DUE_INDEX,
            KeySchema: [
              { AttributeName: "dueShard", KeyType: "HASH" },
              { AttributeName: "due", KeyType: "RANGE" },
            ],
            Projection,
          },
          {
            IndexName: UNDELIVERED_INDEX,
            KeySchema: [{ AttributeName: "undeliveredOf", KeyType: "HASH" }],
            Projection,
          },
        ],
      }),
    );
  } catch (error) {
    if (error instanceof ResourceInUseException) return;
    throw error;
  }
  await dynamodb.send(
    new UpdateTimeToLiveCommand({
      TableName,
      TimeToLiveSpecification: { AttributeName: "ttl", Enabled: true },
    }),
  );
}
