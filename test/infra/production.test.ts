import { beforeAll, describe, expect, test } from "vitest";
import type { dashboardBody } from "../../infra/dashboard.ts";
import { TABLE_ACTIONS } from "../../infra/permissions.ts";
import { FALLBACK_ROUTE, ROUTES } from "../../infra/routes.ts";
import { THRESHOLDS } from "../../infra/thresholds.ts";
import { type Inputs, ofType, theOne } from "../../scripts/rehearse/plan.ts";
import { type Evaluation, evaluate } from "./evaluate.ts";
import { readable } from "./readable.ts";

let production: Evaluation;
beforeAll(async () => {
  production = await evaluate("production", { ALARM_EMAIL: "oncall@example.com" });
});

const one = (type: string, name?: string) => theOne(production.plan, type, name);
const all = (type: string) => ofType(production.plan, type);

const TABLE = "aws:dynamodb/table:Table";
const FUNCTION = "aws:lambda/function:Function";
const STAGE = "aws:apigatewayv2/stage:Stage";
const ROUTE = "aws:apigatewayv2/route:Route";
const ROLE = "aws:iam/role:Role";
const ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm";

test("the plan is the one that was reviewed", async () => {
  await expect(readable(production.plan)).toMatchFileSnapshot("plan.production.snap");
});

describe("the application", () => {
  test("cannot be removed, and keeps its tables if it were", () => {
    expect(production.app).toMatchObject({ protect: true, removal: "retain", home: "aws" });
  });

  test("says after a deploy where it is", () => {
    expect(Object.keys(production.outputs)).toEqual(
      expect.arrayContaining([
        "api",
        "function",
        "verificationTable",
        "clientsTable",
        "functionLog",
        "accessLog",
        "alarmTopic",
      ]),
    );
  });
});

describe("the tables", () => {
  test("are two, paid by request, keyed by pk and sk", () => {
    expect(all(TABLE).map(({ name }) => name)).toEqual(
      expect.arrayContaining(["ClientsTable", "VerificationTable"]),
    );
    expect(all(TABLE)).toHaveLength(2);
    for (const { inputs } of all(TABLE)) {
      expect(inputs).toMatchObject({
        billingMode: "PAY_PER_REQUEST",
        hashKey: "pk",
        rangeKey: "sk",
        attributes: [
          { name: "pk", type: "S" },
          { name: "sk", type: "S" },
        ],
      });
    }
  });

  test("can be restored to any second of the last 35 days", () => {
    for (const { inputs } of all(TABLE)) {
      expect(inputs.pointInTimeRecovery).toEqual({ enabled: true, recoveryPeriodInDays: 35 });
    }
  });

  test("are encrypted with a key of ours that rotates and cannot be removed", () => {
    const key = one("aws:kms/key:Key", "TableKey");
    expect(key.inputs).toMatchObject({ enableKeyRotation: true, deletionWindowInDays: 30 });
    expect(key.options).toMatchObject({ protect: true, retainOnDelete: true });
    for (const { inputs } of all(TABLE)) {
      expect(inputs.serverSideEncryption).toEqual({ enabled: true, kmsKeyArn: key.outputs.arn });
    }
  });

  test("cannot be deleted, neither by Pulumi nor by anybody else", () => {
    for (const { inputs, options } of all(TABLE)) {
      expect(inputs.deletionProtectionEnabled).toBe(true);
      expect(options).toMatchObject({ protect: true, retainOnDelete: true });
    }
  });

  test("lose what has expired, and stream what changed, where users and sessions are", () => {
    expect(one(TABLE, "VerificationTable").inputs).toMatchObject({
      ttl: { attributeName: "ttl", enabled: true },
      streamEnabled: true,
      streamViewType: "NEW_AND_OLD_IMAGES",
    });
    expect(one(TABLE, "ClientsTable").inputs).toMatchObject({ streamEnabled: false });
    expect(one(TABLE, "ClientsTable").inputs.ttl).toBeUndefined();
  });
});

