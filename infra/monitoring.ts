import { alarms } from "./alarms.ts";
import { api, apiFunction, functionLog } from "./api.ts";
import { dashboardBody } from "./dashboard.ts";
import { ACCESS_METRICS, type LogMetric, namespaceOf, REQUEST_METRICS } from "./metrics.ts";
import { LOG_QUERIES } from "./queries.ts";
import { stageSettings } from "./stage.ts";
import { clients, limits, verification } from "./storage.ts";

const settings = stageSettings($app.stage, process.env);
const prefix = `${$app.name}-${$app.stage}`;

// Nobody looks at the metrics of a stage that has no alarms, and each is paid for.
if (settings.alarms) {
  for (const metric of REQUEST_METRICS) filter(functionLog.name, metric);
  for (const metric of ACCESS_METRICS) filter(api.nodes.logGroup.name, metric);
  for (const { title, query } of LOG_QUERIES) {
    new aws.cloudwatch.QueryDefinition(`${title.replaceAll(/\W+/g, "")}Query`, {
      name: `${prefix}/${title}`,
      logGroupNames: [functionLog.name],
      queryString: query,
    });
  }
  new aws.cloudwatch.Dashboard("Dashboard", {
    dashboardName: prefix,
    dashboardBody: $resolve({
      apiId: api.nodes.api.id,
      functionName: apiFunction.name,
      functionLog: functionLog.name,
      tables: [verification.name, clients.name, limits.name],
      alarmArns: alarms.map(({ arn }) => arn),
    }).apply((watched) =>
      JSON.stringify(dashboardBody({ ...watched, stage: $app.stage, region: settings.region })),
    ),
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
