import { readWebhookConfig } from "./config.ts";
import { createDynamoDB } from "./store/dynamodb.ts";
import { createPublishHandler } from "./webhooks/handlers.ts";
import { createWebhookLog } from "./webhooks/log.ts";
import { createQueue, createSqs } from "./webhooks/queue.ts";

const { tables, queueUrl } = readWebhookConfig();

/** The Lambda function that reads the Verification table's stream, and that is called each minute. */
export const handler = createPublishHandler({
  dynamodb: createDynamoDB(),
  tables,
  queue: createQueue(createSqs(), queueUrl),
  now: Date.now,
  log: createWebhookLog(),
});
