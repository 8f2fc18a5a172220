import { beforeAll, describe, expect, test } from "vitest";
import { ofType, theOne } from "../../scripts/rehearse/plan.ts";
import { type Evaluation, evaluate } from "./evaluate.ts";

const CERTIFICATE = "arn:aws:acm:eu-central-1:000000000000:certificate/own";

const BOUNDARY = "arn:aws:iam::000000000000:policy/verification-sessions-production-boundary";

let configured: Evaluation;
beforeAll(async () => {
  configured = await evaluate("production", {
    API_DOMAIN: "verify.example.com",
    API_DOMAIN_CERT_ARN: CERTIFICATE,
    ALARM_EMAIL: "none",
    RESERVED_CONCURRENCY: "200",
    RETENTION_DAYS: "90",
    USER_RETENTION_DAYS: "400",
    LOG_RETENTION_DAYS: "2557",
    ROLE_BOUNDARY_ARN: BOUNDARY,
    LOG_LEVEL: "DEBUG",
    DEPLOY_REGION: "eu-central-1",
  });
});

const one = (type: string, name?: string) => theOne(configured.plan, type, name);

describe("production with everything configured", () => {
  test("answers under its own domain and no longer under the gateway's", () => {
    expect(one("aws:apigatewayv2/domainName:DomainName").inputs).toMatchObject({
      domainName: "verify.example.com",
      domainNameConfiguration: { certificateArn: CERTIFICATE, securityPolicy: "TLS_1_2" },
    });
    expect(one("aws:apigatewayv2/apiMapping:ApiMapping").inputs).toMatchObject({ stage: "$default" });
    expect(one("aws:apigatewayv2/api:Api").inputs.disableExecuteApiEndpoint).toBe(true);
    expect(configured.outputs.api).toBeDefined();
    // The DNS record is then the operator's own: there may be no Route 53 zone at all.
    expect(ofType(configured.plan, "aws:route53/record:Record")).toEqual([]);
  });

  test("issues tokens in the name of its domain", () => {
    expect(
      one("aws:lambda/function:Function", "ApiFunctionFunction").inputs.environment.variables,
    ).toMatchObject({
      ISSUER: "https://verify.example.com",
      RETENTION_DAYS: "90",
      USER_RETENTION_DAYS: "400",
    });
    expect(
      one("aws:lambda/function:Function", "ApiFunctionFunction").inputs.loggingConfig.applicationLogLevel,
    ).toBe("DEBUG");
  });

  test("reserves concurrency, and watches how much of it is used", () => {
    const { name, reservedConcurrentExecutions } = one(
      "aws:lambda/function:Function",
      "ApiFunctionFunction",
    ).inputs;
    expect(reservedConcurrentExecutions).toBe(200);
    const [watched, used] = one("aws:cloudwatch/metricAlarm:MetricAlarm", "ConcurrencyAlarm").inputs
      .metricQueries;
    expect(watched.expression).toBe("100 * used / 200");
    expect(used.metric.dimensions).toEqual({ FunctionName: name });
  });

  test("keeps its log for as long as it is told", () => {
    expect(one("aws:cloudwatch/logGroup:LogGroup", "ApiFunctionLog").inputs.retentionInDays).toBe(2_557);
  });

  test("bounds the function's role by the deployer's policy", () => {
    expect(one("aws:iam/role:Role", "ApiFunctionRole").inputs.permissionsBoundary).toBe(BOUNDARY);
  });

  test("is in its region altogether", () => {
    expect(configured.app.providers).toEqual({ aws: { region: "eu-central-1" } });
    expect(JSON.stringify(configured.plan)).not.toContain("eu-west-1");
  });

  test("has alarms that nobody is mailed about, as `none` was said", () => {
    expect(ofType(configured.plan, "aws:sns/topic:Topic")).toHaveLength(1);
    expect(ofType(configured.plan, "aws:sns/topicSubscription:TopicSubscription")).toEqual([]);
  });
});
