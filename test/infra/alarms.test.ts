import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { FAULTS, REFUSALS } from "../../functions/contract/refusals.ts";
import { RESULT_STATUSES } from "../../functions/contract/vocabulary.ts";
import type { dashboardBody } from "../../infra/dashboard.ts";
import { DELIVERY_STATES } from "../../functions/webhooks/delivery.ts";
import { ACCESS_METRICS, DELIVER_METRICS, PUBLISH_METRICS, REQUEST_METRICS } from "../../infra/metrics.ts";
import { DELIVERY_QUERIES, LOG_QUERIES } from "../../infra/queries.ts";
import { ROUTES } from "../../infra/routes.ts";
import { THRESHOLDS } from "../../infra/thresholds.ts";
import { type Inputs, ofType, theOne } from "../../scripts/rehearse/plan.ts";
import { type AskedMetric, goesOff, type Samples } from "./alarm-state.ts";
import { ROOT } from "./copy-of-project.ts";
import { type Evaluation, evaluate } from "./evaluate.ts";

let production: Evaluation;
beforeAll(async () => {
  production = await evaluate("production", { API_DOMAIN: "none", ALARM_EMAIL: "oncall@example.com" });
});

const one = (type: string, name?: string) => theOne(production.plan, type, name);
const all = (type: string) => ofType(production.plan, type);

const TABLE = "aws:dynamodb/table:Table";
const FUNCTION = "aws:lambda/function:Function";
const ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm";
const FILTER = "aws:cloudwatch/logMetricFilter:LogMetricFilter";
const OURS = "VerificationSessions/production";

const shortName = ({ inputs }: { inputs: Inputs }) =>
  String(inputs.name).replace("verification-sessions-production-", "");

const RUNBOOK = join(ROOT, "docs/operating.md");

/** The names of the alarms that are off. */
const off = (samples: Samples) =>
  all(ALARM)
    .filter(({ inputs }) => goesOff(inputs, samples))
    .map(shortName)
    .toSorted();

describe("the alarms", () => {
  test("are these", () => {
    expect(all(ALARM).map(shortName).toSorted()).toEqual(
      [
        "ApiFaults",
        "ApiFaultsQuiet",
        "ApiLatency",
        "ApiThrottled",
        "ClientsSystemErrors",
        "ClientsThrottles",
        "Concurrency",
        "DeadLetters",
        "DeliverErrors",
        "DeliverThrottles",
        "DeliveriesSystemErrors",
        "DeliveriesThrottles",
        "Erasures",
        "FunctionErrors",
        "FunctionThrottles",
        "InsufficientScopes",
        "InternalFaults",
        "InvalidApiKeys",
        "InventedApiKeys",
        "LimitsSystemErrors",
        "LimitsThrottles",
        "LogSilent",
        ...ROUTES.filter(({ method }) => method !== "HEAD").map(({ resource }) => `NearLimit${resource}`),
        "NearLimitFallback",
        "PublishErrors",
        "QueueAge",
        "RecordsFailed",
        "StreamAge",
        "SweepLate",
        "QuotaUntold",
        "VerificationSystemErrors",
        "VerificationThrottles",
        "WebhooksGivenUp",
        "WebhooksPaused",
      ].toSorted(),
    );
  });

  test("tell the topic when they begin and when they end, and are quiet without traffic", () => {
    const topic = one("aws:sns/topic:Topic").outputs.arn;
    for (const { inputs } of all(ALARM)) {
      expect(inputs).toMatchObject({
        alarmActions: [topic],
        okActions: [topic],
        treatMissingData: "notBreaching",
        comparisonOperator: "GreaterThanThreshold",
      });
    }
    expect(one("aws:sns/topicSubscription:TopicSubscription").inputs).toEqual({
      topic,
      protocol: "email",
      endpoint: "oncall@example.com",
    });
    expect(off(() => undefined)).toEqual([]);
  });

  test("say what they mean and where to read what to do, and there it is", () => {
    const meanings = Object.values(THRESHOLDS).map(({ meaning }) => meaning);
    const runbook = readFileSync(RUNBOOK, "utf8");
    const missing: string[] = [];
    for (const alarm of all(ALARM)) {
      const name = shortName(alarm);
      expect(meanings.map((meaning) => `${meaning} What to do: see ${name} in docs/operating.md.`)).toContain(
        alarm.inputs.alarmDescription,
      );
      if (!runbook.includes(name.startsWith("NearLimit") ? "| NearLimit… |" : name)) missing.push(name);
    }
    expect(missing).toEqual([]);
  });

  test("are within what CloudWatch takes: one result, at most ten metrics, ids in lower case first, a day in all", () => {
    for (const { inputs } of all(ALARM)) {
      const queries = inputs.metricQueries as Inputs[];
      expect(queries.filter(({ returnData }) => returnData)).toHaveLength(1);
      const metrics = queries.filter(({ metric }) => metric);
      expect(metrics.length).toBeLessThanOrEqual(10);
      for (const { id } of queries) expect(id).toMatch(/^[a-z]\w*$/);
      for (const { metric } of metrics) {
        expect(metric.period * inputs.evaluationPeriods).toBeLessThanOrEqual(86_400);
      }
    }
  });

  test("watch the account's concurrency where none is reserved", () => {
    const [watched, used] = one(ALARM, "ConcurrencyAlarm").inputs.metricQueries;
    expect(watched.expression).toBe("100 * used / 1000");
    expect(used.metric).toEqual({
      namespace: "AWS/Lambda",
      metricName: "ConcurrentExecutions",
      stat: "Maximum",
      period: 60,
    });
  });
});

