import { OUTCOMES } from "../functions/telemetry/outcomes.ts";

/**
 * The application's own counts, taken by CloudWatch out of the log: metric filters on the one line that the function writes
 * of a request (`functions/telemetry`), and on the gateway's access log. Plain data, tested against real lines.
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
 */
export type LogMetric = {
  name: string;
  /** What a line has to be to count. */
  pattern: string;
  /** What it adds: a number, or the member of the line that has it. */
  value: "1" | `$.${string}`;
  /** A dimension has few values and never an id: each value is a metric of its own, and paid for. */
  dimension?: { name: string; from: `$.${string}` };
};

/** Where a stage's counts stand. A name of its own for each stage: two stages in an account must not be added up. */
export const namespaceOf = (stage: string) => `VerificationSessions/${stage}`;

const RESULT = { name: "result", from: "$.result" } as const;
const STATE = { name: "state", from: "$.state" } as const;
const CODE = { name: "code", from: "$.code" } as const;
const SIDE = { name: "side", from: "$.limited" } as const;

/** What requests did: the table that the audit is made by as well. */
const outcomes = Object.entries(OUTCOMES).flatMap(([outcome, entry]) =>
  "metric" in entry
    ? [
        {
          ...counted(entry.metric, `$.outcome = "${outcome}"`),
          ...(entry.metric === "Results" ? { dimension: RESULT } : {}),
        },
      ]
    : [],
);

/** Out of the function's log. */
export const REQUEST_METRICS: readonly LogMetric[] = [
  { name: "Requests", pattern: '{ $.event = "request" }', value: "1" },
  ...outcomes,
  // A pattern cannot ask for any of a list; the audit of an opened session has two entries at most.
  counted(
    "SessionsSuperseded",
    '($.audit[0].action = "session.superseded" || $.audit[1].action = "session.superseded")',
  ),
  { ...counted("Refusals", '$.status < 500 && $.code = "*"'), dimension: CODE },
  { ...counted("Faults", '$.status >= 500 && $.code = "*"'), dimension: CODE },
  { ...counted("StoreRetries", "$.storeRetries > 0"), value: "$.storeRetries" },
  // The common case says nothing, for the line's sake.
  counted("ApiKeyCacheHits", '$.keyId = "*" && $.apiKeyCache NOT EXISTS'),
  counted("ApiKeyCacheMisses", '$.apiKeyCache = "miss"'),
  // Well-formed, with the right checksum, and nobody's: each costs a read, where a mistyped one costs none.
  counted("InventedApiKeys", '$.code = "invalid_api_key" && $.apiKeyCache = "miss"'),
  { ...counted("RateLimited", '$.limited = "*"'), dimension: SIDE },
  counted("QuotaUntold", "$.quotaUntold IS TRUE"),
  counted("ColdStart", "$.coldStart IS TRUE"),
];

function counted(name: string, condition: string): LogMetric {
  return { name, pattern: `{ $.event = "request" && ${condition} }`, value: "1" };
}

/** Out of the log of the function that publishes webhooks. */
export const PUBLISH_METRICS: readonly LogMetric[] = [
  { name: "WebhookEvents", pattern: '{ $.event = "publish" && $.events > 0 }', value: "$.events" },
  {
    name: "WebhookRecordsSetAside",
    pattern: '{ $.event = "fault" && $.fault.name = "Unreadable" }',
    value: "1",
  },
  { name: "WebhookSweepLateSeconds", pattern: '{ $.event = "sweep" }', value: "$.lateSeconds" },
];

/** Out of the log of the function that delivers them. */
export const DELIVER_METRICS: readonly LogMetric[] = [
  { name: "WebhookDeliveries", pattern: '{ $.event = "delivery" }', value: "1", dimension: STATE },
  {
    name: "WebhooksGivenUp",
    // What its endpoint's pause kept from being tried has no duration.
    pattern: '{ $.event = "delivery" && $.state = "failed" && $.durationMs >= 0 }',
    value: "1",
  },
  { name: "WebhooksPaused", pattern: '{ $.event = "delivery" && $.paused = "*" }', value: "1" },
];

/** Out of the gateway's access log, in which every value is a string. */
export const ACCESS_METRICS: readonly LogMetric[] = [
  // The function answers 429 itself where a client is past its quota: those have the function's own status.
  { name: "ThrottledByGateway", pattern: '{ $.status = "429" && $.functionStatus = "-" }', value: "1" },
  // AWS documents no dimensions for the Count of `$default`.
  { name: "FallbackRequests", pattern: '{ $.route = "$default" }', value: "1" },
];
