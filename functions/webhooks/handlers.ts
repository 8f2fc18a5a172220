import type {
  DynamoDBBatchResponse,
  DynamoDBStreamEvent,
  ScheduledEvent,
  SQSBatchResponse,
  SQSEvent,
} from "aws-lambda";
import type { DynamoDBDocumentClient } from "../store/dynamodb.ts";
import { newRequestScope, requestScope } from "../store/request-scope.ts";
import type { Sleep } from "../store/retry.ts";
import { createDeliver } from "./deliver.ts";
import { createDeliveryStore } from "./deliveries.ts";
import { createEndpointStore } from "./endpoints.ts";
import { createHealthStore } from "./health-store.ts";
import type { WebhookLog } from "./log.ts";
import type { Post } from "./post.ts";
import { createPublish } from "./publish.ts";
import { parseTask, type Queue } from "./queue.ts";
import { createSweep } from "./sweep.ts";
import { createTell } from "./tell.ts";
import { createVerificationReader } from "./verification.ts";
import { createWaitingStore } from "./waiting.ts";

/** All that the two functions need of the world. Lambda, the dev server and the tests each hand in their own. */
export type WebhookWorld = {
  readonly dynamodb: DynamoDBDocumentClient;
  readonly tables: {
    readonly verificationTable: string;
    readonly clientsTable: string;
    readonly deliveriesTable: string;
  };
  readonly queue: Queue;
  /** The clock, in epoch milliseconds. */
  readonly now: () => number;
  readonly log: WebhookLog;
  /** For how long endpoints that were looked up are trusted, if not for 60 s. */
  readonly trustedMs?: number;
  /** Waits between attempts at a request to the store, if not by a timer. */
  readonly sleep?: Sleep;
};

function createStores({ dynamodb, tables, now, trustedMs }: WebhookWorld) {
  const table = { dynamodb, tableName: tables.deliveriesTable };
  return {
    deliveries: createDeliveryStore(table),
    waiting: createWaitingStore(table),
    health: createHealthStore(table, now),
    endpoints: createEndpointStore({ dynamodb, tableName: tables.clientsTable, now, trustedMs }),
    verification: createVerificationReader({ dynamodb, tableName: tables.verificationTable }),
  };
}

/** For how long one invocation goes on asking the store, in milliseconds: less than its function's time-out. */
const PUBLISH_BUDGET_MS = 50_000;
const DELIVER_BUDGET_MS = 40_000;

/** What the publishing function is invoked with: a batch of the stream, or the minute's call to sweep. */
export type PublishEvent = DynamoDBStreamEvent | ScheduledEvent;

/** Tells of what the stream shows, and sweeps what is due. */
export function createPublishHandler(world: WebhookWorld) {
  const { queue, now, log } = world;
  const stores = createStores(world);
  const tell = createTell({ ...stores, now });
  const publish = createPublish({ ...stores, tell, queue, now, log });
  const sweep = createSweep({ ...stores, tell, queue, now, log });

  return (event: PublishEvent): Promise<DynamoDBBatchResponse> =>
    requestScope.run(newRequestScope(PUBLISH_BUDGET_MS, world.sleep), async () => {
      if (!("Records" in event)) {
        const endsAtMs = now() + PUBLISH_BUDGET_MS / 2;
        await sweep(() => now() < endsAtMs);
        return { batchItemFailures: [] };
      }
      const failed = await publish(event.Records);
      return {
        batchItemFailures: event.Records.filter((_, index) => failed.has(index)).map(({ dynamodb }) => ({
          itemIdentifier: dynamodb?.SequenceNumber ?? "",
        })),
      };
    });
}

/** Makes the attempts of a batch of the queue, side by side. */
export function createDeliverHandler(
  world: WebhookWorld & { readonly post: Post; readonly random: () => number },
) {
  const deliver = createDeliver({ ...createStores(world), ...world });
  const { log } = world;

  return (event: SQSEvent): Promise<SQSBatchResponse> =>
    requestScope.run(newRequestScope(DELIVER_BUDGET_MS, world.sleep), async () => {
      const failed = await Promise.all(
        event.Records.map(async ({ messageId, body }) => {
          try {
            const task = parseTask(body);
            // Not ours, and never to be understood: the dead-letter queue keeps it.
            if (task === undefined) throw new TypeError("A message is not a task");
            await deliver(task);
            return [];
          } catch (error) {
            log.fault(error, { messageId });
            return [{ itemIdentifier: messageId }];
          }
        }),
      );
      return { batchItemFailures: failed.flat() };
    });
}
