import { api, apiFunction } from "./api.ts";
import { namespaceOf } from "./metrics.ts";
import { TABLE_REQUESTS } from "./permissions.ts";
import { FALLBACK_ROUTE, ROUTES, type RouteGroup } from "./routes.ts";
import { stageSettings } from "./stage.ts";
import { clients, deliveries, limits, verification } from "./storage.ts";
import { MINIMUM_REQUESTS, THRESHOLDS } from "./thresholds.ts";
import { deadLetters, deliver, deliveryQueue, publish, publishSource } from "./webhooks.ts";

const settings = stageSettings($app.stage, process.env);
const prefix = `${$app.name}-${$app.stage}`;

type Metric = {
  namespace: string;
  metricName: string;
  stat: string;
  dimensions?: Record<string, $util.Input<string>>;
};

/** Where alarms and their all-clears go; a pager subscribes here as well. Undefined where a stage has no alarms. */
export const alarmTopic = settings.alarms
  ? new aws.sns.Topic("AlarmTopic", { name: `${prefix}-alarms` })
  : undefined;

/** All alarms of the stage; none where nobody asked for them. */
export const alarms =
  alarmTopic === undefined
    ? []
    : [
        ...apiAlarms(alarmTopic.arn),
        ...routeAlarms(alarmTopic.arn),
        ...functionAlarms(alarmTopic.arn),
        ...callerAlarms(alarmTopic.arn),
        ...tableAlarms(alarmTopic.arn, "Verification", verification.name),
        ...tableAlarms(alarmTopic.arn, "Clients", clients.name),
        ...tableAlarms(alarmTopic.arn, "Limits", limits.name),
        ...tableAlarms(alarmTopic.arn, "Deliveries", deliveries.name),
        ...webhookAlarms(alarmTopic.arn),
      ];

if (alarmTopic !== undefined && settings.alarmEmail !== undefined) {
  new aws.sns.TopicSubscription("AlarmEmail", {
    topic: alarmTopic.arn,
    protocol: "email",
    endpoint: settings.alarmEmail,
  });
}

if (settings.monthlyBudgetUsd !== undefined) {
  const told = { subscriberEmailAddresses: [settings.alarmEmail!] };
  new aws.budgets.Budget("MonthlyBudget", {
    name: `${prefix}-monthly`,
    budgetType: "COST",
    limitAmount: String(settings.monthlyBudgetUsd),
    limitUnit: "USD",
    timeUnit: "MONTHLY",
    notifications: [
      // What was spent, while something can still be done; and what the month is heading for.
      { ...told, notificationType: "ACTUAL", ...over(80) },
      { ...told, notificationType: "FORECASTED", ...over(100) },
    ],
  });
}

function over(percent: number) {
  return { comparisonOperator: "GREATER_THAN", threshold: percent, thresholdType: "PERCENTAGE" };
}

function apiAlarms(topic: $util.Input<string>) {
  const faults = ofApi("5xx", "Sum");
  const requests = ofApi("Count", "Sum");
  return [
    alarm(topic, "ApiFaults", "apiFaults", {
      metrics: { faults, requests },
      expression: `IF(requests >= ${MINIMUM_REQUESTS}, 100 * faults / requests, 0)`,
    }),
    alarm(topic, "ApiFaultsQuiet", "apiFaultsQuiet", { metrics: { faults } }),
    alarm(topic, "InternalFaults", "internalFaults", {
      metrics: { internal: counted("Faults", { code: "internal" }) },
    }),
    alarm(topic, "ApiLatency", "apiLatency", { metrics: { latency: ofApi("Latency", "p99") } }),
    alarm(topic, "ApiThrottled", "apiThrottled", { metrics: { throttled: counted("ThrottledByGateway") } }),
  ];
}

