import { beforeAll, describe, expect, test } from "vitest";
import { OPERATIONS } from "../../functions/contract/operations.ts";
import { PERMISSIONS } from "../../infra/permissions.ts";
import { BUNDLING } from "../../infra/bundling.ts";
import { type Inputs, ofType, type PlannedResource, theOne } from "../../scripts/rehearse/plan.ts";
import { type Evaluation, evaluate, SECRET } from "./evaluate.ts";
import { readable } from "./readable.ts";

let production: Evaluation;
beforeAll(async () => {
  production = await evaluate("production", { API_DOMAIN: "none", ALARM_EMAIL: "oncall@example.com" });
});

const one = (type: string, name?: string) => theOne(production.plan, type, name);
const all = (type: string) => ofType(production.plan, type);

const TABLE = "aws:dynamodb/table:Table";
const FUNCTION = "aws:lambda/function:Function";
const STAGE = "aws:apigatewayv2/stage:Stage";
const ROUTE = "aws:apigatewayv2/route:Route";
const ROLE = "aws:iam/role:Role";
const LOG = "aws:cloudwatch/logGroup:LogGroup";

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
        "issuer",
        "function",
        "alias",
        "verificationTable",
        "clientsTable",
        "limitsTable",
        "functionLog",
        "accessLog",
        "alarmTopic",
      ]),
    );
  });
});