/** Requests a minute of which a share is answered with 5xx. A period of five minutes has five times as many. */
const traffic =
  (requestsAMinute: number, faultsAMinute: number, more: Samples = () => undefined): Samples =>
  (metric, ago) => {
    const minutes = metric.period / 60;
    const { namespace, metricName, dimensions } = metric;
    if (namespace === "AWS/ApiGateway" && Object.keys(dimensions ?? {}).join() === "ApiId") {
      if (metricName === "Count") return requestsAMinute * minutes;
      if (metricName === "5xx") return faultsAMinute * minutes;
    }
    if (metricName === "Invocations" || (namespace === OURS && metricName === "Requests"))
      return more(metric, ago) ?? requestsAMinute * minutes;
    return more(metric, ago);
  };
const is = (name: string, value: number, dimensions: Record<string, string> = {}): Samples => {
  const wanted = JSON.stringify(dimensions);
  return (metric) =>
    metric.metricName === name && JSON.stringify(metric.dimensions ?? {}) === wanted ? value : undefined;
};
const nothing = () => undefined;

describe("what goes wrong raises", () => {
  test("nothing where all is well, busy or quiet", () => {
    expect(off(traffic(6_000, 6))).not.toContain("ApiFaults");
    expect(off(traffic(6_000, 0))).toEqual([]);
    expect(off(traffic(1, 0))).toEqual([]);
  });

  test("ApiFaults, where more than a hundredth of a busy stage's answers are 5xx", () => {
    expect(off(traffic(6_000, 90))).toContain("ApiFaults");
    expect(off(traffic(20, 1))).toContain("ApiFaults");
  });

  // Under 20 requests a minute the share is not computed: the stage would be down and nobody told.
  test("ApiFaultsQuiet, where a stage is wholly down that a call an hour's half reaches, and not for one stray fault", () => {
    const faultsAgo = (...slots: number[]): Samples => {
      return (metric, ago) =>
        metric.metricName === "5xx" && metric.period === 300 ? Number(slots.includes(ago)) : undefined;
    };
    expect(off(traffic(19, 19))).toContain("ApiFaultsQuiet");
    expect(off(faultsAgo(0, 6))).toEqual(["ApiFaultsQuiet"]);
    expect(off(faultsAgo(3))).toEqual([]);
  });

  test("InternalFaults, for a single 500 that the function did not expect, and not for an `unavailable`", () => {
    expect(off(is("Faults", 1, { code: "internal" }))).toEqual(["InternalFaults"]);
    expect(off(is("Faults", 1, { code: "unavailable" }))).toEqual([]);
  });

  describe("what a first deploy gets wrong", () => {
    test.each([
      // The gateway answers 500 by itself: the function is not even asked, so its log and its metrics say nothing.
      [
        "the gateway may not call the function, or Lambda not use the environment's key",
        nothing,
        ["ApiFaultsQuiet"],
      ],
      [
        "the function does not start: no signing keys, a variable missing",
        is("Errors", 1, { FunctionName: "?" }),
        ["ApiFaultsQuiet", "FunctionErrors"],
      ],
      [
        "the role may not use a table or its key",
        is("Faults", 1, { code: "internal" }),
        ["ApiFaultsQuiet", "InternalFaults"],
      ],
      [
        "the account has no concurrency left",
        is("Throttles", 1, { FunctionName: "?" }),
        ["ApiFaultsQuiet", "FunctionThrottles"],
      ],
    ])("%s", (_, more, raised) => {
      const { name } = one(FUNCTION, "ApiFunctionFunction").inputs;
      const named: Samples = (metric, ago) =>
        more(
          metric.dimensions?.FunctionName === name
            ? { ...metric, dimensions: { FunctionName: "?" } }
            : metric,
          ago,
        );
      expect(off(traffic(1, 1, named))).toEqual(raised);
    });

    test("the role may not write the log: requests are answered and leave no line", () => {
      const silent: Samples = (metric, ago) =>
        metric.namespace === OURS ? undefined : traffic(1, 0)(metric, ago);
      expect(off(silent)).toEqual(["LogSilent"]);
    });
  });

  test("Erasures, InvalidApiKeys and InsufficientScopes, for a burst of each and not for a few", () => {
    expect(off(is("UsersErased", 51))).toEqual(["Erasures"]);
    expect(off(is("UsersErased", 50))).toEqual([]);
    expect(off(is("Refusals", 101, { code: "invalid_api_key" }))).toEqual(["InvalidApiKeys"]);
    expect(off(is("Refusals", 100, { code: "invalid_api_key" }))).toEqual([]);
    expect(off(is("Refusals", 21, { code: "insufficient_scope" }))).toEqual(["InsufficientScopes"]);
    expect(off(is("Refusals", 20, { code: "insufficient_scope" }))).toEqual([]);
  });

  test("InventedApiKeys, for a thousand in five minutes that a mistake would not make", () => {
    expect(off(is("InventedApiKeys", 1_001))).toEqual(["InventedApiKeys"]);
    expect(off(is("InventedApiKeys", 1_000))).toEqual([]);
  });

  test("QuotaUntold, where it lasts, and not for a burst of throttles", () => {
    const untoldAgo = (...slots: number[]): Samples => {
      return (metric, ago) =>
        metric.metricName === "QuotaUntold" ? Number(slots.includes(ago)) * 101 : undefined;
    };
    expect(off(untoldAgo(0, 2))).toEqual(["QuotaUntold"]);
    expect(off(untoldAgo(0))).toEqual([]);
  });

  // The gateway may not log a 429 at all: told before it answers one.
  test.each([
    ["POST", "/v2/sessions", "OpenSession", 5_000],
    ["GET", "/v2/session", "ReadSession", 2_500],
    ["OPTIONS", "/v2/session/start", "PreflightStartSession", 2_500],
  ])("NearLimit of the route %s %s, at 80 % of what it may take", (Method, Resource, name, rate) => {
    const count = (value: number) =>
      is("Count", value, {
        ApiId: one("aws:apigatewayv2/api:Api").name,
        Method,
        Resource,
        Stage: "$default",
      });
    expect(off(count(rate * 60 * 0.81))).toEqual([`NearLimit${name}`]);
    expect(off(count(rate * 60 * 0.8))).toEqual([]);
  });

  describe("on the way of webhooks", () => {
    const ofFunction = (name: string) => ({
      FunctionName: one(FUNCTION, `${name}FunctionFunction`).inputs.name,
    });
    const ofQueue = (name: string) => ({ QueueName: one("aws:sqs/queue:Queue", name).inputs.name });

    test("StreamAge and QueueAge, once what happened is ten minutes old", () => {
      expect(off(is("IteratorAge", 600_001, ofFunction("Publish")))).toEqual(["StreamAge"]);
      expect(off(is("IteratorAge", 600_000, ofFunction("Publish")))).toEqual([]);
      expect(off(is("ApproximateAgeOfOldestMessage", 601, ofQueue("DeliveryQueue")))).toEqual(["QueueAge"]);
      expect(off(is("ApproximateAgeOfOldestMessage", 600, ofQueue("DeliveryQueue")))).toEqual([]);
    });

    test("RecordsFailed, for one record that was given up, and for one that cannot be read", () => {
      const mapping = { EventSourceMappingUUID: "PublishSource" };
      expect(off(is("OnFailureDestinationDeliveredEventCount", 1, mapping))).toEqual(["RecordsFailed"]);
      expect(off(is("WebhookRecordsSetAside", 1))).toEqual(["RecordsFailed"]);
    });

    test("DeadLetters for one of them, and SweepLate where what is due waits", () => {
      expect(off(is("ApproximateNumberOfMessagesVisible", 1, ofQueue("DeadLetters")))).toEqual([
        "DeadLetters",
      ]);
      expect(off(is("ApproximateNumberOfMessagesVisible", 10_000, ofQueue("DeliveryQueue")))).toEqual([]);
      expect(off(is("WebhookSweepLateSeconds", 1_201))).toEqual(["SweepLate"]);
      expect(off(is("WebhookSweepLateSeconds", 1_000))).toEqual([]);
    });

    test("WebhooksPaused for one endpoint, and WebhooksGivenUp for a hundred deliveries", () => {
      expect(off(is("WebhooksPaused", 1))).toEqual(["WebhooksPaused"]);
      expect(off(is("WebhooksGivenUp", 101))).toEqual(["WebhooksGivenUp"]);
      expect(off(is("WebhooksGivenUp", 100))).toEqual([]);
    });

    test("PublishErrors, DeliverErrors and DeliverThrottles, of that function alone", () => {
      expect(off(is("Errors", 1, ofFunction("Publish")))).toEqual(["PublishErrors"]);
      expect(off(is("Errors", 1, ofFunction("Deliver")))).toEqual(["DeliverErrors"]);
      expect(off(is("Throttles", 1, ofFunction("Deliver")))).toEqual(["DeliverThrottles"]);
    });
  });

  test("NearLimitFallback, for what no route has", () => {
    expect(off(is("FallbackRequests", 200 * 60 * 0.81))).toEqual(["NearLimitFallback"]);
  });
});