/** An alarm a route, so that its mail names the route. The gateway may not log a 429 at all, so before it answers one. */
function routeAlarms(topic: $util.Input<string>) {
  const nearLimit = (resource: string, group: RouteGroup, requests: Metric) => {
    const { rate } = settings.throttling[group];
    const seconds = THRESHOLDS.nearLimit.periodSeconds;
    return alarm(topic, `NearLimit${resource}`, "nearLimit", {
      metrics: { requests },
      expression: `100 * requests / ${rate * seconds}`,
    });
  };
  return [
    ...ROUTES.filter(({ watched }) => watched).map(({ resource, group, method, path }) =>
      nearLimit(resource, group, {
        namespace: "AWS/ApiGateway",
        metricName: "Count",
        stat: "Sum",
        dimensions: {
          ApiId: api.nodes.api.id,
          Method: method,
          Resource: path,
          Stage: "$default",
        },
      }),
    ),
    nearLimit(FALLBACK_ROUTE.resource, FALLBACK_ROUTE.group, counted("FallbackRequests")),
  ];
}

function functionAlarms(topic: $util.Input<string>) {
  const ofFunction = { namespace: "AWS/Lambda", dimensions: { FunctionName: apiFunction.name } };
  // Without a reservation the function shares the account's limit with every other, so the account's use counts.
  const used = settings.reservedConcurrency === undefined ? { namespace: "AWS/Lambda" } : ofFunction;
  const limit = settings.reservedConcurrency ?? settings.accountConcurrency;
  return [
    alarm(topic, "FunctionErrors", "functionErrors", {
      metrics: { errors: { ...ofFunction, metricName: "Errors", stat: "Sum" } },
    }),
    alarm(topic, "FunctionThrottles", "functionThrottles", {
      metrics: { throttles: { ...ofFunction, metricName: "Throttles", stat: "Sum" } },
    }),
    alarm(topic, "LogSilent", "logSilent", {
      metrics: {
        calls: { ...ofFunction, metricName: "Invocations", stat: "Sum" },
        lines: counted("Requests"),
      },
      expression: "IF(calls >= 5, IF(FILL(lines, 0) < 1, 1, 0), 0)",
    }),
    alarm(topic, "Concurrency", "concurrency", {
      metrics: { used: { ...used, metricName: "ConcurrentExecutions", stat: "Maximum" } },
      expression: `100 * used / ${limit}`,
    }),
  ];
}

/** Where events come to a halt on their way, and what becomes of endpoints. */
function webhookAlarms(topic: $util.Input<string>) {
  const dropped: Metric = {
    namespace: "AWS/Lambda",
    metricName: "OnFailureDestinationDeliveredEventCount",
    stat: "Sum",
    dimensions: { EventSourceMappingUUID: publishSource.uuid },
  };
  return [
    alarm(topic, "PublishErrors", "functionErrors", {
      metrics: { errors: ofLambda(publish.function.name, "Errors") },
    }),
    alarm(topic, "DeliverErrors", "functionErrors", {
      metrics: { errors: ofLambda(deliver.function.name, "Errors") },
    }),
    alarm(topic, "DeliverThrottles", "functionThrottles", {
      metrics: { throttles: ofLambda(deliver.function.name, "Throttles") },
    }),
    alarm(topic, "StreamAge", "streamAge", {
      metrics: { age: ofLambda(publish.function.name, "IteratorAge", "Maximum") },
    }),
    alarm(topic, "RecordsFailed", "recordsFailed", {
      metrics: { dropped, unreadable: counted("WebhookRecordsSetAside") },
      expression: "FILL(dropped, 0) + FILL(unreadable, 0)",
    }),
    alarm(topic, "QueueAge", "queueAge", {
      metrics: { age: ofQueue(deliveryQueue, "ApproximateAgeOfOldestMessage") },
    }),
    alarm(topic, "DeadLetters", "deadLetters", {
      metrics: { letters: ofQueue(deadLetters, "ApproximateNumberOfMessagesVisible") },
    }),
    alarm(topic, "SweepLate", "sweepLate", {
      metrics: { late: { ...counted("WebhookSweepLateSeconds"), stat: "Maximum" } },
    }),
    alarm(topic, "WebhooksGivenUp", "webhooksGivenUp", { metrics: { given: counted("WebhooksGivenUp") } }),
    alarm(topic, "WebhooksPaused", "webhooksPaused", { metrics: { paused: counted("WebhooksPaused") } }),
  ];
}

