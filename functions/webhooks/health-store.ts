import { randomUUID } from "node:crypto";
import { DeleteCommand, GetCommand, PutCommand } from "@aws-sdk/lib-dynamodb";
import { createExpiringCache } from "../core/expiring-cache.ts";
import { toSeconds } from "../core/time.ts";
import { AGAIN, Unavailable, withRetries } from "../store/retry.ts";
import { clause, conditionOf } from "../store/verification/expression.ts";
import { ABSENT } from "../store/verification/rev-clauses.ts";
import { writeIf } from "../store/verification/write-if.ts";
import { type DeliveriesTable, webhookPartition } from "./deliveries.ts";
import type { WebhookId } from "./endpoint.ts";
import { afterFailure, afterSuccess, type Health } from "./health.ts";

const healthKey = (webhookId: WebhookId) => ({ pk: webhookPartition(webhookId), sk: "health" });

/** How long a container trusts what it knows of an endpoint, and how seldom it writes what is no news. */
const TRUSTED_MS = 60_000;
const MAX_ENTRIES = 1_000;

export type HealthStore = ReturnType<typeof createHealthStore>;

/**
 * How deliveries to endpoints go. It lies in the Deliveries table, so that no function writes the Clients table.
 * @param now the clock, in epoch milliseconds
 */
export function createHealthStore({ dynamodb, tableName }: DeliveriesTable, now: () => number) {
  const cache = createExpiringCache<Health>({ ttlMs: TRUSTED_MS, maxEntries: MAX_ENTRIES });

  async function read(webhookId: WebhookId) {
    const { Item } = await withRetries(() =>
      dynamodb.send(
        new GetCommand({ TableName: tableName, Key: healthKey(webhookId), ConsistentRead: true }),
      ),
    );
    return { health: (Item?.health ?? {}) as Health, version: Item?.version as string | undefined };
  }

  async function findAnew(webhookId: WebhookId): Promise<Health> {
    const { health } = await read(webhookId);
    cache.set(webhookId, health, now());
    return health;
  }

  async function find(webhookId: WebhookId): Promise<Health> {
    return cache.get(webhookId, now()) ?? findAnew(webhookId);
  }

  /** Changes what is stored as it stands now, whatever this container knew. */
  async function change(webhookId: WebhookId, to: (health: Health) => Health): Promise<Health> {
    const health = await withRetries(async () => {
      const seen = await read(webhookId);
      const next = to(seen.health);
      const asSeen =
        seen.version === undefined ? ABSENT : clause("version = :seen", { ":seen": seen.version });
      const written = await writeIf(
        dynamodb.send(
          new PutCommand({
            TableName: tableName,
            Item: { ...healthKey(webhookId), health: next, version: randomUUID() },
            ...conditionOf(asSeen),
          }),
        ),
      );
      return written.kind === "failed" ? AGAIN : next;
    });
    cache.set(webhookId, health, now());
    return health;
  }

  /**
   * Writes what is news at once, and what is none at most once a minute and container. What many containers write at once
   * is the same news: who loses to the others leaves it to the next delivery.
   */
  async function noteAlone(webhookId: WebhookId, to: (health: Health) => Health): Promise<Health> {
    const known = await find(webhookId);
    const next = to(known);
    if (!isNews(known, next)) return known;
    try {
      return await change(webhookId, to);
    } catch (error) {
      if (error instanceof Unavailable) return next;
      throw error;
    }
  }

  /** One after another for an endpoint: of a batch that fails side by side, the first one's news is all there is. */
  const underWay = new Map<WebhookId, Promise<unknown>>();
  async function note(webhookId: WebhookId, to: (health: Health) => Health): Promise<Health> {
    const before = underWay.get(webhookId);
    const noted = (async () => {
      await before?.catch(() => {});
      return noteAlone(webhookId, to);
    })();
    underWay.set(webhookId, noted);
    try {
      return await noted;
    } finally {
      if (underWay.get(webhookId) === noted) underWay.delete(webhookId);
    }
  }

  return {
    find,
    /** As it stands now, whatever this container knew. */
    findAnew,
    noteSuccess: (webhookId: WebhookId) =>
      note(webhookId, (health) => afterSuccess(health, toSeconds(now()))),
    /** @param status what the receiver answered; `undefined` where it did not */
    noteFailure: (webhookId: WebhookId, status: number | undefined) =>
      note(webhookId, (health) => afterFailure(health, status, toSeconds(now()))),
    /** An operator's word: nothing of before counts any more. */
    reset: (webhookId: WebhookId) => change(webhookId, () => ({})),
    /** With the endpoint, which is deleted. */
    async remove(webhookId: WebhookId): Promise<void> {
      const Key = healthKey(webhookId);
      await withRetries(() => dynamodb.send(new DeleteCommand({ TableName: tableName, Key })));
    },
  };
}

const NEWS_AFTER_SECONDS = TRUSTED_MS / 1000;

function isNews(before: Health, after: Health): boolean {
  const isLater = (name: "lastSuccessAt" | "lastFailureAt") =>
    after[name] !== undefined && after[name] - (before[name] ?? 0) >= NEWS_AFTER_SECONDS;
  return (
    before.failuresSince !== after.failuresSince ||
    before.failingSince !== after.failingSince ||
    before.paused?.at !== after.paused?.at ||
    isLater("lastSuccessAt") ||
    isLater("lastFailureAt")
  );
}