/**
 * What AWS has, of what is used here.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-metrics.html
 * https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/metrics-dimensions.html
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
 */
const AWS_METRICS: Record<string, [dimensions: string, names: string[]][]> = {
  "AWS/ApiGateway": [
    ["ApiId", ["4xx", "5xx", "Count", "IntegrationLatency", "Latency", "DataProcessed"]],
    [
      "ApiId,Method,Resource,Stage",
      ["4xx", "5xx", "Count", "IntegrationLatency", "Latency", "DataProcessed"],
    ],
  ],
  "AWS/Lambda": [
    ["", ["ConcurrentExecutions"]],
    [
      "FunctionName",
      ["Errors", "Throttles", "Duration", "Invocations", "ConcurrentExecutions", "IteratorAge"],
    ],
    ["EventSourceMappingUUID", ["OnFailureDestinationDeliveredEventCount"]],
  ],
  "AWS/SQS": [["QueueName", ["ApproximateAgeOfOldestMessage", "ApproximateNumberOfMessagesVisible"]]],
  "AWS/DynamoDB": [
    [
      "TableName",
      [
        "ConsumedReadCapacityUnits",
        "ConsumedWriteCapacityUnits",
        "ReadThrottleEvents",
        "WriteThrottleEvents",
        "ConditionalCheckFailedRequests",
        "TransactionConflict",
      ],
    ],
    ["Operation,TableName", ["SystemErrors"]],
  ],
};

