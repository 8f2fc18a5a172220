import { api, apiFunction } from "./api.ts";
import { dashboardBody } from "./dashboard.ts";
import { TABLE_REQUESTS } from "./permissions.ts";
import { stageSettings } from "./stage.ts";
import { clients, verification } from "./storage.ts";
import { MINIMUM_REQUESTS, THRESHOLDS } from "./thresholds.ts";

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

if (alarmTopic !== undefined) {
  if (settings.alarmEmail !== undefined) {
    new aws.sns.TopicSubscription("AlarmEmail", {
      topic: alarmTopic.arn,
      protocol: "email",
      endpoint: settings.alarmEmail,
    });
  }
  const alarms = [
    ...apiAlarms(alarmTopic.arn),
    ...functionAlarms(alarmTopic.arn),
    ...tableAlarms(alarmTopic.arn, "Verification", verification.name),
    ...tableAlarms(alarmTopic.arn, "Clients", clients.name),
  ];
  new aws.cloudwatch.Dashboard("Dashboard", {
    dashboardName: prefix,
    dashboardBody: $resolve({
      apiId: api.nodes.api.id,
      functionName: apiFunction.name,
      tables: [verification.name, clients.name],
      alarmArns: alarms.map(({ arn }) => arn),
    }).apply((watched) => JSON.stringify(dashboardBody({ ...watched, region: settings.region }))),
  });
}

function apiAlarms(topic: $util.Input<string>) {
  const ofApi = { namespace: "AWS/ApiGateway", dimensions: { ApiId: api.nodes.api.id } };
  // HTTP APIs have no metric for their own 429, and the application never answers one: count them in the access log.
  const throttled = { namespace: prefix, metricName: "ThrottledByGateway" };
  new aws.cloudwatch.LogMetricFilter("ApiThrottledFilter", {
    name: throttled.metricName,
    logGroupName: api.nodes.logGroup.name,
    pattern: '{ $.status = "429" }',
    metricTransformation: { name: throttled.metricName, namespace: throttled.namespace, value: "1" },
  });
  return [
    alarm(topic, "ApiFaults", "apiFaults", {
      metrics: {
        faults: { ...ofApi, metricName: "5xx", stat: "Sum" },
        requests: { ...ofApi, metricName: "Count", stat: "Sum" },
      },
      expression: `IF(requests >= ${MINIMUM_REQUESTS}, 100 * faults / requests, 0)`,
    }),
    alarm(topic, "ApiLatency", "apiLatency", {
      metrics: { latency: { ...ofApi, metricName: "Latency", stat: "p99" } },
    }),
    alarm(topic, "ApiThrottled", "apiThrottled", { metrics: { throttled: { ...throttled, stat: "Sum" } } }),
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
    alarm(topic, "Concurrency", "concurrency", {
      metrics: { used: { ...used, metricName: "ConcurrentExecutions", stat: "Maximum" } },
      expression: `100 * used / ${limit}`,
    }),
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
    alarmDescription: `${meaning} What to do: see "${name}" in the runbook of the README.`,
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
