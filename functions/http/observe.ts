import { randomUUID } from "node:crypto";
import type { MiddlewareHandler } from "hono";
import { newRequestScope, requestScope } from "../store/request-scope.ts";
import type { AppEnv, RequestFacts } from "./app-env.ts";

/** One request as it is logged: never a refId, a detail, a key or a token. */
export type RequestEvent = RequestFacts & {
  readonly requestId: string;
  readonly method: string;
  readonly status: number;
  readonly durationMs: number;
  readonly dynamodbRequests: number;
  readonly storeRetries: number;
};

/** Where the app tells what happens. */
export type Log = {
  /** Once for every request, when its answer is ready. */
  request(event: RequestEvent): void;
  /** An exception that was answered with a 5xx. */
  fault(error: Error, requestId: string): void;
};

const REQUEST_ID = /^[A-Za-z0-9._-]{1,128}$/;

/** Names the request, counts what it costs, and tells of it when it is answered. */
export function observe(log: Log): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    const startedMs = performance.now();
    const inbound = c.req.header("x-request-id") ?? "";
    const requestId = REQUEST_ID.test(inbound) ? inbound : randomUUID();
    const facts: RequestFacts = {};
    c.set("requestId", requestId);
    c.set("facts", facts);
    const scope = newRequestScope();
    await requestScope.run(scope, next);
    c.res.headers.set("x-request-id", requestId);
    if (!c.res.headers.has("cache-control")) c.res.headers.set("cache-control", "no-store");
    log.request({
      ...facts,
      requestId,
      method: c.req.method,
      status: c.res.status,
      durationMs: Math.round((performance.now() - startedMs) * 10) / 10,
      dynamodbRequests: scope.dynamodbRequests,
      storeRetries: scope.storeRetries,
    });
  };
}
