import { setTimeout as sleep } from "node:timers/promises";
import { requestScope, isTimeFor } from "./request-scope.ts";

/** The store was throttled, contended or out of reach for longer than a request waits. Safe to repeat. */
export class Unavailable extends Error {
  override readonly name = "Unavailable";
}

/** Somebody else changed what a write was conditioned on. Looking again decides what to do now. */
export class Contended extends Error {
  override readonly name = "Contended";
}

const MAX_ATTEMPTS = 6;
const BASE_PAUSE_MS = 20;
const MAX_PAUSE_MS = 400;

/**
 * Runs `attempt` until it answers, while what it throws is of a passing kind, with full jitter between attempts; then
 * throws `Unavailable`. An attempt must be one that may be repeated whether or not the one before it took effect.
 */
export async function withRetries<T>(attempt: () => Promise<T>): Promise<T> {
  for (let made = 1; ; made += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (!isPassing(error)) throw error;
      const pauseMs = Math.random() * Math.min(MAX_PAUSE_MS, BASE_PAUSE_MS * 2 ** made);
      if (made === MAX_ATTEMPTS || !isTimeFor(pauseMs)) {
        throw new Unavailable("The store did not take the request in time", { cause: error });
      }
      const scope = requestScope.getStore();
      if (scope !== undefined) scope.storeRetries += 1;
      await sleep(pauseMs);
    }
  }
}

const PASSING_NAMES = new Set([
  "InternalServerError",
  "ProvisionedThroughputExceededException",
  "RequestLimitExceeded",
  "ServiceUnavailable",
  "ThrottlingException",
  "TimeoutError",
  "TransactionConflictException",
  "TransactionInProgressException",
]);
const PASSING_REASONS = new Set([
  "ConditionalCheckFailed",
  "TransactionConflict",
  "ThrottlingError",
  "ProvisionedThroughputExceeded",
]);
const PASSING_CODES = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "EHOSTUNREACH",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EPIPE",
  "ETIMEDOUT",
]);

/** Throttles, conflicts, time-outs and an unreachable or failing service. Never a failed condition of a single write. */
function isPassing(error: unknown): boolean {
  if (error instanceof Contended) return true;
  if (!(error instanceof Error)) return false;
  const { name, code, $metadata, CancellationReasons } = error as Error & {
    code?: string;
    $metadata?: { httpStatusCode?: number };
    CancellationReasons?: readonly { Code?: string }[];
  };
  if (name === "TransactionCanceledException") {
    return (
      CancellationReasons?.every(
        ({ Code }) => Code === undefined || Code === "None" || PASSING_REASONS.has(Code),
      ) ?? false
    );
  }
  return PASSING_NAMES.has(name) || PASSING_CODES.has(code ?? "") || ($metadata?.httpStatusCode ?? 0) >= 500;
}
