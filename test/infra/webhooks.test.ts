import { beforeAll, describe, expect, test } from "vitest";
import { TIMEOUT_MS } from "../../functions/webhooks/post.ts";
import { QUEUE_ACTIONS, RECORDS_ACTIONS, STREAM_ACTIONS } from "../../infra/permissions.ts";
import { type Inputs, ofType, theOne } from "../../scripts/rehearse/plan.ts";
import { matches, type Pattern } from "../../scripts/local/event-filter.ts";
import { type Evaluation, evaluate } from "./evaluate.ts";

let production: Evaluation;
beforeAll(async () => {
  production = await evaluate("production", { API_DOMAIN: "none", ALARM_EMAIL: "oncall@example.com" });
});

const one = (type: string, name?: string) => theOne(production.plan, type, name);
const all = (type: string) => ofType(production.plan, type);

const TABLE = "aws:dynamodb/table:Table";
const FUNCTION = "aws:lambda/function:Function";
const QUEUE = "aws:sqs/queue:Queue";
const MAPPING = "aws:lambda/eventSourceMapping:EventSourceMapping";
const BUCKET = "aws:s3/bucket:Bucket";
const ALIAS = "aws:lambda/alias:Alias";
const DAY = 86_400;

const streamArn = () => one(TABLE, "VerificationTable").outputs.streamArn;
const aliasArn = (name: string) => one(ALIAS, `${name}FunctionLive`).outputs.arn;

describe("the table of deliveries", () => {
  test("forgets, is found by what is due and by what did not arrive, and has no stream and no recovery", () => {
    expect(one(TABLE, "DeliveriesTable").inputs).toMatchObject({
      hashKey: "pk",
      rangeKey: "sk",
      ttl: { attributeName: "ttl", enabled: true },
      streamEnabled: false,
      pointInTimeRecovery: { enabled: false },
      globalSecondaryIndexes: expect.arrayContaining([
        expect.objectContaining({ name: "due", projectionType: "KEYS_ONLY" }),
        expect.objectContaining({ name: "undelivered", projectionType: "KEYS_ONLY" }),
      ]),
    });
  });
});

describe("the stream", () => {
  const mapping = () => one(MAPPING, "PublishSource").inputs;

  // Trap: LATEST, SST's own, can miss what is written while the mapping comes into being.
  test("feeds the alias of the function that publishes, from its beginning, a hundred records within a second", () => {
    expect(mapping()).toMatchObject({
      eventSourceArn: streamArn(),
      functionName: aliasArn("Publish"),
      startingPosition: "TRIM_HORIZON",
      batchSize: 100,
      maximumBatchingWindowInSeconds: 1,
    });
  });

  test("is read again from what failed, without a limit, for 20 hours; then it is kept whole for two weeks", () => {
    expect(mapping()).toMatchObject({
      functionResponseTypes: ["ReportBatchItemFailures"],
      bisectBatchOnFunctionError: true,
      maximumRetryAttempts: -1,
      maximumRecordAgeInSeconds: 20 * 3_600,
      destinationConfig: { onFailure: { destinationArn: one(BUCKET).outputs.arn } },
      // Without it, nobody would see that something got there.
      metricsConfig: { metrics: ["EventCount"] },
    });
    const [rule] = one("aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration").inputs.rules;
    expect(rule).toMatchObject({ status: "Enabled", expiration: { days: 14 } });
  });

  test.each([
    ["a slot", { sk: { S: "slot" } }, true],
    ["a record", { sk: { S: "session#ses_1" } }, true],
    ["a user", { sk: { S: "user" } }, false],
    ["the use of a key", { sk: { S: "usage" } }, false],
  ])("shows the function %s: %s", (_, Keys, shown) => {
    const filters = mapping().filterCriteria.filters as Inputs[];
    const patterns = filters.map(({ pattern }) => JSON.parse(pattern) as Pattern);
    expect(patterns.some((pattern) => matches(pattern, { dynamodb: { Keys } }))).toBe(shown);
    // What deletes it, an operator or the TTL, makes no difference.
    const removed = { eventName: "REMOVE", dynamodb: { Keys, OldImage: Keys } };
    const userIdentity = { type: "Service", principalId: "dynamodb.amazonaws.com" };
    for (const event of [removed, { ...removed, userIdentity }]) {
      expect(patterns.some((pattern) => matches(pattern, event))).toBe(shown);
    }
  });
});

