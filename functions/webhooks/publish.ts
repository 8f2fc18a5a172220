import type { DynamoDBRecord } from "aws-lambda";
import { toChange, Unreadable } from "./changes.ts";
import type { DeliveryStore } from "./deliveries.ts";
import { type Change, erasedBy, eventsOf } from "./events.ts";
import type { WebhookLog } from "./log.ts";
import type { Queue, Task } from "./queue.ts";
import type { Tell } from "./tell.ts";

/** How many records are worked on side by side: the store's client has 50 connections. */
const SIDE_BY_SIDE = 25;

/**
 * Tells of what the stream shows. Whatever fails is named, and is read again with all that came after it: nothing is
 * stored twice, so repeating is safe.
 * @returns the indexes of the records that failed
 */
export function createPublish({
  tell,
  deliveries,
  queue,
  now,
  log,
}: {
  readonly tell: Tell;
  readonly deliveries: DeliveryStore;
  readonly queue: Queue;
  /** The clock, in epoch milliseconds. */
  readonly now: () => number;
  readonly log: WebhookLog;
}) {
  /** What a record shows. One that cannot be read is set aside: it would hold up all that comes after it. */
  async function read(record: DynamoDBRecord): Promise<Change | undefined> {
    try {
      return toChange(record);
    } catch (error) {
      if (!(error instanceof Unreadable)) throw error;
      const sequenceNumber = record.dynamodb?.SequenceNumber ?? "unknown";
      log.fault(error, { sequenceNumber });
      await deliveries.setAside(sequenceNumber, JSON.stringify(record), Math.floor(now() / 1000));
      return undefined;
    }
  }

  return async (records: readonly DynamoDBRecord[]): Promise<ReadonlySet<number>> => {
    const startedMs = now();
    const failed = new Set<number>();
    const changes: { index: number; change: Change }[] = [];
    const toSend: { index: number; task: Task }[] = [];
    let events = 0;

    /** Does something for each; what throws makes its record a failed one. */
    async function each<Value extends { index: number }>(
      values: readonly Value[],
      work: (value: Value) => Promise<void>,
    ): Promise<void> {
      for (let at = 0; at < values.length; at += SIDE_BY_SIDE) {
        const some = values.slice(at, at + SIDE_BY_SIDE);
        const done = await Promise.allSettled(some.map(work));
        for (const [nth, { index }] of some.entries()) {
          const result = done[nth];
          if (result?.status !== "rejected") continue;
          log.fault(result.reason, { sequenceNumber: records[index]?.dynamodb?.SequenceNumber ?? "unknown" });
          failed.add(index);
        }
      }
    }

    await each(
      records.map((record, index) => ({ record, index })),
      async ({ record, index }) => {
        const change = await read(record);
        if (change !== undefined) changes.push({ index, change });
      },
    );
    await each(changes, async ({ index, change }) => {
      const told = eventsOf(change);
      events += told.length;
      for (const tasks of await Promise.all(told.map(tell))) {
        toSend.push(...tasks.map((task) => ({ index, task })));
      }
    });
    // After all else of the batch, so that nothing is stored about a user behind the back of their erasure.
    await each(changes, async ({ change }) => {
      const erased = erasedBy(change);
      if (erased !== undefined) await deliveries.forget(erased.userId, erased.until);
    });

    const sent = await queue.send(toSend.map(({ task }) => ({ task })));
    for (const [nth, { index }] of toSend.entries()) {
      const error = sent[nth];
      if (error === undefined) continue;
      if (!failed.has(index)) log.fault(error);
      failed.add(index);
    }
    log.publish({
      records: records.length,
      events,
      deliveries: toSend.length,
      failed: failed.size,
      durationMs: now() - startedMs,
    });
    return failed;
  };
}
