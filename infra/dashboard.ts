/** What the dashboard of a stage shows. Names and ARNs as AWS gave them. */
export type Watched = {
  region: string;
  apiId: string;
  functionName: string;
  tables: string[];
  alarmArns: string[];
};

type MetricRow =
  | [namespace: string, name: string, ...dimensionsAndOptions: (string | { stat: string })[]]
  | [{ expression: string }];

/** The application's own counts, by the dimensions under which it writes them: "service" is on every one. */
export const APPLICATION_COUNTS = {
  service: [
    "SessionsCreated",
    "SessionsReused",
    "SessionsForced",
    "SessionsSuperseded",
    "SessionsStarted",
    "SessionsCanceled",
    "UsersErased",
    "StoreRetries",
    "ApiKeyCacheHits",
    "ApiKeyCacheMisses",
  ],
  code: ["Refusals", "Faults"],
  result: ["Results"],
} as const;

/**
 * Body of the CloudWatch dashboard: alarms first, then from the caller's side inwards (gateway, function, tables),
 * and the application's own counts, which Powertools writes into the log.
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
 */
export function dashboardBody(watched: Watched) {
  const { region, apiId, functionName, tables, alarmArns } = watched;
  const ofApi = (name: string, stat: string): MetricRow => ["AWS/ApiGateway", name, "ApiId", apiId, { stat }];
  const ofFunction = (name: string, stat: string): MetricRow => [
    "AWS/Lambda",
    name,
    "FunctionName",
    functionName,
    { stat },
  ];
  const ofTables = (...names: string[]): MetricRow[] =>
    tables.flatMap((table) =>
      names.map((name): MetricRow => ["AWS/DynamoDB", name, "TableName", table, { stat: "Sum" }]),
    );

  const graphs: [title: string, metrics: MetricRow[]][] = [
    ["Requests and refusals", [ofApi("Count", "Sum"), ofApi("4xx", "Sum"), ofApi("5xx", "Sum")]],
    ["Latency as callers see it, ms", [ofApi("Latency", "p50"), ofApi("Latency", "p99")]],
    ["Function: failures", [ofFunction("Errors", "Sum"), ofFunction("Throttles", "Sum")]],
    ["Function: duration, ms", [ofFunction("Duration", "p50"), ofFunction("Duration", "p99")]],
    ["Function: concurrency", [ofFunction("ConcurrentExecutions", "Maximum")]],
    ["Tables: consumed capacity", ofTables("ConsumedReadCapacityUnits", "ConsumedWriteCapacityUnits")],
    ["Tables: throttles", ofTables("ReadThrottleEvents", "WriteThrottleEvents")],
    ["Tables: contention", ofTables("ConditionalCheckFailedRequests", "TransactionConflict")],
    ["Sessions, retries, API keys", APPLICATION_COUNTS.service.map(counted)],
    ["Refusals and faults by code", APPLICATION_COUNTS.code.map((name) => searched(name, "code"))],
    ["Results", APPLICATION_COUNTS.result.map((name) => searched(name, "result"))],
  ];
  return {
    widgets: [
      { type: "alarm", x: 0, y: 0, width: 24, height: 3, properties: { title: "Alarms", alarms: alarmArns } },
      ...graphs.map(([title, metrics], index) => ({
        type: "metric",
        x: (index % 2) * 12,
        y: 3 + Math.floor(index / 2) * 6,
        width: 12,
        height: 6,
        properties: { title, region, view: "timeSeries", period: 60, metrics },
      })),
    ],
  };
}

function counted(name: string): MetricRow {
  return ["VerificationSessions", name, "service", "verification-sessions", { stat: "Sum" }];
}

/** One line for each value that the dimension has had. */
function searched(name: string, dimension: string): MetricRow {
  const where = `{VerificationSessions,service,${dimension}} MetricName="${name}"`;
  return [{ expression: `SEARCH('${where}', 'Sum', 60)` }];
}