describe("the function", () => {
  test("runs Node 24 on arm64 for at most ten seconds", () => {
    expect(one(FUNCTION).inputs).toMatchObject({
      runtime: "nodejs24.x",
      architectures: ["arm64"],
      memorySize: 512,
      timeout: 10,
      packageType: "Zip",
    });
  });

  // Traps: minify is off unless it is set, and esbuild's own mainFields pick the CommonJS halves.
  test("is bundled small: minified, ESM halves first", () => {
    expect(production.builds).toHaveLength(1);
    expect(production.builds[0]).toMatchObject({
      handler: "functions/api.handler",
      properties: { minify: true, architecture: "arm64", esbuild: { mainFields: ["module", "main"] } },
    });
  });

  // Trap: text logs are the default.
  test("logs JSON into a group of its own, for three months", () => {
    const group = one("aws:cloudwatch/logGroup:LogGroup", "ApiFunctionLog").inputs;
    expect(group.retentionInDays).toBe(90);
    expect(one(FUNCTION).inputs.loggingConfig).toMatchObject({ logFormat: "JSON", logGroup: group.name });
  });

  // Trap: with JSON logs Lambda's own level, INFO unless it is set, overrules the one that Powertools is given.
  test("logs at the same level by Lambda's rule and by Powertools'", () => {
    const { loggingConfig, environment } = one(FUNCTION).inputs;
    expect(loggingConfig.applicationLogLevel).toBe("INFO");
    expect(environment.variables.POWERTOOLS_LOG_LEVEL).toBe("INFO");
  });

  test("reserves no concurrency unless told to", () => {
    expect(one(FUNCTION).inputs.reservedConcurrentExecutions).toBeUndefined();
  });

  test("is told its issuer, retention and log level, and the names of what it is linked to", () => {
    expect(one(FUNCTION).inputs.environment.variables).toMatchObject({
      ISSUER: one("aws:apigatewayv2/api:Api").outputs.apiEndpoint,
      RETENTION_DAYS: "365",
      POWERTOOLS_LOG_LEVEL: "INFO",
      POWERTOOLS_SERVICE_NAME: "verification-sessions",
      POWERTOOLS_METRICS_NAMESPACE: "VerificationSessions",
    });
    expect(production.builds[0]?.links).toMatchObject({
      Verification: { name: one(TABLE, "VerificationTable").inputs.name },
      Clients: { name: one(TABLE, "ClientsTable").inputs.name },
      SigningKeys: { value: "not looked at" },
    });
  });

  // Trap: the key of the linked secrets sits in the environment.
  test("has its environment, and with it the key of its secrets, encrypted with a key of ours", () => {
    const key = one("aws:kms/key:Key", "EnvironmentKey");
    expect(one(FUNCTION).inputs.environment.variables.SST_KEY).toEqual(expect.any(String));
    expect(one(FUNCTION).inputs.kmsKeyArn).toBe(key.outputs.arn);
  });

  test("has no secret in the clear in its environment", () => {
    expect(JSON.stringify(one(FUNCTION).inputs)).not.toContain("not looked at");
  });

  test("has no URL of its own: the gateway is the only way in", () => {
    expect(all("aws:lambda/functionUrl:FunctionUrl")).toEqual([]);
    expect(all("aws:lambda/permission:Permission").map(({ inputs }) => inputs)).toEqual([
      expect.objectContaining({
        action: "lambda:InvokeFunction",
        principal: "apigateway.amazonaws.com",
        sourceArn: `${one("aws:apigatewayv2/api:Api").outputs.executionArn}/*`,
      }),
    ]);
  });
});

