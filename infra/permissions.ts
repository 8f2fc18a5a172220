/**
 * What a function's role may do with a table: IAM actions, and the partitions that they reach (`*` ends a prefix); and
 * which of its indexes it may query.
 */
export type TableGrant = {
  readonly actions: readonly string[];
  readonly partitions?: readonly string[];
  readonly indexes?: readonly string[];
};

export type TableName = "Verification" | "Clients" | "Limits" | "Deliveries";

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
  // Of users whether they are there, and slots.
  Publish: {
    Verification: { actions: ["dynamodb:GetItem"], partitions: ["usr_*"] },
    Clients: { actions: ["dynamodb:Query"], partitions: ["webhooks#*"] },
    Deliveries: {
      actions: ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"],
      indexes: ["due", "undelivered"],
    },
  },
  // Of users whose they are to their client; of endpoints their secrets.
  Deliver: {
    Verification: { actions: ["dynamodb:GetItem"], partitions: ["usr_*"] },
    Clients: { actions: ["dynamodb:GetItem"], partitions: ["webhooks#*"] },
    Deliveries: { actions: ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"] },
  },
} as const satisfies Record<string, Partial<Record<TableName, TableGrant>>>;

export type FunctionName = keyof typeof PERMISSIONS;

/** What the functions of the webhooks may do with their queue. Lambda receives in the name of the one that delivers. */
export const QUEUE_ACTIONS = {
  Publish: ["sqs:SendMessage"],
  Deliver: ["sqs:SendMessage", "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"],
} as const;

/** What Lambda does with a stream in the name of the function that is fed by it. */
export const STREAM_ACTIONS = [
  "dynamodb:DescribeStream",
  "dynamodb:GetRecords",
  "dynamodb:GetShardIterator",
  "dynamodb:ListStreams",
] as const;

/** What Lambda does with the bucket for failed records, in the name of the same function. */
export const RECORDS_ACTIONS = { bucket: ["s3:ListBucket"], objects: ["s3:PutObject"] } as const;

/** The requests that carry those actions, by table: DynamoDB counts its own errors by request. */
export const TABLE_REQUESTS = {
  Verification: [
    "GetItem",
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
  Deliveries: ["GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query"],
} as const;
