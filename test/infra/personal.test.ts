import { beforeAll, describe, expect, test } from "vitest";
import { FALLBACK_ROUTE, ROUTES } from "../../infra/routes.ts";
import { ofType, theOne } from "../../scripts/rehearse/plan.ts";
import { type Evaluation, evaluate } from "./evaluate.ts";

let personal: Evaluation;
beforeAll(async () => {
  personal = await evaluate("ada");
});

const one = (type: string, name?: string) => theOne(personal.plan, type, name);
const all = (type: string) => ofType(personal.plan, type);

describe("a developer's own stage", () => {
  test("can be removed without a trace", () => {
    expect(personal.app).toMatchObject({ protect: false, removal: "remove" });
    for (const { inputs, options } of all("aws:dynamodb/table:Table")) {
      expect(inputs.deletionProtectionEnabled).not.toBe(true);
      expect(options).toMatchObject({ protect: false, retainOnDelete: false });
    }
  });

  // Recovery of one day is the least that there is: 0 would be refused by AWS in the middle of the deploy.
  test("can be restored to any second of the last day", () => {
    for (const table of ["VerificationTable", "ClientsTable"]) {
      expect(one("aws:dynamodb/table:Table", table).inputs.pointInTimeRecovery).toEqual({
        enabled: true,
        recoveryPeriodInDays: 1,
      });
    }
  });

  test("costs nothing while it is idle: no keys, no alarms, no counts, no dashboard", () => {
    expect(all("aws:cloudwatch/logMetricFilter:LogMetricFilter")).toEqual([]);
    expect(all("aws:cloudwatch/queryDefinition:QueryDefinition")).toEqual([]);
    expect(all("aws:kms/key:Key")).toEqual([]);
    expect(all("aws:cloudwatch/metricAlarm:MetricAlarm")).toEqual([]);
    expect(all("aws:cloudwatch/dashboard:Dashboard")).toEqual([]);
    expect(all("aws:cloudwatch/contributorInsightRule:ContributorInsightRule")).toEqual([]);
    expect(all("aws:sns/topic:Topic")).toEqual([]);
  });

  test("encrypts its tables with AWS's own key, and its role needs no key", () => {
    for (const { inputs } of all("aws:dynamodb/table:Table")) {
      expect(inputs).not.toHaveProperty("serverSideEncryption");
    }
    expect(one("aws:lambda/function:Function", "ApiFunctionFunction").inputs).not.toHaveProperty("kmsKeyArn");
    expect(JSON.stringify(one("aws:iam/role:Role", "ApiFunctionRole").inputs)).not.toContain("kms:");
  });

  test("is told from production by every name", () => {
    expect(one("aws:cloudwatch/logGroup:LogGroup", "ApiFunctionLog").options.protect).toBe(false);
    for (const { inputs } of [...all("aws:dynamodb/table:Table"), ...all("aws:lambda/function:Function")]) {
      expect(inputs.name).toMatch(/^verification-sessions-ada-/);
    }
    expect(one("aws:cloudwatch/logGroup:LogGroup", "ApiFunctionLog").inputs).toEqual({
      name: "/verification-sessions/ada/api",
      retentionInDays: 7,
    });
  });

  test("bears less traffic", () => {
    const { defaultRouteSettings, routeSettings } = one("aws:apigatewayv2/stage:Stage").inputs;
    expect(defaultRouteSettings).toMatchObject({ throttlingRateLimit: 500, throttlingBurstLimit: 500 });
    // Open to the internet like production's, and paid by whoever's stage it is.
    const fallback = routeSettings.find(({ routeKey }: { routeKey: string }) => routeKey === "$default");
    expect(fallback).toMatchObject({ throttlingRateLimit: 20, throttlingBurstLimit: 20 });
  });

  test("is otherwise what production is", () => {
    expect(all("aws:apigatewayv2/route:Route").map(({ inputs }) => inputs.routeKey)).toEqual(
      expect.arrayContaining([FALLBACK_ROUTE.key, "GET /docs", ...ROUTES.map(({ key }) => key)]),
    );
    expect(one("aws:iam/role:Role", "ApiFunctionRole").inputs.managedPolicyArns).toEqual([]);
    expect(one("aws:lambda/function:Function", "ApiFunctionFunction").inputs).toMatchObject({
      runtime: "nodejs24.x",
      architectures: ["arm64"],
      timeout: 10,
      loggingConfig: { logFormat: "JSON", applicationLogLevel: "DEBUG" },
    });
  });
});
