import { describe, expect, test } from "vitest";
import { stageSettings } from "../../infra/stage.ts";

describe("the settings of a stage", () => {
  test("need no variable at all", () => {
    expect(stageSettings("production", {})).toMatchObject({
      production: true,
      region: "eu-west-1",
      domain: undefined,
      issuer: undefined,
      retentionDays: 365,
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
    expect(stageSettings("production", { RETENTION_DAYS: "0" }).retentionDays).toBe(0);
  });

  test.each([
    ["API_DOMAIN", "https://api.example.com"],
    ["API_DOMAIN", "localhost"],
    ["TOKEN_ISSUER", "http://api.example.com"],
    ["RETENTION_DAYS", "a year"],
    ["RETENTION_DAYS", "36500"],
    ["RESERVED_CONCURRENCY", "0"],
    ["ACCOUNT_CONCURRENCY", "-1"],
    ["ALARM_EMAIL", "on call"],
    ["LOG_LEVEL", "verbose"],
    ["LOG_LEVEL", "ERROR"],
    ["DEPLOY_REGION", "Ireland"],
  ])("refuse %s=%s and name it", (name, value) => {
    const env = { API_DOMAIN: "api.example.com", [name]: value };
    expect(() => stageSettings("production", env)).toThrow(`${name}=${value}`);
  });

  test("refuse a certificate that is none", () => {
    const env = { API_DOMAIN: "api.example.com", API_DOMAIN_CERT_ARN: "mine" };
    expect(() => stageSettings("production", env)).toThrow("API_DOMAIN_CERT_ARN=mine");
  });
});
