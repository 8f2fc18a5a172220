import { SendMessageBatchCommand, SQSClient, type SQSClientConfig } from "@aws-sdk/client-sqs";
import * as v from "valibot";
import type { DeliveryKey } from "./delivery.ts";
import { isWebhookId } from "./endpoint.ts";
import { isEventId } from "./event-id.ts";

/** One attempt at a delivery. A message holds ids: what is said stands in the delivery. */
export type Task = DeliveryKey & { readonly attempt: number };

/** What is to be sent: at once, or when it is due. */
export type Outgoing = { readonly task: Task; readonly delaySeconds?: number };

/** SQS holds no message back for longer. */
export const MAX_DELAY_SECONDS = 900;

/** Where attempts wait for whoever makes them. */
export type Queue = {
  /** Sends them all. What went wrong with each, if anything did, stands in its place. */
  send(outgoing: readonly Outgoing[]): Promise<readonly (Error | undefined)[]>;
};

/** SQS's own limit for one request. */
const BATCH = 10;
const TIMEOUT_MS = 3_000;

export function createSqs(
  config: Pick<SQSClientConfig, "endpoint" | "region" | "credentials"> = {},
): SQSClient {
  return new SQSClient({
    ...config,
    requestHandler: { connectionTimeout: 1_000, requestTimeout: TIMEOUT_MS, throwOnRequestTimeout: true },
  });
}

/** A standard queue; its messages are grouped by endpoint, so that a loud one does not delay the others. */
export function createQueue(sqs: SQSClient, queueUrl: string): Queue {
  async function sendBatch(batch: readonly Outgoing[]): Promise<readonly (Error | undefined)[]> {
    const Entries = batch.map(({ task, delaySeconds = 0 }, index) => {
      if (delaySeconds > MAX_DELAY_SECONDS) {
        throw new RangeError(`SQS delays no message for more than ${MAX_DELAY_SECONDS} s`);
      }
      return {
        Id: String(index),
        MessageBody: JSON.stringify(task),
        MessageGroupId: task.webhookId,
        ...(delaySeconds === 0 ? {} : { DelaySeconds: delaySeconds }),
      };
    });
    try {
      const { Failed = [] } = await sqs.send(new SendMessageBatchCommand({ QueueUrl: queueUrl, Entries }));
      return batch.map((_, index) => {
        const failed = Failed.find(({ Id }) => Id === String(index));
        return failed === undefined
          ? undefined
          : Object.assign(new Error("SQS refused"), { code: failed.Code });
      });
    } catch (error) {
      const cause = error instanceof Error ? error : new Error("SQS cannot be reached", { cause: error });
      return batch.map(() => cause);
    }
  }

  return {
    async send(outgoing) {
      const batches = Array.from({ length: Math.ceil(outgoing.length / BATCH) }, (_, index) =>
        outgoing.slice(index * BATCH, (index + 1) * BATCH),
      );
      return (await Promise.all(batches.map(sendBatch))).flat();
    },
  };
}

const TaskText = v.pipe(
  v.string(),
  v.parseJson(),
  v.object({
    webhookId: v.custom<Task["webhookId"]>((id) => typeof id === "string" && isWebhookId(id)),
    eventId: v.pipe(v.string(), v.check(isEventId)),
    attempt: v.pipe(v.number(), v.integer(), v.minValue(1)),
  }),
);

/** What a message asks for; `undefined` where we did not write it. */
export function parseTask(body: string): Task | undefined {
  const { success, output } = v.safeParse(TaskText, body);
  return success ? output : undefined;
}
