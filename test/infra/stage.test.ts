import { describe, expect, test } from "vitest";
import { stageSettings } from "../../infra/stage.ts";

/** What production has to be told. */
const DECIDED = { ALARM_EMAIL: "none", API_DOMAIN: "none" };

describe("the settings of a stage", () => {
  test("need no variable at all but in production", () => {
    expect(stageSettings("ada", {})).toMatchObject({
      production: false,
      region: "eu-west-1",
      alarms: false,
      logRetentionDays: 7,
    });
  });

  // From a clone without .env.production the domain would be taken away and every token would stop.
  test.each(["ALARM_EMAIL", "API_DOMAIN"])("want production to say %s, and `none` if it is none", (name) => {
    for (const value of [undefined, ""]) {
      expect(() => stageSettings("production", { ...DECIDED, [name]: value })).toThrow(
        new RegExp(`^${name} is not set for production\\..*\\.env\\.production.*${name}=none`),
      );
    }
    expect(() => stageSettings("production", DECIDED)).not.toThrow();
  });

  test("are these in production, where nothing else is said", () => {
    expect(stageSettings("production", DECIDED)).toMatchObject({
      production: true,
      region: "eu-west-1",
      domain: undefined,
      issuer: undefined,
      retentionDays: 365,
      userRetentionDays: 0,
      logRetentionDays: 400,
      reservedConcurrency: undefined,
      alarms: true,
      alarmEmail: undefined,
    });
  });

  test("take an empty variable for one that is not set", () => {
    expect(stageSettings("ada", { API_DOMAIN: "", ALARM_EMAIL: "", LOG_LEVEL: "" })).toEqual(
      stageSettings("ada", {}),
    );
  });

  test("give a developer alarms who asks for them", () => {
    expect(stageSettings("ada", {}).alarms).toBe(false);
    expect(stageSettings("ada", { ALARM_EMAIL: "ada@example.com" }).alarms).toBe(true);
  });

  test("keep records for ever if told to", () => {
    expect(stageSettings("ada", { RETENTION_DAYS: "0" }).retentionDays).toBe(0);
  });

  test.each([
    ["API_DOMAIN", "https://api.example.com"],
    ["API_DOMAIN", "localhost"],
    ["TOKEN_ISSUER", "http://api.example.com"],
    ["RETENTION_DAYS", "a year"],
    ["RETENTION_DAYS", "36500"],
    ["USER_RETENTION_DAYS", "-1"],
    ["LOG_RETENTION_DAYS", "forever"],
    ["LOG_RETENTION_DAYS", "100"],
    ["LOG_RETENTION_DAYS", "0"],
    ["MONTHLY_BUDGET_USD", "lots"],
    ["ROLE_BOUNDARY_ARN", "boundary"],
    ["RESERVED_CONCURRENCY", "0"],
    ["ACCOUNT_CONCURRENCY", "-1"],
    ["ACCOUNT_REQUESTS_PER_SECOND", "fast"],
    ["ACCOUNT_REQUESTS_PER_SECOND", "99"],
    ["ALARM_EMAIL", "on call"],
    ["LOG_LEVEL", "verbose"],
    ["LOG_LEVEL", "ERROR"],
    ["DEPLOY_REGION", "Ireland"],
  ])("refuse %s=%s and name it", (name, value) => {
    const env = { ...DECIDED, API_DOMAIN: "api.example.com", [name]: value };
    expect(() => stageSettings("production", env)).toThrow(`${name}=${value}`);
  });

  test("refuse a certificate that is none", () => {
    const env = { ...DECIDED, API_DOMAIN: "api.example.com", API_DOMAIN_CERT_ARN: "mine" };
    expect(() => stageSettings("production", env)).toThrow("API_DOMAIN_CERT_ARN=mine");
  });

  // AWS would refuse it after the tables, the function and the API were made.
  test("refuse a certificate of another region", () => {
    const certificate = (region: string) => ({
      API_DOMAIN: "api.example.com",
      API_DOMAIN_CERT_ARN: `arn:aws:acm:${region}:000000000000:certificate/own`,
    });
    expect(() => stageSettings("ada", certificate("us-east-1"))).toThrow("expected one of eu-west-1");
    expect(stageSettings("ada", certificate("eu-west-1")).domain?.certificateArn).toContain("eu-west-1");
    expect(() =>
      stageSettings("ada", { ...certificate("us-east-1"), DEPLOY_REGION: "us-east-1" }),
    ).not.toThrow();
  });

  // A record would be left without the user whose it is.
  test.each([
    ["365", "90"],
    ["0", "90"],
    ["91", "90"],
  ])(
    "refuse records that outlive their user: RETENTION_DAYS=%s, USER_RETENTION_DAYS=%s",
    (records, users) => {
      const env = { RETENTION_DAYS: records, USER_RETENTION_DAYS: users };
      expect(() => stageSettings("ada", env)).toThrow(`RETENTION_DAYS=${records} is longer than`);
    },
  );

  test.each([
    ["90", "90"],
    ["90", "0"],
    ["0", "0"],
  ])("take RETENTION_DAYS=%s with USER_RETENTION_DAYS=%s", (records, users) => {
    expect(stageSettings("ada", { RETENTION_DAYS: records, USER_RETENTION_DAYS: users })).toMatchObject({
      retentionDays: Number(records),
      userRetentionDays: Number(users),
    });
  });

  test("refuse a budget of which nobody would be told", () => {
    expect(() => stageSettings("ada", { MONTHLY_BUDGET_USD: "500" })).toThrow("set ALARM_EMAIL");
    expect(() => stageSettings("production", { ...DECIDED, MONTHLY_BUDGET_USD: "500" })).toThrow(
      "set ALARM_EMAIL",
    );
  });

  // Lambda starts ten requests a second for each that may run at once; a new account may run ten at once in all.
  test.each([
    [{}, 5_000],
    [{ ACCOUNT_REQUESTS_PER_SECOND: "40000" }, 5_000],
    [{ ACCOUNT_REQUESTS_PER_SECOND: "40000", ACCOUNT_CONCURRENCY: "3000" }, 15_000],
    [{ ACCOUNT_CONCURRENCY: "10" }, 50],
    [{ RESERVED_CONCURRENCY: "100" }, 500],
  ])("let a route take half of what the account bears: %j, %i a second", (env, rate) => {
    const { throttling } = stageSettings("production", { ...DECIDED, ...env });
    expect(throttling).toEqual({
      everyRoute: { rate, burst: rate },
      frontend: { rate: rate / 2, burst: rate / 2 },
      preflight: { rate: rate / 2, burst: rate / 2 },
      fallback: { rate: rate / 25, burst: rate / 25 },
    });
  });
});