describe("the function's role", () => {
  const statements = () => {
    const [inline, ...others] = one(ROLE).inputs.inlinePolicies as Inputs[];
    expect(others).toEqual([]);
    return JSON.parse(inline?.policy).Statement as Inputs[];
  };

  // Trap: SST's own trusts the account's root, even outside `sst dev`.
  test("is for Lambda only to take", () => {
    const trust = one(ROLE).inputs.assumeRolePolicy;
    expect(trust.Statement).toEqual([
      expect.objectContaining({
        Effect: "Allow",
        Action: "sts:AssumeRole",
        Principal: { Service: "lambda.amazonaws.com" },
      }),
    ]);
  });

  // Traps: a linked table grants dynamodb:* on it; the managed policy for logs writes to every group of the account.
  test("allows exactly what is used, on exactly these tables, this log and this key", () => {
    expect(statements()).toEqual([
      {
        Effect: "Allow",
        Action: TABLE_ACTIONS.Verification,
        Resource: [one(TABLE, "VerificationTable").outputs.arn],
      },
      { Effect: "Allow", Action: TABLE_ACTIONS.Clients, Resource: [one(TABLE, "ClientsTable").outputs.arn] },
      {
        Effect: "Allow",
        Action: ["logs:CreateLogStream", "logs:PutLogEvents"],
        Resource: [`${one("aws:cloudwatch/logGroup:LogGroup", "ApiFunctionLog").outputs.arn}:log-stream:*`],
      },
      {
        Effect: "Allow",
        Action: ["kms:Decrypt", "kms:GenerateDataKey"],
        Resource: [one("aws:kms/key:Key", "TableKey").outputs.arn],
        Condition: { StringEquals: { "kms:ViaService": ["dynamodb.eu-west-1.amazonaws.com"] } },
      },
    ]);
    expect(one(ROLE).inputs.managedPolicyArns).toEqual([]);
  });

  test("names every action in full, and no resource at large", () => {
    for (const { Action, Resource } of statements()) {
      for (const action of Action) expect(action).toMatch(/^\w+:\w+$/);
      for (const resource of Resource)
        expect(resource).toMatch(/^arn:aws:\w+:eu-west-1:\d{12}:[^*]+(:log-stream:\*)?$/);
    }
  });

  test("can read API keys and never write one", () => {
    expect(TABLE_ACTIONS.Clients).toEqual(["dynamodb:GetItem"]);
  });
});

describe("the HTTP API", () => {
  test("has the routes by name and the fallback, all to the one function by one integration", () => {
    const keys: string[] = all(ROUTE).map(({ inputs }) => inputs.routeKey);
    expect(new Set(keys)).toEqual(new Set([FALLBACK_ROUTE, ...Object.values(ROUTES)]));
    expect(keys).toHaveLength(11);
    const integration = one("aws:apigatewayv2/integration:Integration");
    expect(integration.inputs).toMatchObject({
      integrationType: "AWS_PROXY",
      integrationUri: one(FUNCTION).outputs.arn,
      payloadFormatVersion: "2.0",
    });
    for (const { inputs } of all(ROUTE)) {
      expect(inputs.target).toBe(`integrations/${integration.name}`);
      expect(inputs.authorizationType).toBe("NONE");
    }
  });

  // Trap: `cors: false` leaves an empty block behind, which makes the gateway answer preflights.
  test("leaves CORS to the application", () => {
    expect(one("aws:apigatewayv2/api:Api").inputs).not.toHaveProperty("corsConfiguration");
  });

  // Trap: nothing is throttled unless it is set.
  test("throttles every route, and more tightly those without an API key", () => {
    const { defaultRouteSettings, routeSettings } = one(STAGE).inputs;
    expect(defaultRouteSettings).toMatchObject({ throttlingRateLimit: 1_000, throttlingBurstLimit: 2_000 });
    expect(routeSettings.map(({ routeKey }: Inputs) => routeKey)).toEqual([
      "GET /v2/session",
      "POST /v2/session/start",
      "$default",
    ]);
    for (const limits of routeSettings) {
      expect(limits).toMatchObject({ throttlingRateLimit: 200, throttlingBurstLimit: 400 });
    }
  });

  // Trap: AWS refuses the settings of a route that is not there yet.
  test("makes the stage after the routes that it throttles", () => {
    expect(one(STAGE).options.dependencies).toEqual(expect.arrayContaining(all(ROUTE).map(({ urn }) => urn)));
  });

  // Trap: SST's format has the path and the caller's address.
  test("logs the route of a request, and nothing that could hold personal data or a secret", () => {
    const format = JSON.parse(one(STAGE).inputs.accessLogSettings.format);
    expect(new Set(Object.values(format))).toEqual(
      new Set([
        "$context.error.responseType",
        "$context.integration.latency",
        "$context.integration.requestId",
        "$context.integration.status",
        "$context.requestId",
        "$context.requestTime",
        "$context.responseLatency",
        "$context.responseLength",
        "$context.routeKey",
        "$context.status",
      ]),
    );
  });

  test("keeps its access log for three months", () => {
    const log = one("aws:cloudwatch/logGroup:LogGroup", "ApiAccessLog");
    expect(log.inputs.retentionInDays).toBe(90);
    expect(one(STAGE).inputs.accessLogSettings.destinationArn).toBe(log.outputs.arn);
  });
});

