import { AsyncLocalStorage } from "node:async_hooks";

/** What the store keeps count of while one HTTP request is answered. */
export type RequestScope = {
  dynamodbRequests: number;
  storeRetries: number;
  /** On `performance.now()`'s clock: no attempt is begun that could not end by then. */
  readonly deadlineMs: number;
};

/** Lambda stops the function after 10 s; this leaves time to answer `unavailable` in our own format. */
const REQUEST_BUDGET_MS = 7_000;

export const requestScope = new AsyncLocalStorage<RequestScope>();

export function newRequestScope(): RequestScope {
  return { dynamodbRequests: 0, storeRetries: 0, deadlineMs: performance.now() + REQUEST_BUDGET_MS };
}