/** All metrics that there are: AWS's, and those that the plan's filters make. */
function existing(namespace: string, metricName: string, dimensions: string[]): boolean {
  const key = dimensions.toSorted().join(",");
  const filters = all(FILTER).map(({ inputs }) => inputs.metricTransformation as Inputs);
  return (
    filters.some(
      (made) =>
        made.namespace === namespace &&
        made.name === metricName &&
        Object.keys(made.dimensions ?? {}).join(",") === key,
    ) || (AWS_METRICS[namespace] ?? []).some(([has, names]) => has === key && names.includes(metricName))
  );
}

// A metric that is not there has no data, and an alarm on no data never goes off.
describe("every metric that is watched exists", () => {
  test("in the alarms", () => {
    const asked = all(ALARM).flatMap((alarm) =>
      (alarm.inputs.metricQueries as { metric?: AskedMetric }[]).flatMap(({ metric }) =>
        metric === undefined ? [] : [{ alarm: shortName(alarm), metric }],
      ),
    );
    expect(asked.length).toBeGreaterThan(30);
    const missing = asked.filter(
      ({ metric: { namespace, metricName, dimensions = {} } }) =>
        !existing(namespace, metricName, Object.keys(dimensions)),
    );
    expect(missing).toEqual([]);
  });

  test("in the dashboard, its searches included", () => {
    const rows = dashboard().flatMap(({ properties }) => ("metrics" in properties ? properties.metrics : []));
    expect(rows.length).toBeGreaterThan(20);
    const missing = rows.filter((row) => {
      const [first, name, ...rest] = row;
      if (typeof first === "object") return !finds(first.expression);
      const dimensions = rest.filter((_, index) => index % 2 === 0 && index < rest.length - 1);
      return !existing(first, String(name), dimensions as string[]);
    });
    expect(missing).toEqual([]);
  });

  /**
   * Whether a search can find anything.
   * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/search-expression-syntax.html
   */
  function finds(expression: string): boolean {
    const [, namespace = "", dimensions = "", filtered, value, metricName = ""] =
      /^SEARCH\('\{"([\w/-]+)",([\w,]+)\} (?:(\w+)="([^"']+)" )?MetricName="(\w+)"', '(?:Sum|p99)', 60\)$/.exec(
        expression,
      ) ?? [];
    return (
      existing(namespace, metricName, dimensions.split(",")) &&
      (filtered === undefined ||
        (dimensions.split(",").includes(filtered) && value === one("aws:apigatewayv2/api:Api").name))
    );
  }

  test("because its filter looks at the log that has it", () => {
    const of = (log: string): string[] =>
      all(FILTER)
        .filter(
          ({ inputs }) => inputs.logGroupName === one("aws:cloudwatch/logGroup:LogGroup", log).inputs.name,
        )
        .map(({ inputs }) => String(inputs.name));
    expect(of("ApiFunctionLog").toSorted()).toEqual(REQUEST_METRICS.map(({ name }) => name).toSorted());
    expect(of("PublishFunctionLog").toSorted()).toEqual(PUBLISH_METRICS.map(({ name }) => name).toSorted());
    expect(of("DeliverFunctionLog").toSorted()).toEqual(DELIVER_METRICS.map(({ name }) => name).toSorted());
    expect(of("ApiAccessLog").toSorted()).toEqual(ACCESS_METRICS.map(({ name }) => name).toSorted());
  });
});

