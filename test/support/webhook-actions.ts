import { PERMISSIONS, type TableGrant } from "../../infra/permissions.ts";
import type { DynamoDBDocumentClient } from "../../functions/store/dynamodb.ts";
import type { WebhookWorld } from "../../functions/webhooks/handlers.ts";

/** What a function asked of a table: the action, on the table or one of its indexes, and into which partition. */
export type Asked = {
  readonly table: string;
  readonly action: string;
  readonly index?: string;
  readonly pk?: string;
};

export type Input = {
  readonly TableName?: string;
  readonly IndexName?: string;
  readonly Key?: { readonly pk?: string };
  readonly Item?: { readonly pk?: string };
  readonly ExpressionAttributeValues?: Readonly<Record<string, unknown>>;
};

/** Has a client note what its requests ask IAM for. */
export function noteAsked(
  dynamodb: DynamoDBDocumentClient,
  tables: WebhookWorld["tables"],
  note: (asked: Asked) => void,
): DynamoDBDocumentClient {
  dynamodb.middlewareStack.add(
    (next, { commandName = "" }) =>
      (args) => {
        note(askedBy(commandName, args.input as Input, tables));
        return next(args);
      },
    // Before the document client has made wire values of the input.
    { step: "initialize", name: "noteAsked" },
  );
  return dynamodb;
}

/** @param command as in `UpdateItemCommand`, with the document client's input */
export function askedBy(
  command: string,
  { TableName, IndexName, Key, Item, ExpressionAttributeValues }: Input,
  { verificationTable, clientsTable }: WebhookWorld["tables"],
): Asked {
  const pk = Key?.pk ?? Item?.pk ?? (ExpressionAttributeValues?.[":pk"] as string | undefined);
  return {
    table:
      TableName === verificationTable
        ? "Verification"
        : TableName === clientsTable
          ? "Clients"
          : "Deliveries",
    action: `dynamodb:${command.replace(/Command$/, "")}`,
    ...(IndexName === undefined ? {} : { index: IndexName }),
    ...(pk === undefined ? {} : { pk }),
  };
}

/** Whether infra/ grants to a function's role what it asked. */
export function isGranted(name: "Publish" | "Deliver", { table, action, index, pk = "" }: Asked): boolean {
  const grants: Readonly<Record<string, TableGrant>> = PERMISSIONS[name];
  const grant = grants[table];
  if (index !== undefined) return action === "dynamodb:Query" && (grant?.indexes ?? []).includes(index);
  const reaches = (grant?.partitions ?? ["*"]).some((pattern) => pk.startsWith(pattern.replace("*", "")));
  return reaches && (grant?.actions ?? []).includes(action);
}

/** All that infra/ grants to a function's role, in words. */
export function allGranted(name: "Publish" | "Deliver"): string[] {
  const grants: Readonly<Record<string, TableGrant>> = PERMISSIONS[name];
  return Object.entries(grants).flatMap(([table, { actions, indexes = [] }]) => [
    ...actions.map((action) => `${table} ${action}`),
    ...indexes.map((index) => `${table}/${index} dynamodb:Query`),
  ]);
}

export const inWords = ({ table, action, index }: Asked) =>
  `${table}${index === undefined ? "" : `/${index}`} ${action}`;
