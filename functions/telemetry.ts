import { Logger } from "@aws-lambda-powertools/logger";
import { Metrics, MetricUnit } from "@aws-lambda-powertools/metrics";
import type { Log, RequestEvent } from "./http/observe.ts";

/** What a request did to a user or a session, and who asked for it: ids only. */
export type RequestAudit = {
  readonly action:
    | "session.opened"
    | "session.superseded"
    | "session.started"
    | "session.canceled"
    | "session.finished"
    | "user.erased";
  readonly clientId?: string;
  readonly environment?: string;
  /** The API key's id; a frontend has none and acts by its session's token. */
  readonly keyId?: string;
  readonly userId?: string;
  readonly sessionId?: string;
  readonly result?: string;
};

const ACTIONS = {
  session_created: "session.opened",
  session_forced: "session.opened",
  session_started: "session.started",
  session_canceled: "session.canceled",
  result_recorded: "session.finished",
  user_erased: "user.erased",
} as const satisfies Partial<Record<NonNullable<RequestEvent["outcome"]>, RequestAudit["action"]>>;

/** The audit events of one request: one for everything that it changed, none for what it found as it wanted it. */
export function auditOf(event: RequestEvent): RequestAudit[] {
  const { outcome, supersededSessionId } = event;
  if (outcome === undefined || !(outcome in ACTIONS)) return [];
  const { clientId, environment, keyId, userId, sessionId, result } = event;
  const who = Object.fromEntries(
    Object.entries({ clientId, environment, keyId, userId }).filter(([, value]) => value !== undefined),
  );
  const action = ACTIONS[outcome as keyof typeof ACTIONS];
  return [
    ...(supersededSessionId === undefined
      ? []
      : [{ action: "session.superseded" as const, ...who, sessionId: supersededSessionId }]),
    {
      action,
      ...who,
      ...(sessionId === undefined ? {} : { sessionId }),
      ...(result === undefined ? {} : { result }),
    },
  ];
}

/** One count. `dimension` takes few values and never an id, or every id would be a metric of its own, and paid for. */
export type Count = {
  readonly name: string;
  readonly value: number;
  readonly dimension?: readonly [name: string, value: string];
};

const OUTCOME_COUNTS = {
  session_created: "SessionsCreated",
  session_reused: "SessionsReused",
  session_forced: "SessionsForced",
  session_started: "SessionsStarted",
  session_canceled: "SessionsCanceled",
  user_erased: "UsersErased",
} as const satisfies Partial<Record<NonNullable<RequestEvent["outcome"]>, string>>;

/** What one request adds to the metrics. */
export function countsOf(event: RequestEvent): Count[] {
  const { outcome, supersededSessionId, result, code, status, storeRetries, apiKeyCache } = event;
  const counts: Count[] = [];
  const name =
    outcome !== undefined && outcome in OUTCOME_COUNTS
      ? OUTCOME_COUNTS[outcome as keyof typeof OUTCOME_COUNTS]
      : undefined;
  if (name !== undefined) counts.push({ name, value: 1 });
  if (supersededSessionId !== undefined) counts.push({ name: "SessionsSuperseded", value: 1 });
  if (outcome === "result_recorded" && result !== undefined)
    counts.push({ name: "Results", value: 1, dimension: ["result", result] });
  if (code !== undefined)
    counts.push({ name: status >= 500 ? "Faults" : "Refusals", value: 1, dimension: ["code", code] });
  if (storeRetries > 0) counts.push({ name: "StoreRetries", value: storeRetries });
  if (apiKeyCache !== undefined)
    counts.push({ name: apiKeyCache === "hit" ? "ApiKeyCacheHits" : "ApiKeyCacheMisses", value: 1 });
  return counts;
}

/**
 * Structured JSON logs and metrics in CloudWatch's embedded metric format. Powertools reads `POWERTOOLS_LOG_LEVEL`,
 * `POWERTOOLS_SERVICE_NAME` and `POWERTOOLS_METRICS_NAMESPACE` itself.
 */
export function createTelemetry(): Log {
  const logger = new Logger();
  // Whatever the level of the log, who did what is kept.
  const audit = new Logger({ logLevel: "INFO" });
  const metrics = new Metrics();
  return {
    request(event) {
      logger.info("request", event);
      for (const entry of auditOf(event)) audit.info("audit", { requestId: event.requestId, ...entry });
      metrics.captureColdStartMetric();
      for (const { name, value, dimension } of countsOf(event)) {
        if (dimension === undefined) metrics.addMetric(name, MetricUnit.Count, value);
        else
          metrics
            .singleMetric()
            .addDimension(...dimension)
            .addMetric(name, MetricUnit.Count, value);
      }
      if (metrics.hasStoredMetrics()) metrics.publishStoredMetrics();
    },
    fault(error, requestId) {
      logger.error("fault", { requestId, fault: describeFault(error) });
    },
  };
}

/** Errors that say what is wrong with the deployment, and in whose messages there is nothing of a caller's. */
const TELLING = new Set([
  "AccessDeniedException",
  "CredentialsProviderError",
  "ExpiredTokenException",
  "ResourceNotFoundException",
  "UnrecognizedClientException",
]);

/** What an exception may tell the log: its kind and where it came from. Its message may hold what a caller sent. */
export function describeFault(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { name: typeof error };
  const { name, message, stack, cause, code, $metadata } = error as Error & {
    code?: unknown;
    $metadata?: { httpStatusCode?: number; requestId?: string };
  };
  return {
    name,
    ...(TELLING.has(name) ? { message } : {}),
    ...(typeof code === "string" ? { code } : {}),
    ...($metadata?.httpStatusCode === undefined
      ? {}
      : { httpStatusCode: $metadata.httpStatusCode, awsRequestId: $metadata.requestId }),
    frames: (stack ?? "")
      .slice((stack ?? "").indexOf(message) + message.length)
      .split("\n")
      .map((line) => line.trim())
      .filter((line) => line.startsWith("at ")),
    ...(cause === undefined ? {} : { cause: describeFault(cause) }),
  };
}