/** The quotas that a call may be refused for. */
const SIDES = ["backend", "frontend"];

// Who approves the bill reads the table, not the plan.
test("the table of costs counts what the plan has", () => {
  const metrics = all(ALARM).flatMap(({ inputs }) =>
    (inputs.metricQueries as Inputs[]).filter(({ metric }) => metric),
  );
  // Neither the reference's nor HEAD's have metrics of their own.
  const routes = all("aws:apigatewayv2/route:Route").filter(
    ({ inputs }) => !/^HEAD|docs|openapi/.test(inputs.routeKey),
  ).length;
  const [plain, dimensioned] = [
    all(FILTER).filter(({ inputs }) => inputs.metricTransformation.dimensions === undefined).length,
    Object.keys({ ...REFUSALS, ...FAULTS }).length +
      RESULT_STATUSES.length +
      SIDES.length +
      DELIVERY_STATES.length,
  ];
  const rows: [string, string, number][] = [
    ["top talkers", "1 rule × $0.50", 0.5],
    ["KMS keys", `${all("aws:kms/key:Key").length} × $1`, all("aws:kms/key:Key").length],
    ["alarms, by metric", `${metrics.length} × $0.10`, metrics.length * 0.1],
    ["gateway's metrics by route", `${routes} routes × 6 × $0.30`, routes * 6 * 0.3],
    [
      "counts out of the logs",
      `${plain}, and at most ${dimensioned} by code, result, side and state, × $0.30`,
      (plain + dimensioned) * 0.3,
    ],
  ];
  const table = readFileSync(RUNBOOK, "utf8");
  const shown = [
    ...rows.map(([what, how, dollars]) => `| ${what} | ${how} | ${dollars.toFixed(2)} |`),
    `| **together** | | **${rows.reduce((total, [, , dollars]) => total + dollars, 0).toFixed(2)}** |`,
  ];
  expect(shown.filter((row) => !table.includes(row))).toEqual([]);
});

// A share of faults that is computed from thousands of requests on only would leave every usual incident silent.
test("a share of faults is computed from 20 requests a minute on", () => {
  expect(off(traffic(20, 20))).toContain("ApiFaults");
  expect(off(traffic(19, 19))).not.toContain("ApiFaults");
});

