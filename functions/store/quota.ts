import { UpdateCommand } from "@aws-sdk/lib-dynamodb";
import type { Environment } from "../contract/vocabulary.ts";
import { createExpiringCache } from "../core/expiring-cache.ts";
import {
  beginWindow,
  countCall,
  forget,
  isOver,
  keep,
  learn,
  quotaOf,
  remaining,
  type Tell,
  type Told,
  WINDOW_SECONDS,
  type WindowCount,
  windowAt,
} from "../core/quota.ts";
import type { DynamoDBDocumentClient } from "./dynamodb.ts";

/** A call waits for what it tells, as nothing may be left behind in a frozen Lambda, but no longer than this. */
const PATIENCE_MS = 200;
const MIN_PAUSE_MS = 100;
const MAX_PAUSE_MS = 400;
/** How long a window's item stays after its end: clocks differ a little. */
const KEPT_SECONDS = 60;
const MAX_COUNTED = 1_000;

/** The calls that share one quota. */
export type Counter = {
  readonly side: "backend" | "frontend";
  readonly clientId: string;
  readonly environment: Environment;
};

/** What the quota says of one call. */
export type Taken = {
  readonly allowed: boolean;
  /** Calls that the window takes. */
  readonly quota: number;
  /** Calls that it still takes, as far as this container knows. */
  readonly remaining: number;
  /** Whole seconds until it has ended, at least 1. */
  readonly secondsLeft: number;
  /** Whether what this call told the other containers reached them; to be awaited before answering. */
  readonly told: Promise<boolean>;
};

/** Counts calls for all containers together. */
export type QuotaStore = {
  /** Takes one call out of a quota of so many a second. Never throws, and waits 200 ms at the most. */
  take(counter: Counter, perSecond: number): Promise<Taken>;
};

/** Where all containers count one window: an item that lives a little longer than the window does. */
export const windowKey = ({ side, clientId, environment }: Counter, window: number) => ({
  pk: `${side}#${clientId}#${environment}#${window}`,
});

/**
 * The quotas of all clients, counted in this container and told to the others when it matters.
 * @param options.now the clock, in epoch milliseconds
 * @param options.timeout a signal that aborts after so many milliseconds
 * @param options.random evenly from 0 to 1
 */
export function createQuotaStore(options: {
  readonly dynamodb: DynamoDBDocumentClient;
  readonly tableName: string;
  readonly now: () => number;
  readonly timeout?: (timeoutMs: number) => AbortSignal;
  readonly random?: () => number;
}): QuotaStore {
  const { dynamodb, tableName, now, random = Math.random } = options;
  const timeout = options.timeout ?? ((timeoutMs: number) => AbortSignal.timeout(timeoutMs));
  const windows = createExpiringCache<{ count: WindowCount }>({
    ttlMs: WINDOW_SECONDS * 1000,
    maxEntries: MAX_COUNTED,
  });

  function findWindow({ side, clientId, environment }: Counter, window: number, nowMs: number) {
    const name = `${side}#${clientId}#${environment}`;
    const found = windows.get(name, nowMs);
    if (found?.count.window === window) return found;
    const begun = { count: beginWindow(window) };
    windows.set(name, begun, nowMs);
    return begun;
  }

  /** One request, without the store's retries. */
  async function send(counter: Counter, { window, calls, first }: Tell, endsAtMs: number): Promise<Told> {
    const command = new UpdateCommand({
      TableName: tableName,
      Key: windowKey(counter, window),
      UpdateExpression: "SET #ttl = :ttl ADD calls :calls, tellers :first",
      ExpressionAttributeNames: { "#ttl": "ttl" },
      ExpressionAttributeValues: {
        ":calls": calls,
        ":first": first ? 1 : 0,
        ":ttl": Math.ceil(endsAtMs / 1000) + KEPT_SECONDS,
      },
      ReturnValues: "UPDATED_NEW",
    });
    const abortSignal = timeout(PATIENCE_MS);
    // The SDK does not look at the signal everywhere: not while it waits for credentials.
    const { Attributes } = await Promise.race([
      dynamodb.send(command, { abortSignal }),
      aborted(abortSignal),
    ]);
    return { total: Attributes?.calls as number, tellers: Attributes?.tellers as number };
  }

  return {
    async take(counter, perSecond) {
      const nowMs = now();
      const quota = quotaOf(perSecond);
      const { window, endsAtMs } = windowAt(counter.clientId, nowMs);
      const held = findWindow(counter, window, nowMs);

      const tellOthers = async (tell: Tell): Promise<Told | undefined> => {
        try {
          const answer = await send(counter, tell, endsAtMs);
          held.count = learn(held.count, tell, answer);
          return answer;
        } catch (error) {
          const silentUntilMs = now() + MIN_PAUSE_MS + random() * (MAX_PAUSE_MS - MIN_PAUSE_MS);
          held.count = (isThrottle(error) ? keep : forget)(held.count, tell, silentUntilMs);
          return undefined;
        }
      };

      const counted = countCall(held.count, quota, nowMs);
      held.count = counted.count;
      const telling =
        counted.kind === "refused" || counted.tell === undefined ? undefined : tellOthers(counted.tell);
      const asked = counted.kind === "asks" ? await telling : undefined;
      return {
        allowed: counted.kind !== "refused" && (asked === undefined || !isOver(asked, quota)),
        quota,
        remaining: remaining(held.count, quota),
        secondsLeft: Math.ceil((endsAtMs - nowMs) / 1000),
        told: telling === undefined ? NOTHING_TO_TELL : telling.then((answer) => answer !== undefined),
      };
    },
  };
}

const NOTHING_TO_TELL = Promise.resolve(true);

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
  });
}

/** What DynamoDB answers instead of doing the write: it certainly did not count. */
const THROTTLES = new Set([
  "ProvisionedThroughputExceededException",
  "RequestLimitExceeded",
  "ThrottlingException",
]);

const isThrottle = (error: unknown): boolean => error instanceof Error && THROTTLES.has(error.name);
