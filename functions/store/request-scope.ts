import { AsyncLocalStorage } from "node:async_hooks";

/** What the store keeps count of while one HTTP request is answered. */
export type RequestScope = {
  dynamodbRequests: number;
  storeRetries: number;
  /** On `performance.now()`'s clock: nothing is sent to the store that could not be answered or given up by then. */
  readonly deadlineMs: number;
};

/** How long one request to the store may take. */
export const REQUEST_TIMEOUT_MS = 2_000;

/** Lambda stops the function after 10 s; this leaves time to answer `unavailable` in our own format. */
const REQUEST_BUDGET_MS = 7_000;

export const requestScope = new AsyncLocalStorage<RequestScope>();

export function newRequestScope(): RequestScope {
  return { dynamodbRequests: 0, storeRetries: 0, deadlineMs: performance.now() + REQUEST_BUDGET_MS };
}

/** Whether a request to the store that leaves in `afterMs` would be answered, or given up, in time. */
export function isTimeFor(afterMs = 0): boolean {
  const deadlineMs = requestScope.getStore()?.deadlineMs ?? Number.POSITIVE_INFINITY;
  return performance.now() + afterMs + REQUEST_TIMEOUT_MS <= deadlineMs;
}