describe("the tables", () => {
  test("are four, paid by request, keyed by pk and, where it lasts, sk", () => {
    const keyed = ({ name, inputs }: PlannedResource) =>
      `${name} ${inputs.hashKey} ${inputs.rangeKey ?? "-"}`;
    expect(new Set(all(TABLE).map(keyed))).toEqual(
      new Set(["ClientsTable pk sk", "DeliveriesTable pk sk", "LimitsTable pk -", "VerificationTable pk sk"]),
    );
    for (const { inputs } of all(TABLE)) {
      expect(inputs.billingMode).toBe("PAY_PER_REQUEST");
      for (const { name, type } of inputs.attributes) expect(type).toBe(name === "due" ? "N" : "S");
    }
  });

  test("can be restored to any second of the last 35 days, where it lasts", () => {
    for (const { inputs } of lasting()) {
      expect(inputs.pointInTimeRecovery).toEqual({ enabled: true, recoveryPeriodInDays: 35 });
    }
    // Counts of seconds ago, and what was told of what others hold: recovery would be paid for nothing.
    for (const table of ["LimitsTable", "DeliveriesTable"]) {
      expect(one(TABLE, table).inputs.pointInTimeRecovery).toEqual({ enabled: false });
    }
  });

  test("have keys that can be told apart by name", () => {
    expect(all("aws:kms/alias:Alias").map(({ inputs }) => inputs.name)).toEqual(
      expect.arrayContaining([
        "alias/verification-sessions-production-tables",
        "alias/verification-sessions-production-environment",
      ]),
    );
  });

  test("are encrypted with a key of ours that rotates and cannot be removed", () => {
    const key = one("aws:kms/key:Key", "TableKey");
    expect(key.inputs).toMatchObject({ enableKeyRotation: true, deletionWindowInDays: 30 });
    expect(key.options).toMatchObject({ protect: true, retainOnDelete: true });
    for (const { inputs } of lasting()) {
      expect(inputs.serverSideEncryption).toEqual({ enabled: true, kmsKeyArn: key.outputs.arn });
    }
  });

  test("cannot be deleted, neither by Pulumi nor by anybody else, where it lasts", () => {
    for (const { inputs, options } of [...lasting(), one(TABLE, "DeliveriesTable")]) {
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
    expect(one(TABLE, "LimitsTable").inputs).toMatchObject({
      ttl: { attributeName: "ttl", enabled: true },
      streamEnabled: false,
    });
  });

  const lasting = () => all(TABLE).filter(({ name }) => /^(Verification|Clients)Table$/.test(name));
});

describe("the function", () => {
  test("runs Node 24 on arm64 for at most ten seconds", () => {
    expect(one(FUNCTION, "ApiFunctionFunction").inputs).toMatchObject({
      runtime: "nodejs24.x",
      architectures: ["arm64"],
      memorySize: 512,
      timeout: 10,
      packageType: "Zip",
    });
  });

  // Traps: minify is off unless it is set, esbuild's own mainFields pick the CommonJS halves, keepNames is on.
  test("is bundled small", () => {
    expect(new Set(production.builds.map(({ handler }) => handler))).toEqual(
      new Set([
        "functions/api.handler",
        "functions/deliver.handler",
        "functions/publish.handler",
        "functions/reference.handler",
      ]),
    );
    for (const { properties } of production.builds) {
      expect(properties).toMatchObject({ ...BUNDLING, architecture: "arm64" });
    }
  });

  // Trap: text logs are the default. A platform's line a request would cost as much as ours.
  test("logs JSON into a group of its own, our lines at INFO and the platform's from WARN", () => {
    expect(one(FUNCTION, "ApiFunctionFunction").inputs.loggingConfig).toEqual({
      logFormat: "JSON",
      logGroup: one(LOG, "ApiFunctionLog").inputs.name,
      applicationLogLevel: "INFO",
      systemLogLevel: "WARN",
    });
  });

  test("keeps its log, which is the audit trail, for 400 days, and nobody deletes it by mistake", () => {
    const { inputs, options } = one(LOG, "ApiFunctionLog");
    expect(inputs).toMatchObject({ retentionInDays: 400, deletionProtectionEnabled: true });
    expect(options).toMatchObject({ protect: true, retainOnDelete: true });
  });

  test("reserves no concurrency unless told to", () => {
    expect(one(FUNCTION, "ApiFunctionFunction").inputs.reservedConcurrentExecutions).toBeUndefined();
  });

  test("is told by its environment all that it has to know, and nothing else", () => {
    expect(one(FUNCTION, "ApiFunctionFunction").inputs.environment.variables).toEqual({
      VERIFICATION_TABLE: one(TABLE, "VerificationTable").inputs.name,
      CLIENTS_TABLE: one(TABLE, "ClientsTable").inputs.name,
      LIMITS_TABLE: one(TABLE, "LimitsTable").inputs.name,
      SIGNING_KEYS: SECRET,
      ISSUER: one("aws:apigatewayv2/api:Api").outputs.apiEndpoint,
      RETENTION_DAYS: "365",
      USER_RETENTION_DAYS: "0",
    });
  });

  // Trap: SST seals what is linked into the bundle, with AES-GCM under an all-zero nonce and a key that never changes.
  test("is linked to nothing", () => {
    for (const { links } of production.builds) expect(links).toEqual({});
  });

  test("has its environment, and with it the signing keys, encrypted with a key of ours", () => {
    expect(one(FUNCTION, "ApiFunctionFunction").inputs.kmsKeyArn).toBe(
      one("aws:kms/key:Key", "EnvironmentKey").outputs.arn,
    );
  });

  test("is where the signing keys go, and nothing else: Pulumi knows them there for a secret", () => {
    const holders = production.plan.resources.filter(({ inputs }) => JSON.stringify(inputs).includes(SECRET));
    expect(holders.map(({ name, secrets }) => ({ name, secrets }))).toEqual([
      { name: "SigningKeysLinkRef", secrets: ["properties"] },
      { name: "ApiFunctionFunction", secrets: ["environment"] },
    ]);
  });

  // A roll-back is then one call, which moves the alias back.
  test("is called by an alias of the version that each deploy publishes", () => {
    const made = one(FUNCTION, "ApiFunctionFunction");
    expect(made.inputs.publish).toBe(true);
    const alias = one("aws:lambda/alias:Alias", "ApiFunctionLive");
    expect(alias.inputs).toMatchObject({
      name: "live",
      functionName: made.inputs.name,
      functionVersion: made.outputs.version,
    });
    // Without the qualifier the gateway might call the function and not its alias: every call would be a 500.
    const permissions = all("aws:lambda/permission:Permission").map(({ inputs }) => inputs);
    expect(permissions).toContainEqual(
      expect.objectContaining({ function: made.outputs.arn, qualifier: "live" }),
    );
    for (const { qualifier } of permissions) expect(qualifier).toBe("live");
  });

  test("has no URL of its own: the gateway is the only way in", () => {
    expect(all("aws:lambda/functionUrl:FunctionUrl")).toEqual([]);
    for (const { inputs } of all("aws:lambda/permission:Permission")) {
      // The minute's sweep is in test/infra/webhooks.test.ts.
      if (inputs.principal === "events.amazonaws.com") continue;
      expect(inputs).toMatchObject({
        action: "lambda:InvokeFunction",
        principal: "apigateway.amazonaws.com",
        sourceArn: `${one("aws:apigatewayv2/api:Api").outputs.executionArn}/*`,
      });
    }
  });
});

describe("every function", () => {
  test.each(["ApiFunction", "ReferenceFunction", "PublishFunction", "DeliverFunction"])(
    "%s is hardened alike",
    (name) => {
      const made = one(FUNCTION, `${name}Function`);
      const log = one(LOG, `${name}Log`);
      expect(made.inputs).toMatchObject({
        runtime: "nodejs24.x",
        architectures: ["arm64"],
        publish: true,
        kmsKeyArn: one("aws:kms/key:Key", "EnvironmentKey").outputs.arn,
        loggingConfig: {
          logFormat: "JSON",
          logGroup: log.inputs.name,
          applicationLogLevel: "INFO",
          systemLogLevel: "WARN",
        },
      });
      expect(
        Object.keys(made.inputs.environment.variables).filter((each) => each.startsWith("SST_")),
      ).toEqual([]);
      expect(log.inputs).toMatchObject({ retentionInDays: 400, deletionProtectionEnabled: true });
      const role = one(ROLE, `${name}Role`).inputs;
      expect(role.assumeRolePolicy.Statement).toEqual([
        expect.objectContaining({ Effect: "Allow", Principal: { Service: "lambda.amazonaws.com" } }),
      ]);
      expect(role.managedPolicyArns).toEqual([]);
      expect(one("aws:lambda/alias:Alias", `${name}Live`).inputs.functionName).toBe(made.inputs.name);
    },
  );

  test("is one of these four", () => {
    expect(all(FUNCTION)).toHaveLength(4);
    expect(all(ROLE)).toHaveLength(4);
  });

  // It is read by anybody on the internet: taken over, it could do nothing.
  test("of the reference may write its log, and nothing else", () => {
    const [inline] = one(ROLE, "ReferenceFunctionRole").inputs.inlinePolicies as Inputs[];
    const actions = (JSON.parse(inline?.policy).Statement as Inputs[]).flatMap(({ Action }) => Action);
    expect(
      actions.filter(
        (action) => !/^(logs:(CreateLogStream|PutLogEvents)|kms:(Decrypt|GenerateDataKey))$/.test(action),
      ),
    ).toEqual([]);
  });
});

describe("the function's role", () => {
  const statements = () => {
    const [inline, ...others] = one(ROLE, "ApiFunctionRole").inputs.inlinePolicies as Inputs[];
    expect(others).toEqual([]);
    return JSON.parse(inline?.policy).Statement as Inputs[];
  };

  // Trap: SST's own trusts the account's root, even outside `sst dev`.
  test("is for Lambda only to take", () => {
    const trust = one(ROLE, "ApiFunctionRole").inputs.assumeRolePolicy;
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
        Action: PERMISSIONS.Api.Verification.actions,
        Resource: [one(TABLE, "VerificationTable").outputs.arn],
      },
      {
        Effect: "Allow",
        Action: ["dynamodb:GetItem", "dynamodb:Query"],
        Resource: [one(TABLE, "ClientsTable").outputs.arn],
        Condition: {
          "ForAllValues:StringLike": { "dynamodb:LeadingKeys": ["key#*", "settings#*"] },
          Null: { "dynamodb:LeadingKeys": ["false"] },
        },
      },
      {
        Effect: "Allow",
        Action: ["dynamodb:UpdateItem"],
        Resource: [one(TABLE, "LimitsTable").outputs.arn],
      },
      {
        Effect: "Allow",
        Action: ["logs:CreateLogStream", "logs:PutLogEvents"],
        Resource: [`${one(LOG, "ApiFunctionLog").outputs.arn}:log-stream:*`],
      },
      {
        Effect: "Allow",
        Action: ["kms:Decrypt", "kms:GenerateDataKey"],
        Resource: [one("aws:kms/key:Key", "TableKey").outputs.arn],
        Condition: { StringEquals: { "kms:ViaService": ["dynamodb.eu-west-1.amazonaws.com"] } },
      },
    ]);
    expect(one(ROLE, "ApiFunctionRole").inputs.managedPolicyArns).toEqual([]);
  });

  test("names every action in full, and no resource at large", () => {
    for (const { Action, Resource } of statements()) {
      for (const action of Action) expect(action).toMatch(/^\w+:\w+$/);
      for (const resource of Resource)
        expect(resource).toMatch(/^arn:aws:\w+:eu-west-1:\d{12}:[^*]+(:log-stream:\*)?$/);
    }
  });

  // What the log has is evidence: who takes the function over must not be able to take it away.
  test("can add to its log, and neither delete nor shorten it", () => {
    const onLogs = statements().flatMap(({ Action }) => Action as string[]);
    expect(onLogs.filter((action) => action.startsWith("logs:"))).toEqual([
      "logs:CreateLogStream",
      "logs:PutLogEvents",
    ]);
  });

  test.each([
    ["an API key, by its hash", "key#3f1c", true],
    ["what functions may know of a client", "settings#cli_1", true],
    ["a client, with its user-id secret", "client#cli_1", false],
    ["a client's webhooks, with their secrets", "webhooks#cli_1", false],
    ["the operators' audit", "audit", false],
  ])("reaches of the Clients table %s: %s, %s", (_, partition, reached) => {
    const patterns: readonly string[] = PERMISSIONS.Api.Clients.partitions;
    expect(patterns.some((pattern) => partition.startsWith(pattern.replace("*", "")))).toBe(reached);
  });

  test("reads of the Clients table and never writes to it", () => {
    for (const action of PERMISSIONS.Api.Clients.actions) expect(action).toMatch(/:(GetItem|Query)$/);
  });
});

