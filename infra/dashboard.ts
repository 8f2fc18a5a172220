import { DELIVER_METRICS, namespaceOf, PUBLISH_METRICS, REQUEST_METRICS } from "./metrics.ts";
import { LOG_QUERIES } from "./queries.ts";

/** What the dashboard of a stage shows. Names and ARNs as AWS gave them. */
export type Watched = {
  stage: string;
  region: string;
  apiId: string;
  functionName: string;
  functionLog: string;
  tables: string[];
  publishFunction: string;
  deliverFunction: string;
  deliveryQueue: string;
  deadLetters: string;
  /** Name of the rule that finds the clients with the most requests. */
  topTalkers: string;
  alarmArns: string[];
};

type MetricRow =
  | [namespace: string, name: string, ...dimensionsAndOptions: (string | { stat: string })[]]
  | [{ expression: string }];

/** What stands in a row of its own, beside the clients with the most requests. */
const QUOTAS: ReadonlySet<string> = new Set(["RateLimited", "QuotaUntold"]);

/**
 * Body of the CloudWatch dashboard: alarms first, then from the caller's side inwards (gateway, routes, function,
 * tables), the application's own counts, and what the log says.
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
 */
export function dashboardBody(watched: Watched) {
  const { stage, region, apiId, functionName, functionLog, tables, topTalkers, alarmArns } = watched;
  const namespace = namespaceOf(stage);
  const ofApi = (name: string, stat: string): MetricRow => ["AWS/ApiGateway", name, "ApiId", apiId, { stat }];
  // Whatever routes there are: a line for each.
  const byRoute = (name: string, stat: string): MetricRow =>
    search("AWS/ApiGateway", ["ApiId", "Method", "Resource", "Stage"], `ApiId="${apiId}" `, name, stat);
  const ofFunction = (name: string, stat: string): MetricRow => ofLambda(functionName, name, stat);
  const { publishFunction, deliverFunction, deliveryQueue, deadLetters } = watched;
  const ofTables = (...names: string[]): MetricRow[] =>
    tables.flatMap((table) =>
      names.map((name): MetricRow => ["AWS/DynamoDB", name, "TableName", table, { stat: "Sum" }]),
    );
  const webhookCounts = [...PUBLISH_METRICS, ...DELIVER_METRICS].map(
    ({ name, dimension, value }): MetricRow =>
      dimension === undefined
        ? [namespace, name, { stat: value === "$.lateSeconds" ? "Maximum" : "Sum" }]
        : search(namespace, [dimension.name], "", name, "Sum"),
  );
  const others = REQUEST_METRICS.filter(({ name }) => !QUOTAS.has(name));
  const [plain, dimensioned] = [
    others.filter(({ dimension }) => dimension === undefined),
    others.filter(({ dimension }) => dimension !== undefined),
  ];

  const graphs: [title: string, metrics: MetricRow[]][] = [
    ["Requests and refusals", [ofApi("Count", "Sum"), ofApi("4xx", "Sum"), ofApi("5xx", "Sum")]],
    ["Latency as callers see it, ms", [ofApi("Latency", "p50"), ofApi("Latency", "p99")]],
    ["Requests by route", [byRoute("Count", "Sum")]],
    ["Faults by route", [byRoute("5xx", "Sum")]],
    ["Latency by route, slowest hundredth, ms", [byRoute("Latency", "p99")]],
    ["Function: failures", [ofFunction("Errors", "Sum"), ofFunction("Throttles", "Sum")]],
    ["Function: duration, ms", [ofFunction("Duration", "p50"), ofFunction("Duration", "p99")]],
    ["Function: concurrency", [ofFunction("ConcurrentExecutions", "Maximum")]],
    ["Tables: consumed capacity", ofTables("ConsumedReadCapacityUnits", "ConsumedWriteCapacityUnits")],
    ["Tables: throttles", ofTables("ReadThrottleEvents", "WriteThrottleEvents")],
    ["Tables: contention", ofTables("ConditionalCheckFailedRequests", "TransactionConflict")],
    ["Sessions, retries, API keys", plain.map(({ name }): MetricRow => [namespace, name, { stat: "Sum" }])],
    [
      "Results, refusals and faults",
      dimensioned.map(({ name, dimension }) => search(namespace, [dimension!.name], "", name, "Sum")),
    ],
    [
      "Webhooks: age of the stream, ms; messages waiting, their age in s",
      [
        ofLambda(publishFunction, "IteratorAge", "Maximum"),
        ofQueue(deliveryQueue, "ApproximateNumberOfMessagesVisible"),
        ofQueue(deliveryQueue, "ApproximateAgeOfOldestMessage"),
        ofQueue(deadLetters, "ApproximateNumberOfMessagesVisible"),
      ],
    ],
    ["Webhooks: events, deliveries by what became of them", webhookCounts],
    [
      "Webhooks: failures of the functions",
      [publishFunction, deliverFunction].flatMap((each) => [
        ofLambda(each, "Errors", "Sum"),
        ofLambda(each, "Throttles", "Sum"),
      ]),
    ],
    [
      "Webhooks: delivering, ms",
      [ofLambda(deliverFunction, "Duration", "p50"), ofLambda(deliverFunction, "Duration", "p99")],
    ],
  ];
  const quotasFrom = 3 + Math.ceil(graphs.length / 2) * 6;
  const logsFrom = quotasFrom + 6;
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
      {
        type: "metric",
        x: 0,
        y: quotasFrom,
        width: 12,
        height: 6,
        properties: {
          title: "Quotas: calls refused, tells lost, and what the gateway turned away",
          region,
          view: "timeSeries",
          period: 60,
          metrics: [
            search(namespace, ["side"], "", "RateLimited", "Sum"),
            [namespace, "QuotaUntold", { stat: "Sum" }],
            [namespace, "ThrottledByGateway", { stat: "Sum" }],
          ] satisfies MetricRow[],
        },
      },
      {
        type: "metric",
        x: 12,
        y: quotasFrom,
        width: 12,
        height: 6,
        properties: {
          title: "Clients with the most requests",
          region,
          view: "timeSeries",
          period: 60,
          insightRule: { ruleName: topTalkers, maxContributorCount: 10, orderBy: "Sum" },
        },
      },
      ...LOG_QUERIES.filter(({ onDashboard }) => onDashboard).map(({ title, query }, index) => ({
        type: "log",
        x: 0,
        y: logsFrom + index * 6,
        width: 24,
        height: 6,
        properties: { title, region, view: "table", query: `SOURCE '${functionLog}' | ${query}` },
      })),
    ],
  };
}

function ofLambda(functionName: string, name: string, stat: string): MetricRow {
  return ["AWS/Lambda", name, "FunctionName", functionName, { stat }];
}

function ofQueue(queueName: string, name: string): MetricRow {
  return ["AWS/SQS", name, "QueueName", queueName, { stat: "Maximum" }];
}

/** One line for each value that the dimensions have had. Quoted: the name of a stage may have a hyphen. */
function search(
  namespace: string,
  dimensions: string[],
  where: string,
  name: string,
  stat: string,
): MetricRow {
  const schema = `"${namespace}"`;
  return [
    {
      expression: `SEARCH('{${[schema, ...dimensions].join(",")}} ${where}MetricName="${name}"', '${stat}', 60)`,
    },
  ];
}