describe("the alarms", () => {
  test("are these", () => {
    const names = all(ALARM).map(({ inputs }) =>
      inputs.name.replace("verification-sessions-production-", ""),
    );
    expect(new Set(names)).toEqual(
      new Set([
        "ApiFaults",
        "ApiLatency",
        "ApiThrottled",
        "ClientsSystemErrors",
        "ClientsThrottles",
        "Concurrency",
        "FunctionErrors",
        "FunctionThrottles",
        "VerificationSystemErrors",
        "VerificationThrottles",
      ]),
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
  });

  test("say what they mean and where to read what to do", () => {
    const meanings = Object.values(THRESHOLDS).map(({ meaning }) => meaning);
    for (const { inputs } of all(ALARM)) {
      const name = inputs.name.replace("verification-sessions-production-", "");
      expect(
        meanings.map((meaning) => `${meaning} What to do: see "${name}" in the runbook of the README.`),
      ).toContain(inputs.alarmDescription);
    }
  });

  test("are within what CloudWatch takes: one result, at most ten metrics, ids in lower case first", () => {
    for (const { inputs } of all(ALARM)) {
      const queries = inputs.metricQueries as Inputs[];
      expect(queries.filter(({ returnData }) => returnData)).toHaveLength(1);
      expect(queries.filter(({ metric }) => metric).length).toBeLessThanOrEqual(10);
      for (const { id } of queries) expect(id).toMatch(/^[a-z]\w*$/);
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

  test("count the gateway's own refusals out of its access log", () => {
    const filter = one("aws:cloudwatch/logMetricFilter:LogMetricFilter").inputs;
    const [throttled] = one(ALARM, "ApiThrottledAlarm").inputs.metricQueries;
    expect(filter).toMatchObject({
      logGroupName: one("aws:cloudwatch/logGroup:LogGroup", "ApiAccessLog").inputs.name,
      pattern: '{ $.status = "429" }',
      metricTransformation: {
        namespace: throttled.metric.namespace,
        name: throttled.metric.metricName,
        value: "1",
      },
    });
  });
});

test("the dashboard shows this API, function, tables and alarms", () => {
  const { inputs } = one("aws:cloudwatch/dashboard:Dashboard");
  expect(inputs.dashboardName).toBe("verification-sessions-production");
  const body = JSON.parse(inputs.dashboardBody) as ReturnType<typeof dashboardBody>;
  const shown = JSON.stringify(body);
  for (const name of [
    one("aws:apigatewayv2/api:Api").name,
    one(FUNCTION).inputs.name,
    ...all(TABLE).map((table) => table.inputs.name),
    ...all(ALARM).map((alarm) => alarm.outputs.arn),
  ]) {
    expect(shown).toContain(`"${name}"`);
  }
});
