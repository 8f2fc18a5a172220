import {
  DELIVER_TIMEOUT_SECONDS,
  MAX_RECEIVES,
  QUEUE_SOURCE,
  STREAM_SOURCE,
  SWEEP_SECONDS,
  VISIBILITY_SECONDS,
} from "./event-sources.ts";
import { hardenedFunction } from "./function.ts";
import { QUEUE_ACTIONS, RECORDS_ACTIONS, STREAM_ACTIONS } from "./permissions.ts";
import { stageSettings } from "./stage.ts";
import { clients, deliveries, verification } from "./storage.ts";

const settings = stageSettings($app.stage, process.env);
const prefix = `${$app.name}-${$app.stage}`;
const SECONDS_PER_DAY = 86_400;

/** Messages that were received again and again, for somebody to look at. Their deliveries are due again without them. */
export const deadLetters = queue("DeadLetters", { messageRetentionSeconds: 14 * SECONDS_PER_DAY });

/**
 * Attempts that are to be made. A standard queue, and fair: its messages are grouped by endpoint. They hold ids, and SQS
 * encrypts them with a key of its own.
 */
export const deliveryQueue = queue("DeliveryQueue", {
  messageRetentionSeconds: 4 * SECONDS_PER_DAY,
  visibilityTimeoutSeconds: VISIBILITY_SECONDS,
  redrivePolicy: $jsonStringify({ deadLetterTargetArn: deadLetters.arn, maxReceiveCount: MAX_RECEIVES }),
});

/** Records of the stream that were not published for 20 hours, whole: an SQS would get pointers that die within four. */
export const failedRecords = new sst.aws.Bucket("FailedRecords", {
  cors: false,
  lifecycle: [{ id: "forget", expiresIn: "14 days" }],
  transform: {
    bucket: (args, opts) => {
      // The component's own would empty it to remove it.
      args.forceDestroy = !settings.production;
      opts.protect = settings.production;
    },
  },
});

const environment = {
  VERIFICATION_TABLE: verification.name,
  CLIENTS_TABLE: clients.name,
  DELIVERIES_TABLE: deliveries.name,
  DELIVERY_QUEUE_URL: deliveryQueue.url,
};

/** Reads the stream, stores what is to be told, and sweeps what is due. */
export const publish = hardenedFunction("Publish", {
  handler: "functions/publish.handler",
  description: `Tells of what the stream shows, and sweeps what is due (${prefix})`,
  memory: "512 MB",
  // A batch of a hundred takes a second; a sweep takes what it finds, and stops in time.
  timeout: `${SWEEP_SECONDS} seconds`,
  environment,
  permissions: [
    { actions: [...STREAM_ACTIONS], resources: [verification.nodes.table.streamArn] },
    { actions: [...QUEUE_ACTIONS.Publish], resources: [deliveryQueue.arn] },
    { actions: [...RECORDS_ACTIONS.bucket], resources: [failedRecords.arn] },
    { actions: [...RECORDS_ACTIONS.objects], resources: [$interpolate`${failedRecords.arn}/*`] },
  ],
});

/** Makes the attempts that the queue holds. */
export const deliver = hardenedFunction("Deliver", {
  handler: "functions/deliver.handler",
  description: `Delivers webhooks (${prefix})`,
  memory: "512 MB",
  timeout: `${DELIVER_TIMEOUT_SECONDS} seconds`,
  environment,
  permissions: [{ actions: [...QUEUE_ACTIONS.Deliver], resources: [deliveryQueue.arn] }],
});

export const publishSource = new aws.lambda.EventSourceMapping("PublishSource", {
  eventSourceArn: verification.nodes.table.streamArn,
  functionName: publish.live.arn,
  startingPosition: STREAM_SOURCE.startingPosition,
  filterCriteria: { filters: STREAM_SOURCE.filters.map((filter) => ({ pattern: JSON.stringify(filter) })) },
  batchSize: STREAM_SOURCE.batchSize,
  maximumBatchingWindowInSeconds: STREAM_SOURCE.batchWindowSeconds,
  functionResponseTypes: ["ReportBatchItemFailures"],
  bisectBatchOnFunctionError: true,
  // Without limit, up to their age.
  maximumRetryAttempts: -1,
  maximumRecordAgeInSeconds: STREAM_SOURCE.maximumRecordAgeSeconds,
  destinationConfig: { onFailure: { destinationArn: failedRecords.arn } },
  metricsConfig: { metrics: ["EventCount"] },
});

new aws.lambda.EventSourceMapping("DeliverSource", {
  eventSourceArn: deliveryQueue.arn,
  functionName: deliver.live.arn,
  batchSize: QUEUE_SOURCE.batchSize,
  functionResponseTypes: ["ReportBatchItemFailures"],
  scalingConfig: { maximumConcurrency: QUEUE_SOURCE.maximumConcurrency },
});

const sweep = new aws.cloudwatch.EventRule("Sweep", {
  name: `${prefix}-sweep`,
  description: "Sends deliveries that are due, and looks at sessions whose time is over",
  scheduleExpression: "rate(1 minute)",
});
new aws.lambda.Permission("SweepPermission", {
  action: "lambda:InvokeFunction",
  function: publish.function.arn,
  qualifier: publish.live.name,
  principal: "events.amazonaws.com",
  sourceArn: sweep.arn,
});
new aws.cloudwatch.EventTarget("SweepTarget", { rule: sweep.name, arn: publish.live.arn });
// The next minute's sweep does what this one did not.
new aws.lambda.FunctionEventInvokeConfig("SweepInvokeConfig", {
  functionName: publish.function.name,
  qualifier: publish.live.name,
  maximumRetryAttempts: 0,
  maximumEventAgeInSeconds: SWEEP_SECONDS,
});

function queue(name: string, given: Omit<aws.sqs.QueueArgs, "name">): aws.sqs.Queue {
  const made = new aws.sqs.Queue(name, {
    name: `${prefix}-${name}`,
    sqsManagedSseEnabled: true,
    ...given,
  });
  new aws.sqs.QueuePolicy(`${name}Policy`, {
    queueUrl: made.url,
    policy: $jsonStringify({
      Version: "2012-10-17",
      Statement: [
        {
          Sid: "OverTlsOnly",
          Effect: "Deny",
          Principal: "*",
          Action: "sqs:*",
          Resource: made.arn,
          Condition: { Bool: { "aws:SecureTransport": "false" } },
        },
      ],
    }),
  });
  return made;
}
