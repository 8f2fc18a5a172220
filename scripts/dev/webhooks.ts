import { setTimeout as sleep } from "node:timers/promises";
import { DeleteMessageBatchCommand, ReceiveMessageCommand } from "@aws-sdk/client-sqs";
import type { DynamoDBRecord, ScheduledEvent, SQSEvent } from "aws-lambda";
import { type FauxqsServer, startFauxqs } from "fauxqs";
import * as v from "valibot";
import type { DynamoDBDocumentClient } from "../../functions/store/dynamodb.ts";
import { createDeliverHandler, createPublishHandler } from "../../functions/webhooks/handlers.ts";
import type { WebhookLog } from "../../functions/webhooks/log.ts";
import { createPost } from "../../functions/webhooks/post.ts";
import { createQueue, createSqs } from "../../functions/webhooks/queue.ts";
import { MAX_RECEIVES, QUEUE_SOURCE, VISIBILITY_SECONDS } from "../../infra/event-sources.ts";
import { createStreamReader, ensureStream } from "../local/stream.ts";
import type { TableNames } from "../local/tables.ts";
import { readIfThere, writePrivate } from "../local/workspace.ts";

const QUEUE = "deliveries";
const DEAD_LETTERS = "dead-letters";
/** fauxqs's own account. */
const ACCOUNT = "000000000000";

/** A person waits for what the deployed functions have a second and a minute for. */
const LOOK_AGAIN_MS = 200;
const SWEEP_MS = 2_000;
const AFTER_FAULT_MS = 1_000;
const POLL_SECONDS = 2;
/** Who has just made a webhook at the terminal opens a session next. */
const TRUSTED_MS = 1_000;
/** How many batches are delivered at once. */
const LANES = 4;
/** How long a stop waits for a delivery that is under way: it is made again if it does not end. */
const DRAIN_MS = 2_000;

export type RunningWebhooks = {
  /** Where the queue's service answers. */
  readonly queue: string;
  stop(): Promise<void>;
};

/**
 * Runs the whole way of webhooks: the same two handlers as deployed, fed as Lambda's event sources feed them, by the stream
 * of the table and by an SQS in this process. Deliveries go to plain http on this machine as well.
 * @param world.files where the queue and the place in the stream are kept; missing where nothing is
 */
export async function startWebhooks({
  endpoint,
  dynamodb,
  tables,
  files,
  log,
}: {
  readonly endpoint: string;
  readonly dynamodb: DynamoDBDocumentClient;
  readonly tables: TableNames;
  readonly files: { readonly queueDirectory: string; readonly positionFile: string } | undefined;
  readonly log: WebhookLog;
}): Promise<RunningWebhooks> {
  const service = await startFauxqs({
    port: 0,
    host: "127.0.0.1",
    logger: false,
    ...(files === undefined ? {} : { dataDir: files.queueDirectory }),
  });
  const address = `http://127.0.0.1:${service.port}`;
  makeQueues(service);
  const sqs = createSqs({
    endpoint: address,
    region: "us-east-1",
    credentials: { accessKeyId: "local", secretAccessKey: "local" },
  });
  const QueueUrl = `${address}/${ACCOUNT}/${QUEUE}`;
  const world = {
    dynamodb,
    tables,
    queue: createQueue(sqs, QueueUrl),
    now: Date.now,
    log,
    trustedMs: TRUSTED_MS,
  };
  const publish = createPublishHandler(world);
  const deliver = createDeliverHandler({
    ...world,
    post: createPost({ allowLoopback: true }),
    random: Math.random,
  });

  const stopping = new AbortController();
  const { signal } = stopping;
  const pause = (ms: number) => sleep(ms, undefined, { signal }).catch(() => {});

  /** Does something over and over until the server stops. An engine that is away is the server's to tell of. */
  async function forever(work: () => Promise<void>): Promise<void> {
    while (!signal.aborted) {
      try {
        await work();
      } catch {
        await pause(AFTER_FAULT_MS);
      }
    }
  }

  async function follow(): Promise<void> {
    const streamArn = await ensureStream(dynamodb, tables.verificationTable);
    const reader = createStreamReader({ endpoint, streamArn, position: readPosition(streamArn, files) });
    let again: string | undefined;
    try {
      while (!signal.aborted) {
        const any = await reader.read(async (records) => (again = await publishBatch(records)));
        if (any && files !== undefined) {
          writePrivate(files.positionFile, { streamArn, position: reader.position() });
        }
        if (again !== undefined) await pause(AFTER_FAULT_MS);
        else if (!any) await pause(LOOK_AGAIN_MS);
      }
    } finally {
      reader.stop();
    }
  }

  async function publishBatch(records: DynamoDBRecord[]): Promise<string | undefined> {
    return (await publish({ Records: records })).batchItemFailures[0]?.itemIdentifier;
  }

  async function deliverBatch(): Promise<void> {
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({
        QueueUrl,
        MaxNumberOfMessages: QUEUE_SOURCE.batchSize,
        WaitTimeSeconds: POLL_SECONDS,
      }),
      { abortSignal: signal },
    );
    if (Messages.length === 0) return;
    const Records = Messages.map(({ MessageId, Body }) => ({ messageId: MessageId, body: Body }));
    const { batchItemFailures } = await deliver({ Records } as SQSEvent);
    const failed = new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
    const Entries = Messages.filter(({ MessageId }) => !failed.has(MessageId ?? "")).map(
      ({ ReceiptHandle }, index) => ({ Id: String(index), ReceiptHandle }),
    );
    if (Entries.length > 0) await sqs.send(new DeleteMessageBatchCommand({ QueueUrl, Entries }));
  }

  async function sweepNow(): Promise<void> {
    await publish({ source: "aws.events" } as ScheduledEvent);
    await pause(SWEEP_MS);
  }

  await ensureStream(dynamodb, tables.verificationTable);
  const running = Promise.all([
    forever(follow),
    forever(sweepNow),
    ...Array.from({ length: LANES }, () => forever(deliverBatch)),
  ]);
  return {
    queue: address,
    async stop() {
      stopping.abort();
      await Promise.race([running, sleep(DRAIN_MS, undefined, { ref: false })]);
      sqs.destroy();
      await service.stop();
    },
  };
}

/** Queues that are there, with what they hold, stay: to make one again would empty it. */
function makeQueues(service: FauxqsServer): void {
  if (service.inspectQueue(DEAD_LETTERS) === undefined) service.createQueue(DEAD_LETTERS);
  if (service.inspectQueue(QUEUE) !== undefined) return;
  service.createQueue(QUEUE, {
    attributes: {
      VisibilityTimeout: String(VISIBILITY_SECONDS),
      RedrivePolicy: JSON.stringify({
        deadLetterTargetArn: `arn:aws:sqs:us-east-1:${ACCOUNT}:${DEAD_LETTERS}`,
        maxReceiveCount: MAX_RECEIVES,
      }),
    },
  });
}

const Position = v.object({ streamArn: v.string(), position: v.record(v.string(), v.string()) });

/** Where the reading of this stream ended; of another one, or of none, at its beginning. */
function readPosition(streamArn: string, files: { readonly positionFile: string } | undefined) {
  const { success, output } = v.safeParse(
    Position,
    files === undefined ? undefined : readIfThere(files.positionFile),
  );
  return success && output.streamArn === streamArn ? output.position : {};
}
