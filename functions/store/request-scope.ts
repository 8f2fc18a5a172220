import { AsyncLocalStorage } from "node:async_hooks";
import type { Sleep } from "./retry.ts";

/** What the store keeps count of while one HTTP request is answered. */
export type RequestScope = {
  dynamodbRequests: number;
  storeRetries: number;
  /** What the last attempt came to that was made again. */
  retriedAfter?: unknown;
  /** For how long at least one request to DynamoDB was under way. */
  dynamodbMs: number;
  /** The requests under way, and on `performance.now()`'s clock since when there is one. */
  underWay: { count: number; sinceMs: number };
  /** On `performance.now()`'s clock: nothing is sent to the store that could not be answered or given up by then. */
  readonly deadlineMs: number;
  /** Waits between attempts at a request to the store, if not by a timer. */
  readonly sleep: Sleep | undefined;
};

/** How long one request to the store may take. */
export const REQUEST_TIMEOUT_MS = 2_000;

export const requestScope = new AsyncLocalStorage<RequestScope>();

/**
 * @param budgetMs how long the caller's request may wait for the store in all
 * @param sleep waits between attempts, if not a timer
 */
export function newRequestScope(budgetMs: number, sleep?: Sleep): RequestScope {
  return {
    dynamodbRequests: 0,
    storeRetries: 0,
    dynamodbMs: 0,
    underWay: { count: 0, sinceMs: 0 },
    deadlineMs: performance.now() + budgetMs,
    sleep,
  };
}

/** Whether a request to the store that leaves in `afterMs` would be answered, or given up, in time. */
export function isTimeFor(afterMs = 0): boolean {
  const deadlineMs = requestScope.getStore()?.deadlineMs ?? Number.POSITIVE_INFINITY;
  return performance.now() + afterMs + REQUEST_TIMEOUT_MS <= deadlineMs;
}

/** Counts a request to DynamoDB and its time, in the scope of the caller's request if there is one. */
export async function counted<Answer>(send: () => Promise<Answer>): Promise<Answer> {
  const scope = requestScope.getStore();
  if (scope === undefined) return send();
  scope.dynamodbRequests += 1;
  const { underWay } = scope;
  if (underWay.count === 0) underWay.sinceMs = performance.now();
  underWay.count += 1;
  try {
    return await send();
  } finally {
    underWay.count -= 1;
    if (underWay.count === 0) scope.dynamodbMs += performance.now() - underWay.sinceMs;
  }
}