describe("the queue", () => {
  test("feeds the alias of the function that delivers, ten at a time, in at most twenty places", () => {
    expect(one(MAPPING, "DeliverSource").inputs).toMatchObject({
      eventSourceArn: one(QUEUE, "DeliveryQueue").outputs.arn,
      functionName: aliasArn("Deliver"),
      batchSize: 10,
      functionResponseTypes: ["ReportBatchItemFailures"],
      scalingConfig: { maximumConcurrency: 20 },
    });
  });

  test("hides a message for six times what the function may take, which is longer than a batch of slow receivers", () => {
    const { timeout } = one(FUNCTION, "DeliverFunctionFunction").inputs;
    expect(one(QUEUE, "DeliveryQueue").inputs.visibilityTimeoutSeconds).toBe(6 * timeout);
    expect(timeout * 1_000).toBeGreaterThan(2 * TIMEOUT_MS);
  });

  test("keeps a message for four days, and what is received five times for two weeks elsewhere", () => {
    const { messageRetentionSeconds, redrivePolicy, fifoQueue } = one(QUEUE, "DeliveryQueue").inputs;
    expect(messageRetentionSeconds).toBe(4 * DAY);
    // A standard queue: only those are fair.
    expect(fifoQueue).toBeUndefined();
    expect(JSON.parse(redrivePolicy)).toEqual({
      deadLetterTargetArn: one(QUEUE, "DeadLetters").outputs.arn,
      maxReceiveCount: 5,
    });
    expect(one(QUEUE, "DeadLetters").inputs.messageRetentionSeconds).toBe(14 * DAY);
  });

  test("is encrypted, and answers over TLS alone", () => {
    for (const { inputs, outputs } of all(QUEUE)) {
      expect(inputs.sqsManagedSseEnabled).toBe(true);
      const policy = all("aws:sqs/queuePolicy:QueuePolicy").find(
        (each) => each.inputs.queueUrl === outputs.url,
      );
      expect(JSON.parse(policy?.inputs.policy).Statement).toEqual([
        expect.objectContaining({
          Effect: "Deny",
          Principal: "*",
          Condition: { Bool: { "aws:SecureTransport": "false" } },
        }),
      ]);
    }
  });
});

describe("the sweep", () => {
  test("calls the alias of the function that publishes each minute, and is not repeated", () => {
    const rule = one("aws:cloudwatch/eventRule:EventRule");
    expect(rule.inputs.scheduleExpression).toBe("rate(1 minute)");
    expect(one("aws:cloudwatch/eventTarget:EventTarget").inputs).toMatchObject({
      rule: rule.inputs.name,
      arn: aliasArn("Publish"),
    });
    const permission = all("aws:lambda/permission:Permission").find(
      ({ inputs }) => inputs.principal === "events.amazonaws.com",
    );
    expect(permission?.inputs).toMatchObject({
      action: "lambda:InvokeFunction",
      function: one(FUNCTION, "PublishFunctionFunction").outputs.arn,
      qualifier: "live",
      sourceArn: rule.outputs.arn,
    });
    expect(one("aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig").inputs).toMatchObject({
      qualifier: "live",
      maximumRetryAttempts: 0,
      maximumEventAgeInSeconds: 60,
    });
    expect(one(FUNCTION, "PublishFunctionFunction").inputs.timeout).toBe(60);
  });
});