/** What callers do that nobody should do often. */
function callerAlarms(topic: $util.Input<string>) {
  const refused = (code: string) => ({ metrics: { refused: counted("Refusals", { code }) } });
  return [
    alarm(topic, "InvalidApiKeys", "invalidApiKeys", refused("invalid_api_key")),
    alarm(topic, "InventedApiKeys", "inventedApiKeys", { metrics: { invented: counted("InventedApiKeys") } }),
    alarm(topic, "QuotaUntold", "quotaUntold", { metrics: { untold: counted("QuotaUntold") } }),
    alarm(topic, "InsufficientScopes", "insufficientScopes", refused("insufficient_scope")),
    alarm(topic, "Erasures", "erasures", { metrics: { erased: counted("UsersErased") } }),
  ];
}

function tableAlarms(
  topic: $util.Input<string>,
  table: keyof typeof TABLE_REQUESTS,
  tableName: $util.Input<string>,
) {
  const ofTable = (metricName: string, more: Record<string, string> = {}) => ({
    namespace: "AWS/DynamoDB",
    metricName,
    stat: "Sum",
    dimensions: { TableName: tableName, ...more },
  });
  // DynamoDB counts its own errors by request only.
  const errors = TABLE_REQUESTS[table].map(
    (Operation) => [`on${Operation}`, ofTable("SystemErrors", { Operation })] as const,
  );
  return [
    alarm(topic, `${table}Throttles`, "tableThrottles", {
      metrics: { reads: ofTable("ReadThrottleEvents"), writes: ofTable("WriteThrottleEvents") },
      expression: "FILL(reads, 0) + FILL(writes, 0)",
    }),
    alarm(topic, `${table}SystemErrors`, "tableSystemErrors", {
      metrics: Object.fromEntries(errors),
      expression: errors.map(([id]) => `FILL(${id}, 0)`).join(" + "),
    }),
  ];
}

function ofLambda(functionName: $util.Input<string>, metricName: string, stat = "Sum"): Metric {
  return { namespace: "AWS/Lambda", metricName, stat, dimensions: { FunctionName: functionName } };
}

function ofQueue({ name }: aws.sqs.Queue, metricName: string): Metric {
  return { namespace: "AWS/SQS", metricName, stat: "Maximum", dimensions: { QueueName: name } };
}

function ofApi(metricName: string, stat: string): Metric {
  return { namespace: "AWS/ApiGateway", metricName, stat, dimensions: { ApiId: api.nodes.api.id } };
}

/** One of the counts that infra/metrics.ts takes out of a log. */
function counted(metricName: string, dimensions?: Record<string, string>): Metric {
  return {
    namespace: namespaceOf($app.stage),
    metricName,
    stat: "Sum",
    ...(dimensions === undefined ? {} : { dimensions }),
  };
}

/** An alarm on `expression` over `metrics`, or on the one metric given; it says when it is over as well. */
function alarm(
  topic: $util.Input<string>,
  name: string,
  threshold: keyof typeof THRESHOLDS,
  watched: { metrics: Record<string, Metric>; expression?: string },
) {
  const { above, periodSeconds, breaching, periods, meaning } = THRESHOLDS[threshold];
  const { metrics, expression } = watched;
  return new aws.cloudwatch.MetricAlarm(`${name}Alarm`, {
    name: `${prefix}-${name}`,
    alarmDescription: `${meaning} What to do: see ${name} in docs/operating.md.`,
    comparisonOperator: "GreaterThanThreshold",
    threshold: above,
    evaluationPeriods: periods,
    datapointsToAlarm: breaching,
    // No traffic, no data: a quiet night is not an incident.
    treatMissingData: "notBreaching",
    metricQueries: [
      ...(expression === undefined ? [] : [{ id: "watched", expression, label: name, returnData: true }]),
      ...Object.entries(metrics).map(([id, metric]) => ({
        id,
        metric: { ...metric, period: periodSeconds },
        returnData: expression === undefined,
      })),
    ],
    alarmActions: [topic],
    okActions: [topic],
  });
}