describe("the HTTP API", () => {
  test("has the routes by name and the fallback, each function's by one integration", () => {
    const keys: string[] = all(ROUTE).map(({ inputs }) => inputs.routeKey);
    const named = Object.values(OPERATIONS).flatMap(({ method, path, access }) => [
      `${method} ${path}`,
      ...(method === "GET" ? [`HEAD ${path}`] : []),
      ...(access.kind === "token" ? [`OPTIONS ${path}`] : []),
    ]);
    const reference = [
      "GET /docs",
      "HEAD /docs",
      "GET /docs/{asset}",
      "GET /openapi.json",
      "HEAD /openapi.json",
    ];
    expect(keys.toSorted()).toEqual(["$default", ...named, ...reference].toSorted());
    const integrationOf = (alias: string) => {
      const { arn } = one("aws:lambda/alias:Alias", alias).outputs;
      const found = all("aws:apigatewayv2/integration:Integration").filter(
        ({ inputs }) => inputs.integrationUri === arn,
      );
      expect(found).toHaveLength(1);
      expect(found[0]?.inputs).toMatchObject({ integrationType: "AWS_PROXY", payloadFormatVersion: "2.0" });
      return `integrations/${found[0]?.name}`;
    };
    const [toApi, toReference] = [integrationOf("ApiFunctionLive"), integrationOf("ReferenceFunctionLive")];
    const astray = all(ROUTE).filter(
      ({ inputs }) => inputs.target !== (reference.includes(inputs.routeKey) ? toReference : toApi),
    );
    expect(astray.map(({ inputs }) => inputs.routeKey)).toEqual([]);
    for (const { inputs } of all(ROUTE)) expect(inputs.authorizationType).toBe("NONE");
  });

  // Trap: `cors: false` leaves an empty block behind, which makes the gateway answer preflights.
  test("leaves CORS to the application", () => {
    expect(one("aws:apigatewayv2/api:Api").inputs).not.toHaveProperty("corsConfiguration");
  });

  // Trap: nothing is throttled unless it is set.
  test("throttles every route far out: under the account's 10,000 a second, frontends, preflights and junk apart", () => {
    const { defaultRouteSettings, routeSettings } = one(STAGE).inputs;
    const limits = (rate: number) => ({
      throttlingRateLimit: rate,
      throttlingBurstLimit: rate,
      detailedMetricsEnabled: true,
    });
    // Each is a custom metric, six times; nobody is woken for the reference.
    const reference = { ...limits(200), detailedMetricsEnabled: false };
    const heads = Object.values(OPERATIONS).filter(
      ({ method, access }) => method === "GET" && access.kind !== "token",
    );
    expect(defaultRouteSettings).toEqual(limits(5_000));
    // Settings of a route replace the default ones altogether.
    expect(Object.fromEntries(routeSettings.map(({ routeKey, ...set }: Inputs) => [routeKey, set]))).toEqual({
      "GET /v2/session": limits(2_500),
      "HEAD /v2/session": { ...limits(2_500), detailedMetricsEnabled: false },
      "OPTIONS /v2/session": limits(2_500),
      "POST /v2/session/start": limits(2_500),
      "OPTIONS /v2/session/start": limits(2_500),
      $default: limits(200),
      ...Object.fromEntries(
        heads.map(({ path }) => [`HEAD ${path}`, { ...limits(5_000), detailedMetricsEnabled: false }]),
      ),
      "GET /docs": reference,
      "HEAD /docs": reference,
      "HEAD /openapi.json": reference,
      "GET /docs/{asset}": reference,
      "GET /openapi.json": reference,
    });
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
        "$context.integrationErrorMessage",
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
    const log = one(LOG, "ApiAccessLog");
    expect(log.inputs.retentionInDays).toBe(90);
    expect(one(STAGE).inputs.accessLogSettings.destinationArn).toBe(log.outputs.arn);
  });
});
