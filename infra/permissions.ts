/**
 * The DynamoDB actions that the API's role is given, by table. Plain data, so that a test can hold it against the
 * requests that the store really sends. A transaction is authorised by the actions of its items.
 */
export const TABLE_ACTIONS = {
  Verification: [
    "dynamodb:BatchGetItem",
    "dynamodb:Query",
    "dynamodb:PutItem",
    "dynamodb:UpdateItem",
    "dynamodb:DeleteItem",
    "dynamodb:BatchWriteItem",
  ],
  Clients: ["dynamodb:GetItem"],
  Limits: ["dynamodb:UpdateItem"],
} as const;

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
  Clients: ["GetItem"],
  Limits: ["UpdateItem"],
} as const;