describe("the functions", () => {
  test.each(["Publish", "Deliver"])(
    "%s is told where its tables and its queue are, and no secret",
    (name) => {
      expect(one(FUNCTION, `${name}FunctionFunction`).inputs.environment.variables).toEqual({
        VERIFICATION_TABLE: one(TABLE, "VerificationTable").inputs.name,
        CLIENTS_TABLE: one(TABLE, "ClientsTable").inputs.name,
        DELIVERIES_TABLE: one(TABLE, "DeliveriesTable").inputs.name,
        DELIVERY_QUEUE_URL: one(QUEUE, "DeliveryQueue").outputs.url,
      });
    },
  );

  const statements = (name: string) => {
    const [inline, ...others] = one("aws:iam/role:Role", `${name}FunctionRole`).inputs
      .inlinePolicies as Inputs[];
    expect(others).toEqual([]);
    return (JSON.parse(inline?.policy).Statement as Inputs[]).filter(
      ({ Action }) => !/^(logs|kms):/.test(Action[0]),
    );
  };
  const leading = (partition: string) => ({
    "ForAllValues:StringLike": { "dynamodb:LeadingKeys": [partition] },
    Null: { "dynamodb:LeadingKeys": ["false"] },
  });
  const readsUsers = () => ({
    Effect: "Allow",
    Action: ["dynamodb:GetItem"],
    Resource: [one(TABLE, "VerificationTable").outputs.arn],
    Condition: leading("usr_*"),
  });

  test("Publish may do what it does, and nothing else", () => {
    const deliveries = one(TABLE, "DeliveriesTable").outputs.arn;
    expect(statements("Publish")).toEqual([
      readsUsers(),
      {
        Effect: "Allow",
        Action: ["dynamodb:Query"],
        Resource: [one(TABLE, "ClientsTable").outputs.arn],
        Condition: leading("webhooks#*"),
      },
      {
        Effect: "Allow",
        Action: ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"],
        Resource: [deliveries],
      },
      {
        Effect: "Allow",
        Action: ["dynamodb:Query"],
        Resource: [`${deliveries}/index/due`, `${deliveries}/index/undelivered`],
      },
      { Effect: "Allow", Action: STREAM_ACTIONS, Resource: [streamArn()] },
      {
        Effect: "Allow",
        Action: QUEUE_ACTIONS.Publish,
        Resource: [one(QUEUE, "DeliveryQueue").outputs.arn],
      },
      { Effect: "Allow", Action: RECORDS_ACTIONS.bucket, Resource: [one(BUCKET).outputs.arn] },
      { Effect: "Allow", Action: RECORDS_ACTIONS.objects, Resource: [`${one(BUCKET).outputs.arn}/*`] },
    ]);
  });

  test("Deliver may do what it does, and nothing else", () => {
    expect(statements("Deliver")).toEqual([
      readsUsers(),
      {
        Effect: "Allow",
        Action: ["dynamodb:GetItem"],
        Resource: [one(TABLE, "ClientsTable").outputs.arn],
        Condition: leading("webhooks#*"),
      },
      {
        Effect: "Allow",
        Action: ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"],
        Resource: [one(TABLE, "DeliveriesTable").outputs.arn],
      },
      {
        Effect: "Allow",
        Action: QUEUE_ACTIONS.Deliver,
        Resource: [one(QUEUE, "DeliveryQueue").outputs.arn],
      },
    ]);
  });
});

describe("the bucket of failed records", () => {
  test("is nobody's on the internet, answers over TLS alone, and is not emptied to be removed", () => {
    expect(one(BUCKET)).toMatchObject({ inputs: { forceDestroy: false }, options: { protect: true } });
    expect(one("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock").inputs).toMatchObject({
      blockPublicAcls: true,
      blockPublicPolicy: true,
      ignorePublicAcls: true,
      restrictPublicBuckets: true,
    });
    expect(JSON.stringify(one("aws:s3/bucketPolicy:BucketPolicy").inputs.policy)).toContain(
      "SecureTransport",
    );
    expect(all("aws:s3/bucketCorsConfiguration:BucketCorsConfiguration")).toEqual([]);
  });
});
