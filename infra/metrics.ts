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

const requests = (condition: string) => `{ $.event = "request" && ${condition} }`;
const counted = (name: string, condition: string): LogMetric => ({
  name,
  pattern: requests(condition),
  value: "1",
});
const ended = (name: string, outcome: string) => counted(name, `$.outcome = "${outcome}"`);

/** Out of the function's log. */
export const REQUEST_METRICS: readonly LogMetric[] = [
  { name: "Requests", pattern: '{ $.event = "request" }', value: "1" },
  ended("SessionsCreated", "session_created"),
  ended("SessionsReused", "session_reused"),
  ended("SessionsForced", "session_forced"),
  ended("SessionsStarted", "session_started"),
  ended("SessionsCanceled", "session_canceled"),
  ended("UsersErased", "user_erased"),
  // A request does at most two things. A pattern cannot ask for any of a list.
  counted(
    "SessionsSuperseded",
    '($.audit[0].action = "session.superseded" || $.audit[1].action = "session.superseded")',
  ),
  {
    ...ended("Results", "result_recorded"),
    dimension: { name: "result", from: "$.result" },
  },
  {
    ...counted("Refusals", '$.status < 500 && $.code = "*"'),
    dimension: { name: "code", from: "$.code" },
  },
  {
    ...counted("Faults", '$.status >= 500 && $.code = "*"'),
    dimension: { name: "code", from: "$.code" },
  },
  { ...counted("StoreRetries", "$.storeRetries > 0"), value: "$.storeRetries" },
  counted("ApiKeyCacheHits", '$.apiKeyCache = "hit"'),
  counted("ApiKeyCacheMisses", '$.apiKeyCache = "miss"'),
  counted("ColdStart", "$.coldStart IS TRUE"),
];

/** Out of the gateway's access log, in which every value is a string. */
export const ACCESS_METRICS: readonly LogMetric[] = [
  // The function answers 429 itself where a client is past its quota: those have the function's own status.
  { name: "ThrottledByGateway", pattern: '{ $.status = "429" && $.functionStatus = "-" }', value: "1" },
  // AWS documents no dimensions for the Count of `$default`.
  { name: "FallbackRequests", pattern: '{ $.route = "$default" }', value: "1" },
];
