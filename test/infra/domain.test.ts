import { expect, test } from "vitest";
import { ofType, theOne } from "../../scripts/rehearse/plan.ts";
import { evaluate } from "./evaluate.ts";

test("a domain without a certificate gets one, and its records, in Route 53; other variables are heard as well", async () => {
  const { plan } = await evaluate("production", {
    API_DOMAIN: "verify.example.com",
    ALARM_EMAIL: "oncall@example.com",
    TOKEN_ISSUER: "https://issuer.example.com",
    ACCOUNT_CONCURRENCY: "3000",
    MONTHLY_BUDGET_USD: "500",
  });
  const certificate = theOne(plan, "aws:acm/certificate:Certificate");
  expect(certificate.inputs).toMatchObject({ domainName: "verify.example.com", validationMethod: "DNS" });
  expect(theOne(plan, "aws:apigatewayv2/domainName:DomainName").inputs.domainName).toBe("verify.example.com");
  const records = ofType(plan, "aws:route53/record:Record").map(({ inputs }) => inputs.name);
  expect(records).toContain("verify.example.com");

  // Were it not heard, every token of a stage that moved its domain would stop.
  const { variables } = theOne(plan, "aws:lambda/function:Function", "ApiFunctionFunction").inputs
    .environment;
  expect(variables.ISSUER).toBe("https://issuer.example.com");

  // Were it not heard, an account with a raised limit would be told at a third of it.
  const [watched] = theOne(plan, "aws:cloudwatch/metricAlarm:MetricAlarm", "ConcurrencyAlarm").inputs
    .metricQueries;
  expect(watched.expression).toBe("100 * used / 3000");

  const budget = theOne(plan, "aws:budgets/budget:Budget").inputs;
  expect(budget).toMatchObject({ limitAmount: "500", limitUnit: "USD", timeUnit: "MONTHLY" });
  expect(budget.notifications).toEqual([
    expect.objectContaining({ notificationType: "ACTUAL", threshold: 80 }),
    expect.objectContaining({ notificationType: "FORECASTED", threshold: 100 }),
  ]);
  for (const { subscriberEmailAddresses } of budget.notifications) {
    expect(subscriberEmailAddresses).toEqual(["oncall@example.com"]);
  }
});