describe("the dashboard", () => {
  test("shows this API, function, tables, alarms and every count of ours", () => {
    expect(one("aws:cloudwatch/dashboard:Dashboard").inputs.dashboardName).toBe(
      "verification-sessions-production",
    );
    const shown = JSON.stringify(dashboard()).replaceAll(String.raw`\"`, '"');
    for (const name of [
      one("aws:apigatewayv2/api:Api").name,
      one(FUNCTION, "ApiFunctionFunction").inputs.name,
      ...all(TABLE).map((table) => table.inputs.name),
      ...all(ALARM).map((alarm) => alarm.outputs.arn),
      ...[...REQUEST_METRICS, ...PUBLISH_METRICS, ...DELIVER_METRICS].map(({ name }) => name),
      ...all(FUNCTION)
        .filter(({ name }) => name !== "ReferenceFunctionFunction")
        .map((made) => made.inputs.name),
      ...all("aws:sqs/queue:Queue").map((made) => made.inputs.name),
    ]) {
      expect(shown).toContain(`"${name}"`);
    }
  });

  // They are paid for: detailed metrics make a dozen routes a custom metric each.
  test("shows faults and latency by route", () => {
    const titles = dashboard().map(({ properties }) => properties.title);
    expect(titles).toEqual(
      expect.arrayContaining(["Faults by route", "Latency by route, slowest hundredth, ms"]),
    );
  });

  test("asks the function's log, and every query is saved in CloudWatch as well", () => {
    const log = one("aws:cloudwatch/logGroup:LogGroup", "ApiFunctionLog").inputs.name;
    const asked = dashboard().flatMap(({ properties }) => ("query" in properties ? [properties.query] : []));
    expect(asked).toHaveLength(2);
    for (const query of asked) expect(query).toContain(`SOURCE '${log}' | filter`);
    const saved = all("aws:cloudwatch/queryDefinition:QueryDefinition").map(({ inputs }) => inputs);
    expect(saved.map(({ name }) => String(name)).toSorted()).toEqual(
      [...LOG_QUERIES, ...DELIVERY_QUERIES]
        .map(({ title }) => `verification-sessions-production/${title}`)
        .toSorted(),
    );
    const delivered = one("aws:cloudwatch/logGroup:LogGroup", "DeliverFunctionLog").inputs.name;
    for (const { name, logGroupNames } of saved) {
      const isOfDeliveries = DELIVERY_QUERIES.some(({ title }) => name.endsWith(`/${title}`));
      expect(logGroupNames).toEqual([isOfDeliveries ? delivered : log]);
    }
  });

  test("lays its widgets out side by side, one over another nowhere", () => {
    const taken = new Set<string>();
    for (const { x, y, width, height } of dashboard()) {
      expect(x + width).toBeLessThanOrEqual(24);
      for (let column = x; column < x + width; column += 1) {
        for (let row = y; row < y + height; row += 1) {
          expect(taken).not.toContain(`${column},${row}`);
          taken.add(`${column},${row}`);
        }
      }
    }
  });
});

test("top talkers are counted by client, of every request's line, and shown", () => {
  const rule = one("aws:cloudwatch/contributorInsightRule:ContributorInsightRule").inputs;
  expect(rule).toMatchObject({
    ruleName: "verification-sessions-production-top-talkers",
    ruleState: "ENABLED",
  });
  expect(JSON.parse(rule.ruleDefinition)).toEqual({
    Schema: { Name: "CloudWatchLogRule", Version: 1 },
    LogGroupNames: [one("aws:cloudwatch/logGroup:LogGroup", "ApiFunctionLog").inputs.name],
    LogFormat: "JSON",
    Contribution: { Keys: ["$.clientId"], Filters: [{ Match: "$.event", In: ["request"] }] },
    AggregateOn: "Count",
  });
  const shown = dashboard().flatMap(({ properties }) =>
    "insightRule" in properties ? [properties.insightRule?.ruleName] : [],
  );
  expect(shown).toEqual([rule.ruleName]);
});

// Nobody may take the reference for the API: it has no line a request.
test("the log's silence is measured by the API's own function", () => {
  const [, calls] = one(ALARM, "LogSilentAlarm").inputs.metricQueries;
  expect(calls.metric.dimensions).toEqual({ FunctionName: one(FUNCTION, "ApiFunctionFunction").inputs.name });
});

function dashboard() {
  const { inputs } = one("aws:cloudwatch/dashboard:Dashboard");
  return (JSON.parse(inputs.dashboardBody) as ReturnType<typeof dashboardBody>).widgets;
}
