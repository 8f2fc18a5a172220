import { readWebhookConfig } from "./config.ts";
import { createDynamoDB } from "./store/dynamodb.ts";
import { createDeliverHandler } from "./webhooks/handlers.ts";
import { createWebhookLog } from "./webhooks/log.ts";
import { createPost } from "./webhooks/post.ts";
import { createQueue, createSqs } from "./webhooks/queue.ts";

const { tables, queueUrl } = readWebhookConfig();

/** The Lambda function that makes the attempts which the queue holds. */
export const handler = createDeliverHandler({
  dynamodb: createDynamoDB(),
  tables,
  queue: createQueue(createSqs(), queueUrl),
  post: createPost(),
  now: Date.now,
  random: Math.random,
  log: createWebhookLog(),
});
