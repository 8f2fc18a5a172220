/** What a function's role may do with a table: IAM actions, and the partitions that they reach (`*` ends a prefix). */
export type TableGrant = { readonly actions: readonly string[]; readonly partitions?: readonly string[] };

export type TableName = "Verification" | "Clients" | "Limits";

/**
 * What each function's role is given, by table. Plain data, so that a test can hold it against the requests that the
 * store really sends. A transaction is authorised by the actions of its items.
 */
export const PERMISSIONS = {
  Api: {
    Verification: {
      actions: [
        "dynamodb:BatchGetItem",
        "dynamodb:Query",
        "dynamodb:PutItem",
        "dynamodb:UpdateItem",
        "dynamodb:DeleteItem",
        "dynamodb:BatchWriteItem",
      ],
    },
    // API keys by hash, and what functions may know of a client. Not `client#`, `webhooks#` or the operators' audit.
    Clients: { actions: ["dynamodb:GetItem", "dynamodb:Query"], partitions: ["key#*", "settings#*"] },
    Limits: { actions: ["dynamodb:UpdateItem"] },
  },
  Reference: {},
} as const satisfies Record<string, Partial<Record<TableName, TableGrant>>>;

export type FunctionName = keyof typeof PERMISSIONS;

/** The requests that carry those actions, by table: DynamoDB counts its own errors by request. */
export const TABLE_REQUESTS = {
  Verification: [
    "BatchGetItem",
    "Query",
    "PutItem",
    "UpdateItem",
    "DeleteItem",
    "BatchWriteItem",
    "TransactWriteItems",
  ],
  Clients: ["GetItem", "Query"],
  Limits: ["UpdateItem"],
} as const;
