import { alarms } from "./alarms.ts";
import { api, apiFunction, functionLog } from "./api.ts";
import { dashboardBody } from "./dashboard.ts";
import {
  ACCESS_METRICS,
  DELIVER_METRICS,
  type LogMetric,
  namespaceOf,
  PUBLISH_METRICS,
  REQUEST_METRICS,
} from "./metrics.ts";
import { DELIVERY_QUERIES, LOG_QUERIES, type LogQuery, topTalkersRule } from "./queries.ts";
import { stageSettings } from "./stage.ts";
import { clients, deliveries, limits, verification } from "./storage.ts";
import { deadLetters, deliver, deliveryQueue, publish } from "./webhooks.ts";

const settings = stageSettings($app.stage, process.env);
const prefix = `${$app.name}-${$app.stage}`;

// Nobody looks at the metrics of a stage that has no alarms, and each is paid for.
if (settings.alarms) {
  for (const metric of REQUEST_METRICS) filter(functionLog.name, metric);
  for (const metric of ACCESS_METRICS) filter(api.nodes.logGroup.name, metric);
  for (const metric of PUBLISH_METRICS) filter(publish.log.name, metric);
  for (const metric of DELIVER_METRICS) filter(deliver.log.name, metric);
  for (const each of LOG_QUERIES) saveQuery(functionLog.name, each);
  for (const each of DELIVERY_QUERIES) saveQuery(deliver.log.name, each);
  // Who calls most: a metric for each client would be paid for by the client.
  const topTalkers = new aws.cloudwatch.ContributorInsightRule("TopTalkersRule", {
    ruleName: `${prefix}-top-talkers`,
    ruleState: "ENABLED",
    ruleDefinition: functionLog.name.apply((log) => JSON.stringify(topTalkersRule(log))),
  });
  new aws.cloudwatch.Dashboard("Dashboard", {
    dashboardName: prefix,
    dashboardBody: $resolve({
      apiId: api.nodes.api.id,
      functionName: apiFunction.name,
      functionLog: functionLog.name,
      tables: [verification.name, clients.name, limits.name, deliveries.name],
      topTalkers: topTalkers.ruleName,
      publishFunction: publish.function.name,
      deliverFunction: deliver.function.name,
      deliveryQueue: deliveryQueue.name,
      deadLetters: deadLetters.name,
      alarmArns: alarms.map(({ arn }) => arn),
    }).apply((watched) =>
      JSON.stringify(dashboardBody({ ...watched, stage: $app.stage, region: settings.region })),
    ),
  });
}

function saveQuery(logGroupName: $util.Input<string>, { title, query }: LogQuery): void {
  new aws.cloudwatch.QueryDefinition(`${title.replaceAll(/\W+/g, "")}Query`, {
    name: `${prefix}/${title}`,
    logGroupNames: [logGroupName],
    queryString: query,
  });
}

function filter(logGroupName: $util.Input<string>, { name, pattern, value, dimension }: LogMetric): void {
  new aws.cloudwatch.LogMetricFilter(`${name}Filter`, {
    name,
    logGroupName,
    pattern,
    metricTransformation: {
      name,
      namespace: namespaceOf($app.stage),
      value,
      unit: "Count",
      ...(dimension === undefined ? {} : { dimensions: { [dimension.name]: dimension.from } }),
    },
  });
}
