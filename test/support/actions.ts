import { writeFileSync } from "node:fs";
import path from "node:path";
import { inject } from "vitest";
import type { PERMISSIONS } from "../../infra/permissions.ts";
import type { DynamoDBDocumentClient } from "../../functions/store/dynamodb.ts";
import type { TableNames } from "../../scripts/local/tables.ts";

/** An action on a table, in a form that can name a file, such as `Clients dynamodb:GetItem`. */
export const actionName = (table: string, action: string) => `${table} ${action}`;

type Table = keyof (typeof PERMISSIONS)["Api"];
type Input = {
  TableName?: string;
  RequestItems?: Record<string, unknown>;
  TransactItems?: readonly TransactItem[];
};
type TransactItem = { readonly [operation: string]: { TableName?: string } };

/** Has a client note which IAM actions its requests ask for; a transaction asks for those of its items. */
export function recordActions(
  client: DynamoDBDocumentClient,
  tables: TableNames,
  note: (name: string) => void = noteInRun,
): DynamoDBDocumentClient {
  const tableOf = (name: string | undefined): Table => {
    if (name === tables.limitsTable) return "Limits";
    return name === tables.clientsTable ? "Clients" : "Verification";
  };
  client.middlewareStack.add(
    (next, context) => (args) => {
      const { TableName, RequestItems = {}, TransactItems = [] } = args.input as Input;
      const operation = String(context.commandName).replace(/Command$/, "");
      const asked =
        TransactItems.length > 0
          ? TransactItems.flatMap((item) =>
              Object.entries(item).map(([kind, each]) =>
                actionName(tableOf(each.TableName), `dynamodb:${itemAction(kind)}`),
              ),
            )
          : [TableName, ...Object.keys(RequestItems)]
              .filter((name) => name !== undefined)
              .map((name) => actionName(tableOf(name), `dynamodb:${operation}`));
      for (const name of asked) note(name);
      return next(args);
    },
    { step: "build" },
  );
  return client;
}

function itemAction(kind: string): string {
  return kind === "ConditionCheck" ? "ConditionCheckItem" : `${kind}Item`;
}

const noted = new Set<string>();

/** For the end of the whole run: a file an action, as every test file runs in a process of its own. */
function noteInRun(name: string): void {
  if (noted.has(name)) return;
  noted.add(name);
  writeFileSync(path.join(inject("actionsDirectory"), name), "");
}
