/** A query of CloudWatch Logs Insights over a function's log. */
export type LogQuery = { title: string; query: string; onDashboard: boolean };

/** Saved in CloudWatch under the stage's name; docs/operating.md says when to run which. */
export const LOG_QUERIES: readonly LogQuery[] = [
  {
    title: "Routes and outcomes",
    query: [
      'filter event = "request"',
      "stats count(*) as requests, pct(durationMs, 50) as p50Ms, pct(durationMs, 99) as p99Ms, " +
        "pct(dynamodbMs, 99) as dynamodbP99Ms by route, outcome",
      "sort requests desc",
    ].join(" | "),
    onDashboard: true,
  },
  {
    title: "Who changed what, newest first",
    query: [
      'filter ispresent(audit.0.action) and audit.0.action != "user.read"',
      "display @timestamp, audit.0.action, audit.0.sessionId, audit.1.action, clientId, keyId, userId, sessionId, result, requestId",
      "sort @timestamp desc",
      "limit 100",
    ].join(" | "),
    onDashboard: true,
  },
  {
    title: "What was done to one user",
    query: [
      'filter ispresent(audit.0.action) and userId = "usr_"',
      "display @timestamp, audit.0.action, audit.0.sessionId, audit.1.action, clientId, keyId, sessionId, result, requestId",
      "sort @timestamp",
    ].join(" | "),
    onDashboard: false,
  },
  {
    title: "One request",
    query: 'filter requestId = "" or callerRequestId = "" | sort @timestamp',
    onDashboard: false,
  },
  {
    title: "Faults by kind",
    query: [
      'filter event = "fault"',
      "stats count(*) as faults, latest(requestId) as lastRequest by code, fault.name, fault.cause.name, fault.message",
      "sort faults desc",
    ].join(" | "),
    onDashboard: false,
  },
  {
    title: "Clients past their quota",
    query: [
      'filter event = "request" and code = "rate_limited"',
      "stats count(*) as refused by clientId, sandbox, limited, keyId, route",
      "sort refused desc",
    ].join(" | "),
    onDashboard: false,
  },
  {
    title: "Refused keys by network",
    query: [
      'filter event = "request" and (code = "invalid_api_key" or code = "insufficient_scope")',
      "stats count(*) as refused by network, clientId, keyId, code",
      "sort refused desc",
    ].join(" | "),
    onDashboard: false,
  },
];

/** The same over the log of the function that delivers webhooks. */
export const DELIVERY_QUERIES: readonly LogQuery[] = [
  {
    title: "Deliveries by endpoint",
    query: [
      'filter event = "delivery"',
      "stats count(*) as attempts, pct(durationMs, 99) as p99Ms, latest(outcome) as lastOutcome by clientId, webhookId, state",
      "sort attempts desc",
    ].join(" | "),
    onDashboard: false,
  },
];

/**
 * The clients with the most requests, counted by CloudWatch Contributor Insights out of the function's log.
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/ContributorInsights-RuleSyntax.html
 */
export function topTalkersRule(logGroup: string) {
  return {
    Schema: { Name: "CloudWatchLogRule", Version: 1 },
    LogGroupNames: [logGroup],
    LogFormat: "JSON",
    Contribution: {
      Keys: ["$.clientId"],
      Filters: [{ Match: "$.event", In: ["request"] }],
    },
    AggregateOn: "Count",
  };
}
