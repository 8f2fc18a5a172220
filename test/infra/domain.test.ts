import { expect, test } from "vitest";
import { ofType, theOne } from "../../scripts/rehearse/plan.ts";
import { evaluate } from "./evaluate.ts";

test("a domain without a certificate gets one, and its records, in Route 53", async () => {
  const { plan } = await evaluate("production", { API_DOMAIN: "verify.example.com" });
  const certificate = theOne(plan, "aws:acm/certificate:Certificate");
  expect(certificate.inputs).toMatchObject({ domainName: "verify.example.com", validationMethod: "DNS" });
  expect(theOne(plan, "aws:apigatewayv2/domainName:DomainName").inputs.domainName).toBe("verify.example.com");
  const records = ofType(plan, "aws:route53/record:Record").map(({ inputs }) => inputs.name);
  expect(records).toContain("verify.example.com");
});
