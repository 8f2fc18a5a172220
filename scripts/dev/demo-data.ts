import { PutCommand, paginateScan } from "@aws-sdk/lib-dynamodb";
import type { DynamoDBDocumentClient } from "../../functions/store/dynamodb.ts";
import { createTables, type TableNames } from "../local/tables.ts";

/** All tables, and in memory the demo client, whose keys the server has told: what an engine that was lost had. */
export function createRestore(dynamodb: DynamoDBDocumentClient, tables: TableNames) {
  let items: Record<string, unknown>[] = [];
  return {
    /** Remembers the clients that are there now. */
    async remember() {
      items = [];
      for await (const { Items } of paginateScan({ client: dynamodb }, { TableName: tables.clientsTable }))
        items.push(...(Items ?? []));
    },
    async restore() {
      await createTables(dynamodb, tables);
      for (const Item of items) await dynamodb.send(new PutCommand({ TableName: tables.clientsTable, Item }));
    },
  };
}
